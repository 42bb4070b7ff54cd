//! GPTQ (Frantar et al., 2022): weights are rounded column by column, and what each rounding spoils on
//! the calibration inputs is made good by the columns that follow.

use crate::refine::Refiner;
use crate::{rtn, Fisher, Grid, Hessian};
use rayon::prelude::*;
use skipopu_model::Quantised;

/// Quantises a matrix (`cols` values a row) against its inputs; `group` 0: one scale per row. `None`
/// when the inputs have no inverse.
///
/// Columns are taken in order of their inputs' size, so that those that matter most have the most
/// columns left to make good their errors. Scales are chosen before, by the weights as they are. Then codes and
/// scales are moved one by one, as long as that makes the error less.
///
/// Where the inputs differ from those of the unquantised model, the weights are first corrected for it
/// ([`Hessian::corrected`]).
///
/// With `costs`, whose words are the rows, codes and scales are moved for the error that counts what they say.
///
/// Panics on bits other than 2, 3, 4 and 8.
pub fn gptq(
    values: &[f32],
    cols: usize,
    bits: u32,
    group: usize,
    inputs: &Hessian,
    costs: Option<&Fisher>,
) -> Option<Quantised> {
    let diagonal = inputs.diagonal();
    let mut order: Vec<usize> = (0..cols).collect();
    order.sort_by(|a, b| diagonal[*b].total_cmp(&diagonal[*a]));
    let root: Vec<f32> = inputs.inverse_root(&order)?.iter().map(|v| *v as f32).collect();
    let importance: Vec<f32> = diagonal.iter().map(|d| *d as f32).collect();
    let grid = Grid::new(bits);
    let size = if group == 0 { cols } else { group };
    let values = inputs.corrected(values)?;
    let (moments, unit) = (inputs.scaled(), inputs.mean() as f32);
    let row = |(r, weights): (usize, &[f32])| {
        let groups = weights.chunks(size).zip(importance.chunks(size));
        let mut scales: Vec<f32> = groups.map(|(w, i)| grid.scale(w, i)).collect();
        // A column that no input used is worth nothing.
        let used = |c: &usize| if diagonal[*c] == 0.0 { 0.0 } else { weights[*c] };
        let mut w: Vec<f32> = order.iter().map(used).collect();
        let mut codes = vec![0; cols];
        for (i, c) in order.iter().enumerate() {
            let scale = scales[c / size];
            codes[*c] = grid.code(w[i], scale);
            let u = &root[i * cols..(i + 1) * cols];
            let error = (w[i] - f32::from(codes[*c]) * scale) / u[i];
            w[i + 1..].iter_mut().zip(&u[i + 1..]).for_each(|(w, u)| *w -= error * u);
        }
        let weights: Vec<f32> = (0..cols).map(|c| used(&c)).collect();
        let own = costs.and_then(|costs| costs.moments(r, &moments, unit));
        let refiner = Refiner { moments: own.as_ref().unwrap_or(&moments), grid, size };
        refiner.refine(&weights, &mut codes, &mut scales);
        (codes, scales)
    };
    Some(rtn::pack(values.par_chunks(cols).enumerate().map(row).collect(), cols, bits, group))
}
