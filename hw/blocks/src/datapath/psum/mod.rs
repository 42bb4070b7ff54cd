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
pub(super) use lane::MINUS_ZERO;
pub use unit::PartialSums;

use super::shape::{LEGAL, SMALL};
use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "sum-lane",
        summary: "FP32 result times FP16 scale plus FP32 sum, each rounded to FP32",
        latency: |_| Some(SumLane::latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::psum",
        build: |_| Box::new(SumLane::new().expect(LEGAL)),
    },
    Entry {
        name: "drain",
        summary: "complete sums to tiles of the nonlinear engine, one a cycle",
        latency: |_| Some(Drain::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::psum",
        build: |_| Box::new(Drain::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "partial-sums",
        summary: "group scales and sums over slices of 8 columns, 16 entries",
        latency: |_| Some(PartialSums::latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::psum",
        build: |_| Box::new(PartialSums::new(&SMALL).expect(LEGAL)),
    },
];
