//! The forward pass against the model's definition, written again token by token in f64.

use skipopu_forward::{Engine, ForwardError, Network, Session, Skipping, Stats, F32};
use skipopu_model::{synthetic, Model, Placement, Projection, Spec};

const TOKENS: usize = 40;

fn tokens(spec: &Spec, seed: usize) -> Vec<u32> {
    (0..TOKENS).map(|i| ((i * 7919 + seed * 104_729 + 13) % spec.vocab) as u32).collect()
}

fn times(matrix: &[f32], x: &[f64]) -> Vec<f64> {
    let row = |w: &[f32]| w.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
    matrix.chunks_exact(x.len()).map(row).collect()
}

fn norm(x: &[f64], gain: &[f32], eps: f32) -> Vec<f64> {
    let mean = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
    let root = (mean + f64::from(eps)).sqrt();
    x.iter().zip(gain).map(|(v, g)| v / root * f64::from(*g)).collect()
}

fn rotate(heads: &mut [f64], spec: &Spec, position: usize) {
    for (i, pair) in heads.chunks_exact_mut(2).enumerate() {
        let j = i % (spec.head_dim / 2);
        let angle = position as f64 * spec.rope.base.powf(-2.0 * j as f64 / spec.head_dim as f64);
        let (a, b) = (pair[0], pair[1]);
        pair[0] = a * angle.cos() - b * angle.sin();
        pair[1] = a * angle.sin() + b * angle.cos();
    }
}

/// Logits after each token, and skipped sub-modules and stored K/V rows.
struct Plain {
    logits: Vec<Vec<f64>>,
    skipped: [u64; 2],
    rows: u64,
}

fn plain(model: &Model, tokens: &[u32], skipping: Skipping) -> Plain {
    let s = &model.spec;
    // K and V that readers at a layer use for a token: [layer][token].
    let mut kv: Vec<Vec<(Vec<f64>, Vec<f64>)>> = vec![Vec::new(); s.layers];
    let mut out = Plain { logits: Vec::new(), skipped: [0, 0], rows: 0 };
    let runs = |l: usize, part: usize, x: &[f64]| match &model.routers {
        Some(r) if skipping != Skipping::Dense => {
            let router = if part == 0 { &r.attention[l] } else { &r.ffn[l] };
            let logits = times(&router.to_f32(), x);
            logits[1] > logits[0]
        }
        _ => true,
    };
    for (position, token) in tokens.iter().enumerate() {
        let mut x: Vec<f64> =
            model.embedding.row(*token as usize).iter().map(|v| f64::from(*v)).collect();
        for (l, layer) in model.layers.iter().enumerate() {
            let m = |p: Projection, x: &[f64]| times(&layer.get(p).to_f32(), x);
            let before = x.clone();
            let attends = runs(l, 0, &x);
            let h = norm(&x, &layer.attention_norm, s.norm_eps);
            if attends || skipping != Skipping::KvReuse || l == 0 {
                let (mut k, v) = (m(Projection::Key, &h), m(Projection::Value, &h));
                rotate(&mut k, s, position);
                kv[l].push((k, v));
                out.rows += 1;
            } else {
                let below = kv[l - 1][position].clone();
                kv[l].push(below);
            }
            if attends {
                let mut q = m(Projection::Query, &h);
                rotate(&mut q, s, position);
                let mut mixed = vec![0.0; s.query_dim()];
                for head in 0..s.heads {
                    let d = s.head_dim;
                    let (at, kv_at) = (head * d, head / s.heads_per_kv() * d);
                    let score = |(k, _): &(Vec<f64>, Vec<f64>)| {
                        let dot: f64 =
                            q[at..at + d].iter().zip(&k[kv_at..]).map(|(a, b)| a * b).sum();
                        (dot / (d as f64).sqrt()).exp()
                    };
                    let weights: Vec<f64> = kv[l].iter().map(score).collect();
                    let sum: f64 = weights.iter().sum();
                    for (w, (_, v)) in weights.iter().zip(&kv[l]) {
                        (0..d).for_each(|i| mixed[at + i] += w / sum * v[kv_at + i]);
                    }
                }
                let y = m(Projection::Output, &mixed);
                x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
            }
            let early =
                model.routers.as_ref().map(|r| r.placement) == Some(Placement::PreAttention);
            let forwards = runs(l, 1, if early { &before } else { &x });
            if forwards {
                let h = norm(&x, &layer.ffn_norm, s.norm_eps);
                let (gate, up) = (m(Projection::Gate, &h), m(Projection::Up, &h));
                let inner: Vec<f64> =
                    gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
                let y = m(Projection::Down, &inner);
                x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
            }
            out.skipped[0] += u64::from(!attends);
            out.skipped[1] += u64::from(!forwards);
        }
        let h = norm(&x, &model.final_norm, s.norm_eps);
        out.logits.push(times(&model.classifier().to_f32(), &h));
    }
    out
}

fn session(model: &Model, skipping: Skipping) -> Session<F32> {
    Session::new(Network::new(F32, model, skipping).unwrap())
}

#[test]
fn every_configuration_follows_the_definition() {
    let mut compared = 0;
    for (seed, tied) in [(0, true), (1, false)] {
        println!("seed {seed}");
        for placement in [Placement::PreAttention, Placement::OwnInput] {
            let mut model = synthetic::model(synthetic::spec(), seed, tied);
            model.routers = Some(synthetic::routers(&model.spec, seed, placement));
            let text = tokens(&model.spec, seed as usize);
            for skipping in [Skipping::Dense, Skipping::Partial, Skipping::KvReuse] {
                let expected = plain(&model, &text, skipping);
                let mut session = session(&model, skipping);
                let got = session.all(&text, 0).unwrap();
                for (t, expected) in expected.logits.iter().enumerate() {
                    for (g, e) in got.row(t).iter().zip(expected) {
                        assert!(
                            (f64::from(*g) - e).abs() < 2e-4,
                            "{placement:?} {skipping:?} token {t}: {g} {e}"
                        );
                        compared += 1;
                    }
                }
                let stats = session.stats();
                let sum = |v: &[u64]| v.iter().sum::<u64>();
                let skipped = [sum(&stats.attention_skipped), sum(&stats.ffn_skipped)];
                assert_eq!((skipped, stats.kv_rows), (expected.skipped, expected.rows));
                let kv_dim = model.spec.kv_dim() as u64;
                assert_eq!(session.kv().elements() as u64, expected.rows * 2 * kv_dim);
                if skipping != Skipping::Dense {
                    assert!(
                        skipped.iter().all(|s| *s > 0 && *s < 3 * TOKENS as u64),
                        "{skipped:?}"
                    );
                    assert_eq!(stats.kv_saved() > 0.0, skipping == Skipping::KvReuse);
                }
            }
        }
    }
    assert_eq!(compared, 2 * 2 * 3 * TOKENS * 300);
}

#[test]
fn prefill_in_any_pieces_gives_the_bits_of_decoding() {
    let mut compared = 0;
    for skipping in [Skipping::Dense, Skipping::Partial, Skipping::KvReuse] {
        let mut model = synthetic::model(synthetic::spec(), 2, true);
        model.routers = Some(synthetic::routers(&model.spec, 2, Placement::PreAttention));
        let text = tokens(&model.spec, 2);
        let mut whole = session(&model, skipping);
        let at_once = whole.all(&text, 0).unwrap();
        let mut stepwise = session(&model, skipping);
        for (t, token) in text.iter().enumerate() {
            assert_eq!(stepwise.next(&[*token]).unwrap(), at_once.row(t), "token {t}");
            compared += 1;
        }
        let mut pieces = session(&model, skipping);
        pieces.next(&text[..7]).unwrap();
        assert_eq!(pieces.position(), 7);
        assert_eq!(pieces.next(&text[7..]).unwrap(), at_once.row(TOKENS - 1));
        assert_eq!(whole.stats(), stepwise.stats());
        assert_eq!(whole.stats(), pieces.stats());
        pieces.reset();
        assert_eq!(pieces.next(&text[..1]).unwrap(), at_once.row(0));
    }
    assert_eq!(compared, 3 * TOKENS);
}

#[test]
fn requests_that_cannot_be_met_are_named() {
    let model = synthetic::model(synthetic::spec(), 0, true);
    let none = Network::new(F32, &model, Skipping::KvReuse);
    assert!(matches!(none.err(), Some(ForwardError::NoRouters)));
    let mut session = session(&model, Skipping::Dense);
    let long = vec![0; 97];
    assert!(session.next(&long).unwrap_err().to_string().contains("96 tokens"));
    assert!(session.next(&[300]).unwrap_err().to_string().contains("token 300"));
    assert_eq!(session.position(), 0, "a refused text leaves nothing behind");
    session.next(&long[..96]).unwrap();
    assert!(session.next(&[0]).is_err());
}

#[test]
fn rates_of_nothing_are_zero() {
    let stats = Stats { attention_skipped: vec![0], ffn_skipped: vec![0], ..Stats::default() };
    assert_eq!(stats.skip_rate(), 0.0);
}

#[test]
fn a_bias_of_the_routers_runs_or_skips_everything() {
    let mut model = synthetic::model(synthetic::spec(), 2, true);
    model.routers = Some(synthetic::routers(&model.spec, 4, Placement::OwnInput));
    let text: Vec<u32> = (1..40).collect();
    let all = |skipping, bias| {
        let network = Network::new(F32, &model, skipping).unwrap().with_bias(bias);
        let mut session = Session::new(network);
        let logits = session.all(&text, 0).unwrap();
        (logits, session.stats().skip_rate(), session.stats().kv_saved())
    };
    let (dense, ..) = all(Skipping::Dense, 0.0);
    let (open, skipped, saved) = all(Skipping::KvReuse, 1e6);
    assert!(open == dense && skipped == 0.0 && saved == 0.0);
    let (.., skipped, saved) = all(Skipping::KvReuse, -1e6);
    let layers = model.spec.layers as f64;
    assert!(skipped == 1.0 && (saved - (layers - 1.0) / layers).abs() < 1e-12);
    let rates: Vec<f64> = [-0.5, 0.0, 0.5].map(|b| all(Skipping::KvReuse, b).1).to_vec();
    assert!(rates[0] > rates[1] && rates[1] > rates[2] && rates[2] > 0.0, "{rates:?}");
}
