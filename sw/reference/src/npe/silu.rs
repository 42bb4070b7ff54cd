//! SiLU: x / (1 + e^-x).

use super::exp::exp2;
use super::fixed::{log_product, unsigned_fixed, LOG2_E};
use super::float::{multiply, narrow, widen, E8M16, E8M23, INFINITY, SIGN};
use super::reciprocal::reciprocal_fraction;

/// Fraction bits of e^-|x| where it is added to 1.
pub const DENOMINATOR_FRACTION: u32 = 20;

/// The E8M16 encoding of 1.
const ONE: u32 = 0x3F80_0000;

/// 1 / (1 + e^-x) of an E8M23 value, E8M16.
///
/// With `q = e^-|x|` it is `1 / (1 + q)`, times `q` for negative x, so that nothing cancels.
pub fn sigmoid(x: u32) -> u32 {
    let q = exp2(log_product(x | SIGN, LOG2_E));
    // 1 + q is below 2 but for the smallest x, where the last fraction stands in for 1.
    let last = (1 << DENOMINATOR_FRACTION) - 1;
    let fraction = unsigned_fixed(q, DENOMINATOR_FRACTION).min(last);
    let digits = reciprocal_fraction(fraction << (23 - DENOMINATOR_FRACTION)) - (1 << 16);
    let positive = (126 + (digits >> 16)) << 23 | (digits & 0xFFFF) << 7;
    multiply(if x & SIGN == 0 { ONE } else { q }, positive, E8M16)
}

/// x / (1 + e^-x) of an E8M23 value, E8M23. Of -Inf it is -0.
pub fn silu(x: u32) -> u32 {
    if x == SIGN | INFINITY {
        return SIGN;
    }
    multiply(x, sigmoid(x), E8M23)
}

/// x / (1 + e^-x) of an FP16 value.
pub fn silu16(x: u16) -> u16 {
    narrow(silu(widen(x)))
}
