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
