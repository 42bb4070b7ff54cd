//! The PE array: multipliers, block-floating-point accumulation, column and array.

pub mod baseline;
pub mod error;
pub mod operand;
pub mod product;
pub mod reconstruct;

use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[];
