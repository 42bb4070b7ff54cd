//! Operands as sign, exponent and 11-bit significand.

/// What an operand is apart from its digits: the two tag bits the edge attaches to every value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// +0 or -0, and every absent or masked lane.
    Zero,
    /// Finite and not zero, subnormals included.
    Finite,
    /// +Inf or -Inf.
    Infinite,
    /// Any NaN.
    Nan,
}

/// Excess of [`Operand::exponent`]: a value is `significand * 2^(exponent - EXCESS)`.
pub const EXCESS: i32 = 25;

/// Exponent of an INT4 weight: with `|w|` in the top four bits of the significand it makes the value
/// exactly `w`, so that both modes share one datapath and one reconstruction constant.
pub const INT4_EXPONENT: u8 = 18;

/// Position of `|w|` in the significand of an INT4 weight; `8 << 7` is the 11-bit hidden-bit value.
pub const INT4_SHIFT: u32 = 7;

/// One unpacked operand: `(-1)^negative * significand * 2^(exponent - 25)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// Sign bit.
    pub negative: bool,
    /// 1 to 30 for nonzero finite values, 0 for a zero (so that it never is the largest). Inf and
    /// NaN also carry 0: the flags overrule whatever the integer path computes.
    pub exponent: u8,
    /// 0 to 2047, hidden bit included. Subnormals have no hidden bit, exponent 1, and are exact.
    pub significand: u16,
    /// Zero, finite, Inf or NaN.
    pub class: Class,
}

impl Operand {
    /// Splits an FP16 encoding.
    #[inline]
    pub fn from_fp16(bits: u16) -> Operand {
        let (field, fraction) = ((bits >> 10 & 31) as u8, bits & 0x3FF);
        let negative = bits >> 15 == 1;
        let (exponent, significand, class) = match (field, fraction) {
            (0, 0) => (0, 0, Class::Zero),
            (0, _) => (1, fraction, Class::Finite),
            (31, 0) => (0, 0, Class::Infinite),
            (31, _) => (0, 0, Class::Nan),
            _ => (field, 1024 | fraction, Class::Finite),
        };
        Operand { negative, exponent, significand, class }
    }

    /// An INT4 weight (-8 to 7) as sign and magnitude, not normalised.
    #[inline]
    pub fn from_int4(weight: i8) -> Operand {
        let significand = u16::from(weight.unsigned_abs()) << INT4_SHIFT;
        let (exponent, class) =
            if weight == 0 { (0, Class::Zero) } else { (INT4_EXPONENT, Class::Finite) };
        Operand { negative: weight < 0, exponent, significand, class }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    #[test]
    fn every_encoding_unpacks_to_its_value() {
        for bits in 0..=u16::MAX {
            let (op, oracle) = (Operand::from_fp16(bits), f16::from_bits(bits));
            assert_eq!(op.negative, oracle.is_sign_negative(), "{bits:#06x}");
            assert_eq!(op.class == Class::Nan, oracle.is_nan(), "{bits:#06x}");
            assert_eq!(op.class == Class::Infinite, oracle.is_infinite(), "{bits:#06x}");
            assert_eq!(op.class == Class::Zero, oracle.to_f64() == 0.0, "{bits:#06x}");
            if oracle.is_finite() {
                let magnitude =
                    f64::from(op.significand) * f64::from(i32::from(op.exponent) - EXCESS).exp2();
                assert_eq!(magnitude, oracle.to_f64().abs(), "{bits:#06x}");
                assert!(op.significand < 2048 && op.exponent <= 30);
            }
        }
    }

    #[test]
    fn every_weight_unpacks_to_its_value() {
        for w in -8..=7i8 {
            let op = Operand::from_int4(w);
            let magnitude =
                f64::from(op.significand) * f64::from(i32::from(op.exponent) - EXCESS).exp2();
            assert_eq!(if op.negative { -magnitude } else { magnitude }, f64::from(w));
            assert!(op.significand <= 1024);
        }
    }
}
