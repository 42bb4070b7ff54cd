//! What errors of the classifier cost.

use crate::refine::axpy;
use rayon::prelude::*;
use skipopu_forward::{Arithmetic, Rows, F32};

/// What an error counts everywhere, so that a row is held where its word is impossible too.
const FLOOR: f32 = 0.001;

/// For each word of the vocabulary, where it is probable and what an error in its logit costs there.
///
/// An error e in the logit of a word of probability p adds `p (1 - p) e^2 / 2` to the cross entropy, to second order: the diagonal
/// of the softmax's Fisher information. So a row of the classifier is to be near where its word comes into question.
#[derive(Clone, Debug, Default)]
pub struct Fisher {
    inputs: Vec<f32>,
    /// By word, the inputs where an error costs more than [`FLOOR`], and what.
    words: Vec<Vec<(usize, f32)>>,
}

impl Fisher {
    /// Adds inputs and the logits that the unquantised model has in their place, row by row.
    ///
    /// Panics when the numbers of rows differ.
    pub fn add(&mut self, x: &Rows, mut logits: Rows) {
        assert_eq!(x.count(), logits.count(), "a row for each");
        if x.count() == 0 {
            return;
        }
        let (words, before) = (logits.width(), self.inputs.len() / x.width());
        self.inputs.extend(x.values());
        self.words.resize(words, Vec::new());
        logits.values_mut().par_chunks_mut(words).for_each(|l| F32.softmax(l, 1.0));
        for t in 0..x.count() {
            let costs = logits.row(t).iter().map(|p| p * (1.0 - p));
            for (word, cost) in self.words.iter_mut().zip(costs).filter(|(_, c)| *c > FLOOR) {
                word.push((before + t, cost));
            }
        }
    }

    /// Sum of `x x^T`, columns x columns, over inputs x times what an error of the word costs there; `all` is the sum when each
    /// costs 1. Both are divided by `unit`. None for a word that never comes into question: errors cost the same everywhere.
    pub fn moments(&self, word: usize, all: &[f32], unit: f32) -> Option<Vec<f32>> {
        let places = self.words.get(word).filter(|places| !places.is_empty())?;
        let mut sums: Vec<f32> = all.iter().map(|m| m * FLOOR).collect();
        let cols = all.len().isqrt();
        for (t, cost) in places {
            let x = &self.inputs[t * cols..(t + 1) * cols];
            for (a, row) in x.iter().zip(sums.chunks_exact_mut(cols)) {
                axpy(a * cost / unit, x, row);
            }
        }
        Some(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hessian;

    #[test]
    fn inputs_count_by_the_odds_of_the_word() {
        let rows = |width, values: &[f32]| {
            let mut rows = Rows::zeros(values.len() / width, width);
            rows.values_mut().copy_from_slice(values);
            rows
        };
        let x = [rows(2, &[1.0, 2.0]), rows(2, &[3.0, -1.0])];
        // Of the first two words, e to 1 and 1 to e^2; the third is impossible.
        let logits = [rows(3, &[1.0, 0.0, -90.0]), rows(3, &[-1.0, 1.0, -90.0])];
        let (mut fisher, mut hessian) = (Fisher::default(), Hessian::new(2));
        for (x, logits) in x.iter().zip(logits) {
            fisher.add(x, logits);
            hessian.add(x);
        }
        let (all, unit) = (hessian.scaled(), hessian.mean() as f32);
        let cost = |odds: f64| (odds / (1.0 + odds) / (1.0 + odds)) as f32;
        let costs = [cost(1f64.exp()), cost(2f64.exp())];
        for word in 0..2 {
            let found = fisher.moments(word, &all, unit).unwrap();
            for (i, found) in found.iter().enumerate() {
                let term = |t: usize| costs[t] * x[t].row(0)[i / 2] * x[t].row(0)[i % 2];
                let expected = (term(0) + term(1)) / unit + FLOOR * all[i];
                assert!((found - expected).abs() < 1e-6, "{word} {i}: {found} {expected}");
            }
        }
        assert!(fisher.moments(2, &all, unit).is_none() && fisher.moments(3, &all, unit).is_none());
    }
}
