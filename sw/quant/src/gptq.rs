//! GPTQ (Frantar et al., 2022): weights are rounded column by column, and what each rounding spoils on
//! the calibration inputs is made good by the columns that follow.

use crate::{rtn, Grid, Hessian};
use rayon::prelude::*;
use skipopu_model::Quantised;

/// Quantises a matrix (`cols` values a row) against its inputs; `group` 0: one scale per row. `None`
/// when the inputs have no inverse.
///
/// A group's scale is chosen when its first column is reached, from the weights as corrected so far.
///
/// Panics on bits other than 2, 3, 4 and 8.
pub fn gptq(
    values: &[f32],
    cols: usize,
    bits: u32,
    group: usize,
    inputs: &Hessian,
) -> Option<Quantised> {
    let root: Vec<f32> = inputs.inverse_root()?.iter().map(|v| *v as f32).collect();
    let dead = inputs.dead();
    let grid = Grid::new(bits);
    let size = if group == 0 { cols } else { group };
    let row = |weights: &[f32]| {
        let mut w: Vec<f32> =
            weights.iter().zip(&dead).map(|(w, dead)| if *dead { 0.0 } else { *w }).collect();
        let mut codes = Vec::with_capacity(cols);
        let mut scales = Vec::with_capacity(cols.div_ceil(size));
        for i in 0..cols {
            if i % size == 0 {
                scales.push(grid.scale(&w[i..cols.min(i + size)]));
            }
            let scale = scales[i / size];
            let code = grid.code(w[i], scale);
            codes.push(code);
            let u = &root[i * cols..(i + 1) * cols];
            let error = (w[i] - f32::from(code) * scale) / u[i];
            w[i + 1..].iter_mut().zip(&u[i + 1..]).for_each(|(w, u)| *w -= error * u);
        }
        (codes, scales)
    };
    Some(rtn::pack(values.par_chunks(cols).map(row).collect(), cols, bits, group))
}
