//! Every variant and mode against a slow second implementation of `docs/numerics.md`.
//!
//! It shares no code with the library: values come from `half` as numbers, everything after is exact
//! integer division in i128, infinities and NaN come from the machine's own arithmetic.

use half::f16;
use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_reference::pe::{dot_fp16, dot_int4, AlignedWidths, Format, Variant};

const DOTS: usize = 100_000;

fn value(bits: u16) -> f64 {
    f16::from_bits(bits).to_f64()
}

/// A finite FP16 value or a weight in multiples of 2^-24.
fn fixed(x: f64) -> i128 {
    (x * 24f64.exp2()) as i128
}

/// Exponent of a nonzero value, not below that of the subnormals, plus 15.
fn exponent(x: f64) -> i32 {
    (fixed(x).unsigned_abs().ilog2() as i32 - 24).max(-14) + 15
}

/// `x * 2^from` in units of `2^to`, to nearest, ties away from zero.
fn requantise(x: i128, from: i32, to: i32) -> i128 {
    let (numerator, denominator) =
        if to < from { (x << (from - to), 1) } else { (x, 1i128 << (to - from)) };
    numerator.signum() * ((2 * numerator.abs() + denominator) / (2 * denominator))
}

/// `sum * 2^unit` in the format, to nearest even. `sum` has at most 53 bits, so f64 holds it.
fn encode(sum: i128, unit: i32, format: Format) -> u32 {
    assert!(sum.unsigned_abs() < 1 << 53);
    let x = sum as f64 * f64::from(unit).exp2();
    if format == Format::Fp32 {
        return (x as f32).to_bits();
    }
    let leading = if x == 0.0 { -14 } else { (x.abs().to_bits() >> 52) as i32 - 1023 };
    let step = f64::from(leading.max(-14) - 10).exp2();
    let rounded = (x / step).round_ties_even() * step;
    let bits = if rounded.abs() >= 65536.0 { f16::INFINITY } else { f16::from_f64(rounded.abs()) };
    u32::from(bits.to_bits()) | u32::from(x.is_sign_negative()) << 15
}

/// The machine's verdict on the non-finite products, if any.
fn special(products: &[f64], format: Format) -> Option<u32> {
    let sum: f64 = products.iter().filter(|p| !p.is_finite()).sum();
    let infinity = if format == Format::Fp16 { 0x7C00 } else { 0x7F80_0000 };
    let sign = if format == Format::Fp16 { 0x8000 } else { 0x8000_0000 };
    match sum {
        s if s.is_nan() => Some(if format == Format::Fp16 { 0x7E00 } else { 0x7FC0_0000 }),
        f64::INFINITY => Some(infinity),
        f64::NEG_INFINITY => Some(infinity | sign),
        _ => None,
    }
}

/// Aligned products: `kept` bits of a product as wide as 22, whose top has the weight
/// `2^(exponent + top)`.
fn slow_products(lanes: &[(f64, f64)], weights: bool, kept: i32, format: Format) -> u32 {
    let products: Vec<f64> = lanes.iter().map(|(a, b)| a * b).collect();
    if let Some(bits) = special(&products, format) {
        return bits;
    }
    let exact = |(a, b): &(f64, f64)| fixed(*a) * fixed(*b);
    let live = lanes.iter().filter(|l| exact(l) != 0);
    let Some(largest) =
        live.map(|(a, b)| exponent(*a) + if weights { 18 } else { exponent(*b) }).max()
    else {
        return 0;
    };
    let unit = largest - 50 + 22 - kept;
    let sum: i128 = lanes.iter().map(|l| requantise(exact(l), -48, unit)).sum();
    encode(sum, unit, format)
}

/// A vector as integers with the unit's exponent; `None` if it holds an Inf or NaN.
fn slow_block(values: &[f64], bits: i32) -> Option<(Vec<i128>, i32)> {
    if values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let largest = values.iter().filter(|v| **v != 0.0).map(|v| exponent(*v)).max().unwrap_or(1);
    let unit = largest - 14 - bits;
    Some((values.iter().map(|v| requantise(fixed(*v), -24, unit)).collect(), unit))
}

fn slow_aligned(lanes: &[(f64, f64)], weights: bool, widths: AlignedWidths, format: Format) -> u32 {
    let (a, b): (Vec<f64>, Vec<f64>) = lanes.iter().copied().unzip();
    let left = slow_block(&a, if weights { widths.int4 as i32 } else { widths.a as i32 });
    let right = if weights {
        Some((b.iter().map(|w| *w as i128).collect(), 0))
    } else {
        slow_block(&b, widths.b as i32)
    };
    let (Some((x, x_unit)), Some((y, y_unit))) = (left, right) else {
        return if format == Format::Fp16 { 0x7E00 } else { 0x7FC0_0000 };
    };
    encode(x.iter().zip(&y).map(|(x, y)| x * y).sum(), x_unit + y_unit, format)
}

fn slow(variant: Variant, lanes: &[(f64, f64)], weights: bool, format: Format) -> u32 {
    match variant {
        Variant::Bits22 => slow_products(lanes, weights, 22, format),
        Variant::Bits15 | Variant::Dsp15 => slow_products(lanes, weights, 15, format),
        Variant::Aligned(widths) => slow_aligned(lanes, weights, widths, format),
    }
}

const KINDS: usize = 9;

/// One vector of a kind: each stresses another path.
fn vector(rng: &mut SmallRng, kind: usize, lanes: usize) -> Vec<u16> {
    let centre: u16 = rng.random_range(0..31);
    let mut one = |_| -> u16 {
        let bits: u16 = rng.random();
        match kind {
            0 => {
                if bits & 0x7C00 == 0x7C00 {
                    bits ^ 0x4000
                } else {
                    bits
                }
            } // any finite value
            1 => bits & 0x83FF | (13 + (bits >> 10 & 3)) << 10, // near one
            2 => bits & 0x83FF,                                 // subnormals and zeros
            3 => bits & 0x8000 | 0x7BFF,                        // the largest, either sign
            4 => bits & 0x83FF | centre << 10,                  // equal exponents
            5 => [0, 0x8000, bits & 0xBFFF][usize::from(bits >> 7 & 3).min(2)], // many zeros
            6 => bits & 0x83FF | (centre / 2 + (bits >> 10 & 15)) << 10, // wide exponents
            7 => [bits & 0x83FF | 0x3800, 0x7C00, 0xFC00, 0x7C01, 0xFE00, 0, 0x8000, 1]
                [if rng.random_range(0..20) == 0 { rng.random_range(0..8) } else { 0 }], // specials
            _ => [bits & 0x87FF | 0x3000, 0x7C00][usize::from(rng.random_range(0..64) == 0)], // +Inf alone
        }
    };
    (0..lanes).map(&mut one).collect()
}

/// Makes lane pairs cancel, wholly or up to a last bit.
fn cancel(rng: &mut SmallRng, a: &mut [u16], b: &mut [u16]) {
    for i in (1..a.len()).step_by(2) {
        (a[i], b[i]) = (a[i - 1] ^ 0x8000, b[i - 1]);
        if rng.random_range(0..a.len()) == 0 && b[i] & 0x7C00 != 0x7C00 {
            b[i] ^= 1;
        }
    }
}

/// Counts of outcomes, so that a run that never saw one of them fails.
#[derive(Default, Debug)]
struct Seen {
    zero: usize,
    subnormal: usize,
    infinite: usize,
    nan: usize,
    normal: usize,
}

impl Seen {
    fn note(&mut self, fp16: u32) {
        let slot = match (fp16 >> 10 & 31, fp16 & 0x3FF) {
            (0, 0) => &mut self.zero,
            (0, _) => &mut self.subnormal,
            (31, 0) => &mut self.infinite,
            (31, _) => &mut self.nan,
            _ => &mut self.normal,
        };
        *slot += 1;
    }

    fn all(&self) -> bool {
        [self.zero, self.subnormal, self.infinite, self.nan, self.normal].iter().all(|n| *n > 100)
    }
}

fn check_fp16(variant: Variant) {
    let mut seen = Seen::default();
    for seed in 0..4 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        for dot in 0..DOTS / 4 {
            let lanes = if dot % 8 == 0 { rng.random_range(0..=128) } else { 64 };
            let (left, right) = (dot % KINDS, rng.random_range(0..KINDS));
            let (mut a, mut b) = (vector(&mut rng, left, lanes), vector(&mut rng, right, lanes));
            if rng.random_range(0..6) == 0 {
                cancel(&mut rng, &mut a, &mut b);
            }
            let pairs: Vec<(f64, f64)> =
                a.iter().zip(&b).map(|(a, b)| (value(*a), value(*b))).collect();
            for format in [Format::Fp16, Format::Fp32] {
                let got = dot_fp16(variant, &a, &b, format).expect("legal operands");
                assert_eq!(
                    got,
                    slow(variant, &pairs, false, format),
                    "{variant:?} seed {seed} dot {dot} {a:x?} {b:x?}"
                );
            }
            seen.note(dot_fp16(variant, &a, &b, Format::Fp16).expect("legal operands"));
        }
    }
    assert!(seen.all(), "{seen:?}");
}

fn check_int4(variant: Variant) {
    let mut seen = Seen::default();
    for seed in 0..4 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        for dot in 0..DOTS / 4 {
            let lanes = if dot % 8 == 0 { rng.random_range(0..=128) } else { 64 };
            let a = vector(&mut rng, dot % KINDS, lanes);
            let range = [-8..=7, -8..=-8, 0..=1, -7..=7][rng.random_range(0..4)].clone();
            let w: Vec<i8> = (0..lanes).map(|_| rng.random_range(range.clone())).collect();
            let pairs: Vec<(f64, f64)> =
                a.iter().zip(&w).map(|(a, w)| (value(*a), f64::from(*w))).collect();
            for format in [Format::Fp16, Format::Fp32] {
                let got = dot_int4(variant, &a, &w, format).expect("legal operands");
                assert_eq!(
                    got,
                    slow(variant, &pairs, true, format),
                    "{variant:?} seed {seed} dot {dot} {a:x?} {w:?}"
                );
            }
            seen.note(dot_int4(variant, &a, &w, Format::Fp16).expect("legal operands"));
        }
    }
    assert!(seen.all(), "{seen:?}");
}

#[test]
fn bits22() {
    check_fp16(Variant::Bits22);
    check_int4(Variant::Bits22);
}

#[test]
fn bits15() {
    check_fp16(Variant::Bits15);
    check_int4(Variant::Bits15);
}

#[test]
fn dsp15() {
    check_fp16(Variant::Dsp15);
    check_int4(Variant::Dsp15);
}

#[test]
fn aligned() {
    check_fp16(Variant::Aligned(AlignedWidths::default()));
    check_int4(Variant::Aligned(AlignedWidths::default()));
}

#[test]
fn aligned_narrow_and_uneven() {
    check_fp16(Variant::Aligned(AlignedWidths { a: 11, b: 11, int4: 11 }));
    check_fp16(Variant::Aligned(AlignedWidths { a: 17, b: 15, int4: 17 }));
    check_fp16(Variant::Aligned(AlignedWidths { a: 14, b: 26, int4: 17 }));
    check_int4(Variant::Aligned(AlignedWidths { a: 11, b: 11, int4: 11 }));
    check_int4(Variant::Aligned(AlignedWidths { a: 11, b: 11, int4: 17 }));
}
