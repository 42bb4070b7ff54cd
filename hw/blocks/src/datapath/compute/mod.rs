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
//! | [`LogitSum`] | what the slices of a router came to, to logits |
//! | [`Bitmask`] | routers' logits to rows that run |
//! | [`Normaliser`] | a `normalise` beside the instruction after it |
//! | [`KvPasses`] | keys and values of the pairs of an `attend` |
//! | [`Bounds`] | what an instruction touches, against the memories' sizes |
//! | [`ComputeUnit`] | all of them, the array and the NPE: `route`, `normalise`, `matmul`, `attend` |

mod bitmask;
mod bounds;
mod feeder;
mod fields;
mod kv_passes;
mod logit_sum;
mod normaliser;
mod operation;
mod read_arbiter;
mod sink;
mod slice_memory;
mod step_generator;
mod unit;
mod walker;

pub use bitmask::Bitmask;
pub use bounds::Bounds;
pub use feeder::Feeder;
pub use fields::{kind, Fields};
pub use kv_passes::KvPasses;
pub use logit_sum::LogitSum;
pub use normaliser::Normaliser;
pub use operation::{Space, TileOp, SPACE_BITS};
pub use read_arbiter::ReadArbiter;
pub use sink::{Sink, TARGETS};
pub use slice_memory::SliceMemory;
pub use step_generator::{StepGenerator, LOOP_BITS};
pub use unit::ComputeUnit;
pub use walker::{Walker, COUNT_BITS};

use super::shape::{LEGAL, READ_LATENCY, SMALL};
use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "slice-memory",
        summary: "slices, written a tile or a slice at a time",
        latency: |_| Some(READ_LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(SliceMemory::new(&SMALL, 16).expect(LEGAL)),
    },
    Entry {
        name: "read-arbiter",
        summary: "who reads a memory in this cycle",
        latency: |_| Some(0),
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(ReadArbiter::new(4, 10).expect(LEGAL)),
    },
    Entry {
        name: "walker",
        summary: "the tiles of a vector operation, one after the other",
        latency: |_| Some(1),
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(Walker::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "feeder",
        summary: "tiles from memories and partial sums into the nonlinear engine",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(Feeder::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "sink",
        summary: "results of the nonlinear engine to their memories",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(Sink::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "step-generator",
        summary: "a product as steps of the array",
        latency: |_| Some(1),
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(StepGenerator::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "logit-sum",
        summary: "four sums of a router's slices to its logits",
        latency: |_| Some(LogitSum::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::compute_control",
        build: |_| Box::new(LogitSum::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "bitmask",
        summary: "routers' logits to the rows that run a sub-module",
        latency: |_| Some(Bitmask::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::compute_control",
        build: |_| Box::new(Bitmask::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "normaliser",
        summary: "walks of a `normalise` beside the instruction after it",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::compute_control",
        build: |_| Box::new(Normaliser::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "kv-passes",
        summary: "commands for keys and values of an `attend`'s pairs of heads",
        latency: |_| Some(KvPasses::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::compute_control",
        build: |_| Box::new(KvPasses::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "bounds",
        summary: "where an instruction ends in each memory",
        latency: |_| Some(Bounds::LATENCY),
        interval: |_| None,
        test: "skipopu-hw::compute_control",
        build: |_| Box::new(Bounds::new(&SMALL).expect(LEGAL)),
    },
];
