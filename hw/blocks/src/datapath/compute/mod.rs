//! The compute unit: memories on chip, instructions to steps.
//!
//! | block | does |
//! |---|---|
//! | [`SliceMemory`] | slices, written a tile or a slice at a time |
//! | [`ReadArbiter`] | who reads a memory in this cycle |
//! | [`Walker`] | the tiles of a vector operation |
//! | [`Feeder`] | tiles from memories and partial sums into the NPE |
//! | [`Sink`] | the NPE's results to their memories |
//! | [`StepGenerator`] | a product as steps of the array |
//! | [`ComputeUnit`] | all of them, the array and the NPE: `route`, `normalise`, `matmul`, `attend` |

mod feeder;
mod fields;
mod operation;
mod read_arbiter;
mod sink;
mod slice_memory;
mod step_generator;
mod unit;
mod walker;

pub use feeder::Feeder;
pub use fields::Fields;
pub use operation::{Space, TileOp, SPACE_BITS};
pub use read_arbiter::ReadArbiter;
pub use sink::{Sink, TARGETS};
pub use slice_memory::SliceMemory;
pub use step_generator::{StepGenerator, LOOP_BITS};
pub use unit::ComputeUnit;
pub use walker::{Walker, COUNT_BITS};

use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[];
