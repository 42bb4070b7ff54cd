//! When what happens in the engine's pipeline, in cycles from a tile's entry.
//!
//! ```text
//! entry    WIDENED   FIRST       PRODUCT       LOGARITHM POWER      SECOND     ADDEND   SUM      RESULT   TERM
//!   |---------|--------|------------|--------------|--------|----------|----------|--------|--------|-------|
//!    to FP32   choose   x * factor   x * constant   2^t     sigmoid,    product    + addend  to FP16  to a
//!              operands                                     choose      with it              mask     term
//! ```

use super::float::{Add, Multiply, Narrow, Widen};
use super::function::{Exp2, LogProduct, Sigmoid};
use super::term::TermOf;

/// FP16 operands are FP32.
pub const WIDENED: usize = Widen::LATENCY;
/// Operands of the first product.
pub const FIRST: usize = WIDENED + 1;

/// Bits of FP32's fraction and of a factor's.
pub(super) const SINGLE: usize = 23;
/// Fraction bits of a factor.
pub(super) const FACTOR: usize = 16;

/// Latency of a product.
pub fn product() -> usize {
    Multiply::latency_of(SINGLE, FACTOR)
}

/// The first product.
pub fn first_product() -> usize {
    FIRST + product()
}

/// The logarithm: input times constant.
pub const LOGARITHM: usize = FIRST + LogProduct::LATENCY;
/// Two to its power.
pub const EXPONENTIAL: usize = LOGARITHM + Exp2::LATENCY;
/// The power against the row's exponent.
pub const POWER: usize = EXPONENTIAL + 1;
/// Operands of the second product.
pub const SECOND: usize = EXPONENTIAL + Sigmoid::LATENCY + 1;

/// The second product, and what is added to it.
pub fn addend() -> usize {
    SECOND + product()
}

/// The sum.
pub fn sum() -> usize {
    addend() + Add::LATENCY
}

/// The result, rounded and masked.
pub fn result() -> usize {
    sum() + Narrow::LATENCY + 1
}

/// What it contributes to its row.
pub fn term() -> usize {
    result() + TermOf::LATENCY
}
