//! Round to nearest.

use crate::Grid;
use rayon::prelude::*;
use skipopu_model::Quantised;

/// Quantises a matrix (`cols` values a row), each weight by itself; `group` 0: one scale per row.
///
/// Panics on bits other than 2, 3, 4 and 8.
pub fn rtn(values: &[f32], cols: usize, bits: u32, group: usize) -> Quantised {
    let grid = Grid::new(bits);
    let size = if group == 0 { cols } else { group };
    let equal = vec![1.0; size];
    let rows: Vec<(Vec<i8>, Vec<f32>)> = values
        .par_chunks(cols)
        .map(|row| {
            let scales: Vec<f32> = row.chunks(size).map(|g| grid.scale(g, &equal)).collect();
            let code = |(i, w): (usize, &f32)| grid.code(*w, scales[i / size]);
            (row.iter().enumerate().map(code).collect(), scales)
        })
        .collect();
    pack(rows, cols, bits, group)
}

/// Packs rows of codes and scales.
pub(crate) fn pack(
    rows: Vec<(Vec<i8>, Vec<f32>)>,
    cols: usize,
    bits: u32,
    group: usize,
) -> Quantised {
    let (codes, scales): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    Quantised::pack(bits, cols, group, &codes.concat(), &scales.concat())
}
