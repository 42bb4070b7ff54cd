//! The baseline that the columns are measured against: a chain of FP16 multiply-accumulate units, each
//! rounding twice, written as one would write it to be used.

mod add;
mod chain;
mod multiply;
mod multiply_flush;

pub use add::Fp16Add;
pub use chain::{Fp16Mac, MacChain};
pub use multiply::Fp16Multiply;
pub use multiply_flush::Fp16MultiplyFlush;

use crate::entry::Entry;

const LEGAL: &str = "the catalogue's parameters are legal";

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
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
        latency: |c| Some(MacChain::latency(Subnormals::Flush, c.array.lanes as usize)),
        interval: |_| Some(1),
        test: "skipopu-hw::mac_chain",
        build: |c| Box::new(MacChain::new(Subnormals::Flush, c.array.lanes as usize).expect(LEGAL)),
    },
    Entry {
        name: "mac-chain-subnormal",
        summary: "the same with subnormals",
        latency: |c| Some(MacChain::latency(Subnormals::Keep, c.array.lanes as usize)),
        interval: |_| Some(1),
        test: "skipopu-hw::mac_chain",
        build: |c| Box::new(MacChain::new(Subnormals::Keep, c.array.lanes as usize).expect(LEGAL)),
    },
];

use crate::primitives::dsp48e2::{Dsp48e2, DspError, DspMode};

/// What a unit does with subnormals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subnormals {
    /// IEEE 754.
    Keep,
    /// Zero of their sign, as operands and as results; tininess after rounding.
    Flush,
}

impl Subnormals {
    /// Short name.
    pub fn name(self) -> &'static str {
        match self {
            Subnormals::Keep => "keep",
            Subnormals::Flush => "flush",
        }
    }
}

/// Cycles of [`multiplier`].
const PRODUCT_LATENCY: usize = 3;

/// A DSP as a multiplier of two unsigned significands, registers on its ports, M and P.
fn multiplier() -> Result<Dsp48e2, DspError> {
    DspMode::new().ad_reg(false).product().build()
}
