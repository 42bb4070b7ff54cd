//! The row functions against f64, and their laws.

use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_reference::npe::float::{narrow, widen};
use skipopu_reference::npe::{
    linear, linear16, residual, rope_row, scale, swiglu, RmsNorm, RowSum, Softmax, Turn,
};
use skipopu_reference::pe::round::from_f64;
use skipopu_reference::pe::Format;

const WAYS: [usize; 3] = [4, 16, 64];

fn half(x: u16) -> f64 {
    Format::Fp16.decode(x.into())
}

fn single(x: u32) -> f64 {
    f32::from_bits(x).into()
}

fn normal(rng: &mut SmallRng) -> f32 {
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}

/// Softmax in f64: largest absolute error and deviation of the row's sum from 1.
fn softmax_errors(scores: &[f32], scale: f64, row: &[u16]) -> (f64, f64) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> =
        scores.iter().map(|s| ((f64::from(*s) - f64::from(largest)) * scale).exp()).collect();
    let total: f64 = powers.iter().sum();
    let error = powers.iter().zip(row).map(|(p, r)| (p / total - half(*r)).abs());
    let sum: f64 = row.iter().map(|r| half(*r)).sum();
    (error.fold(0.0, f64::max), (sum - 1.0).abs())
}

fn check_softmax(scores: &[f32], scale: f64, ways: usize) {
    let bits: Vec<u32> = scores.iter().map(|s| s.to_bits()).collect();
    let row = Softmax::new(ways, scale).row(&bits, bits.len());
    let (error, sum) = softmax_errors(scores, scale, &row);
    assert!(error <= 5e-4 && sum <= 1e-3, "{} scores: {error}, sum off by {sum}", scores.len());
}

#[test]
fn softmax_is_near_f64_for_every_length() {
    let mut rng = SmallRng::seed_from_u64(0);
    for length in (1..130).chain([255, 256, 1000, 2047, 4096]) {
        for spread in [0.1, 1.0, 4.0, 30.0] {
            let scores: Vec<f32> = (0..length).map(|_| normal(&mut rng) * spread * 8.0).collect();
            check_softmax(&scores, 0.125, WAYS[length % 3]);
        }
    }
}

#[test]
fn softmax_of_extreme_rows() {
    for ways in WAYS {
        for length in [1, 3, 64, 65, 4096] {
            let equal = |x: f32| vec![x; length];
            let with = |x: f32, at: usize, y: f32| {
                let mut row = equal(x);
                row[at % length] = y;
                row
            };
            let rows = [
                equal(0.0),
                equal(-1e4),
                equal(65504.0),
                with(-3.0, 7, 65504.0),
                with(65504.0, 2, -65504.0),
                with(f32::NEG_INFINITY, 63, -40.0),
                with(0.0, 1, 12.0),
                // Many small ones beside one large: their sum counts.
                with(-11.7, 0, 0.0),
            ];
            for row in rows {
                check_softmax(&row, 1.0, ways);
            }
        }
    }
}

#[test]
fn softmax_masks_and_refuses() {
    let softmax = Softmax::new(16, 1.0);
    let bits = |x: f32| x.to_bits();
    // Masked positions are exact zeros and contribute nothing, whatever stands there.
    let mut scores = vec![bits(1.0); 40];
    scores[20..].fill(bits(f32::NAN));
    let row = softmax.row(&scores, 20);
    assert!(
        row[..20].iter().all(|p| *p == narrow(bits(0.05))) && row[20..].iter().all(|p| *p == 0)
    );
    // Nothing to distribute: zeros.
    assert_eq!(softmax.row(&scores, 0), vec![0; 40]);
    assert_eq!(softmax.row(&[bits(f32::NEG_INFINITY); 5], 5), vec![0; 5]);
    // A NaN makes the row NaN.
    assert!(softmax.row(&scores, 21)[..21].iter().all(|p| *p == 0x7E00));
}

/// Largest relative error of an RMSNorm, among results that FP16 holds as normal numbers.
fn check_rmsnorm(row: &[u16], gain: &[u16], ways: usize, bound: f64) {
    let eps = 1e-5f32;
    let dim = row.len();
    let exact: f64 = row.iter().map(|x| half(*x).powi(2)).sum::<f64>() / dim as f64;
    let factor = (exact + f64::from(eps)).sqrt().recip();
    for (i, y) in RmsNorm::new(ways, dim, eps).row(row, gain).into_iter().enumerate() {
        let want = half(row[i]) * half(gain[i]) * factor;
        let error = (half(y) - want).abs() / want.abs().max(2f64.powi(-14));
        assert!(
            want.abs() > 65519.0 || error <= bound,
            "{dim} values, {i}: {y:#x}, {want}: {error}"
        );
    }
}

#[test]
fn rmsnorm_is_near_f64() {
    let mut rng = SmallRng::seed_from_u64(1);
    for dim in [64, 96, 288, 768, 4096, 8192] {
        for outlier in [1.0, 100.0, 3000.0] {
            let mut row: Vec<u16> = (0..dim).map(|_| narrow(normal(&mut rng).to_bits())).collect();
            row[dim / 3] = narrow((half(row[dim / 3]) as f32 * outlier).to_bits());
            let gain: Vec<u16> =
                (0..dim).map(|_| narrow((1.0 + 0.1 * normal(&mut rng)).to_bits())).collect();
            // Half a unit of FP16 and what the factor is off.
            check_rmsnorm(&row, &gain, WAYS[dim % 3], 5.5e-4);
        }
    }
}

#[test]
fn rmsnorm_of_extreme_rows() {
    let one = narrow(1f32.to_bits());
    let norm = RmsNorm::new(64, 128, 1e-5);
    assert_eq!(norm.row(&[0; 128], &[one; 128]), vec![0; 128]);
    assert_eq!(norm.row(&[0x8000; 128], &[one; 128]), vec![0x8000; 128], "-0 keeps its sign");
    check_rmsnorm(&[0x7BFF; 128], &[one; 128], 64, 5.5e-4);
    check_rmsnorm(&[0x0001; 128], &[one; 128], 64, 5.5e-4);
    let mut row = [one; 128];
    row[5] = 0x7C00;
    assert!(norm.row(&row, &[one; 128]).iter().all(|y| *y == 0x7E00));
}

#[test]
fn sums_do_not_depend_on_which_tile_is_largest_but_for_cut_bits() {
    let mut rng = SmallRng::seed_from_u64(2);
    for _ in 0..200 {
        let row: Vec<u16> = (0..300).map(|_| rng.random_range(0..0x7C00)).collect();
        let exact: f64 = row.iter().map(|x| half(*x).powi(2)).sum();
        let terms: Vec<_> = row.iter().map(|x| skipopu_reference::npe::term::square(*x)).collect();
        let sum = RowSum::of_row(&terms, 16);
        let value = sum.sum as f64 * f64::from(sum.exponent - 25).exp2();
        let unit = f64::from(sum.exponent - 25).exp2();
        assert!(value <= exact && exact - value <= 340.0 * unit, "{value} {exact}");
    }
}

#[test]
fn swiglu_is_near_f64() {
    let mut rng = SmallRng::seed_from_u64(3);
    let mut worst: f64 = 0.0;
    for _ in 0..200_000 {
        let (g, u) = (normal(&mut rng) * 4.0, normal(&mut rng));
        let (x, y) = (f64::from(g), f64::from(u));
        let want = x * y / (1.0 + (-x).exp());
        let got = half(swiglu(g.to_bits(), u.to_bits()));
        worst = worst.max((got - want).abs() / want.abs().max(2f64.powi(-14)));
    }
    println!("SwiGLU: largest relative error {worst:.2e}");
    assert!(worst < 5.8e-4, "{worst}");
    assert_eq!(swiglu(0, 1f32.to_bits()), 0);
    assert_eq!(swiglu((-65504f32).to_bits(), 65504f32.to_bits()), 0x8000);
    assert_eq!(swiglu(65504f32.to_bits(), 2f32.to_bits()), 0x7C00);
    assert_eq!(swiglu(f32::NAN.to_bits(), 0), 0x7E00);
}

#[test]
fn rope_is_near_f64() {
    let mut rng = SmallRng::seed_from_u64(4);
    let mut worst: f64 = 0.0;
    for _ in 0..2000 {
        let head: Vec<u32> = (0..32).map(|_| normal(&mut rng).to_bits()).collect();
        let angles: Vec<f64> = (0..16).map(|_| rng.random_range(0.0..4096.0)).collect();
        let turns: Vec<Turn> = angles.iter().map(|a| Turn::of(*a)).collect();
        let out = rope_row(&head, &turns);
        for (i, angle) in angles.iter().enumerate() {
            let (a, b) = (single(head[2 * i]), single(head[2 * i + 1]));
            let want = (a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin());
            let norm = a.hypot(b).max(1e-3);
            let error = (half(out[2 * i]) - want.0).hypot(half(out[2 * i + 1]) - want.1) / norm;
            worst = worst.max(error);
        }
    }
    println!("RoPE: largest error {worst:.2e} of a pair's length");
    assert!(worst < 8e-4, "{worst}");
    // Quarter turns are exact.
    let quarter = Turn { cos: 0, sin: 0x3C00 };
    let pair = [1.5f32.to_bits(), (-2.25f32).to_bits()];
    assert_eq!(rope_row(&pair, &[quarter]), [narrow(2.25f32.to_bits()), narrow(1.5f32.to_bits())]);
}

#[test]
fn scaling_and_residual_round_once() {
    let mut rng = SmallRng::seed_from_u64(5);
    for _ in 0..200_000 {
        let x = rng.random::<u32>() & 0x807F_FFFF | rng.random_range(107..147) << 23;
        let h = rng.random_range(0..0x7C00u16) | if rng.random() { 0x8000 } else { 0 };
        // The exact sum needs at most 24 + 40 bits; f64 rounds it to odd here by hand.
        let (a, b) = (single(x), half(h));
        let sum = a + b;
        let lost = if a.abs() > b.abs() { b - (sum - a) } else { a - (sum - b) };
        let mut bits = sum.to_bits();
        if lost != 0.0 && bits & 1 == 0 {
            bits = match (lost > 0.0) == (sum > 0.0) {
                true => bits + 1,
                false => bits - 1,
            };
        }
        let want = from_f64(Format::Fp16, f64::from_bits(bits)) as u16;
        assert_eq!(residual(x, h), want, "{x:#x} + {h:#x}");
        let factor = rng.random_range(0x400..0x7C00u16);
        assert_eq!(single(scale(x, factor)), f64::from((a * half(factor)) as f32));
        let fused = f64::from((a * half(factor)) as f32);
        assert_eq!(linear(x, widen(factor), 0x3F80_0000), ((fused as f32) + 1.0).to_bits());
        let wide = linear16(x, widen(factor), widen(h));
        let near = from_f64(Format::Fp16, fused + b) as u16;
        assert!(wide.abs_diff(near) <= 1);
    }
}
