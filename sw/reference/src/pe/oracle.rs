//! The exact dot product, the yardstick of every error figure.

use super::fp16::{Class, Operand};
use super::round::{round, Format};

/// An exact dot product: `integer * 2^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    /// At most 86 bits over 64 lanes.
    pub integer: i128,
    /// -48 for two FP16 vectors, -24 against INT4 weights.
    pub exponent: i32,
}

impl Exact {
    /// The value, off by at most 2^-53 of itself.
    pub fn to_f64(self) -> f64 {
        self.integer as f64 * f64::from(self.exponent).exp2()
    }

    /// The result of a perfect unit: the exact sum, rounded once to nearest even.
    pub fn round(self, format: Format) -> u32 {
        round(format, self.integer < 0, self.integer.unsigned_abs(), self.exponent)
    }
}

/// Exact dot product of FP16 vectors; `None` when an operand is Inf or NaN.
pub fn dot_fp16(a: &[u16], b: &[u16]) -> Option<Exact> {
    let products =
        a.iter().zip(b).map(|(a, b)| Some(i128::from(multiple(*a)?) * i128::from(multiple(*b)?)));
    Some(Exact { integer: products.sum::<Option<i128>>()?, exponent: -48 })
}

/// Exact dot product of an FP16 vector and integer weights; `None` when an operand is Inf or NaN.
pub fn dot_int4(acts: &[u16], weights: &[i8]) -> Option<Exact> {
    let products =
        acts.iter().zip(weights).map(|(x, w)| Some(i128::from(multiple(*x)?) * i128::from(*w)));
    Some(Exact { integer: products.sum::<Option<i128>>()?, exponent: -24 })
}

/// A finite FP16 value as a multiple of 2^-24.
fn multiple(bits: u16) -> Option<i64> {
    let op = Operand::from_fp16(bits);
    let magnitude = i64::from(op.significand) << op.exponent.saturating_sub(1);
    match op.class {
        Class::Infinite | Class::Nan => None,
        _ => Some(if op.negative { -magnitude } else { magnitude }),
    }
}
