//! Functions as free-running pipelines: powers of two, reciprocals, roots, SiLU.
//!
//! | block | does |
//! |---|---|
//! | [`Lines`] | a function of a fraction, by straight lines from a table |
//! | [`LogProduct`] | a product as a fixed-point base-2 logarithm |
//! | [`Exp2`] | 2 to that power |
//! | [`UnsignedFixed`] | fractions of one as integers, to be summed exactly |
//! | [`Reciprocal`], [`Rsqrt`] | 1 / x, 1 / sqrt(x) |
//! | [`Sigmoid`], [`Silu`] | 1 / (1 + e^-x) from e^-abs(x), x / (1 + e^-x) |
//! | [`Fp16Function`] | any of them from FP16 to FP16 |

mod exp2;
mod fp16;
mod lines;
mod log_product;
mod reciprocal;
mod rsqrt;
mod sigmoid;
mod silu;
mod unsigned_fixed;

pub use exp2::Exp2;
pub use fp16::{Fp16Function, Function};
pub use lines::Lines;
pub use log_product::LogProduct;
pub use reciprocal::Reciprocal;
pub use rsqrt::Rsqrt;
pub use sigmoid::Sigmoid;
pub use silu::Silu;
pub use unsigned_fixed::{Ceiling, UnsignedFixed};

use super::float::{E8M16, E8M23};
use crate::entry::Entry;
use skipopu_hdl::Word;

/// Bits of a fixed-point logarithm, 14 of them fraction.
pub const LOG_BITS: usize = 32;

/// log2(e), E8M16.
pub(super) fn log2_e() -> Word {
    Word::new(25, u128::from(skipopu_tables::LOG2_E >> (E8M23 - E8M16)))
}

const LEGAL: &str = "the catalogue's parameters are legal";

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "log-product",
        summary: "product of an FP32 and an E8M16 value as a logarithm of 14 fraction bits",
        latency: |_| Some(LogProduct::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(LogProduct::new(E8M23).expect(LEGAL)),
    },
    Entry {
        name: "exp2",
        summary: "power of two of a fixed-point logarithm",
        latency: |_| Some(Exp2::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(Exp2::new()),
    },
    Entry {
        name: "unsigned-fixed",
        summary: "value from 0 to 1 as an integer of 24 fraction bits",
        latency: |_| Some(UnsignedFixed::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(UnsignedFixed::new(24, Ceiling::One).expect(LEGAL)),
    },
    Entry {
        name: "reciprocal",
        summary: "1 / x of an FP32 value",
        latency: |_| Some(Reciprocal::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(Reciprocal::new(E8M23).expect(LEGAL)),
    },
    Entry {
        name: "rsqrt",
        summary: "1 / sqrt(x) of an FP32 value",
        latency: |_| Some(Rsqrt::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(Rsqrt::new(E8M23).expect(LEGAL)),
    },
    Entry {
        name: "sigmoid",
        summary: "1 / (1 + e^-x) from the exponential",
        latency: |_| Some(Sigmoid::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(Sigmoid::new().expect(LEGAL)),
    },
    Entry {
        name: "silu",
        summary: "x / (1 + e^-x) of an FP32 value",
        latency: |_| Some(Silu::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(Silu::new(E8M23).expect(LEGAL)),
    },
    Entry {
        name: "exp-fp16",
        summary: "e^x, FP16 to FP16",
        latency: |_| Some(Fp16Function::latency_of(Function::Exp)),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(Fp16Function::new(Function::Exp).expect(LEGAL)),
    },
    Entry {
        name: "reciprocal-fp16",
        summary: "1 / x, FP16 to FP16",
        latency: |_| Some(Fp16Function::latency_of(Function::Reciprocal)),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(Fp16Function::new(Function::Reciprocal).expect(LEGAL)),
    },
    Entry {
        name: "rsqrt-fp16",
        summary: "1 / sqrt(x), FP16 to FP16",
        latency: |_| Some(Fp16Function::latency_of(Function::Rsqrt)),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(Fp16Function::new(Function::Rsqrt).expect(LEGAL)),
    },
    Entry {
        name: "silu-fp16",
        summary: "x / (1 + e^-x), FP16 to FP16",
        latency: |_| Some(Fp16Function::latency_of(Function::Silu)),
        interval: |_| Some(1),
        test: "skipopu-hw::npe_function",
        build: |_| Box::new(Fp16Function::new(Function::Silu).expect(LEGAL)),
    },
];
