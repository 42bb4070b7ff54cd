//! Quantisers on matrices and on a whole synthetic model.

use rand::{rngs::StdRng, Rng, SeedableRng};
use skipopu_forward::{Engine, Network, Rows, Session, Skipping, F32};
use skipopu_model::{synthetic, Matrix, Model, Quantised};
use skipopu_quant::{calibration, gptq, quantise, rtn, Fisher, Hessian, Method, QuantError};

/// Inputs that depend on each other, as activations do.
fn inputs(rng: &mut StdRng, count: usize, cols: usize) -> Rows {
    let mixing: Vec<f32> = (0..cols * 8).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut x = Rows::zeros(count, cols);
    for t in 0..count {
        let causes: Vec<f32> = (0..8).map(|_| rng.random_range(-1.0..1.0)).collect();
        for (c, v) in x.row_mut(t).iter_mut().enumerate() {
            let common: f32 = (0..8).map(|k| mixing[c * 8 + k] * causes[k]).sum();
            *v = common + 0.3 * rng.random_range(-1.0..1.0f32);
        }
    }
    x
}

/// Squared error of the outputs, relative to the exact ones.
fn output_error(exact: &[f32], q: &Quantised, x: &Rows) -> f64 {
    let (values, cols) = (q.to_f32(), x.width());
    let (mut error, mut size) = (0.0, 0.0);
    for t in 0..x.count() {
        for (w, v) in exact.chunks_exact(cols).zip(values.chunks_exact(cols)) {
            let dot =
                |w: &[f32]| w.iter().zip(x.row(t)).map(|(w, x)| f64::from(w * x)).sum::<f64>();
            error += (dot(w) - dot(v)).powi(2);
            size += dot(w).powi(2);
        }
    }
    error / size
}

#[test]
fn gptq_beats_rounding_on_inputs_it_has_not_seen() {
    let mut compared = 0;
    for seed in 0..3 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let (rows, cols) = (24, 96);
        let all = inputs(&mut rng, 600, cols);
        let (seen, unseen) = ((0..400).collect::<Vec<_>>(), (400..600).collect::<Vec<_>>());
        let mut hessian = Hessian::new(cols);
        hessian.add(&all.gather(&seen[..150]));
        hessian.add(&all.gather(&seen[150..]));
        let w: Vec<f32> = (0..rows * cols).map(|_| rng.random_range(-1.0..1.0)).collect();
        for bits in [2, 3, 4, 8] {
            for group in [0, 32, 64] {
                let test = all.gather(&unseen);
                let by_gptq = gptq(&w, cols, bits, group, &hessian, None).unwrap();
                let a = output_error(&w, &by_gptq, &test);
                let b = output_error(&w, &rtn(&w, cols, bits, group), &test);
                assert!(a < 0.8 * b, "{bits} bits, group {group}: GPTQ {a}, rounding {b}");
                assert_eq!((by_gptq.bits(), by_gptq.group()), (bits, group));
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 3 * 4 * 3);
}

/// Nats that a softmax loses when these weights stand for the exact ones.
fn nats_lost(exact: &[f32], q: &Quantised, x: &Rows) -> f64 {
    let (values, cols) = (q.to_f32(), x.width());
    let mut lost = 0.0;
    for t in 0..x.count() {
        let log_odds = |w: &[f32]| -> Vec<f64> {
            let dot = |w: &[f32]| w.iter().zip(x.row(t)).map(|(w, x)| f64::from(w * x)).sum();
            let logits: Vec<f64> = w.chunks_exact(cols).map(dot).collect();
            let sum: f64 = logits.iter().map(|l| l.exp()).sum();
            logits.iter().map(|l| l - sum.ln()).collect()
        };
        let pairs = log_odds(exact).into_iter().zip(log_odds(&values));
        lost += pairs.map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
    }
    lost / x.count() as f64
}

#[test]
fn a_classifier_loses_less_when_errors_count_where_words_come_into_question() {
    let mut lost = [0.0; 2];
    for seed in 3..6 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let (subjects, each, cols) = (8, 4, 64);
        let words = subjects * each;
        let mut draw = |count: usize, size: f32| -> Vec<f32> {
            (0..count).map(|_| rng.random_range(-size..size)).collect()
        };
        // Each subject has words of its own and inputs that vary in a few directions of their own.
        let (means, turns) = (draw(subjects * cols, 1.0), draw(subjects * 6 * cols, 1.0));
        let mut w = draw(words * cols, 0.3);
        for (i, w) in w.iter_mut().enumerate() {
            *w += 0.3 * means[i / (each * cols) * cols + i % cols];
        }
        let mut all = Rows::zeros(2400, cols);
        for t in 0..all.count() {
            let (subject, along) = (t % subjects, draw(6, 1.0));
            for (c, x) in all.row_mut(t).iter_mut().enumerate() {
                let turn = |k: usize| along[k] * turns[(subject * 6 + k) * cols + c];
                *x = means[subject * cols + c] + (0..6).map(turn).sum::<f32>();
            }
        }
        let [seen, unseen] = [0..2000, 2000..2400].map(|r| all.gather(&r.collect::<Vec<_>>()));
        let mut logits = Rows::zeros(seen.count(), words);
        for t in 0..seen.count() {
            let rows = logits.row_mut(t).iter_mut().zip(w.chunks_exact(cols));
            rows.for_each(|(l, w)| *l = w.iter().zip(seen.row(t)).map(|(w, x)| w * x).sum());
        }
        let (mut hessian, mut fisher) = (Hessian::new(cols), Fisher::default());
        hessian.add(&seen);
        fisher.add(&seen, logits);
        for (lost, costs) in lost.iter_mut().zip([None, Some(&fisher)]) {
            let quantised = gptq(&w, cols, 4, 64, &hessian, costs).unwrap();
            *lost += nats_lost(&w, &quantised, &unseen);
        }
    }
    assert!(lost[1] > 0.0 && lost[1] < 0.9 * lost[0], "{lost:?}");
}

#[test]
fn rounding_errs_by_half_a_step_unless_it_clips() {
    let w: Vec<f32> = (0..640).map(|i| (i as f32 * 0.7).sin()).collect();
    let q = rtn(&w, 64, 8, 64);
    let scales = q.scales().to_f32();
    for (i, (w, v)) in w.iter().zip(q.to_f32()).enumerate() {
        assert!((w - v).abs() <= 0.51 * scales[i / 64].abs() || v.abs() > 0.9, "{w} {v}");
    }
}

fn logits(model: &Model, text: &[u32]) -> Vec<f32> {
    let network = Network::new(F32, model, Skipping::Dense).unwrap();
    Session::new(network).all(text, 0).unwrap().values().to_vec()
}

#[test]
fn a_model_keeps_its_outputs_and_gptq_keeps_them_better() {
    let model = synthetic::model(synthetic::spec(), 5, true);
    let mut session = Session::new(Network::new(F32, &model, Skipping::Dense).unwrap());
    let mut heard = 0;
    let texts =
        calibration::sampled(&mut session, 40, 90, (1, &[1, 2]), 7, |_| heard += 1).unwrap();
    assert_eq!((heard, texts.len()), (40, 40));
    assert!(texts.iter().all(|t| t.len() == 90 && t[0] == 1 && !t.contains(&2)));
    let (texts, unseen) = texts.split_at(32);
    let distance = |m: &Model| -> f64 {
        let text = |t: &Vec<u32>| {
            let (a, b) = (logits(&model, t), logits(m, t));
            a.iter().zip(&b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
        };
        unseen.iter().map(text).sum()
    };
    let mut steps = Vec::new();
    let by_gptq = quantise(&model, 4, 64, Method::Gptq(texts, Skipping::Dense), |s| {
        steps.push(s.to_string())
    })
    .unwrap();
    assert_eq!(steps, ["layer 0", "layer 1", "layer 2", "classifier"]);
    let by_rounding = quantise(&model, 4, 64, Method::Rtn, |_| ()).unwrap();
    let (a, b) = (distance(&by_gptq), distance(&by_rounding));
    assert!(a < b, "GPTQ {a}, rounding {b}");
    let formats: Vec<String> = by_gptq.matrices().map(|(_, m)| m.format()).collect();
    assert!(formats.len() == 22 && formats.iter().all(|f| f == "INT4/64"), "{formats:?}");
    let wider = quantise(&model, 8, 0, Method::Rtn, |_| ()).unwrap();
    assert!(distance(&wider) < 0.1 * b);
}

#[test]
fn what_cannot_be_quantised_is_named() {
    let model = synthetic::model(synthetic::spec(), 0, true);
    let refused = |m: &Model, bits, method| quantise(m, bits, 64, method, |_| ()).unwrap_err();
    assert!(matches!(refused(&model, 5, Method::Rtn), QuantError::Bits { bits: 5 }));
    assert!(matches!(
        refused(&model, 4, Method::Gptq(&[], Skipping::Dense)),
        QuantError::NoCalibration
    ));
    let long = vec![vec![300]];
    assert!(matches!(
        refused(&model, 4, Method::Gptq(&long, Skipping::Dense)),
        QuantError::Forward(_)
    ));
    let once = quantise(&model, 4, 64, Method::Rtn, |_| ()).unwrap();
    assert!(matches!(refused(&once, 4, Method::Rtn), QuantError::Already { .. }));
    assert!(once.matrices().all(|(_, m)| matches!(m, Matrix::Quantised(_))));
    let mut broken = model.clone();
    broken.layers[1].attention_norm[0] = f32::NAN;
    let texts = vec![vec![1, 2, 3]];
    assert!(matches!(
        refused(&broken, 4, Method::Gptq(&texts, Skipping::Dense)),
        QuantError::Singular { .. }
    ));
}
