//! The PE array: multipliers, block-floating-point accumulation, column and array.

pub mod aligned;
pub mod baseline;
pub mod error;
pub mod ker_buffer;
pub mod layout;
pub mod operand;
pub mod product;
pub mod reconstruct;

use crate::entry::Entry;

/// Rows of the catalogue, by part.
pub const ENTRIES: [&[Entry]; 4] =
    [operand::ENTRIES, product::ENTRIES, aligned::ENTRIES, baseline::ENTRIES];
