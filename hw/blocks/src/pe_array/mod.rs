//! The PE array: multipliers, block-floating-point accumulation, column and array.

pub mod aligned;
pub mod error;
pub mod ker_buffer;
pub mod layout;
pub mod reconstruct;

use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[];
