//! Named cases: one line of `docs/numerics.md` each.

use skipopu_reference::pe::mac::{chain_fp16, Subnormals};
use skipopu_reference::pe::{
    align_block, dot_fp16, dot_int4, AlignedWidths, Format, PeError, Variant,
};
use Format::{Fp16, Fp32};

const ONE: u16 = 0x3C00;
const INF: u16 = 0x7C00;
const NAN: u16 = 0x7E01;
const MAX: u16 = 0x7BFF;
const LEAST: u16 = 0x0001;
const NEGATIVE: u16 = 0x8000;

const ALIGNED: Variant = Variant::Aligned(AlignedWidths { a: 17, b: 17, int4: 14 });
const ALL: [Variant; 4] = [Variant::Bits22, Variant::Bits15, Variant::Dsp15, ALIGNED];
const BY_PRODUCT: [Variant; 3] = [Variant::Bits22, Variant::Bits15, Variant::Dsp15];

fn fp16(variant: Variant, a: &[u16], b: &[u16]) -> u32 {
    dot_fp16(variant, a, b, Fp16).expect("legal operands")
}

fn fp32(variant: Variant, a: &[u16], b: &[u16]) -> f32 {
    f32::from_bits(dot_fp16(variant, a, b, Fp32).expect("legal operands"))
}

fn int4(variant: Variant, acts: &[u16], weights: &[i8]) -> f32 {
    f32::from_bits(dot_int4(variant, acts, weights, Fp32).expect("legal operands"))
}

#[test]
fn a_zero_sum_is_plus_zero() {
    for variant in ALL {
        assert_eq!(fp16(variant, &[], &[]), 0, "no lane");
        assert_eq!(fp16(variant, &[0; 64], &[0; 64]), 0, "all lanes masked");
        assert_eq!(fp16(variant, &[NEGATIVE; 64], &[ONE; 64]), 0, "all products -0");
        assert_eq!(fp16(variant, &[ONE, ONE], &[ONE, ONE | NEGATIVE]), 0, "cancellation");
        assert_eq!(fp16(variant, &[MAX, MAX | NEGATIVE], &[MAX, MAX]), 0, "of the largest");
        assert_eq!(dot_int4(variant, &[MAX; 64], &[0; 64], Fp16), Ok(0), "weights 0");
    }
}

#[test]
fn one_lane_is_the_correctly_rounded_product() {
    for variant in [Variant::Bits22, ALIGNED] {
        for (a, b, product) in
            [(0x3C01, 0x3C01, 0x3C02), (0xBFFF, 0x3FFF, 0xC3FE), (LEAST, ONE, LEAST)]
        {
            for lane in [0, 1, 31, 63] {
                let (mut x, mut y) = ([0; 64], [0; 64]);
                (x[lane], y[lane]) = (a, b);
                assert_eq!(fp16(variant, &x, &y), u32::from(product), "{variant:?} lane {lane}");
            }
        }
    }
}

#[test]
fn subnormals_are_exact_in_and_out() {
    let least = (-24f32).exp2();
    for variant in ALL {
        assert_eq!(fp16(variant, &[LEAST, LEAST], &[ONE, ONE]), 2);
        assert_eq!(fp16(variant, &[LEAST, LEAST | NEGATIVE], &[ONE, 0x4000]), 0x8001);
        // A subnormal keeps the exponent of the least normals, so the unit of 15 bits is 2^-41 here.
        let tiny =
            if matches!(variant, Variant::Bits15 | Variant::Dsp15) { 0.0 } else { least * least };
        assert_eq!(fp32(variant, &[LEAST], &[LEAST]), tiny);
        assert_eq!(fp16(variant, &[LEAST], &[0x3800]), 0, "half the least subnormal ties to zero");
        assert_eq!(fp16(variant, &[LEAST | NEGATIVE], &[0x3800]), 0x8000, "and keeps its sign");
        assert_eq!(fp16(variant, &[0x03FF, LEAST], &[ONE, ONE]), 0x0400, "into the normals");
        assert_eq!(int4(variant, &[LEAST, 0x03FF], &[-8, 1]), (1023.0 - 8.0) * least);
    }
}

#[test]
fn a_zero_product_does_not_raise_the_exponent() {
    // Were 0 * MAX counted, its unit of 2^-12 would swallow the other product of `bits15`.
    for variant in BY_PRODUCT {
        assert_eq!(fp32(variant, &[LEAST, 0], &[ONE, MAX]), (-24f32).exp2());
        assert_eq!(int4(variant, &[LEAST, MAX], &[1, 0]), (-24f32).exp2());
    }
    // Aligned operands: a zero does not raise its own block's exponent, MAX does raise that of its.
    assert_eq!(fp32(ALIGNED, &[LEAST, 0], &[LEAST, 0]), (-48f32).exp2());
    assert_eq!(fp32(ALIGNED, &[LEAST, 0], &[LEAST, MAX]), 0.0);
    assert_eq!(align_block(&[0, NEGATIVE, LEAST], 17).exponent, 1);
}

#[test]
fn overflow_gives_infinity_and_only_in_fp16() {
    for variant in ALL {
        assert_eq!(fp16(variant, &[MAX; 64], &[MAX; 64]), 0x7C00);
        assert_eq!(fp16(variant, &[MAX; 64], &[MAX | NEGATIVE; 64]), 0xFC00);
        assert_eq!(
            fp16(variant, &[MAX, 0x4C00], &[ONE, ONE]),
            0x7C00,
            "65504 + 16 ties up to 65536"
        );
        assert_eq!(
            fp16(variant, &[MAX, MAX | NEGATIVE, ONE], &[MAX, MAX, 0]),
            0,
            "nothing overflows inside"
        );
        assert!(fp32(variant, &[MAX; 128], &[MAX; 128]).is_finite());
        assert_eq!(int4(variant, &[MAX; 128], &[-8; 128]), -65504.0 * 1024.0);
    }
}

#[test]
fn infinities_and_nans_by_product() {
    let (plus, minus, nan) = (0x7C00, 0xFC00, 0x7E00);
    for variant in BY_PRODUCT {
        assert_eq!(fp16(variant, &[INF, MAX], &[LEAST, MAX | NEGATIVE]), plus);
        assert_eq!(fp16(variant, &[INF], &[LEAST | NEGATIVE]), minus);
        assert_eq!(fp16(variant, &[INF | NEGATIVE], &[INF]), minus);
        assert_eq!(fp16(variant, &[INF], &[NEGATIVE]), nan, "Inf * 0");
        assert_eq!(fp16(variant, &[INF, INF | NEGATIVE], &[ONE, ONE]), nan, "Inf - Inf");
        assert_eq!(fp16(variant, &[0, NAN | NEGATIVE], &[ONE, 0]), nan, "NaN * 0, canonical");
        assert_eq!(dot_fp16(variant, &[NAN], &[ONE], Fp32), Ok(0x7FC0_0000));
        assert_eq!(dot_fp16(variant, &[INF], &[ONE | NEGATIVE], Fp32), Ok(0xFF80_0000));
        assert_eq!(dot_int4(variant, &[INF, ONE], &[-1, 7], Fp16), Ok(minus));
        assert_eq!(dot_int4(variant, &[INF, ONE], &[0, 7], Fp16), Ok(nan));
    }
}

#[test]
fn aligned_blocks_with_infinities_or_nans_give_nan() {
    for special in [INF, INF | NEGATIVE, NAN] {
        assert_eq!(fp16(ALIGNED, &[special, ONE], &[ONE, ONE]), 0x7E00);
        assert_eq!(fp16(ALIGNED, &[ONE, ONE], &[ONE, special]), 0x7E00);
        assert_eq!(dot_int4(ALIGNED, &[ONE, special], &[1, 0], Fp32), Ok(0x7FC0_0000));
        assert!(align_block(&[ONE, special], 17).nonfinite);
    }
}

#[test]
fn the_cut_to_fifteen_bits_rounds_half_away() {
    // Products 1 + k * 2^-10: 22-bit product 2^20 + k * 2^10; the second lane's unit is at distance
    // 3, so its product 2^20 + 2^9 leaves the half bit exactly.
    let half = |bits: u16| -> f32 { fp32(Variant::Bits15, &[0x4000, bits], &[0x4000, ONE]) };
    let unit = (-11f32).exp2();
    // 4 has exponent 32, so units of 2^(32 - 43) = 2^-11; 0x3401 = 2^-2 + 2^-12 is half a unit over.
    assert_eq!(half(0x3401), 4.25 + unit);
    assert_eq!(half(0xB401), 3.75 - unit);
    assert_eq!(half(0x3402), 4.25 + unit);
    assert_eq!(half(0x3403), 4.25 + 2.0 * unit);
}

#[test]
fn blocks_by_hand() {
    // 2 (exponent 16), then values at distance 6 (exact), 7 (one bit out: ties), 18 and 19.
    let block = align_block(&[0x4000, 0x2801, 0x2401, 0xA401, 0x0001, 0x83FF], 17);
    assert_eq!((block.exponent, block.unit_exponent()), (16, -15));
    assert_eq!(block.integers, vec![1 << 16, 1025, 513, -513, 0, -2]);
    let wide = align_block(&[MAX, LEAST], 26);
    assert_eq!(wide.integers, vec![2047 << 15, 0], "2^-24 is 2^-14 units, below one half");
    assert_eq!(align_block(&[0; 3], 11).exponent, 0);
}

#[test]
fn int4_integers_are_exact_at_one_exponent() {
    let acts: Vec<u16> = (0..64).map(|i| ONE + i * 16).collect();
    let weights: Vec<i8> = (0..64).map(|i| (i % 16) as i8 - 8).collect();
    let exact: f32 = (0..64).map(|i| (1024 + i * 16) as f32 / 1024.0 * ((i % 16) - 8) as f32).sum();
    for variant in ALL {
        assert_eq!(int4(variant, &acts, &weights), exact);
    }
}

#[test]
fn the_mac_chain_rounds_at_every_step() {
    // 2048 + 1 ties back to 2048 each time; block floating point keeps all of them.
    let (mut a, b) = ([ONE; 64], [ONE; 64]);
    a[0] = 0x6800;
    assert_eq!(chain_fp16(&a, &b, Subnormals::Keep), 0x6800);
    assert_eq!(fp16(Variant::Bits22, &a, &b), 0x6820, "2111 ties to even, 2112");
}

#[test]
fn refusals_name_the_thing_and_the_remedy() {
    let text = |result: Result<u32, PeError>| result.expect_err("refused").to_string();
    assert_eq!(
        text(dot_fp16(ALIGNED, &[0; 3], &[0; 4], Fp16)),
        "the operands have 3 and 4 lanes: give both the same number, with zeros in absent lanes"
    );
    assert_eq!(
        text(dot_fp16(Variant::Bits15, &[0; 129], &[0; 129], Fp16)),
        "129 lanes do not fit one column: give at most 128 and add the results of several"
    );
    assert_eq!(
        text(dot_int4(Variant::Bits15, &[0; 2], &[0, 8], Fp16)),
        "weight 8 in lane 1 is not an INT4 value: use -8 to 7"
    );
    let widths = |a, b, int4| Variant::Aligned(AlignedWidths { a, b, int4 });
    assert_eq!(
        text(dot_fp16(widths(18, 17, 14), &[0], &[0], Fp16)),
        "aligned width a = 18 is out of range: use 11 to 17 bits"
    );
    assert_eq!(
        text(dot_int4(widths(17, 17, 10), &[0], &[0], Fp16)),
        "aligned width int4 = 10 is out of range: use 11 to 17 bits"
    );
    assert_eq!(
        text(dot_fp16(widths(17, 25, 14), &[0; 64], &[0; 64], Fp16)),
        "aligned widths 17 and 25 over 64 lanes need 49 bits and the DSP sums in 48: narrow one of them"
    );
    assert!(dot_fp16(widths(17, 24, 14), &[0; 64], &[0; 64], Fp16).is_ok());
}
