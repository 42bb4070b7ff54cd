//! The boxes around the array: what feeds it, what takes its results, what moves data on and off the chip.
//!
//! | module | holds |
//! |---|---|
//! | [`shape`] | the sizes that all of them share |
//! | [`front`] | weights and vectors to the array, a step at a time |
//! | [`psum`] | group scales, partial sums, results to the NPE |
//! | [`load`] | weights, data and programs from HBM and DDR |
//! | [`store`] | data to DDR, keys and values to HBM |
//! | [`compute`] | the compute unit: memories on chip, instructions to steps |

pub mod compute;
pub mod front;
pub mod load;
pub mod psum;
pub mod report;
pub mod shape;
pub mod store;

pub use shape::DatapathShape;

use crate::entry::Entry;

/// Rows of the catalogue, by part.
pub const ENTRIES: [&[Entry]; 5] =
    [front::ENTRIES, psum::ENTRIES, load::ENTRIES, store::ENTRIES, compute::ENTRIES];
