//! [`Recording`]: the exact backend, keeping a sample of what its columns multiply.

use super::{to_fp16, Exact, Weights};
use crate::{Arithmetic, ForwardError, KvView, Rows};
use skipopu_model::{Matrix, Tensor};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// Operands of dot products: `lanes` values each, those past the end of a vector zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operands<S> {
    /// FP16 encodings of the operand that columns share.
    pub first: Vec<u16>,
    /// The columns' operands.
    pub second: Vec<S>,
}

/// A sample of what a text made the columns multiply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Activations and INT4 weights.
    pub projections: Operands<i8>,
    /// Queries and keys.
    pub scores: Operands<u16>,
    /// Probabilities and values.
    pub mixes: Operands<u16>,
}

/// The exact backend; of each shared vector that it multiplies, one slice with one column's operand is
/// a candidate for the sample. Those with the least hashes stay, so that the sample is spread evenly and
/// the same in every run. Clones share one sample.
#[derive(Clone)]
pub struct Recording {
    exact: Exact,
    kept: Arc<Mutex<All>>,
}

struct All {
    projections: Kept<i8>,
    scores: Kept<u16>,
    mixes: Kept<u16>,
}

struct Kept<S> {
    most: usize,
    by_hash: BTreeMap<u64, (Vec<u16>, Vec<S>)>,
}

impl<S: Copy> Kept<S> {
    fn new(most: usize) -> Kept<S> {
        Kept { most, by_hash: BTreeMap::new() }
    }

    fn offer(&mut self, hash: u64, operands: impl FnOnce() -> (Vec<u16>, Vec<S>)) {
        let full = self.by_hash.len() >= self.most;
        if full && self.by_hash.last_key_value().is_none_or(|(last, _)| *last <= hash) {
            return;
        }
        self.by_hash.insert(hash, operands());
        if self.by_hash.len() > self.most {
            self.by_hash.pop_last();
        }
    }

    fn operands(&self) -> Operands<S> {
        let pairs = || self.by_hash.values();
        Operands {
            first: pairs().flat_map(|(first, _)| first).copied().collect(),
            second: pairs().flat_map(|(_, second)| second).copied().collect(),
        }
    }
}

impl Recording {
    /// Keeps at most `most` dot products of each kind.
    pub fn new(exact: Exact, most: usize) -> Recording {
        let all =
            All { projections: Kept::new(most), scores: Kept::new(most), mixes: Kept::new(most) };
        Recording { exact, kept: Arc::new(Mutex::new(all)) }
    }

    /// What was kept so far.
    pub fn sample(&self) -> Sample {
        self.with(|all| Sample {
            projections: all.projections.operands(),
            scores: all.scores.operands(),
            mixes: all.mixes.operands(),
        })
    }

    fn with<T>(&self, body: impl FnOnce(&mut All) -> T) -> T {
        body(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A slice of a vector, filled up to the lanes.
    fn slice(&self, values: &[u16], slice: usize) -> Vec<u16> {
        let mut lanes: Vec<u16> =
            values.chunks(self.exact.lanes).nth(slice).unwrap_or_default().to_vec();
        lanes.resize(self.exact.lanes, 0);
        lanes
    }
}

/// A hash that differs from the ones that chose row and slice.
fn hash(vector: &[u16], salt: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (vector, salt).hash(&mut hasher);
    hasher.finish()
}

/// One of `count`, chosen by the vector.
fn choose(vector: &[u16], salt: u64, count: usize) -> usize {
    (hash(vector, salt) % count.max(1) as u64) as usize
}

impl Arithmetic for Recording {
    type Weights = Weights;
    type Stored = u16;

    fn prepare(&self, name: &str, matrix: &Matrix) -> Result<Weights, ForwardError> {
        self.exact.prepare(name, matrix)
    }

    fn prepare_router(&self, router: &Tensor) -> Weights {
        self.exact.prepare_router(router)
    }

    fn project(&self, weights: &Weights, x: &Rows) -> Rows {
        if let Weights::Int4(w) = weights {
            for t in 0..x.count() {
                let x = to_fp16(x.row(t));
                let row = choose(&x, 1, w.rows());
                let slice = choose(&x, 2, x.len().div_ceil(self.exact.lanes));
                let both = || (self.slice(&x, slice), w.slice(row, slice).to_vec());
                self.with(|all| all.projections.offer(hash(&x, 3 + w.rows() as u64), both));
            }
        }
        self.exact.project(weights, x)
    }

    fn round(&self, values: &mut [f32]) {
        self.exact.round(values);
    }

    fn store(&self, value: f32) -> u16 {
        self.exact.store(value)
    }

    fn scores(&self, query: &[f32], kv: &KvView<u16>, scores: &mut [f32]) {
        let q = to_fp16(query);
        let token = choose(&q, 1, scores.len());
        let slice = choose(&q, 2, q.len().div_ceil(self.exact.lanes));
        let both = || (self.slice(&q, slice), self.slice(kv.key(token), slice));
        self.with(|all| all.scores.offer(hash(&q, 3), both));
        self.exact.scores(query, kv, scores);
    }

    fn mix(&self, probabilities: &[f32], kv: &KvView<u16>, out: &mut [f32]) {
        let p = to_fp16(probabilities);
        let element = choose(&p, 1, out.len());
        let slice = choose(&p, 2, p.len().div_ceil(self.exact.lanes));
        let both = || {
            let column: Vec<u16> = (0..p.len()).map(|t| kv.value(t)[element]).collect();
            (self.slice(&p, slice), self.slice(&column, slice))
        };
        self.with(|all| all.mixes.offer(hash(&p, 3), both));
        self.exact.mix(probabilities, kv, out);
    }
    fn norm(&self, x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
        self.exact.norm(x, gain, eps, out);
    }

    fn rotate(&self, frequencies: &[f64], position: usize, heads: &mut [f32]) {
        self.exact.rotate(frequencies, position, heads);
    }

    fn softmax(&self, scores: &mut [f32], scale: f64) {
        self.exact.softmax(scores, scale);
    }

    fn swiglu(&self, gate: &mut [f32], up: &[f32]) {
        self.exact.swiglu(gate, up);
    }

    fn residual(&self, x: &mut [f32], y: &[f32]) {
        self.exact.residual(x, y);
    }
}
