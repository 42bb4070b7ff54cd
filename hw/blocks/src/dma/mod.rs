//! Reads and writes of external memory.
use crate::entry::Entry;
/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[];
