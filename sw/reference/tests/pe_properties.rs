//! Laws that hold for every operand, not for samples only.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use skipopu_reference::pe::align::{align, Rounding};
use skipopu_reference::pe::fp16::Operand;
use skipopu_reference::pe::product::{self, Cut, BITS15, BITS22};
use skipopu_reference::pe::round::round;
use skipopu_reference::pe::{
    align_block, aligned, dot_fp16, dot_int4, oracle, AlignedWidths, Format, Variant,
};

const WIDE: AlignedWidths = AlignedWidths { a: 17, b: 17, int4: 14 };
const UNEVEN: AlignedWidths = AlignedWidths { a: 12, b: 15, int4: 17 };
const VARIANTS: [Variant; 5] = [
    Variant::Bits22,
    Variant::Bits15,
    Variant::Dsp15,
    Variant::Aligned(WIDE),
    Variant::Aligned(UNEVEN),
];
const FORMATS: [Format; 2] = [Format::Fp16, Format::Fp32];

/// 2,000 cases of each law, the same on every run; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` choose
/// others.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0);
    }
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 2000;
    }
    println!("seed {:?}", config.rng_seed);
    config
}

/// Any encoding, most of them finite.
fn any_value() -> impl Strategy<Value = u16> {
    prop_oneof![
        4 => 0u16..,
        8 => (any::<bool>(), 10u16..20, 0u16..1024).prop_map(|(s, e, f)| u16::from(s) << 15 | e << 10 | f),
        2 => prop_oneof![Just(0), Just(0x8000), Just(1), Just(0x7BFF), Just(0x7C00)],
    ]
}

fn finite_value() -> impl Strategy<Value = u16> {
    any_value().prop_map(|v| if v & 0x7C00 == 0x7C00 { v & 0xBFFF } else { v })
}

fn operands() -> impl Strategy<Value = (Vec<u16>, Vec<u16>, Vec<i8>)> {
    (0usize..=64).prop_flat_map(|n| (vec(any_value(), n), vec(any_value(), n), vec(-8i8..=7, n)))
}

fn finite_operands() -> impl Strategy<Value = (Vec<u16>, Vec<u16>, Vec<i8>)> {
    (0usize..=64)
        .prop_flat_map(|n| (vec(finite_value(), n), vec(finite_value(), n), vec(-8i8..=7, n)))
}

fn fp16(variant: Variant, a: &[u16], b: &[u16], format: Format) -> u32 {
    dot_fp16(variant, a, b, format).expect("legal operands")
}

fn int4(variant: Variant, a: &[u16], w: &[i8], format: Format) -> u32 {
    dot_int4(variant, a, w, format).expect("legal operands")
}

fn permuted<T: Copy>(x: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|i| x[*i]).collect()
}

/// What negating an operand makes of a result: the other sign, except that the one NaN has none and
/// that an exact zero is +0 either way. FP32 never underflows here, so its zeros are the exact ones.
fn negated(result: impl Fn(Format) -> u32, format: Format) -> u32 {
    let bits = result(format);
    if bits == format.nan() || result(Format::Fp32) == 0 {
        bits
    } else {
        bits ^ format.sign(true)
    }
}

/// Fine enough for half of a half of any unit of aligned operands.
const SCALE: i32 = 72;

/// `|S * 2^unit - exact| <= bound`, all as integers in units of 2^-SCALE.
fn within(sum: i64, unit: i32, exact: oracle::Exact, bound: i128) -> bool {
    let got = i128::from(sum) << (unit + SCALE);
    (got - (exact.integer << (exact.exponent + SCALE))).abs() <= bound
}

fn unpacked<'a>(
    a: &'a [u16],
    b: &'a [u16],
) -> impl Iterator<Item = (Operand, Operand)> + Clone + 'a {
    a.iter().zip(b).map(|(a, b)| (Operand::from_fp16(*a), Operand::from_fp16(*b)))
}

/// |value| of a finite encoding in units of 2^-24.
fn magnitude(bits: u16) -> i128 {
    oracle::dot_int4(&[bits & 0x7FFF], &[1]).expect("finite").integer
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_lanes_does_not_matter((a, b, w) in operands(), seed in any::<u64>()) {
        let mut order: Vec<usize> = (0..a.len()).collect();
        order.sort_by_key(|i| (*i as u64 + 1).wrapping_mul(seed | 1).rotate_left(29));
        let (pa, pb, pw) = (permuted(&a, &order), permuted(&b, &order), permuted(&w, &order));
        for variant in VARIANTS {
            for format in FORMATS {
                prop_assert_eq!(fp16(variant, &a, &b, format), fp16(variant, &pa, &pb, format));
                prop_assert_eq!(int4(variant, &a, &w, format), int4(variant, &pa, &pw, format));
            }
        }
    }

    #[test]
    fn operands_commute((a, b, _) in operands()) {
        for variant in [Variant::Bits22, Variant::Bits15, Variant::Dsp15, Variant::Aligned(WIDE)] {
            prop_assert_eq!(fp16(variant, &a, &b, Format::Fp32), fp16(variant, &b, &a, Format::Fp32));
        }
    }

    #[test]
    fn negating_an_operand_negates_the_result((a, b, w) in operands()) {
        let minus_a: Vec<u16> = a.iter().map(|a| a ^ 0x8000).collect();
        let minus_b: Vec<u16> = b.iter().map(|b| b ^ 0x8000).collect();
        let w: Vec<i8> = w.iter().map(|w| (*w).max(-7)).collect();
        let minus_w: Vec<i8> = w.iter().map(|w| -w).collect();
        for variant in VARIANTS {
            for format in FORMATS {
                let expected = negated(|f| fp16(variant, &a, &b, f), format);
                prop_assert_eq!(fp16(variant, &minus_a, &b, format), expected);
                prop_assert_eq!(fp16(variant, &a, &minus_b, format), expected);
                let expected = negated(|f| int4(variant, &a, &w, f), format);
                prop_assert_eq!(int4(variant, &minus_a, &w, format), expected);
                prop_assert_eq!(int4(variant, &a, &minus_w, format), expected);
            }
        }
    }

    #[test]
    fn dsp15_is_bits15((a, b, w) in operands()) {
        for format in FORMATS {
            prop_assert_eq!(fp16(Variant::Dsp15, &a, &b, format), fp16(Variant::Bits15, &a, &b, format));
            prop_assert_eq!(int4(Variant::Dsp15, &a, &w, format), int4(Variant::Bits15, &a, &w, format));
        }
    }

    #[test]
    fn absent_lanes_are_zero_lanes((a, b, w) in operands(), at in 0usize..=64) {
        let at = at.min(a.len());
        let (mut longer_a, mut longer_b, mut longer_w) = (a.clone(), b.clone(), w.clone());
        longer_a.splice(at..at, [0, 0x8000, 0]);
        longer_b.splice(at..at, [0, 0, 0x8000]);
        longer_w.splice(at..at, [0, 0, 0]);
        for variant in VARIANTS {
            prop_assert_eq!(fp16(variant, &a, &b, Format::Fp32), fp16(variant, &longer_a, &longer_b, Format::Fp32));
            prop_assert_eq!(int4(variant, &a, &w, Format::Fp32), int4(variant, &longer_a, &longer_w, Format::Fp32));
        }
    }

    #[test]
    fn non_finite_exactly_when_an_operand_is_or_fp16_overflows((a, b, w) in operands()) {
        let bad = |x: &[u16]| x.iter().any(|v| v & 0x7C00 == 0x7C00);
        for variant in VARIANTS {
            let finite = |bits| f32::from_bits(bits).is_finite();
            prop_assert_eq!(finite(fp16(variant, &a, &b, Format::Fp32)), !bad(&a) && !bad(&b));
            prop_assert_eq!(finite(int4(variant, &a, &w, Format::Fp32)), !bad(&a));
        }
    }

    #[test]
    fn products_err_by_half_a_unit_each((a, b, w) in finite_operands(), bits in 11u32..=24) {
        let nonzero = |lanes: &[(Operand, Operand)]| {
            lanes.iter().filter(|(x, y)| x.significand != 0 && y.significand != 0).count() as i128
        };
        let ints: Vec<_> = a.iter().zip(&w).map(|(a, w)| (Operand::from_fp16(*a), Operand::from_int4(*w))).collect();
        let floats: Vec<_> = unpacked(&a, &b).collect();
        for cut in [BITS22, BITS15, Cut { bits, rounding: Rounding::HalfAway }, Cut { bits, rounding: Rounding::HalfEven }] {
            for (lanes, exact) in [(&floats, oracle::dot_fp16(&a, &b)), (&ints, oracle::dot_int4(&a, &w))] {
                let sum = product::sum(cut, lanes.iter().copied());
                let bound = nonzero(lanes) << (sum.exponent + SCALE - 1);
                prop_assert!(within(sum.integer, sum.exponent, exact.expect("finite"), bound));
                // No lane exceeds the aligned largest product, so the adder tree's widths hold.
                let fraction = cut.bits.saturating_sub(22);
                let shift = 22 + fraction - cut.bits;
                let largest = align(false, (2047 * 2047) << fraction, shift, cut.rounding);
                prop_assert!(sum.integer.abs() <= nonzero(lanes) as i64 * largest);
            }
        }
    }

    #[test]
    fn aligned_operands_err_by_half_a_unit_each((a, b, w) in finite_operands()) {
        for widths in [WIDE, UNEVEN, AlignedWidths { a: 17, b: 24, int4: 13 }] {
            let sum = aligned::sum_fp16(widths, &a, &b).expect("legal widths");
            prop_assert!(sum.integer.unsigned_abs() < 1 << 47, "48-bit accumulator");
            let (x, y) = (align_block(&a, widths.a), align_block(&b, widths.b));
            // Half a unit of either operand times the other, and half a unit times half a unit.
            let (ux, uy) = (x.unit_exponent(), y.unit_exponent());
            let lane = |(a, b): (&u16, &u16)| {
                (magnitude(*b) << (ux + SCALE - 25)) + (magnitude(*a) << (uy + SCALE - 25)) + (1i128 << (ux + uy + SCALE - 2))
            };
            let bound: i128 = a.iter().zip(&b).map(lane).sum();
            let exact = oracle::dot_fp16(&a, &b).expect("finite");
            prop_assert!(within(sum.integer, sum.exponent, exact, bound));
            let sum = aligned::sum_int4(widths, &a, &w).expect("legal widths");
            let unit = align_block(&a, widths.int4).unit_exponent();
            let bound: i128 = w.iter().map(|w| i128::from(w.unsigned_abs()) << (unit + SCALE - 1)).sum();
            prop_assert!(within(sum.integer, sum.exponent, oracle::dot_int4(&a, &w).expect("finite"), bound));
        }
    }

    #[test]
    fn equal_exponents_give_the_correctly_rounded_result(
        lanes in vec((any::<bool>(), 0u16..1024, any::<bool>(), 0u16..1024, -8i8..=7), 0..=64),
        (left, right) in (0u16..31, 0u16..31),
    ) {
        let a: Vec<u16> = lanes.iter().map(|l| u16::from(l.0) << 15 | left << 10 | l.1).collect();
        let b: Vec<u16> = lanes.iter().map(|l| u16::from(l.2) << 15 | right << 10 | l.3).collect();
        let w: Vec<i8> = lanes.iter().map(|l| l.4).collect();
        let exact = oracle::dot_fp16(&a, &b).expect("finite");
        let exact_int4 = oracle::dot_int4(&a, &w).expect("finite");
        for format in FORMATS {
            for variant in [Variant::Bits22, Variant::Aligned(WIDE), Variant::Aligned(UNEVEN)] {
                prop_assert_eq!(fp16(variant, &a, &b, format), exact.round(format));
            }
            for variant in VARIANTS {
                prop_assert_eq!(int4(variant, &a, &w, format), exact_int4.round(format));
            }
            // Fifteen bits: the exact sum of products each rounded to a multiple of 128.
            let cut = |(x, y): (Operand, Operand)| {
                let p = (i64::from(x.significand) * i64::from(y.significand) + 64) >> 7;
                if x.negative == y.negative { p } else { -p }
            };
            let sum: i64 = unpacked(&a, &b).map(cut).sum();
            let unit = i32::from(left.max(1)) + i32::from(right.max(1)) - 43;
            let expected = round(format, sum < 0, u128::from(sum.unsigned_abs()), unit);
            prop_assert_eq!(fp16(Variant::Bits15, &a, &b, format), expected);
        }
    }
}
