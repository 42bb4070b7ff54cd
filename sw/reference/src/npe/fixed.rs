//! Fixed point: base-2 logarithms with 14 fraction bits, and fractions to be summed exactly.

use super::float::{decode, Value};

pub use skipopu_tables::{LOG2_E, LOG_FRACTION as FRACTION};

/// A base-2 logarithm: two's complement of 18 integer bits and [`FRACTION`] fraction bits, Q17.14.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// `i32::MIN` is minus infinity; finite values are within +-(2^31 - 1), which plus infinity also becomes.
    pub value: i32,
    /// Not a number; `value` is then 2^31 - 1.
    pub nan: bool,
}

impl Log {
    /// Minus infinity.
    pub const MINUS_INFINITY: Log = Log { value: i32::MIN, nan: false };
    /// The largest value, plus infinity included.
    pub const GREATEST: Log = Log { value: i32::MAX, nan: false };
    /// Not a number.
    pub const NAN: Log = Log { value: i32::MAX, nan: true };

    /// Rounds `(-1)^negative * magnitude * 2^exponent` to nearest, halves away from zero.
    fn round(negative: bool, magnitude: u64, exponent: i32) -> Log {
        let places = exponent + FRACTION as i32;
        let rounded = match places {
            64.. => u128::MAX,
            0..=63 => u128::from(magnitude) << places,
            -63..=-1 => ((magnitude >> (-places - 1)) as u128 + 1) >> 1,
            _ => 0,
        };
        let value = rounded.min(i32::MAX as u128) as i32;
        Log { value: if negative { -value } else { value }, nan: false }
    }
}

/// The exact product of an E8M23 and an E8M16 value, rounded once to Q17.14: to nearest, halves away
/// from zero, saturating.
pub fn log_product(a: u32, b: u32) -> Log {
    let ((a_negative, a), (b_negative, b)) = (decode(a), decode(b));
    let negative = a_negative != b_negative;
    match (a, b) {
        (Value::Nan, _) | (_, Value::Nan) => Log::NAN,
        (Value::Infinite, Value::Zero) | (Value::Zero, Value::Infinite) => Log::NAN,
        (Value::Infinite, _) | (_, Value::Infinite) if negative => Log::MINUS_INFINITY,
        (Value::Infinite, _) | (_, Value::Infinite) => Log::GREATEST,
        (Value::Zero, _) | (_, Value::Zero) => Log::default(),
        (
            Value::Finite { significand: m, exponent: e },
            Value::Finite { significand: n, exponent: f },
        ) => Log::round(negative, u64::from(m) * u64::from(n), e + f),
    }
}

/// A non-negative E8M16 value, at most 1, as a multiple of `2^-fraction_bits`, cut.
///
/// `fraction_bits` is 16 to 31. The sign is not looked at; everything from 1 up, Inf and NaN included, gives
/// `2^fraction_bits`.
pub fn unsigned_fixed(x: u32, fraction_bits: u32) -> u32 {
    let field = x >> 23 & 255;
    if field >= 127 {
        return 1 << fraction_bits;
    }
    let significand = u64::from(1 << 16 | x >> 7 & 0xFFFF) << (fraction_bits - 16);
    significand.checked_shr(127 - field).unwrap_or(0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npe::float::ONE;
    use rand::{rngs::SmallRng, Rng, SeedableRng};

    #[test]
    fn fixed_values_are_the_nearest() {
        let mut rng = SmallRng::seed_from_u64(0);
        for _ in 0..500_000 {
            let a = rng.random::<u32>() & 0x807F_FFFF | rng.random_range(100..150) << 23;
            let b = rng.random::<u32>() & 0x807F_FF80 | rng.random_range(120..135) << 23;
            let scaled = |x: f64| (x * 16384.0).round().clamp(-2147483647.0, 2147483647.0) as i32;
            let (x, y) = (f64::from(f32::from_bits(a)), f64::from(f32::from_bits(b)));
            assert_eq!(
                log_product(a, b),
                Log { value: scaled(x * y), nan: false },
                "{a:#x} {b:#x}"
            );
        }
    }

    #[test]
    fn specials() {
        let bits = f32::to_bits;
        let to_fixed = |x: u32| log_product(x, ONE);
        assert_eq!(LOG2_E, (bits(std::f32::consts::LOG2_E) + 0x40) & !0x7F);
        assert_eq!(to_fixed(bits(f32::NEG_INFINITY)), Log::MINUS_INFINITY);
        assert_eq!(to_fixed(bits(f32::INFINITY)), Log::GREATEST);
        assert_eq!(to_fixed(bits(f32::NAN)), Log::NAN);
        assert_eq!(to_fixed(bits(-1e30)).value, -i32::MAX);
        assert_eq!(to_fixed(bits(131072.0)).value, i32::MAX);
        assert_eq!(to_fixed(bits(131071.99)).value, 0x7FFF_FF80);
        assert_eq!(to_fixed(bits(2f32.powi(-15))).value, 1, "half a unit goes away from zero");
        assert_eq!(to_fixed(bits(-2f32.powi(-15))).value, -1);
        assert_eq!(to_fixed(bits(2f32.powi(-15)) - 1).value, 0);
        assert_eq!(log_product(bits(f32::INFINITY), 0), Log::NAN);
        assert_eq!(log_product(bits(f32::INFINITY), bits(-1.0)), Log::MINUS_INFINITY);
        // The largest FP16 score times log2(e) does not saturate.
        let largest = log_product(bits(65504.0), LOG2_E).value;
        assert!(largest < i32::MAX && largest > log_product(bits(65472.0), LOG2_E).value);
        assert_eq!(unsigned_fixed(bits(1.0), 24), 1 << 24);
        assert_eq!(unsigned_fixed(bits(f32::NAN), 20), 1 << 20);
        assert_eq!(unsigned_fixed(bits(0.75), 16), 3 << 14);
        assert_eq!((unsigned_fixed(0, 31), unsigned_fixed(bits(2f32.powi(-31)), 31)), (0, 1));
        assert_eq!(unsigned_fixed(bits(2f32.powi(-31) * 1.5), 31), 1);
    }
}
