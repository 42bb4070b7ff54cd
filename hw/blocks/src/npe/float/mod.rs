//! Floating point: the formats with 8 exponent bits, and FP16 at their border.
//!
//! A format E8M*n* is FP32 with *n* fraction bits (10, 16 or 23): sign, exponent field, fraction from the top. A
//! narrower one becomes a wider one by zeros appended. Subnormals read as zeros and do not result; the one
//! NaN is positive and quiet. Every block is a free-running pipeline.

mod add;
mod compare;
mod multiply;
mod narrow;
mod operand;
mod tail;
mod widen;

pub use add::Add;
pub use compare::Compare;
pub use multiply::Multiply;
pub use narrow::Narrow;
pub(super) use operand::Kinds;
pub use tail::Tail;
pub use widen::Widen;

use crate::entry::Entry;
use crate::parameter::{require, ParameterError};
use crate::primitives::dsp48e2::{Dsp48e2, DspMode};

/// Fraction bits of E8M10: what an FP16 value widens to.
pub const E8M10: usize = 10;
/// Fraction bits of E8M16: a significand of 17 bits, which one port of a DSP slice takes.
pub const E8M16: usize = 16;
/// Fraction bits of E8M23: FP32.
pub const E8M23: usize = 23;

/// Bits of a value with `fraction` fraction bits.
pub const fn bits(fraction: usize) -> usize {
    9 + fraction
}

/// A multiplier.
///
/// # Panics
/// If there is no such mode: the block that asks for it is wrong.
pub(super) fn multiplier(mode: DspMode) -> Dsp48e2 {
    mode.build().expect("the mode exists")
}

/// A number of fraction bits that the blocks take.
pub(super) fn require_fraction(block: &'static str, fraction: usize) -> Result<(), ParameterError> {
    let ok = (E8M10..=E8M23).contains(&fraction);
    require(ok, block, "fraction bits", fraction, "must be 10 to 23")
}

const LEGAL: &str = "the catalogue's parameters are legal";

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "widen",
        summary: "FP16 to E8M10, subnormals normalised",
        latency: |_| Some(Widen::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_float",
        build: |_| Box::new(Widen::new()),
    },
    Entry {
        name: "narrow",
        summary: "FP32 to FP16, to nearest even",
        latency: |_| Some(Narrow::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_float",
        build: |_| Box::new(Narrow::new(E8M23).expect(LEGAL)),
    },
    Entry {
        name: "multiply",
        summary: "product of an FP32 and an E8M16 value in one DSP",
        latency: |_| Some(Multiply::latency_of(E8M23, E8M16)),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_float",
        build: |_| Box::new(Multiply::new(E8M23, E8M16, E8M23).expect(LEGAL)),
    },
    Entry {
        name: "multiply-fp32",
        summary: "product of two FP32 values in two DSPs",
        latency: |_| Some(Multiply::latency_of(E8M23, E8M23)),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_float",
        build: |_| Box::new(Multiply::new(E8M23, E8M23, E8M23).expect(LEGAL)),
    },
    Entry {
        name: "add",
        summary: "sum of two FP32 values, to nearest even or to odd",
        latency: |_| Some(Add::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_float",
        build: |_| Box::new(Add::new()),
    },
    Entry {
        name: "compare",
        summary: "order of two FP32 values",
        latency: |_| Some(Compare::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_float",
        build: |_| Box::new(Compare::e8m(E8M23).expect(LEGAL)),
    },
    Entry {
        name: "compare-fp16",
        summary: "order of two FP16 values",
        latency: |_| Some(Compare::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_float",
        build: |_| Box::new(Compare::fp16()),
    },
];
