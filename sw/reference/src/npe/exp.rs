//! 2^x and e^x.

use super::fixed::{log_product, Log, FRACTION, LOG2_E};
use super::float::{narrow, widen, INFINITY, NAN};
use super::segments::evaluate;

/// Significand of 2^f for a fraction `f` of [`FRACTION`] bits: 17 bits, 2^16 for f = 0.
pub fn exp2_fraction(f: u32) -> u32 {
    evaluate(&skipopu_tables::EXP2, f)
}

/// 2^t, E8M16: Inf from t = 128 up, +0 below -126.
pub fn exp2(t: Log) -> u32 {
    if t.nan {
        return NAN;
    }
    let significand = exp2_fraction(t.value as u32 & ((1 << FRACTION) - 1));
    match t.value >> FRACTION {
        128.. => INFINITY,
        ..=-127 => 0,
        exponent => ((exponent + 127) as u32) << 23 | (significand - (1 << 16)) << 7,
    }
}

/// e^x of an E8M23 value, E8M16.
pub fn exp(x: u32) -> u32 {
    exp2(log_product(x, LOG2_E))
}

/// e^x of an FP16 value.
pub fn exp16(x: u16) -> u16 {
    narrow(exp(widen(x)))
}
