//! Choosing between two vectors, token by token.

use super::{like, slice, stored, Read};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// `g * a + (1 - g) * b`, row by row: (N, N x D, N x D) to N x D. A gate of exactly 0 or 1 gives one of
/// the rows, bit for bit.
pub struct Mix;

impl CustomOp3 for Mix {
    fn name(&self) -> &'static str {
        "mix"
    }

    fn cpu_fwd(
        &self,
        g: &CpuStorage,
        g_layout: &Layout,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (g, a, b) = (slice(g, g_layout)?, slice(a, a_layout)?, slice(b, b_layout)?);
        let width = a.len() / g.len();
        let mut y = vec![0f32; a.len()];
        let rows = a.par_chunks(width).zip(b.par_chunks(width)).zip(g);
        y.par_chunks_mut(width).zip(rows).for_each(|(y, ((a, b), g))| match *g {
            0.0 => y.copy_from_slice(b),
            1.0 => y.copy_from_slice(a),
            g => y.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (a, b))| *y = b + g * (a - b)),
        });
        stored(y, a_layout.shape())
    }

    fn bwd(
        &self,
        g: &Tensor,
        a: &Tensor,
        b: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (gs, xa, xb, dy) = (Read::of(g)?, Read::of(a)?, Read::of(b)?, Read::of(&grad)?);
        let width = xa.len() / gs.len();
        let (mut da, mut db) = (vec![0f32; dy.len()], vec![0f32; dy.len()]);
        let mut dg = vec![0f32; gs.len()];
        dg.par_iter_mut()
            .zip(gs.par_iter())
            .zip(da.par_chunks_mut(width).zip(db.par_chunks_mut(width)))
            .zip(dy.par_chunks(width).zip(xa.par_chunks(width).zip(xb.par_chunks(width))))
            .for_each(|(((dg, g), (da, db)), (dy, (xa, xb)))| {
                *dg = dy.iter().zip(xa).zip(xb).map(|((d, a), b)| d * (a - b)).sum();
                for ((da, db), dy) in da.iter_mut().zip(db).zip(dy) {
                    (*da, *db) = (g * dy, (1.0 - g) * dy);
                }
            });
        Ok((Some(like(dg, g)?), Some(like(da, a)?), Some(like(db, b)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check::{gradients, random};

    #[test]
    fn gradients_are_those_of_differences() {
        let inputs = [random(&[4], 0), random(&[4, 3], 1), random(&[4, 3], 2)];
        gradients(&inputs, |t| t[0].apply_op3(&t[1], &t[2], Mix));
    }
}
