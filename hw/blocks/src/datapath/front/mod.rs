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

use super::shape::{LEGAL, SMALL};
use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "weight-loader",
        summary: "the stream of a matrix to scales and tiles of 8 columns",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::datapath",
        build: |_| Box::new(WeightLoader::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "scale-buffer",
        summary: "scales of two blocks of tiles",
        latency: |_| Some(ScaleBuffer::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(ScaleBuffer::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "router-loader",
        summary: "router weights of the constant memory to tiles",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::datapath",
        build: |_| Box::new(RouterLoader::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "array-driver",
        summary: "a step at a time: a tile, and the vectors that meet it",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(ArrayDriver::new(&SMALL, 20, 13).expect(LEGAL)),
    },
];
