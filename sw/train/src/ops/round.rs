//! Weights as they will be quantised.

use super::{slice, stored};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use skipopu_quant::Grid;

/// Weights (outputs x inputs) to the nearest ones of a grid, each group of `size` inputs with a scale of its own;
/// the gradient passes straight through (Bengio et al., 2013).
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Codes.
    pub grid: Grid,
    /// Inputs of a group; those of a row that are left over are one too.
    pub size: usize,
}

impl Round {
    fn group(self, weights: &mut [f32]) {
        let scale = self.grid.reach(weights);
        weights.iter_mut().for_each(|w| *w = f32::from(self.grid.code(*w, scale)) * scale);
    }
}

impl CustomOp1 for Round {
    fn name(&self) -> &'static str {
        "round"
    }

    fn cpu_fwd(&self, w: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, inputs) = layout.shape().dims2()?;
        let mut weights = slice(w, layout)?.to_vec();
        let row = |row: &mut [f32]| row.chunks_mut(self.size).for_each(|group| self.group(group));
        weights.par_chunks_mut(inputs).for_each(row);
        stored(weights, layout.shape())
    }

    fn bwd(&self, _w: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{check::random, values};

    #[test]
    fn groups_have_scales_of_their_own_and_gradients_pass() {
        println!("seed 0");
        let (w, round) = (random(&[3, 10], 0), Round { grid: Grid::new(4), size: 4 });
        let rounded = w.apply_op1(round).unwrap();
        let (from, to) = (values(&w).unwrap(), values(&rounded).unwrap());
        let mut moved = 0;
        for (from, to) in from.chunks(10).zip(to.chunks(10)) {
            for (from, to) in from.chunks(4).zip(to.chunks(4)) {
                let scale = round.grid.reach(from);
                for (from, to) in from.iter().zip(to) {
                    // Opposite the furthest, one code less can be reached.
                    assert!((from - to).abs() <= 1.001 * scale.abs(), "{from} {to} {scale}");
                    assert_eq!((to / scale).fract(), 0.0);
                    moved += usize::from(from != to);
                }
            }
        }
        assert!(moved > 15);
        assert_eq!(
            values(&rounded.apply_op1_no_bwd(&round).unwrap()).unwrap(),
            to,
            "rounding twice is once"
        );
        let grads = (rounded * 3.0).unwrap().sum_all().unwrap().backward().unwrap();
        assert_eq!(values(grads.get(&w).unwrap()).unwrap(), [3.0; 30]);
    }
}
