//! Texts that a model writes, with what it thought probable at every token.

use crate::ops::{values, RmsNorm, SwiGlu};
use crate::store::{digest, Store};
use crate::weights::Weights;
use crate::{Plan, TrainError};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use skipopu_forward::{dot, Sampler};
use skipopu_model::Projection;
use std::path::Path;

/// Texts written together; also those of one file.
const SHARD: usize = 64;

/// Sampled texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    /// Tokens of a text.
    pub length: usize,
    /// Most probable next tokens kept after each token.
    pub top: usize,
    /// The tokens, text by text.
    pub tokens: Vec<u32>,
    /// The most probable next tokens, `top` a token, falling.
    pub best: Vec<u32>,
    /// Their probabilities, which are made to sum to 1.
    pub weights: Vec<f32>,
}

impl Texts {
    /// Number of texts.
    pub fn count(&self) -> usize {
        self.tokens.len() / self.length
    }

    /// The teacher's probabilities after the token at a place, `top` pairs of a column and its probability, of the
    /// tokens that have one in `columns`. With `tails`, a token that it wrote though it is none of the most probable
    /// has all of the probability.
    pub fn pairs(&self, columns: &[Option<u32>], place: usize, tails: bool) -> Vec<(u32, f32)> {
        let at = place * self.top..(place + 1) * self.top;
        let (best, weights) = (&self.best[at.clone()], &self.weights[at]);
        let column = |token: u32| columns[token as usize];
        let written = self.written(place).filter(|token| tails && !best.contains(token));
        let mut pairs: Vec<(u32, f32)> = match written.and_then(column) {
            Some(column) => vec![(column, 1.0)],
            None => {
                let pairs = best.iter().zip(weights);
                pairs.map(|(token, p)| column(*token).map_or((0, 0.0), |c| (c, *p))).collect()
            }
        };
        pairs.resize(self.top, (0, 0.0));
        let sum: f32 = pairs.iter().map(|(_, p)| p).sum();
        if sum > 0.0 {
            pairs.iter_mut().for_each(|(_, p)| *p /= sum);
        }
        pairs
    }

    /// The token written after a place; none at the end of a text, and where the next text begins, which takes the place of
    /// a token that ends one.
    fn written(&self, place: usize) -> Option<u32> {
        let next = place + 1;
        let goes_on = next % self.length != 0 && self.tokens[next] != self.tokens[0];
        goes_on.then(|| self.tokens[next])
    }

    /// The tokens of the vocabulary with the most probability in all texts, at most `count`, ascending.
    pub fn words(&self, vocab: usize, count: usize) -> Vec<u32> {
        let mut mass = vec![0f64; vocab];
        for (token, p) in self.best.iter().zip(&self.weights) {
            mass[*token as usize] += f64::from(*p);
        }
        let mut words: Vec<u32> = (0..vocab as u32).collect();
        words.sort_by(|a, b| mass[*b as usize].total_cmp(&mass[*a as usize]).then(a.cmp(b)));
        words.truncate(count);
        words.sort();
        words
    }
}

/// Samples the texts of a plan at temperature 1, or reads those that `cache` holds; each file there is written
/// when it is complete, so that an interrupted run goes on with the next. `print` is the model's fingerprint;
/// each text begins with `bos`, and where a token of `stops` comes a new one begins.
///
/// # Errors
/// A cache that cannot be written.
pub fn sample(
    weights: &Weights,
    print: &str,
    plan: &Plan,
    (bos, stops): (u32, &[u32]),
    cache: &Path,
    mut progress: impl FnMut(usize, usize),
) -> Result<Texts, TrainError> {
    let mut all = Texts { length: plan.length, top: plan.top, ..Texts::default() };
    let shards = plan.texts.div_ceil(SHARD);
    for shard in 0..shards {
        progress(shard, shards);
        let what = format!("{} {shard} {} {} {bos} {stops:?}", plan.seed, plan.length, plan.top);
        let name = digest(&[print.as_bytes(), what.as_bytes()]);
        let path = cache.join("texts").join(format!("{name}.safetensors"));
        let found = Store::read(&path).and_then(|s| unpack(s, plan, weights.spec.vocab));
        let texts = match found {
            Some(texts) => texts,
            None => {
                let seed = plan.seed.wrapping_mul(1 << 20).wrapping_add((shard * SHARD) as u64);
                let texts = write(weights, plan, (bos, stops), seed)?;
                pack(&texts).write(&path)?;
                texts
            }
        };
        all.tokens.extend(texts.tokens);
        all.best.extend(texts.best);
        all.weights.extend(texts.weights);
    }
    all.tokens.truncate(plan.texts * plan.length);
    all.best.truncate(plan.texts * plan.length * plan.top);
    all.weights.truncate(plan.texts * plan.length * plan.top);
    Ok(all)
}

fn pack(texts: &Texts) -> Store {
    Store {
        note: "texts".into(),
        numbers: [("weights".to_string(), texts.weights.clone())].into(),
        indices: [
            ("tokens".to_string(), texts.tokens.clone()),
            ("best".to_string(), texts.best.clone()),
        ]
        .into(),
    }
}

fn unpack(mut store: Store, plan: &Plan, vocab: usize) -> Option<Texts> {
    let texts = Texts {
        length: plan.length,
        top: plan.top,
        tokens: store.indices.remove("tokens")?,
        best: store.indices.remove("best")?,
        weights: store.numbers.remove("weights")?,
    };
    let count = SHARD * plan.length;
    let sizes = (texts.tokens.len(), texts.best.len(), texts.weights.len());
    let known = texts.tokens.iter().chain(&texts.best).all(|t| (*t as usize) < vocab);
    (sizes == (count, count * plan.top, count * plan.top) && known).then_some(texts)
}

/// Keys and values of all texts at one layer, token after token.
#[derive(Clone, Default)]
struct Past {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
}

/// Writes one shard: all texts advance by a token at a time.
fn write(
    weights: &Weights,
    plan: &Plan,
    (bos, stops): (u32, &[u32]),
    seed: u64,
) -> Result<Texts, TrainError> {
    let spec = &weights.spec;
    let mut samplers: Vec<Sampler> =
        (0..SHARD as u64).map(|i| Sampler::new(1.0, 1.0, seed.wrapping_add(i))).collect();
    let none = || Past { keys: vec![Vec::new(); SHARD], values: vec![Vec::new(); SHARD] };
    let mut past: Vec<Past> = (0..spec.layers).map(|_| none()).collect();
    let mut columns = vec![vec![bos; SHARD]];
    let mut thoughts: Vec<Vec<(Vec<u32>, Vec<f32>)>> = Vec::new();
    for position in 0..plan.length {
        let mut x = weights.embed(&columns[position])?;
        for (layer, past) in past.iter_mut().enumerate() {
            x = step(weights, layer, position, &x, past)?;
        }
        let x = x.apply_op2_no_bwd(&weights.final_norm, &RmsNorm { eps: spec.norm_eps })?;
        let logits = values(&x.apply_op1_no_bwd(&weights.classifier)?)?;
        let drawn: Vec<_> = logits
            .par_chunks(spec.vocab)
            .zip(&mut samplers)
            .map(|(logits, sampler)| (sampler.pick(logits), most_probable(logits, plan.top)))
            .collect();
        let (next, kept): (Vec<u32>, Vec<_>) = drawn.into_iter().unzip();
        columns.push(next.iter().map(|t| if stops.contains(t) { bos } else { *t }).collect());
        thoughts.push(kept);
    }
    let mut texts = Texts { length: plan.length, top: plan.top, ..Texts::default() };
    for i in 0..SHARD {
        for position in 0..plan.length {
            texts.tokens.push(columns[position][i]);
            texts.best.extend(&thoughts[position][i].0);
            texts.weights.extend(&thoughts[position][i].1);
        }
    }
    Ok(texts)
}

/// One layer for one more token of every text.
fn step(
    weights: &Weights,
    layer: usize,
    position: usize,
    x: &Tensor,
    past: &mut Past,
) -> Result<Tensor, TrainError> {
    let (spec, layer) = (&weights.spec, &weights.layers[layer]);
    let norm = RmsNorm { eps: spec.norm_eps };
    let project = |x: &Tensor, p: Projection| x.apply_op1_no_bwd(&layer.projections[p as usize]);
    let h = x.apply_op2_no_bwd(&layer.attention_norm, &norm)?;
    let turn = weights.rope.at(position, 1);
    let q = values(&project(&h, Projection::Query)?.apply_op1_no_bwd(&turn)?)?;
    let k = values(&project(&h, Projection::Key)?.apply_op1_no_bwd(&turn)?)?;
    let v = values(&project(&h, Projection::Value)?)?;
    let width = spec.kv_dim();
    let rows = past.keys.par_iter_mut().zip(&mut past.values);
    let rows = rows.zip(k.par_chunks(width).zip(v.par_chunks(width)));
    let mixed: Vec<f32> = rows
        .zip(q.par_chunks(spec.query_dim()))
        .flat_map_iter(|(((keys, values), (k, v)), q)| {
            keys.extend(k);
            values.extend(v);
            attend(spec, q, keys, values)
        })
        .collect();
    let mixed = Tensor::from_vec(mixed, (x.dim(0)?, spec.query_dim()), &Device::Cpu)?;
    let x = (x + project(&mixed, Projection::Output)?)?;
    let h = x.apply_op2_no_bwd(&layer.ffn_norm, &norm)?;
    let gate = project(&h, Projection::Gate)?;
    let h = gate.apply_op2_no_bwd(&project(&h, Projection::Up)?, &SwiGlu)?;
    Ok((x + project(&h, Projection::Down)?)?)
}

/// One token's attention to all before it and itself.
fn attend(spec: &skipopu_model::Spec, q: &[f32], keys: &[f32], values: &[f32]) -> Vec<f32> {
    let (head, width) = (spec.head_dim, spec.kv_dim());
    let mut out = vec![0f32; q.len()];
    for (h, (q, out)) in q.chunks(head).zip(out.chunks_mut(head)).enumerate() {
        let at = h / spec.heads_per_kv() * head;
        let score = |k: &[f32]| dot::dot(q, &k[at..at + head]) / (head as f32).sqrt();
        let mut p: Vec<f32> = keys.chunks(width).map(score).collect();
        let largest = p.iter().fold(f32::NEG_INFINITY, |m, s| m.max(*s));
        p.iter_mut().for_each(|p| *p = (*p - largest).exp());
        let norm = p.iter().sum::<f32>().recip();
        for (p, v) in p.iter().zip(values.chunks(width)) {
            out.iter_mut().zip(&v[at..at + head]).for_each(|(o, v)| *o += p * norm * v);
        }
    }
    out
}

/// The most probable tokens, falling, and their probabilities among each other.
fn most_probable(logits: &[f32], top: usize) -> (Vec<u32>, Vec<f32>) {
    let order =
        |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    // Candidates are thinned out whenever there are many; what is below all that were kept is passed by.
    let (most, mut floor) = (8 * top, f32::NEG_INFINITY);
    let mut tokens: Vec<u32> = Vec::with_capacity(most);
    for (token, logit) in logits.iter().enumerate() {
        if *logit < floor {
            continue;
        }
        tokens.push(token as u32);
        if tokens.len() == most {
            tokens.select_nth_unstable_by(top - 1, order);
            tokens.truncate(top);
            floor = logits[tokens[top - 1] as usize];
        }
    }
    if top < tokens.len() {
        tokens.select_nth_unstable_by(top, order);
        tokens.truncate(top);
    }
    tokens.sort_by(order);
    let largest = logits[tokens[0] as usize];
    let mut p: Vec<f32> = tokens.iter().map(|t| (logits[*t as usize] - largest).exp()).collect();
    let norm = p.iter().sum::<f32>().recip();
    p.iter_mut().for_each(|p| *p *= norm);
    (tokens, p)
}

#[cfg(test)]
mod tests {
    use super::*;
    use skipopu_forward::{Engine, Network, Session, Skipping, F32};
    use skipopu_model::synthetic;

    #[test]
    fn texts_are_the_models_and_come_from_the_cache_the_second_time() {
        println!("seed 3");
        let model = synthetic::model(synthetic::spec(), 3, false);
        let weights = Weights::new(&model).unwrap();
        let plan = Plan { texts: 66, length: 20, top: 5, seed: 3, ..Plan::default() };
        let folder = tempfile::tempdir().unwrap();
        let sampled = || sample(&weights, "model", &plan, (1, &[2, 9]), folder.path(), |_, _| ());
        let texts = sampled().unwrap();
        assert_eq!(texts.count(), 66);
        assert_eq!(std::fs::read_dir(folder.path().join("texts")).unwrap().count(), 2);
        assert_eq!(sampled().unwrap(), texts);
        let mut session = Session::new(Network::new(F32, &model, Skipping::Dense).unwrap());
        for text in [0, 1, 65] {
            let tokens = &texts.tokens[text * 20..(text + 1) * 20];
            assert!(tokens[0] == 1 && !tokens.contains(&2) && !tokens.contains(&9));
            session.reset();
            let logits = session.all(tokens, 0).unwrap();
            for n in 0..20 {
                let (best, p) = most_probable(logits.row(n), 5);
                let at = (text * 20 + n) * 5;
                assert_eq!(texts.best[at..at + 5], best, "text {text}, token {n}");
                let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
                assert!(texts.weights[at..at + 5].iter().zip(&p).all(near));
            }
        }
        assert_ne!(texts.tokens[..20], texts.tokens[20..40]);
        let words = texts.words(300, 40);
        assert!(words.len() == 40 && words.is_sorted());
    }
    #[test]
    fn a_token_written_against_the_odds_is_the_target_where_tails_count() {
        let texts = Texts {
            length: 4,
            top: 2,
            tokens: vec![1, 5, 6, 1, 1, 7, 8, 9],
            best: vec![5, 7, 7, 5, 5, 7, 5, 7, 5, 8, 9, 5, 9, 7, 5, 7],
            weights: [0.75, 0.25].repeat(8),
        };
        let mut columns = vec![None; 10];
        [5, 6, 7].iter().enumerate().for_each(|(i, t)| columns[*t] = Some(i as u32));
        let pairs = |place, tails| texts.pairs(&columns, place, tails);
        // Expected, most probable: 5, 7.
        assert_eq!(pairs(0, true), [(0, 0.75), (2, 0.25)], "written as expected");
        assert_eq!(pairs(1, false), [(2, 0.75), (0, 0.25)]);
        assert_eq!(pairs(1, true), [(1, 1.0), (0, 0.0)], "6 is neither 7 nor 5");
        assert_eq!(pairs(2, true), pairs(2, false), "a text begins");
        assert_eq!(pairs(3, true), pairs(3, false), "the last of its text");
        assert_eq!(pairs(4, true), [(2, 1.0), (0, 0.0)]);
        assert_eq!(
            pairs(5, true),
            [(0, 0.0), (0, 1.0)],
            "8 has no column, and is none of the best"
        );
    }
}
