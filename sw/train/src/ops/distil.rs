//! How far predictions are from the teacher's.

use super::exp::exp;
use super::{like, slice, Read};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use std::sync::Arc;

/// The teacher's probabilities: for each token, `top` pairs of a column and its probability, which sum to 1.
/// A probability of 0 fills up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// Pairs of a token.
    pub top: usize,
    /// The pairs, token by token.
    pub pairs: Vec<(u32, f32)>,
}

impl Targets {
    /// Mean over tokens of -sum(p ln p): what is left of the cross entropy when nothing is lost.
    pub fn entropy(&self) -> f64 {
        let each = |(_, p): &(u32, f32)| match *p > 0.0 {
            true => -f64::from(*p) * f64::from(*p).ln(),
            false => 0.0,
        };
        let tokens = self.pairs.len() / self.top.max(1);
        self.pairs.iter().map(each).sum::<f64>() / tokens.max(1) as f64
    }
}

/// Mean cross entropy, in nats, between the teacher's probabilities and the softmax of logits: N x V to a
/// scalar.
pub struct Distil(pub Arc<Targets>);

/// The logarithm of the sum of exponentials.
fn log_sum(logits: &[f32]) -> f32 {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |m, l| m.max(*l));
    largest + logits.iter().map(|l| exp(l - largest)).sum::<f32>().ln()
}

impl CustomOp1 for Distil {
    fn name(&self) -> &'static str {
        "distil"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (tokens, width) = layout.shape().dims2()?;
        let logits = slice(logits, layout)?;
        let each = |(row, pairs): (&[f32], &[(u32, f32)])| {
            let norm = log_sum(row);
            let cost = |(token, p): &(u32, f32)| p * (norm - row[*token as usize]);
            pairs.iter().map(cost).sum::<f32>()
        };
        let pairs = self.0.pairs.par_chunks(self.0.top);
        let costs: Vec<f32> = logits.par_chunks(width).zip(pairs).map(each).collect();
        let mean = costs.iter().map(|c| f64::from(*c)).sum::<f64>() / tokens as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (tokens, width) = logits.dims2()?;
        let share = grad.to_scalar::<f32>()? / tokens as f32;
        let rows = Read::of(logits)?;
        let mut d = vec![0f32; rows.len()];
        let rows = rows.par_chunks(width).zip(self.0.pairs.par_chunks(self.0.top));
        d.par_chunks_mut(width).zip(rows).for_each(|(d, (row, pairs))| {
            let norm = log_sum(row);
            d.iter_mut().zip(row).for_each(|(d, l)| *d = share * exp(*l - norm));
            pairs.iter().for_each(|(token, p)| d[*token as usize] -= share * p);
        });
        Ok(Some(like(d, logits)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{gradients, random};

    #[test]
    fn gradients_are_those_of_differences_and_vanish_at_the_teacher() {
        let pairs = vec![(0, 0.5), (3, 0.5), (2, 1.0), (0, 0.0), (4, 0.25), (1, 0.75)];
        let targets = Arc::new(Targets { top: 2, pairs });
        let op = |t: &[candle_core::Var]| t[0].apply_op1(Distil(targets.clone()));
        gradients(&[random(&[3, 5], 0)], op);
        let expected = (2f64.ln() + 0.25 * 4f64.ln() + 0.75 * (4f64 / 3.0).ln()) / 3.0;
        assert!((targets.entropy() - expected).abs() < 1e-6);
    }
}
