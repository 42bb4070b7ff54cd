//! The exact backend against the reference of the PE array, bit for bit.

use half::f16;
use proptest::prelude::*;
use rand::{rngs::StdRng, Rng, SeedableRng};
use skipopu_forward::exact::fast;
use skipopu_forward::{
    Arithmetic, Engine, Exact, ForwardError, KvCache, Network, Rows, Session, Skipping,
};
use skipopu_model::{synthetic, Matrix, Placement, Quantised, Tensor};
use skipopu_reference::pe::{self, AlignedWidths, Format, Variant};

const WIDTHS: AlignedWidths = AlignedWidths { a: 17, b: 17, int4: 14 };
const VARIANTS: [Variant; 4] = [
    Variant::Aligned(WIDTHS),
    Variant::Bits22,
    Variant::Bits15,
    Variant::Aligned(AlignedWidths { a: 12, b: 20, int4: 17 }),
];

/// Any encoding; Inf and NaN now and then.
fn value() -> impl Strategy<Value = u16> {
    prop_oneof![
        20 => (any::<bool>(), 0u16..31, 0u16..1024).prop_map(|(s, e, f)| u16::from(s) << 15 | e << 10 | f),
        4 => prop_oneof![Just(0), Just(0x8000), Just(1), Just(0x7BFF)],
        1 => prop_oneof![Just(0x7C00), Just(0xFC00), Just(0x7E01)],
    ]
}

fn vectors() -> impl Strategy<Value = (Vec<u16>, Vec<u16>, Vec<i8>)> {
    (1usize..=128).prop_flat_map(|n| {
        let many = || prop::collection::vec(value(), n);
        (many(), many(), prop::collection::vec(-8i8..=7, n))
    })
}

fn config() -> ProptestConfig {
    let seed = proptest::test_runner::RngSeed::Fixed(0);
    println!("seed {seed:?}");
    ProptestConfig {
        failure_persistence: None,
        cases: 3000,
        rng_seed: seed,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn integers_equal_the_reference((a, b, w) in vectors(), wa in 11u32..=17, wb in 11u32..=20, wi in 11u32..=15) {
        let widths = AlignedWidths { a: wa, b: wb, int4: wi };
        let expected = pe::dot_fp16(Variant::Aligned(widths), &a, &b, Format::Fp32).unwrap();
        prop_assert_eq!(fast::dot_fp16(widths, &a, &b).to_bits(), expected);
        let expected = pe::dot_int4(Variant::Aligned(widths), &a, &w, Format::Fp32).unwrap();
        let mut x = vec![0i16; a.len()];
        let unit = fast::align(&a, wi, &mut x);
        let mut sum = [0];
        fast::slice_sums(&x, &w, a.len(), &mut sum);
        prop_assert_eq!(fast::scale(sum[0].into(), unit).to_bits(), expected);
    }
}

/// FP16 values, some far from the others.
fn activations(rng: &mut StdRng, n: usize) -> Vec<f32> {
    let mut one = || {
        let outlier = if rng.random_ratio(1, 20) { 30.0 } else { 1.0 };
        f16::from_f32(outlier * rng.random_range(-2.0..2.0f32)).to_f32()
    };
    (0..n).map(|_| one()).collect()
}

fn bits(values: &[f32]) -> Vec<u16> {
    values.iter().map(|v| f16::from_f32(*v).to_bits()).collect()
}

fn matrix(rng: &mut StdRng, rows: usize, cols: usize, group: usize) -> Quantised {
    let groups = if group == 0 { 1 } else { cols.div_ceil(group) };
    let codes: Vec<i8> = (0..rows * cols).map(|_| rng.random_range(-8..=7)).collect();
    let scales: Vec<f32> = (0..rows * groups).map(|_| rng.random_range(0.01..0.1)).collect();
    Quantised::pack(4, cols, group, &codes, &scales)
}

/// The definition in `docs/model.md`: slices, groups, scales, each step rounded to FP32.
fn defined(variant: Variant, lanes: usize, q: &Quantised, row: usize, x: &[u16]) -> f32 {
    let group = if q.group() == 0 { q.cols() } else { q.group() };
    let (codes, scales) = (q.row_codes(row), q.scales().row(row));
    let mut y = None;
    for (g, (x, w)) in x.chunks(group).zip(codes.chunks(group)).enumerate() {
        for (x, w) in x.chunks(lanes).zip(w.chunks(lanes)) {
            let column = f32::from_bits(pe::dot_int4(variant, x, w, Format::Fp32).unwrap());
            let term = scales[g] * column;
            y = Some(y.map_or(term, |y: f32| y + term));
        }
    }
    y.unwrap()
}

#[test]
fn projections_follow_the_definition_in_every_variant() {
    println!("seed 0");
    let mut rng = StdRng::seed_from_u64(0);
    let mut compared = 0;
    for variant in VARIANTS {
        for (cols, group, lanes) in
            [(288, 64, 64), (288, 128, 64), (72, 0, 64), (160, 64, 32), (1, 0, 64)]
        {
            let q = matrix(&mut rng, 37, cols, group);
            let exact = Exact::new(variant, lanes).unwrap();
            let w = exact.prepare("w", &Matrix::Quantised(q.clone())).unwrap();
            let mut x = Rows::zeros(3, cols);
            x.values_mut().copy_from_slice(&activations(&mut rng, 3 * cols));
            let y = exact.project(&w, &x);
            for t in 0..3 {
                for r in 0..37 {
                    let expected = defined(variant, lanes, &q, r, &bits(x.row(t)));
                    assert_eq!(
                        y.row(t)[r].to_bits(),
                        expected.to_bits(),
                        "{variant:?} {cols} {group}"
                    );
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 4 * 5 * 3 * 37);
}

#[test]
fn many_outputs_take_the_threaded_path_and_give_the_same() {
    let mut rng = StdRng::seed_from_u64(1);
    let q = matrix(&mut rng, 1000, 288, 64);
    let exact = Exact::new(VARIANTS[0], 64).unwrap();
    let w = exact.prepare("w", &Matrix::Quantised(q.clone())).unwrap();
    for tokens in [1, 3] {
        let mut x = Rows::zeros(tokens, 288);
        x.values_mut().copy_from_slice(&activations(&mut rng, tokens * 288));
        let y = exact.project(&w, &x);
        for (i, y) in y.values().iter().enumerate() {
            let expected = defined(VARIANTS[0], 64, &q, i % 1000, &bits(x.row(i / 1000)));
            assert_eq!(y.to_bits(), expected.to_bits());
        }
    }
}

#[test]
fn attention_follows_the_definition_in_every_variant() {
    println!("seed 0");
    let mut rng = StdRng::seed_from_u64(0);
    let mut compared = 0;
    for (variant, head, lanes) in [
        (VARIANTS[0], 48, 64),
        (VARIANTS[0], 128, 64),
        (VARIANTS[1], 48, 64),
        (VARIANTS[2], 80, 32),
        (VARIANTS[3], 64, 64),
    ] {
        let exact = Exact::new(variant, lanes).unwrap();
        let tokens = 100;
        let mut kv = KvCache::new(1, head);
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for _ in 0..tokens {
            let (k, v) = (bits(&activations(&mut rng, head)), bits(&activations(&mut rng, head)));
            kv.push(0, k.iter().copied(), v.iter().copied());
            keys.push(k);
            values.push(v);
        }
        let view = kv.view(0, 0, head);
        let sliced = |a: &[u16], b: &[u16]| {
            let slices = a.chunks(lanes).zip(b.chunks(lanes));
            let column = |(a, b): (&[u16], &[u16])| {
                f32::from_bits(pe::dot_fp16(variant, a, b, Format::Fp32).unwrap())
            };
            slices.map(column).reduce(|a, b| a + b).unwrap()
        };
        let query = activations(&mut rng, head);
        let mut scores = vec![0.0; tokens];
        exact.scores(&query, &view, &mut scores);
        for (score, key) in scores.iter().zip(&keys) {
            assert_eq!(score.to_bits(), sliced(&bits(&query), key).to_bits(), "{variant:?}");
            compared += 1;
        }
        let p: Vec<f32> = activations(&mut rng, tokens).iter().map(|p| p.abs()).collect();
        let mut out = vec![0.0; head];
        exact.mix(&p, &view, &mut out);
        for (d, out) in out.iter().enumerate() {
            let column: Vec<u16> = values.iter().map(|v| v[d]).collect();
            assert_eq!(out.to_bits(), sliced(&bits(&p), &column).to_bits(), "{variant:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 5 * 100 + 48 + 128 + 48 + 80 + 64);
}

#[test]
fn a_whole_model_gives_the_same_bits_in_pieces_and_close_to_f32() {
    let mut model = synthetic::model(synthetic::spec(), 4, false);
    model.routers = Some(synthetic::routers(&model.spec, 4, Placement::OwnInput));
    let quantise = |m: &Matrix| {
        let (rows, cols) = m.shape();
        let values = m.to_f32();
        let largest = values.iter().fold(0f32, |m, v| m.max(v.abs()));
        let scale = f16::from_f32(largest / 7.0).to_f32();
        let codes: Vec<i8> =
            values.iter().map(|v| (v / scale).round().clamp(-8.0, 7.0) as i8).collect();
        Matrix::Quantised(Quantised::pack(4, cols, 0, &codes, &vec![scale; rows]))
    };
    for layer in &mut model.layers {
        layer.projections = layer.projections.each_ref().map(quantise);
    }
    model.classifier = model.classifier.as_ref().map(quantise);
    let text: Vec<u32> = (0..40).map(|i| i * 37 % 300).collect();
    for skipping in [Skipping::Dense, Skipping::Partial, Skipping::KvReuse] {
        let exact = || {
            let arithmetic = Exact::new(VARIANTS[0], 64).unwrap();
            Session::new(Network::new(arithmetic, &model, skipping).unwrap())
        };
        let mut whole = exact();
        let logits = whole.all(&text, 0).unwrap();
        let mut stepwise = exact();
        for (t, token) in text.iter().enumerate() {
            assert_eq!(stepwise.next(&[*token]).unwrap(), logits.row(t), "{skipping:?} token {t}");
        }
        if skipping == Skipping::Dense {
            let mut f32s =
                Session::new(Network::new(skipopu_forward::F32, &model, skipping).unwrap());
            let expected = f32s.all(&text, 0).unwrap();
            let pairs = logits.values().iter().zip(expected.values());
            let (error, size) =
                pairs.fold((0.0, 0.0), |(e, s), (a, b)| (e + (a - b).abs(), s + b.abs()));
            assert!(error > 0.0 && error / size < 0.01, "{error} of {size}");
        }
    }
}

#[test]
fn what_the_array_cannot_multiply_is_refused() {
    let exact = Exact::new(VARIANTS[0], 64).unwrap();
    let refused = |m: Matrix| exact.prepare("w", &m).err().unwrap().to_string();
    assert!(refused(Matrix::Dense(Tensor::from_f32(1, 2, &[0.0; 2]))).contains("skipopu quantise"));
    assert!(refused(Matrix::Quantised(Quantised::pack(8, 2, 0, &[100, 1], &[1.0])))
        .contains("INT8/channel"));
    assert!(refused(Matrix::Quantised(Quantised::pack(4, 64, 32, &[1; 64], &[1.0; 2])))
        .contains("multiple"));
    assert!(matches!(Exact::new(VARIANTS[0], 129), Err(ForwardError::Pe(_))));
    let wide = Variant::Aligned(AlignedWidths { a: 17, b: 26, int4: 14 });
    assert!(Exact::new(wide, 128).is_err());
}
