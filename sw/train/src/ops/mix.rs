//! Choosing between two vectors, token by token.

use super::{like, slice, stored, values};
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
        let mut y = b.to_vec();
        y.par_chunks_mut(width).zip(a.par_chunks(width)).zip(g).for_each(|((y, a), g)| match *g {
            0.0 => (),
            1.0 => y.copy_from_slice(a),
            g => y.iter_mut().zip(a).for_each(|(y, a)| *y += g * (a - *y)),
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
        let (gs, xa, xb, mut da) = (values(g)?, values(a)?, values(b)?, values(grad)?);
        let width = xa.len() / gs.len();
        let mut db = vec![0f32; da.len()];
        let mut dg = vec![0f32; gs.len()];
        dg.par_iter_mut()
            .zip(&gs)
            .zip(da.par_chunks_mut(width).zip(db.par_chunks_mut(width)))
            .zip(xa.par_chunks(width).zip(xb.par_chunks(width)))
            .for_each(|(((dg, g), (da, db)), (xa, xb))| {
                *dg = da.iter().zip(xa).zip(xb).map(|((d, a), b)| d * (a - b)).sum();
                for (da, db) in da.iter_mut().zip(db) {
                    (*da, *db) = (g * *da, (1.0 - g) * *da);
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
