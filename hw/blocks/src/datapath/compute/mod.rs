//! The compute unit: memories on chip, instructions to steps.

use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[];
