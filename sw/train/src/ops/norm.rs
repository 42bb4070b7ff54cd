//! RMSNorm.

use super::{like, slice, stored, Read};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// `y = x * gain / sqrt(mean(x^2) + eps)`, row by row: (N x D, D) to N x D.
pub struct RmsNorm {
    /// Added to the mean square.
    pub eps: f32,
}

impl RmsNorm {
    fn scale(&self, x: &[f32]) -> f32 {
        let mean = x.iter().map(|v| v * v).sum::<f32>() / x.len() as f32;
        (mean + self.eps).sqrt().recip()
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gain: &CpuStorage,
        gain_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, gain) = (slice(x, x_layout)?, slice(gain, gain_layout)?);
        let mut y = vec![0f32; x.len()];
        y.par_chunks_mut(gain.len()).zip(x.par_chunks(gain.len())).for_each(|(y, x)| {
            let scale = self.scale(x);
            y.iter_mut().zip(x).zip(gain).for_each(|((y, x), g)| *y = x * scale * g);
        });
        stored(y, x_layout.shape())
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (xs, gains, dy) = (Read::of(x)?, Read::of(gain)?, Read::of(&grad)?);
        let width = gains.len();
        let mut dx = vec![0f32; xs.len()];
        let mut dgain = vec![0f32; width];
        dx.par_chunks_mut(width).zip(xs.par_chunks(width)).zip(dy.par_chunks(width)).for_each(
            |((dx, x), dy)| {
                let scale = self.scale(x);
                let along: f32 = dy.iter().zip(x).zip(&*gains).map(|((dy, x), g)| dy * x * g).sum();
                let pull = scale.powi(3) * along / width as f32;
                for i in 0..width {
                    dx[i] = scale * gains[i] * dy[i] - pull * x[i];
                }
            },
        );
        for (x, dy) in xs.chunks(width).zip(dy.chunks(width)) {
            let scale = self.scale(x);
            dgain.iter_mut().zip(x).zip(dy).for_each(|((d, x), dy)| *d += x * scale * dy);
        }
        Ok((Some(like(dx, x)?), Some(like(dgain, gain)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{gradients, random};

    #[test]
    fn gradients_are_those_of_differences() {
        let inputs = [random(&[3, 8], 0), random(&[8], 1)];
        gradients(&inputs, |t| t[0].apply_op2(&t[1], RmsNorm { eps: 1e-5 }));
    }
}
