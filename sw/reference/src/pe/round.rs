//! The one rounding function: an exact integer times a power of two, to FP16 or FP32.

/// A result format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// IEEE 754 binary16, in the low 16 bits of a result.
    Fp16,
    /// IEEE 754 binary32.
    Fp32,
}

impl Format {
    /// Fraction bits, without the hidden one.
    pub const fn fraction_bits(self) -> u32 {
        match self {
            Format::Fp16 => 10,
            Format::Fp32 => 23,
        }
    }

    /// Exponent of the smallest normal number.
    pub const fn least_exponent(self) -> i32 {
        match self {
            Format::Fp16 => -14,
            Format::Fp32 => -126,
        }
    }

    /// Exponent of the largest number; also the bias.
    pub const fn greatest_exponent(self) -> i32 {
        1 - self.least_exponent()
    }

    /// The sign bit alone: -0.
    pub const fn sign(self, negative: bool) -> u32 {
        match (self, negative) {
            (_, false) => 0,
            (Format::Fp16, true) => 0x8000,
            (Format::Fp32, true) => 0x8000_0000,
        }
    }

    /// Infinity with a sign.
    pub const fn infinity(self, negative: bool) -> u32 {
        self.sign(negative) | (2 * self.greatest_exponent() as u32 + 1) << self.fraction_bits()
    }

    /// The one NaN ever produced: positive, quiet, 0x7E00 or 0x7FC00000.
    pub const fn nan(self) -> u32 {
        self.infinity(false) | 1 << (self.fraction_bits() - 1)
    }

    /// Value of an encoding, exact. FP16 reads the low 16 bits.
    pub fn decode(self, bits: u32) -> f64 {
        if self == Format::Fp32 {
            return f64::from(f32::from_bits(bits));
        }
        let sign = if bits >> 15 & 1 == 1 { -1.0 } else { 1.0 };
        let (field, fraction) = (bits >> 10 & 31, f64::from(bits & 0x3FF));
        sign * match field {
            0 => fraction * (-24f64).exp2(),
            31 if fraction == 0.0 => f64::INFINITY,
            31 => f64::NAN,
            _ => (1024.0 + fraction) * f64::from(field as i32 - 25).exp2(),
        }
    }
}

/// `magnitude / 2^shift` to the nearest integer, ties to even. A negative shift multiplies, exactly;
/// the caller sees to it that the result fits.
#[inline]
pub fn nearest_even(magnitude: u128, shift: i32) -> u128 {
    match shift {
        ..=0 => magnitude << -shift,
        1..=127 => {
            let kept = magnitude >> shift;
            let half = 1u128 << (shift - 1);
            let rest = magnitude & ((1 << shift) - 1);
            kept + u128::from(rest > half || (rest == half && kept & 1 == 1))
        }
        // At 128 the magnitude is below one; only more than a half rounds up.
        128 => u128::from(magnitude > 1 << 127),
        _ => 0,
    }
}

/// Rounds `(-1)^negative * magnitude * 2^exponent`, exact, to nearest even in `format`.
///
/// Overflow gives Inf, subnormal results are exact to their last bit, a nonzero value that rounds to
/// zero keeps its sign, a zero magnitude gives +0 unless `negative`. Returns the encoding.
pub fn round(format: Format, negative: bool, magnitude: u128, exponent: i32) -> u32 {
    let sign = format.sign(negative);
    if magnitude == 0 {
        return sign;
    }
    let leading = 127 - magnitude.leading_zeros() as i32 + exponent;
    if leading > format.greatest_exponent() {
        return format.infinity(negative);
    }
    let fraction = format.fraction_bits();
    // Weight of the result's last bit: follows the leading bit, but not below the subnormal quantum.
    let quantum = leading.max(format.least_exponent()) - fraction as i32;
    let kept = nearest_even(magnitude, quantum - exponent) as u32;
    let field = (quantum - (format.least_exponent() - fraction as i32)) as u32;
    // The hidden bit of `kept` adds one to the field, and so does a carry out of the rounding: from
    // subnormal to normal, from one binade to the next, and from the largest number to Inf.
    sign | ((field << fraction) + kept)
}

/// The encoding nearest to `x`, ties to even. NaN gives [`Format::nan`].
pub fn from_f64(format: Format, x: f64) -> u32 {
    if x.is_nan() {
        return format.nan();
    }
    let (field, fraction) = ((x.to_bits() >> 52 & 0x7FF) as i32, x.to_bits() & ((1 << 52) - 1));
    let hidden = u64::from(field != 0) << 52;
    // An infinity reads as 2^1024 here, which overflows either format.
    round(format, x.is_sign_negative(), u128::from(hidden | fraction), field.max(1) - 1075)
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;
    use rand::{rngs::SmallRng, Rng, SeedableRng};

    #[test]
    fn every_fp16_value_is_itself() {
        for bits in 0..=u16::MAX {
            let x = f16::from_bits(bits);
            if x.is_finite() {
                assert_eq!(from_f64(Format::Fp16, x.to_f64()), u32::from(bits), "{bits:#06x}");
            }
            let decoded = Format::Fp16.decode(u32::from(bits));
            assert!(decoded.to_bits() == x.to_f64().to_bits() || decoded.is_nan() && x.is_nan());
        }
    }

    #[test]
    fn every_midpoint_and_its_neighbours_round_to_nearest_even() {
        let mut compared = 0;
        for bits in 0..0x7C00u16 {
            let (low, high) = (f16::from_bits(bits).to_f32(), f16::from_bits(bits + 1).to_f32());
            // The overflow threshold is the midpoint to what would follow the largest number.
            let high = if high.is_infinite() { 65536.0 } else { high };
            let middle = (low + high) / 2.0;
            for x in [middle.next_down(), middle, middle.next_up()] {
                for x in [x, -x] {
                    let expected = u32::from(f16::from_f32(x).to_bits());
                    assert_eq!(from_f64(Format::Fp16, f64::from(x)), expected, "{x:e}");
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, 0x7C00 * 6);
    }

    #[test]
    fn random_values_agree_with_half_and_with_the_machine() {
        for seed in 0..4 {
            println!("seed {seed}");
            let mut rng = SmallRng::seed_from_u64(seed);
            for _ in 0..250_000 {
                let x = f32::from_bits(rng.random());
                if x.is_finite() {
                    let expected = u32::from(f16::from_f32(x).to_bits());
                    assert_eq!(from_f64(Format::Fp16, f64::from(x)), expected, "{x:e}");
                }
                let near = f32::from_bits(rng.random_range(0x3000_0000..0x4800_0000));
                let expected = u32::from(f16::from_f32(near).to_bits());
                assert_eq!(from_f64(Format::Fp16, f64::from(near)), expected, "{near:e}");
                let y = f64::from_bits(rng.random());
                if y.is_finite() {
                    assert_eq!(from_f64(Format::Fp32, y), (y as f32).to_bits(), "{y:e}");
                }
                let y = f64::from(near) * (1.0 + rng.random::<f64>());
                assert_eq!(from_f64(Format::Fp32, y), (y as f32).to_bits(), "{y:e}");
            }
        }
    }

    #[test]
    fn edges() {
        assert_eq!((Format::Fp16.nan(), Format::Fp32.nan()), (0x7E00, 0x7FC0_0000));
        assert_eq!(
            (Format::Fp16.infinity(true), Format::Fp32.infinity(true)),
            (0xFC00, 0xFF80_0000)
        );
        assert_eq!(round(Format::Fp16, false, 65519, 0), 0x7BFF);
        assert_eq!(round(Format::Fp16, true, 65520, 0), 0xFC00);
        assert_eq!(
            round(Format::Fp16, true, 1, -25),
            0x8000,
            "half the least subnormal ties to -0"
        );
        assert_eq!(round(Format::Fp16, false, 3, -26), 1);
        assert_eq!(round(Format::Fp16, false, u128::MAX, -24 - 128), 1);
        assert_eq!(round(Format::Fp16, false, u128::MAX, -400), 0);
        assert_eq!(round(Format::Fp32, false, u128::MAX, 0), 0x7F80_0000);
        assert_eq!(round(Format::Fp32, false, u128::MAX, -1), 0x7F00_0000);
        assert_eq!(round(Format::Fp16, false, 0, 9), 0);
        assert_eq!(from_f64(Format::Fp32, f64::NEG_INFINITY), 0xFF80_0000);
        assert_eq!(from_f64(Format::Fp16, f64::NAN), 0x7E00);
    }
}
