//! Calibration: text, and the inputs that matrices see on it.

use crate::QuantError;
use skipopu_forward::{Arithmetic, Engine, ForwardError, KvView, Rows, Sampler, F32};
use skipopu_model::{Matrix, Tensor};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// Cuts a text's tokens into sequences of at most `length`, the first token (the one that begins a
/// text) in front of each.
pub fn sequences(tokens: &[u32], length: usize) -> Vec<Vec<u32>> {
    let Some((first, rest)) = tokens.split_first() else { return Vec::new() };
    let body = length.max(2) - 1;
    rest.chunks(body).map(|c| [&[*first], c].concat()).collect()
}

/// Samples `count` texts of at most `length` tokens from a model at temperature 1. Each begins with
/// `bos`; one that ends at a token of `stops` goes on as a new one.
///
/// # Errors
/// As [`Engine::next`].
pub fn sampled(
    engine: &mut dyn Engine,
    count: usize,
    length: usize,
    (bos, stops): (u32, &[u32]),
    seed: u64,
    mut progress: impl FnMut(usize),
) -> Result<Vec<Vec<u32>>, QuantError> {
    let mut sampler = Sampler::new(1.0, 1.0, seed);
    let mut texts = Vec::new();
    for i in 0..count {
        progress(i);
        engine.reset();
        let mut tokens = vec![bos];
        while tokens.len() < length.min(engine.spec().context) {
            let logits = engine.next(&tokens[tokens.len() - 1..])?;
            let token = sampler.pick(&logits);
            tokens.push(if stops.contains(&token) { bos } else { token });
        }
        texts.push(tokens);
    }
    Ok(texts)
}

/// f32 arithmetic that keeps what matrices and norms are given.
#[derive(Default)]
pub struct Recorder {
    seen: Mutex<Given>,
}

/// What was given since it was last taken.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The latest inputs of each matrix.
    pub inputs: HashMap<String, Rows>,
    /// The values that were normalised, row after row.
    pub normed: Vec<f32>,
}

impl Recorder {
    /// What was given since this was last asked.
    pub fn take(&self) -> Given {
        std::mem::take(&mut *self.seen())
    }

    fn seen(&self) -> MutexGuard<'_, Given> {
        self.seen.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// A matrix with its name.
pub struct Named {
    name: String,
    weights: <F32 as Arithmetic>::Weights,
}

impl Arithmetic for Recorder {
    type Weights = Named;
    type Stored = f32;

    fn prepare(&self, name: &str, matrix: &Matrix) -> Result<Named, ForwardError> {
        let weights = F32.prepare(name, matrix)?;
        Ok(Named { name: name.into(), weights })
    }

    fn prepare_router(&self, router: &Tensor) -> Named {
        let weights = F32.prepare_router(router);
        Named { name: "router".into(), weights }
    }

    fn project(&self, weights: &Named, x: &Rows) -> Rows {
        self.seen().inputs.insert(weights.name.clone(), x.clone());
        F32.project(&weights.weights, x)
    }

    fn norm(&self, x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
        self.seen().normed.extend(x);
        F32.norm(x, gain, eps, out);
    }

    fn round(&self, values: &mut [f32]) {
        F32.round(values);
    }

    fn store(&self, value: f32) -> f32 {
        F32.store(value)
    }

    fn scores(&self, query: &[f32], kv: &KvView<f32>, scores: &mut [f32]) {
        F32.scores(query, kv, scores);
    }

    fn mix(&self, probabilities: &[f32], kv: &KvView<f32>, out: &mut [f32]) {
        F32.mix(probabilities, kv, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_all_begin_the_text() {
        assert_eq!(sequences(&[1, 5, 6, 7], 3), [vec![1, 5, 6], vec![1, 7]]);
        assert!(sequences(&[], 3).is_empty() && sequences(&[1], 3).is_empty());
    }
}
