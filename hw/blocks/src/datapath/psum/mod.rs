//! Group scales, partial sums, results to the NPE.
//!
//! | block | does |
//! |---|---|
//! | [`SumLane`] | one output's scale and sum |
//! | [`Drain`] | complete sums to tiles |
//! | [`PartialSums`] | all outputs, and the memories of their sums |

mod drain;
mod lane;
mod unit;

pub use drain::{Drain, LOOP_BITS};
pub use lane::SumLane;
pub use unit::PartialSums;

use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[];
