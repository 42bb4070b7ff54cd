//! The baseline: a chain of FP16 multiply-accumulate units, each rounding twice.
//!
//! Lane by lane, `acc = round(acc + round(a * b))` from `acc = +0`, both roundings to FP16, nearest
//! even: what a cascade of multiplier and adder cores computes, without fusing.

use super::fp16::{Class, Operand, EXCESS};
use super::round::{nearest_even, round, Format};
use super::special::Flags;

/// What a unit does with subnormals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subnormals {
    /// IEEE 754: exact in, gradual underflow out.
    Keep,
    /// Subnormal operands and results count as zero of their sign. A result is subnormal when,
    /// rounded to 11 bits with unbounded exponent, it stays below 2^-14.
    Flush,
}

/// FP16 product, rounded to nearest even; NaN results are 0x7E00.
pub fn mul(a: u16, b: u16, subnormals: Subnormals) -> u16 {
    let (x, y) = (operand(a, subnormals), operand(b, subnormals));
    if let Some(bits) = Flags::of_product(x, y).encode(Format::Fp16) {
        return bits as u16;
    }
    let negative = x.negative != y.negative;
    let magnitude = u128::from(x.significand) * u128::from(y.significand);
    let exponent = i32::from(x.exponent) + i32::from(y.exponent) - 2 * EXCESS;
    finish(negative, magnitude, exponent, subnormals)
}

/// FP16 sum, rounded to nearest even; NaN results are 0x7E00. An exact zero is +0 unless both
/// operands are -0.
pub fn add(a: u16, b: u16, subnormals: Subnormals) -> u16 {
    let (x, y) = (operand(a, subnormals), operand(b, subnormals));
    if let Some(bits) = addend_flags(x).or(addend_flags(y)).encode(Format::Fp16) {
        return bits as u16;
    }
    let sum = multiple(x) + multiple(y);
    let negative = if sum == 0 { x.negative && y.negative } else { sum < 0 };
    finish(negative, u128::from(sum.unsigned_abs()), -24, subnormals)
}

/// The chain over FP16 pairs. Returns FP16.
pub fn chain_fp16(a: &[u16], b: &[u16], subnormals: Subnormals) -> u16 {
    a.iter().zip(b).fold(0, |acc, (a, b)| add(acc, mul(*a, *b, subnormals), subnormals))
}

/// The chain over INT4 weights (-8 to 7), each first made the FP16 number it is. Returns FP16.
pub fn chain_int4(acts: &[u16], weights: &[i8], subnormals: Subnormals) -> u16 {
    acts.iter()
        .zip(weights)
        .fold(0, |acc, (x, w)| add(acc, mul(*x, weight(*w), subnormals), subnormals))
}

/// FP16 encoding of an INT4 weight.
pub fn weight(w: i8) -> u16 {
    round(Format::Fp16, w < 0, u128::from(w.unsigned_abs()), 0) as u16
}

fn operand(bits: u16, subnormals: Subnormals) -> Operand {
    let op = Operand::from_fp16(bits);
    match (op.class, subnormals) {
        (Class::Finite, Subnormals::Flush) if op.significand < 1024 => {
            Operand::from_fp16(bits & 0x8000)
        }
        _ => op,
    }
}

fn addend_flags(op: Operand) -> Flags {
    match op.class {
        Class::Nan => Flags::NAN,
        Class::Infinite => Flags { positive: !op.negative, negative: op.negative },
        _ => Flags::default(),
    }
}

/// A finite operand as a multiple of 2^-24.
fn multiple(op: Operand) -> i64 {
    let magnitude = i64::from(op.significand) << op.exponent.saturating_sub(1);
    if op.negative {
        -magnitude
    } else {
        magnitude
    }
}

fn finish(negative: bool, magnitude: u128, exponent: i32, subnormals: Subnormals) -> u16 {
    if subnormals == Subnormals::Flush && is_tiny(magnitude, exponent) {
        return Format::Fp16.sign(negative) as u16;
    }
    round(Format::Fp16, negative, magnitude, exponent) as u16
}

/// Whether the value, rounded to 11 bits with unbounded exponent, is below 2^-14.
fn is_tiny(magnitude: u128, exponent: i32) -> bool {
    if magnitude == 0 {
        return true;
    }
    let quantum = 127 - magnitude.leading_zeros() as i32 + exponent - 10;
    let carried = nearest_even(magnitude, quantum - exponent) >> 11;
    quantum + 10 + (carried as i32) < Format::Fp16.least_exponent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;
    use rand::{rngs::SmallRng, Rng, SeedableRng};
    use Subnormals::{Flush, Keep};

    fn same(got: u16, oracle: f16) -> bool {
        got == oracle.to_bits() || got == 0x7E00 && oracle.is_nan()
    }

    #[test]
    fn keeping_subnormals_is_ieee() {
        // FP32 holds the product and, for exponents this close or rounding this far, decides the sum
        // alike: 24 >= 2 * 11 + 2 bits make the double rounding innocent.
        for seed in 0..3 {
            println!("seed {seed}");
            let mut rng = SmallRng::seed_from_u64(seed);
            for _ in 0..500_000 {
                let (a, b): (u16, u16) = (rng.random(), rng.random());
                let (x, y) = (f16::from_bits(a).to_f32(), f16::from_bits(b).to_f32());
                assert!(same(mul(a, b, Keep), f16::from_f32(x * y)), "{a:#x} * {b:#x}");
                assert!(same(add(a, b, Keep), f16::from_f32(x + y)), "{a:#x} + {b:#x}");
            }
        }
    }

    #[test]
    fn flushing_differs_only_at_the_bottom() {
        let mut rng = SmallRng::seed_from_u64(0);
        let subnormal = |x: u16| x & 0x7C00 == 0 && x & 0x3FF != 0;
        let mut flushed = 0;
        for _ in 0..500_000 {
            let (a, b): (u16, u16) = (rng.random(), rng.random::<u16>());
            for (op, kept) in
                [(mul(a, b, Flush), mul(a, b, Keep)), (add(a, b, Flush), add(a, b, Keep))]
            {
                assert!(!subnormal(op));
                if !subnormal(a) && !subnormal(b) && op != kept {
                    flushed += 1;
                    let least = kept & 0x7FFF == 0x0400;
                    assert!(
                        op == kept & 0x8000 && (subnormal(kept) || least),
                        "{a:#x} {b:#x} {op:#x} {kept:#x}"
                    );
                }
            }
        }
        assert!(flushed > 1000);
    }

    #[test]
    fn tininess_is_decided_after_rounding_to_eleven_bits() {
        // (2 - 2^-10) * 2^-1 * 2^-14 * (1 + 2^-10): just below 2^-14, rounds up to it.
        assert_eq!(mul(0x3BFF, 0x0401, Flush), 0x0400);
        // (1 - 2^-11) * 2^-14 is exact in 11 bits and below 2^-14; IEEE ties it up to 2^-14.
        assert_eq!((mul(0x3BFF, 0x0400, Flush), mul(0x3BFF, 0x0400, Keep)), (0, 0x0400));
        assert_eq!(mul(0xBBFF, 0x0400, Flush), 0x8000);
        assert_eq!((add(0x0400, 0x8401, Flush), add(0x0400, 0x8401, Keep)), (0x8000, 0x8001));
    }

    #[test]
    fn signed_zeros_and_weights() {
        assert_eq!(
            (add(0x8000, 0x8000, Keep), add(0x8000, 0, Keep), add(0x3C00, 0xBC00, Keep)),
            (0x8000, 0, 0)
        );
        for w in -8..=7i8 {
            assert_eq!(f16::from_bits(weight(w)).to_f32(), f32::from(w));
        }
        assert_eq!(chain_int4(&[0x3C00, 0x4000], &[-8, 7], Keep), 0x4600);
    }
}
