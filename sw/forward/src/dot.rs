//! f32 dot products that the compiler vectorises, with the widest vectors the machine has.
//!
//! Every product of two vectors is summed in the same order whatever else is computed beside it: a
//! prefill gives the bits that decoding token by token gives.

mod simd;

use rayon::prelude::*;
use simd::{Vector, WIDTH};

/// Vectors multiplied with one weight row at a time, where there are several.
const TILE: usize = 4;
/// Multiplications below which threads cost more than they save.
const PARALLEL: usize = 1 << 17;

/// `y[t][r] = x[t] . w[r]`: `x` holds rows of `cols` values, `w` likewise, `y` one row per row of `x`.
///
/// Panics when the lengths disagree.
pub fn matmul(w: &[f32], x: &[f32], cols: usize, y: &mut [f32]) {
    let (rows, tokens) = (w.len() / cols, x.len() / cols);
    assert!(w.len() == rows * cols && x.len() == tokens * cols && y.len() == rows * tokens);
    if y.is_empty() {
        return;
    }
    if tokens == 1 {
        if w.len() < PARALLEL {
            return row_products(w, x, cols, y);
        }
        let chunk = rows.div_ceil(2 * rayon::current_num_threads());
        return y
            .par_chunks_mut(chunk)
            .zip(w.par_chunks(chunk * cols))
            .for_each(|(y, w)| row_products(w, x, cols, y));
    }
    let tile = |(y, x): (&mut [f32], &[f32])| {
        // Blocks of rows that stay in the nearest cache while all of the tokens pass.
        let block = (1 << 13) / cols + 1;
        for (b, w) in w.chunks(block * cols).enumerate() {
            for (y, x) in y.chunks_mut(TILE * rows).zip(x.chunks(TILE * cols)) {
                tile_products(w, x, cols, rows, b * block, y);
            }
        }
    };
    let share = tokens.div_ceil(2 * rayon::current_num_threads()).next_multiple_of(TILE);
    y.par_chunks_mut(share * rows).zip(x.par_chunks(share * cols)).for_each(tile);
}

/// Dot product of two vectors of equal length.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut out = [0.0];
    row_products(a, b, a.len().max(1), &mut out);
    out[0]
}

/// Defines a function that picks the widest vectors the machine has.
macro_rules! widest {
    ($(#[$doc:meta])* $name:ident, $body:ident, ($($arg:ident: $ty:ty),*)) => {
        $(#[$doc])*
        fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn wide($($arg: $ty),*) {
                    $body::<simd::Avx2>($($arg),*)
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the machine has both features.
                    return unsafe { wide($($arg),*) };
                }
            }
            $body::<simd::Plain>($($arg),*)
        }
    };
}

widest!(
    /// `y[r] = x . w[r]`.
    row_products, row_products_body, (w: &[f32], x: &[f32], cols: usize, y: &mut [f32])
);

/// One row after the other: weights that come from memory come in the order in which they stand there.
#[inline(always)]
fn row_products_body<V: Vector>(w: &[f32], x: &[f32], cols: usize, y: &mut [f32]) {
    for (w, y) in w.chunks_exact(cols).zip(y) {
        *y = products::<V, 1>(x, [w])[0];
    }
}

widest!(
    /// Rows `first..` of the products with up to [`TILE`] vectors; `y` has `rows` a vector.
    tile_products, tile_products_body,
    (w: &[f32], x: &[f32], cols: usize, rows: usize, first: usize, y: &mut [f32])
);

#[inline(always)]
fn tile_products_body<V: Vector>(
    w: &[f32],
    x: &[f32],
    cols: usize,
    rows: usize,
    first: usize,
    y: &mut [f32],
) {
    for (r, w) in w.chunks_exact(cols).enumerate() {
        if x.len() == TILE * cols {
            let x = std::array::from_fn(|t| &x[t * cols..(t + 1) * cols]);
            let sums = products::<V, TILE>(w, x);
            (0..TILE).for_each(|t| y[t * rows + first + r] = sums[t]);
        } else {
            for (t, x) in x.chunks_exact(cols).enumerate() {
                y[t * rows + first + r] = products::<V, 1>(w, [x])[0];
            }
        }
    }
}

/// Dot products of one vector with `N`: two vectors of partial sums each, the rest added at the end.
#[inline(always)]
fn products<V: Vector, const N: usize>(a: &[f32], b: [&[f32]; N]) -> [f32; N] {
    let whole = a.len() - a.len() % (2 * WIDTH);
    let mut low = [V::zero(); N];
    let mut high = [V::zero(); N];
    let mut at = 0;
    while at < whole {
        let (a0, a1) = (V::load(&a[at..]), V::load(&a[at + WIDTH..]));
        for n in 0..N {
            low[n] = V::load(&b[n][at..]).mul_add(a0, low[n]);
            high[n] = V::load(&b[n][at + WIDTH..]).mul_add(a1, high[n]);
        }
        at += 2 * WIDTH;
    }
    // No closures here: they would be compiled for the narrowest machine, and their calls would not be inlined.
    let mut sums = [0.0; N];
    for n in 0..N {
        sums[n] = low[n].add(high[n]).sum();
        for i in whole..a.len() {
            sums[n] += a[i] * b[n][i];
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{rngs::StdRng, Rng, SeedableRng};

    #[test]
    fn every_shape_equals_the_plain_sum_and_itself_row_by_row() {
        println!("seed 0");
        let mut rng = StdRng::seed_from_u64(0);
        let mut compared = 0;
        let shapes =
            [(1, 1, 1), (3, 5, 2), (300, 72, 9), (7, 1000, 4), (600, 288, 1), (500, 300, 33)];
        for (rows, cols, tokens) in shapes {
            let mut draw =
                |n: usize| (0..n).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f32>>();
            let (w, x) = (draw(rows * cols), draw(tokens * cols));
            let mut y = vec![f32::NAN; rows * tokens];
            matmul(&w, &x, cols, &mut y);
            for (i, y) in y.iter().enumerate() {
                let (w, x) = (&w[i % rows * cols..][..cols], &x[i / rows * cols..][..cols]);
                let exact: f64 = w.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                assert!((exact - f64::from(*y)).abs() < 1e-4, "{rows} x {cols} x {tokens}");
                assert_eq!(*y, dot(w, x), "the order of the sum must not depend on the batch");
                compared += 1;
            }
        }
        assert!(compared > 10_000);
    }
}
