//! Rotary position embedding.

use super::{like, slice, stored, Read};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use std::sync::Arc;

/// Turns adjacent pairs of every head by their position: N x heads * head size. Rows are texts of
/// `period` tokens, one after the other, that begin at position `start`.
#[derive(Clone)]
pub struct Rope {
    /// Cosine and sine by position and pair.
    turns: Arc<Vec<(f32, f32)>>,
    pairs: usize,
    start: usize,
    period: usize,
}

impl Rope {
    /// Tables for `context` positions; `frequencies` holds one angle a pair.
    pub fn new(frequencies: &[f64], context: usize) -> Rope {
        let turn = |position: usize| {
            frequencies.iter().map(move |f| {
                let (sin, cos) = (f * position as f64).sin_cos();
                (cos as f32, sin as f32)
            })
        };
        let turns = Arc::new((0..context).flat_map(turn).collect());
        Rope { turns, pairs: frequencies.len(), start: 0, period: context }
    }

    /// For texts of `period` tokens that begin at position `start`.
    pub fn at(&self, start: usize, period: usize) -> Rope {
        Rope { start, period, ..self.clone() }
    }

    fn turn(&self, x: &[f32], width: usize, sign: f32) -> Vec<f32> {
        let mut y = vec![0f32; x.len()];
        y.par_chunks_mut(width).zip(x.par_chunks(width)).enumerate().for_each(|(n, (row, x))| {
            row.copy_from_slice(x);
            let position = self.start + n % self.period;
            let turns = &self.turns[position * self.pairs..(position + 1) * self.pairs];
            for head in row.chunks_exact_mut(2 * self.pairs) {
                for (pair, (cos, sin)) in head.chunks_exact_mut(2).zip(turns) {
                    let (a, b, sin) = (pair[0], pair[1], sign * sin);
                    pair[0] = a * cos - b * sin;
                    pair[1] = a * sin + b * cos;
                }
            }
        });
        y
    }
}

impl CustomOp1 for Rope {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let width = layout.shape().dims()[1];
        stored(self.turn(slice(x, layout)?, width, 1.0), layout.shape())
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let turned = self.turn(&Read::of(&grad)?, x.dim(1)?, -1.0);
        Ok(Some(like(turned, x)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{gradients, random};

    #[test]
    fn gradients_are_those_of_differences() {
        let rope = Rope::new(&[1.0, 0.1], 6).at(2, 3);
        gradients(&[random(&[6, 8], 0)], |t| t[0].apply_op1(rope.clone()));
    }
}
