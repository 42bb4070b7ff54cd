//! 1 / sqrt(x).

use super::float::{decode, narrow, widen, Value, INFINITY, NAN, SIGN};
use super::segments::evaluate;

/// 1 / sqrt(x) of an E8M23 value, E8M16. Of a zero it is Inf of its sign, of a negative number NaN.
pub fn rsqrt(x: u32) -> u32 {
    let (negative, value) = decode(x);
    match value {
        Value::Zero => x & SIGN | INFINITY,
        Value::Nan => NAN,
        _ if negative => NAN,
        Value::Infinite => 0,
        Value::Finite { .. } => {
            let field = x >> 23 & 255;
            // An even field is an odd exponent, whose 2 goes under the root.
            let doubled = !field & 1;
            let result = evaluate(&skipopu_tables::RSQRT, doubled << 23 | x & 0x7F_FFFF);
            let digits = result - (1 << 16);
            let field = (380 - field) / 2 + (digits >> 16);
            field << 23 | (digits & 0xFFFF) << 7
        }
    }
}

/// 1 / sqrt(x) of an FP16 value.
pub fn rsqrt16(x: u16) -> u16 {
    narrow(rsqrt(widen(x)))
}
