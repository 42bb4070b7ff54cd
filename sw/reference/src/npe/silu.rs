//! SiLU: x / (1 + e^-x).

use super::exp::exp2;
use super::fixed::{log_product, unsigned_fixed, LOG2_E};
use super::float::{multiply, narrow, widen, E8M16, E8M23, INFINITY, ONE, SIGN};
use super::reciprocal::reciprocal_fraction;
use skipopu_tables::DENOMINATOR_FRACTION;

/// 1 / (1 + e^-x), E8M16, from the E8M16 value `exponential` = e^-|x|, in [0, 1], and the sign of x.
///
/// It is `1 / (1 + exponential)`, times `exponential` for negative x, so that nothing cancels.
pub fn sigmoid(exponential: u32, negative: bool) -> u32 {
    // 1 + e is below 2 but for the smallest x, where the last fraction stands in for 1.
    let last = (1 << DENOMINATOR_FRACTION) - 1;
    let fraction = unsigned_fixed(exponential, DENOMINATOR_FRACTION).min(last);
    let digits = reciprocal_fraction(fraction << (23 - DENOMINATOR_FRACTION)) - (1 << 16);
    let positive = (126 + (digits >> 16)) << 23 | (digits & 0xFFFF) << 7;
    multiply(if negative { exponential } else { ONE }, positive, E8M16)
}

/// x / (1 + e^-x) of an E8M23 value, E8M23. Of -Inf it is -0.
pub fn silu(x: u32) -> u32 {
    if x == SIGN | INFINITY {
        return SIGN;
    }
    let exponential = exp2(log_product(x | SIGN, LOG2_E));
    multiply(x, sigmoid(exponential, x & SIGN != 0), E8M23)
}

/// x / (1 + e^-x) of an FP16 value.
pub fn silu16(x: u16) -> u16 {
    narrow(silu(widen(x)))
}
