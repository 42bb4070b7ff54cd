//! The feed-forward part's nonlinearity.

use super::exp::exp;
use super::{like, slice, stored, Read};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// `gate * sigmoid(gate) * up`, value by value.
pub struct SwiGlu;

/// Values that one thread takes at a time.
const CHUNK: usize = 1 << 13;

pub(super) fn sigmoid(x: f32) -> f32 {
    (1.0 + exp(-x)).recip()
}

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (slice(gate, gate_layout)?, slice(up, up_layout)?);
        let mut y = vec![0f32; gate.len()];
        let each = |y: &mut [f32], gate: &[f32], up: &[f32]| {
            y.iter_mut().zip(gate).zip(up).for_each(|((y, g), u)| *y = g * sigmoid(*g) * u);
        };
        y.par_chunks_mut(CHUNK)
            .zip(gate.par_chunks(CHUNK))
            .zip(up.par_chunks(CHUNK))
            .for_each(|((y, g), u)| each(y, g, u));
        stored(y, gate_layout.shape())
    }

    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (g, u, dy) = (Read::of(gate)?, Read::of(up)?, Read::of(&grad)?);
        let (mut dg, mut du) = (vec![0f32; g.len()], vec![0f32; g.len()]);
        let each = |(dg, du): (&mut [f32], &mut [f32]), g: &[f32], u: &[f32], dy: &[f32]| {
            for (((dg, du), g), (u, dy)) in dg.iter_mut().zip(du).zip(g).zip(u.iter().zip(dy)) {
                let s = sigmoid(*g);
                (*dg, *du) = (dy * u * s * (1.0 + g * (1.0 - s)), dy * g * s);
            }
        };
        dg.par_chunks_mut(CHUNK)
            .zip(du.par_chunks_mut(CHUNK))
            .zip(g.par_chunks(CHUNK).zip(u.par_chunks(CHUNK)).zip(dy.par_chunks(CHUNK)))
            .for_each(|(to, ((g, u), dy))| each(to, g, u, dy));
        Ok((Some(like(dg, gate)?), Some(like(du, up)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{gradients, random};

    #[test]
    fn gradients_are_those_of_differences() {
        gradients(&[random(&[3, 5], 0), random(&[3, 5], 1)], |t| t[0].apply_op2(&t[1], SwiGlu));
    }
}
