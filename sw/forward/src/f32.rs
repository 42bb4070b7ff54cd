//! The f32 backend: the truth that others are measured against.

use crate::{dot, Arithmetic, ForwardError, KvView, Rows};
use skipopu_model::{Matrix, Tensor};
use std::borrow::Cow;

/// f32 throughout; quantised weights are read back as f32, which separates their cost from that of
/// the array's numerics.
#[derive(Clone, Copy, Debug, Default)]
pub struct F32;

/// A matrix of f32, in its file where it is f32 there.
pub struct Dense {
    source: Option<Tensor>,
    values: Vec<f32>,
    cols: usize,
}

impl Dense {
    /// The values, row-major.
    pub fn values(&self) -> &[f32] {
        match self.source.as_ref().map(Tensor::to_f32) {
            // Borrowed from the file's map, which outlives `self`'s borrow.
            Some(Cow::Borrowed(values)) => values,
            _ => &self.values,
        }
    }
}

impl F32 {
    /// Prepares values of this backend's own.
    pub fn dense(&self, values: Vec<f32>, cols: usize) -> Dense {
        Dense { source: None, values, cols }
    }
}

impl Arithmetic for F32 {
    type Weights = Dense;
    type Stored = f32;

    fn prepare(&self, _name: &str, matrix: &Matrix) -> Result<Dense, ForwardError> {
        let cols = matrix.shape().1;
        Ok(match matrix {
            Matrix::Dense(t) if matches!(t.to_f32(), Cow::Borrowed(_)) => {
                Dense { source: Some(t.clone()), values: Vec::new(), cols }
            }
            _ => Dense { source: None, values: matrix.to_f32(), cols },
        })
    }

    fn prepare_router(&self, router: &Tensor) -> Dense {
        self.dense(router.to_f32().into_owned(), router.cols())
    }

    fn project(&self, weights: &Dense, x: &Rows) -> Rows {
        let values = weights.values();
        let mut y = Rows::zeros(x.count(), values.len() / weights.cols);
        dot::matmul(values, x.values(), weights.cols, y.values_mut());
        y
    }

    fn round(&self, _values: &mut [f32]) {}

    fn store(&self, value: f32) -> f32 {
        value
    }

    fn scores(&self, query: &[f32], kv: &KvView<f32>, scores: &mut [f32]) {
        for (t, score) in scores.iter_mut().enumerate() {
            *score = dot::dot(query, kv.key(t));
        }
    }

    fn mix(&self, probabilities: &[f32], kv: &KvView<f32>, out: &mut [f32]) {
        out.fill(0.0);
        for (t, p) in probabilities.iter().enumerate() {
            for (o, v) in out.iter_mut().zip(kv.value(t)) {
                *o += p * v;
            }
        }
    }
}
