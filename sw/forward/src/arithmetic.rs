//! What differs between backends: how products are computed and what memory keeps.

use crate::ops::{self, Rotation};
use crate::{ForwardError, KvView, Rows};
use skipopu_kv::KvOrder;
use skipopu_model::{Matrix, Tensor};

/// What attention of one row sees.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// How many tokens of the text, from the first on.
    pub tokens: usize,
    /// The tokens of all slots, in a machine's order, those that the row does not see among them; `None`: in the order of the text.
    pub slots: Option<&'a [Option<usize>]>,
}

/// A backend's arithmetic.
pub trait Arithmetic: Sync {
    /// A weight matrix, prepared.
    type Weights: Send + Sync;
    /// An element of stored K and V.
    type Stored: Copy + Send + Sync;

    /// Prepares a weight matrix; `name` is for errors.
    ///
    /// # Errors
    /// Weights that this arithmetic cannot multiply.
    fn prepare(&self, name: &str, matrix: &Matrix) -> Result<Self::Weights, ForwardError>;

    /// Prepares a router, 2 x D.
    fn prepare_router(&self, router: &Tensor) -> Self::Weights;

    /// Products of each of `x`'s rows with every row of the matrix: tokens x outputs.
    fn project(&self, weights: &Self::Weights, x: &Rows) -> Rows;

    /// Rounds activations to what memory keeps of them.
    fn round(&self, values: &mut [f32]);

    /// What is stored of an element of K or V.
    fn store(&self, value: f32) -> Self::Stored;

    /// The machine in whose order attention reads tokens; `None`: in the order of the text.
    fn order(&self) -> Option<KvOrder> {
        None
    }

    /// Attention of one head's query: scores times `scale` to probabilities, and the values weighted by them.
    fn attend(
        &self,
        query: &[f32],
        kv: &KvView<Self::Stored>,
        seen: Seen,
        scale: f64,
        out: &mut [f32],
    ) {
        in_order(self, query, kv, seen.tokens, scale, out);
    }

    /// Scores of one head's query against the first `scores.len()` keys, unscaled.
    fn scores(&self, query: &[f32], kv: &KvView<Self::Stored>, scores: &mut [f32]);

    /// Sum of the values weighted by probabilities.
    fn mix(&self, probabilities: &[f32], kv: &KvView<Self::Stored>, out: &mut [f32]);

    /// RMSNorm of a row: each value times its gain, over the root of the mean square.
    fn norm(&self, x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
        ops::rms_norm(x, gain, eps, out);
        self.round(out);
    }

    /// Turns every pair of every head by the angles of a position.
    fn rotate(&self, frequencies: &[f64], position: usize, heads: &mut [f32]) {
        Rotation::new(frequencies, position).apply(heads);
        self.round(heads);
    }

    /// Scores, times `scale`, to probabilities.
    fn softmax(&self, scores: &mut [f32], scale: f64) {
        ops::softmax(scores, scale as f32);
        self.round(scores);
    }

    /// `gate * sigmoid(gate) * up`, in place of `gate`.
    fn swiglu(&self, gate: &mut [f32], up: &[f32]) {
        ops::swiglu(gate, up);
        self.round(gate);
    }

    /// Adds a sub-module's result to the residual stream.
    fn residual(&self, x: &mut [f32], y: &[f32]) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
        self.round(x);
    }
}

/// Attention to the first `tokens` tokens in the order of the text.
pub(crate) fn in_order<A: Arithmetic + ?Sized>(
    arithmetic: &A,
    query: &[f32],
    kv: &KvView<A::Stored>,
    tokens: usize,
    scale: f64,
    out: &mut [f32],
) {
    let mut scores = vec![0.0; tokens];
    arithmetic.scores(query, kv, &mut scores);
    arithmetic.softmax(&mut scores, scale);
    arithmetic.mix(&scores, kv, out);
}
