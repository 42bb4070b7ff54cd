//! The PE array: multipliers, block-floating-point accumulation, column and array.

pub mod baseline;
pub mod error;
pub mod operand;
pub mod product;
pub mod reconstruct;

use crate::entry::Entry;
use baseline::{Fp16Mac, MacChain, Subnormals};
use operand::{OperandFormat, UnpackVector};
use product::{ColumnPair, Kept, OverpackedMultiplier, ProductSum};
use skipopu_config::{Accumulation, Config};

const LEGAL: &str = "the catalogue's parameters are legal";

/// Lanes of a column.
fn lanes(config: &Config) -> usize {
    config.array.lanes as usize
}

/// How product-aligned columns sum under a configuration; `bits15` where it has others.
fn product_sum(config: &Config) -> ProductSum {
    match config.array.accumulation {
        Accumulation::Bits22 => ProductSum::Bits22,
        Accumulation::Bits15 | Accumulation::Aligned => ProductSum::Bits15,
        Accumulation::Dsp15 => ProductSum::Dsp15,
    }
}

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "unpack-fp16",
        summary: "FP16 values of all lanes to sign, exponent, significand and class",
        latency: |_| Some(UnpackVector::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::operand",
        build: |c| Box::new(UnpackVector::new(OperandFormat::Fp16, lanes(c)).expect(LEGAL)),
    },
    Entry {
        name: "unpack-int4",
        summary: "INT4 weights of all lanes to the same operands",
        latency: |_| Some(UnpackVector::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::operand",
        build: |c| Box::new(UnpackVector::new(OperandFormat::Int4, lanes(c)).expect(LEGAL)),
    },
    Entry {
        name: "overpacked-multiplier",
        summary: "two exact products of 11-bit significands in one DSP",
        latency: |_| Some(OverpackedMultiplier::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::multiplier",
        build: |_| Box::new(OverpackedMultiplier::new(Kept::All).expect(LEGAL)),
    },
    Entry {
        name: "product-column-pair",
        summary: "two dot products of a shared vector, products aligned to the largest",
        latency: |c| Some(ColumnPair::latency(product_sum(c), lanes(c))),
        interval: |_| Some(1),
        test: "skipopu-hw::product_column",
        build: |c| {
            let format = c.formats.accumulate_out;
            Box::new(ColumnPair::new(product_sum(c), format, lanes(c)).expect(LEGAL))
        },
    },
    Entry {
        name: "fp16-mac",
        summary: "FP16 multiply, round, add, round, with subnormals",
        latency: |_| Some(Fp16Mac::latency(Subnormals::Keep)),
        interval: |_| Some(1),
        test: "skipopu-hw::mac_chain",
        build: |_| Box::new(Fp16Mac::new(Subnormals::Keep).expect(LEGAL)),
    },
    Entry {
        name: "mac-chain-flush",
        summary: "the baseline: a dot product by FP16 units in a row, subnormals flushed",
        latency: |c| Some(MacChain::latency(Subnormals::Flush, lanes(c))),
        interval: |_| Some(1),
        test: "skipopu-hw::mac_chain",
        build: |c| Box::new(MacChain::new(Subnormals::Flush, lanes(c)).expect(LEGAL)),
    },
    Entry {
        name: "mac-chain-subnormal",
        summary: "the same with subnormals",
        latency: |c| Some(MacChain::latency(Subnormals::Keep, lanes(c))),
        interval: |_| Some(1),
        test: "skipopu-hw::mac_chain",
        build: |c| Box::new(MacChain::new(Subnormals::Keep, lanes(c)).expect(LEGAL)),
    },
];
