//! The formats with 8 exponent bits, and FP16 at their border.
//!
//! A format E8M*n* is FP32 with *n* fraction bits. Here every value is a `u32`, the FP32 encoding with the unused
//! fraction bits 0, so that `f32::from_bits` reads it; hardware leaves those bits out. Subnormals read as zero
//! of their sign, and a result that is below 2^-126 once rounded is zero of its sign.

use crate::pe::mac::{self, Subnormals};
use crate::pe::round::{nearest_even, round, Format};

/// Fraction bits of E8M10: what an FP16 value widens to.
pub const E8M10: u32 = 10;
/// Fraction bits of E8M16: a significand of 17 bits, which one port of a DSP slice takes.
pub const E8M16: u32 = 16;
/// Fraction bits of E8M23: FP32.
pub const E8M23: u32 = 23;

/// The one NaN ever produced.
pub const NAN: u32 = 0x7FC0_0000;
/// Plus infinity.
pub const INFINITY: u32 = 0x7F80_0000;
/// 1.
pub const ONE: u32 = 0x3F80_0000;
/// The sign bit.
pub const SIGN: u32 = 0x8000_0000;

/// What an encoding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A zero, or a subnormal read as one.
    Zero,
    /// `significand * 2^exponent` with 24 bits of significand, the top one set.
    Finite { significand: u32, exponent: i32 },
    /// An infinity.
    Infinite,
    /// Any NaN.
    Nan,
}

/// Sign and value of an encoding.
pub(super) fn decode(x: u32) -> (bool, Value) {
    let (field, fraction) = (x >> 23 & 255, x & 0x7F_FFFF);
    let value = match (field, fraction) {
        (0, _) => Value::Zero,
        (255, 0) => Value::Infinite,
        (255, _) => Value::Nan,
        _ => Value::Finite { significand: 1 << 23 | fraction, exponent: field as i32 - 150 },
    };
    (x & SIGN != 0, value)
}

/// How a result is rounded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Nearest,
    Odd,
}

/// Rounds `(-1)^negative * magnitude * 2^exponent`, which is not zero, to `fraction` bits.
fn encode(
    negative: bool,
    magnitude: u128,
    exponent: i32,
    fraction: u32,
    rounding: Rounding,
) -> u32 {
    let sign = if negative { SIGN } else { 0 };
    // Weight of the last bit kept, with unbounded exponent.
    let quantum = 127 - magnitude.leading_zeros() as i32 + exponent - fraction as i32;
    let shift = quantum - exponent;
    let mut kept = match rounding {
        Rounding::Nearest => nearest_even(magnitude, shift),
        Rounding::Odd if shift <= 0 => magnitude << -shift,
        Rounding::Odd => magnitude >> shift | u128::from(magnitude & ((1 << shift) - 1) != 0),
    };
    let mut field = quantum + fraction as i32 + 127;
    if kept >> (fraction + 1) != 0 {
        kept >>= 1;
        field += 1;
    }
    match field {
        ..=0 => sign,
        255.. => sign | INFINITY,
        _ => {
            let digits = (kept as u32 & ((1 << fraction) - 1)) << (23 - fraction);
            sign | (field as u32) << 23 | digits
        }
    }
}

/// FP16 to E8M10, exact, subnormals included.
pub fn widen(x: u16) -> u32 {
    let value = Format::Fp16.decode(u32::from(x));
    if value.is_nan() {
        NAN
    } else {
        (value as f32).to_bits()
    }
}

/// Any E8M format to FP16, to nearest even, with FP16's subnormals.
pub fn narrow(x: u32) -> u16 {
    let (negative, value) = decode(x);
    let bits = match value {
        Value::Zero => Format::Fp16.sign(negative),
        Value::Infinite => Format::Fp16.infinity(negative),
        Value::Nan => Format::Fp16.nan(),
        Value::Finite { significand, exponent } => {
            round(Format::Fp16, negative, u128::from(significand), exponent)
        }
    };
    bits as u16
}

/// Product, rounded once to `fraction` bits, to nearest even.
pub fn multiply(a: u32, b: u32, fraction: u32) -> u32 {
    let ((a_negative, a), (b_negative, b)) = (decode(a), decode(b));
    let negative = a_negative != b_negative;
    let sign = if negative { SIGN } else { 0 };
    match (a, b) {
        (Value::Nan, _) | (_, Value::Nan) => NAN,
        (Value::Infinite, Value::Zero) | (Value::Zero, Value::Infinite) => NAN,
        (Value::Infinite, _) | (_, Value::Infinite) => sign | INFINITY,
        (Value::Zero, _) | (_, Value::Zero) => sign,
        (
            Value::Finite { significand: m, exponent: e },
            Value::Finite { significand: n, exponent: f },
        ) => {
            let product = u128::from(m) * u128::from(n);
            encode(negative, product, e + f, fraction, Rounding::Nearest)
        }
    }
}

/// FP32 sum, to nearest even; with `odd` cut to 24 bits, the last one set if anything was cut.
///
/// A sum rounded to odd and then to FP16 is the exact sum rounded once. `x + -x` is +0, `-0 + -0` is -0.
pub fn add(a: u32, b: u32, odd: bool) -> u32 {
    let ((a_negative, x), (b_negative, y)) = (decode(a), decode(b));
    match (x, y) {
        (Value::Nan, _) | (_, Value::Nan) => NAN,
        (Value::Infinite, Value::Infinite) if a_negative != b_negative => NAN,
        (Value::Infinite, _) => a,
        (_, Value::Infinite) => b,
        (Value::Zero, Value::Zero) => a & b & SIGN,
        (Value::Zero, _) => b,
        (_, Value::Zero) => a,
        (
            Value::Finite { significand: m, exponent: e },
            Value::Finite { significand: n, exponent: f },
        ) => {
            // 64 places below the larger operand hold the smaller one, or all that matters of it.
            let top = e.max(f);
            let place = |significand: u32, exponent: i32| -> i128 {
                let (wide, down) = (i128::from(significand) << 64, top - exponent);
                match down {
                    0..=64 => wide >> down,
                    _ => 1,
                }
            };
            let (p, q) = (place(m, e), place(n, f));
            let sum = if a_negative { -p } else { p } + if b_negative { -q } else { q };
            let rounding = if odd { Rounding::Odd } else { Rounding::Nearest };
            match sum {
                0 => 0,
                _ => encode(sum < 0, sum.unsigned_abs(), top - 64, E8M23, rounding),
            }
        }
    }
}

/// How two values stand to each other; all false but one, or, for `a > b`, all false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// `a < b`.
    pub less: bool,
    /// `a = b`; -0 = +0.
    pub equal: bool,
    /// One is NaN.
    pub unordered: bool,
}

/// Compares two E8M values; subnormals are zeros.
pub fn compare(a: u32, b: u32) -> Relation {
    let flushed = |x: u32| if x >> 23 & 255 == 0 { 0.0 } else { f32::from_bits(x) };
    relation(flushed(a).partial_cmp(&flushed(b)))
}

/// Compares two FP16 values; subnormals count.
pub fn compare16(a: u16, b: u16) -> Relation {
    let value = |x: u16| Format::Fp16.decode(u32::from(x));
    relation(value(a).partial_cmp(&value(b)))
}

fn relation(order: Option<std::cmp::Ordering>) -> Relation {
    Relation {
        less: order == Some(std::cmp::Ordering::Less),
        equal: order == Some(std::cmp::Ordering::Equal),
        unordered: order.is_none(),
    }
}

/// FP16 sum of IEEE 754, to nearest even.
pub fn add16(a: u16, b: u16) -> u16 {
    mac::add(a, b, Subnormals::Keep)
}

/// FP16 product of IEEE 754, to nearest even.
pub fn multiply16(a: u16, b: u16) -> u16 {
    mac::mul(a, b, Subnormals::Keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pe::round::from_f64;
    use half::f16;
    use rand::{rngs::SmallRng, Rng, SeedableRng};

    /// Zero if subnormal.
    fn flush(x: f32) -> f32 {
        if x.is_subnormal() {
            f32::from_bits(x.to_bits() & SIGN)
        } else {
            x
        }
    }

    /// Equal, a NaN being the one NaN. What rounds to the least normal number only because subnormals are
    /// coarser is left to the directed cases.
    fn agrees(got: u32, native: f32) -> bool {
        if native.is_nan() {
            return got == NAN;
        }
        let border = native.abs() == f32::MIN_POSITIVE;
        got == flush(native).to_bits() || border && got == native.to_bits() & SIGN
    }

    fn operand(rng: &mut SmallRng) -> f32 {
        let bits: u32 = rng.random();
        let near = bits & 0x807F_FFFF | rng.random_range(120..135) << 23;
        f32::from_bits(match rng.random_range(0..8) {
            0 => near & 0xFFFF_F000,
            1 => near | 0x7F_FF00,
            2 => bits & 0x80FF_FFFF,
            3 => bits | 0x7F00_0000,
            4 | 5 => near,
            _ => bits,
        })
    }

    #[test]
    fn sums_and_products_are_the_machines() {
        for seed in 0..4 {
            let mut rng = SmallRng::seed_from_u64(seed);
            for _ in 0..500_000 {
                let (a, b) = (operand(&mut rng), operand(&mut rng));
                let (x, y) = (flush(a), flush(b));
                let (p, q) = (a.to_bits(), b.to_bits());
                assert!(agrees(multiply(p, q, E8M23), x * y), "{p:#x} * {q:#x}, seed {seed}");
                assert!(agrees(add(p, q, false), x + y), "{p:#x} + {q:#x}, seed {seed}");
                let order = x.partial_cmp(&y);
                assert_eq!(compare(p, q), relation(order), "{p:#x} ? {q:#x}");
                assert_eq!(order.is_none(), a.is_nan() || b.is_nan());
            }
        }
    }

    #[test]
    fn narrower_products_are_rounded_once() {
        let mut rng = SmallRng::seed_from_u64(0);
        for _ in 0..300_000 {
            let (a, b) = (operand(&mut rng).to_bits(), operand(&mut rng).to_bits() & !0x7F);
            let exact = f64::from(flush(f32::from_bits(a))) * f64::from(flush(f32::from_bits(b)));
            let got = multiply(a, b, E8M16);
            assert!(exact.is_nan() || got & 0x7F == 0);
            // In f64 the product is exact; cut to 16 fraction bits by integer arithmetic on its encoding.
            if exact.abs() > 2e-38 && exact.abs() < 3e38 {
                let bits = exact.to_bits();
                let rounded = bits + ((1u64 << 35) - 1) + (bits >> 36 & 1);
                let wanted = f64::from_bits(rounded >> 36 << 36) as f32;
                assert_eq!(got, wanted.to_bits(), "{a:#x} * {b:#x}");
            }
        }
    }

    #[test]
    fn odd_sums_narrow_as_exact_sums() {
        for seed in 0..2 {
            let mut rng = SmallRng::seed_from_u64(seed);
            for _ in 0..500_000 {
                let exponent = |rng: &mut SmallRng| rng.random_range(100..140u32) << 23;
                let a = rng.random::<u32>() & 0x807F_FFFF | exponent(&mut rng);
                let b = widen(rng.random());
                let (x, y) = (f32::from_bits(a), f32::from_bits(b));
                let got = narrow(add(a, b, true));
                if y.is_finite() {
                    // The exact sum spans less than 53 bits here.
                    let wanted = from_f64(Format::Fp16, f64::from(x) + f64::from(y)) as u16;
                    let zero = got & 0x7FFF == 0 && wanted & 0x7FFF == 0;
                    assert!(got == wanted || zero, "{a:#x} + {b:#x}: {got:#x} {wanted:#x}");
                }
            }
        }
    }

    #[test]
    fn conversions_are_halfs() {
        for bits in 0..=u16::MAX {
            let x = f16::from_bits(bits);
            if x.is_nan() {
                assert_eq!((widen(bits), narrow(widen(bits))), (NAN, 0x7E00));
            } else {
                assert_eq!((widen(bits), narrow(widen(bits))), (x.to_f32().to_bits(), bits));
                assert_eq!(widen(bits) & 0x1FFF, 0);
            }
        }
        let mut rng = SmallRng::seed_from_u64(0);
        for _ in 0..1_000_000 {
            let near = rng.random::<u32>() & 0x80FF_FFFF | rng.random_range(0x30..0x48) << 24;
            for bits in [near, rng.random()] {
                let x = f32::from_bits(bits);
                let wanted = if x.is_nan() { 0x7E00 } else { f16::from_f32(x).to_bits() };
                assert_eq!(narrow(bits), wanted, "{bits:#x}");
            }
        }
    }

    #[test]
    fn edges() {
        let bits = f32::to_bits;
        assert_eq!(add(bits(1.0), bits(-1.0), false), 0);
        assert_eq!(add(SIGN, SIGN, false), SIGN);
        assert_eq!(add(SIGN, 0, true), 0);
        assert_eq!(add(SIGN, bits(-3.5), false), bits(-3.5));
        assert_eq!(add(1, 1, false), 0, "subnormals are zeros");
        assert_eq!(add(SIGN | 1, SIGN, false), SIGN);
        assert_eq!(add(INFINITY, SIGN | INFINITY, false), NAN);
        // 1 + 2^-100, rounded to odd, has its last bit set; 1 - 2^-100 is the value below 1.
        assert_eq!(add(bits(1.0), bits(2f32.powi(-100)), true), bits(1.0) + 1);
        assert_eq!(add(bits(1.0), bits(-2f32.powi(-100)), true), bits(1.0) - 1);
        assert_eq!(add(bits(1.0), bits(-2f32.powi(-100)), false), bits(1.0));
        assert_eq!(add(bits(f32::MAX), bits(f32::MAX), true), INFINITY);
        assert_eq!(multiply(INFINITY, SIGN, E8M23), NAN);
        assert_eq!(multiply(INFINITY, 1, E8M23), NAN, "a subnormal is a zero");
        assert_eq!(multiply(SIGN | INFINITY, bits(2.0), E8M16), SIGN | INFINITY);
        // (2 - 2^-23) * 2^-127 rounds to 2^-126 where the quantum is 2^-149; here it is 2^-150.
        assert_eq!(multiply(bits(2.0) - 1, bits(2f32.powi(-126)), E8M23), 0x00FF_FFFF);
        assert_eq!(multiply(bits(1.0) - 1, bits(2f32.powi(-126)), E8M23), 0);
        assert_eq!(multiply(bits(1.0) - 1, bits(2f32.powi(-126)), E8M16), 0x0080_0000);
        assert_eq!(compare(SIGN, 0), Relation { equal: true, ..Default::default() });
        assert_eq!(compare16(0x8001, 0), Relation { less: true, ..Default::default() });
        assert_eq!(compare16(0x7E00, 0), Relation { unordered: true, ..Default::default() });
        assert_eq!((add16(0x3C00, 0x0001), multiply16(0x0001, 0x4000)), (0x3C00, 0x0002));
    }
}
