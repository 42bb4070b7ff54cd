//! 1 / x.

use super::float::{decode, narrow, widen, Value, INFINITY, NAN, SIGN};
use super::segments::evaluate;

/// 2^17 / (1 + fraction / 2^23): 2^16 to 2^17.
pub fn reciprocal_fraction(fraction: u32) -> u32 {
    evaluate(&skipopu_tables::RECIPROCAL, fraction)
}

/// 1 / x of an E8M23 value, E8M16. 1 / 0 is Inf and 1 / Inf is 0, of the operand's sign.
pub fn reciprocal(x: u32) -> u32 {
    let (negative, value) = decode(x);
    let sign = if negative { SIGN } else { 0 };
    match value {
        Value::Nan => NAN,
        Value::Zero => sign | INFINITY,
        Value::Infinite => sign,
        Value::Finite { .. } => {
            // 2^17 carries into the field.
            let digits = reciprocal_fraction(x & 0x7F_FFFF) as i32 - (1 << 16);
            let field = 253 - (x >> 23 & 255) as i32 + (digits >> 16);
            if field <= 0 {
                return sign;
            }
            sign | (field as u32) << 23 | (digits as u32 & 0xFFFF) << 7
        }
    }
}

/// 1 / x of an FP16 value.
pub fn reciprocal16(x: u16) -> u16 {
    narrow(reciprocal(widen(x)))
}
