//! Weights and vectors to the array, a step at a time.
//!
//! | block | does |
//! |---|---|
//! | [`WeightLoader`] | the stream of a matrix to scales and tiles |
//! | [`ScaleBuffer`] | scales of two blocks of tiles |
//! | [`RouterLoader`] | router weights to tiles |
//! | [`ArrayDriver`] | tiles and the vectors that meet them |

mod driver;
mod router_loader;
mod scale_buffer;
mod step;
mod weight_loader;

pub use driver::{ArrayDriver, SCALE_LEAD};
pub use router_loader::{RouterLoader, OUTPUTS, SLICES_BITS};
pub use scale_buffer::ScaleBuffer;
pub use step::{Field, Source, Step, StepWord, TURNS};
pub use weight_loader::{WeightLoader, COUNT_BITS, GROUPS_BITS};

use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[];
