//! Second moments of a matrix's inputs: what GPTQ weighs errors with.

use rayon::prelude::*;
use skipopu_forward::{dot, Rows};

/// Part of the mean diagonal added to every diagonal element, so that the inverse exists.
const DAMPING: f64 = 0.001;

/// Sum over inputs x of `x x^T`, columns x columns, and how far they are from the inputs of the unquantised
/// model.
#[derive(Clone, Debug)]
pub struct Hessian {
    cols: usize,
    sums: Vec<f64>,
    /// Sum of `(truth - x) x^T`.
    drift: Vec<f64>,
    /// Sum of `miss x^T`: what is missing in the stream that results are added to, outputs x columns.
    missing: Vec<f64>,
    inputs: usize,
}

impl Hessian {
    /// Of no inputs yet.
    pub fn new(cols: usize) -> Hessian {
        Hessian {
            cols,
            sums: vec![0.0; cols * cols],
            drift: vec![0.0; cols * cols],
            missing: Vec::new(),
            inputs: 0,
        }
    }

    /// Inputs so far.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Adds inputs that are as they should be.
    pub fn add(&mut self, x: &Rows) {
        if x.count() > 0 {
            let columns = columns(x);
            products(&columns, &columns, x.count(), &mut self.sums);
            self.inputs += x.count();
        }
    }

    /// Adds inputs and, row by row, what the unquantised model has in their place.
    ///
    /// Panics when the numbers of rows differ.
    pub fn add_with(&mut self, x: &Rows, truth: &Rows) {
        assert_eq!(x.count(), truth.count(), "a row for each");
        self.add(x);
        if x.count() > 0 {
            let (columns, mut drift) = (columns(x), columns(truth));
            drift.iter_mut().zip(&columns).for_each(|(t, x)| *t -= x);
            products(&columns, &drift, x.count(), &mut self.drift);
        }
    }

    /// Says what the stream that the results of these inputs are added to lacks, row by row, compared with that
    /// of the unquantised model.
    ///
    /// Panics when the numbers of rows differ.
    pub fn add_missing(&mut self, x: &Rows, missing: &Rows) {
        assert_eq!(x.count(), missing.count(), "a row for each");
        if x.count() > 0 {
            self.missing.resize(missing.width() * self.cols, 0.0);
            products(&columns(x), &columns(missing), x.count(), &mut self.missing);
        }
    }

    /// Weights (`cols` a row) that give on these inputs, as nearly as a matrix can, what `weights` give on
    /// those of the unquantised model, and what the stream lacks; none when the damped sums have no inverse.
    pub fn corrected(&self, weights: &[f32]) -> Option<Vec<f32>> {
        let n = self.cols;
        if self.drift.iter().chain(&self.missing).all(|d| *d == 0.0) {
            return Some(weights.to_vec());
        }
        let root = self.inverse_root(&(0..n).collect::<Vec<_>>())?;
        // Times (damped sums)^-1 = U^T U.
        let divided = |left: &[f64]| -> Vec<f32> {
            let row = |left: &[f64]| {
                let mut sums = vec![0f64; n];
                for (k, u) in root.chunks(n).enumerate() {
                    let along = product(&left[k..], &u[k..]);
                    sums[k..].iter_mut().zip(&u[k..]).for_each(|(s, u)| *s += along * u);
                }
                sums.into_iter().map(|s| s as f32).collect::<Vec<f32>>()
            };
            left.par_chunks(n).flat_map_iter(row).collect()
        };
        let change = divided(&self.drift);
        let turned: Vec<f32> = (0..n * n).map(|i| change[i % n * n + i / n]).collect();
        let mut corrected = vec![0f32; weights.len()];
        dot::matmul(&turned, weights, n, &mut corrected);
        corrected.iter_mut().zip(weights).for_each(|(c, w)| *c += w);
        corrected.iter_mut().zip(divided(&self.missing)).for_each(|(c, m)| *c += m);
        Some(corrected)
    }

    /// The damped sums, divided by the mean of their diagonal.
    pub fn scaled(&self) -> Vec<f32> {
        let (n, mean) = (self.cols, self.mean());
        let one = if mean > 0.0 { mean.recip() } else { 0.0 };
        let damped = |i: usize| if i % (n + 1) == 0 { DAMPING } else { 0.0 };
        self.sums.iter().enumerate().map(|(i, s)| (s * one + damped(i)) as f32).collect()
    }

    /// Mean of the diagonal.
    pub fn mean(&self) -> f64 {
        self.diagonal().iter().sum::<f64>() / self.cols as f64
    }

    /// Mean square of each column, up to a common factor: what an error there costs by itself.
    pub fn diagonal(&self) -> Vec<f64> {
        (0..self.cols).map(|c| self.sums[c * self.cols + c]).collect()
    }

    /// With the columns in `order`: the upper triangular U with `inverse = U^T U`; none when the damped
    /// sums have no inverse.
    pub fn inverse_root(&self, order: &[usize]) -> Option<Vec<f64>> {
        let n = self.cols;
        let row = |r: &usize| order.iter().map(|c| self.sums[r * n + c]).collect::<Vec<f64>>();
        let mut h: Vec<f64> = order.iter().flat_map(row).collect();
        let mean = (0..n).map(|i| h[i * n + i]).sum::<f64>() / n as f64;
        let damping = if mean > 0.0 { DAMPING * mean } else { 1.0 };
        (0..n).for_each(|i| h[i * n + i] += damping);
        // With J the reversal of order, J H J = L L^T gives H = R R^T for the upper triangular
        // R = J L J, so that the inverse is (R^-1)^T R^-1 and U = R^-1, upper triangular too.
        let reversed: Vec<f64> = (0..n * n).rev().map(|i| h[i]).collect();
        let lower = cholesky(reversed, n)?;
        let root: Vec<f64> = (0..n * n).rev().map(|i| lower[i]).collect();
        Some(invert_upper(&root, n))
    }
}

/// Columns as rows, one after the other.
fn columns(x: &Rows) -> Vec<f32> {
    let tokens = x.count();
    let mut columns = vec![0f32; x.width() * tokens];
    for t in 0..tokens {
        x.row(t).iter().enumerate().for_each(|(c, v)| columns[c * tokens + t] = *v);
    }
    columns
}

/// Adds the product of each column of `b` with each of `a` to row b, column a of `sums`.
fn products(a: &[f32], b: &[f32], tokens: usize, sums: &mut [f64]) {
    let mut products = vec![0f32; sums.len()];
    dot::matmul(a, b, tokens, &mut products);
    sums.iter_mut().zip(&products).for_each(|(s, p)| *s += f64::from(*p));
}

/// The lower triangular L with `a = L L^T`; none when `a` is not positive definite.
fn cholesky(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    for i in 0..n {
        let (above, rest) = a.split_at_mut(i * n);
        let row = &mut rest[..n];
        for j in 0..i {
            let other = &above[j * n..j * n + j + 1];
            row[j] = (row[j] - product(&row[..j], &other[..j])) / other[j];
        }
        let square = row[i] - product(&row[..i], &row[..i]);
        if square.is_nan() || square <= 0.0 {
            return None;
        }
        row[i] = square.sqrt();
        row[i + 1..].fill(0.0);
    }
    Some(a)
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Inverse of an upper triangular matrix, row by row from the last.
fn invert_upper(r: &[f64], n: usize) -> Vec<f64> {
    let mut inverse = vec![0f64; n * n];
    for i in (0..n).rev() {
        let (head, below) = inverse.split_at_mut((i + 1) * n);
        let row = &mut head[i * n..];
        let pivot = r[i * n + i];
        for k in i + 1..n {
            let factor = r[i * n + k];
            let other = &below[(k - i - 1) * n..(k - i) * n];
            row[k..].iter_mut().zip(&other[k..]).for_each(|(x, o)| *x -= factor * o);
        }
        row[i + 1..].iter_mut().for_each(|x| *x /= pivot);
        row[i] = 1.0 / pivot;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{rngs::StdRng, Rng, SeedableRng};

    #[test]
    fn the_root_is_upper_triangular_and_squares_to_the_inverse() {
        println!("seed 0");
        let mut rng = StdRng::seed_from_u64(0);
        let n = 23;
        let mut x = Rows::zeros(60, n);
        x.values_mut().iter_mut().for_each(|v| *v = rng.random_range(-1.0..1.0));
        let mut hessian = Hessian::new(n);
        hessian.add(&x);
        let order: Vec<usize> = (0..n).rev().collect();
        let u = hessian.inverse_root(&order).unwrap();
        let mean = (0..n).map(|i| hessian.sums[i * n + i]).sum::<f64>() / n as f64;
        for i in 0..n {
            assert!((0..i).all(|j| u[i * n + j] == 0.0));
            for j in 0..n {
                // (U^T U) H = 1
                let inverse =
                    |a: usize, b: usize| (0..n).map(|k| u[k * n + a] * u[k * n + b]).sum::<f64>();
                let damped = |k: usize| {
                    hessian.sums[order[k] * n + order[j]]
                        + if k == j { DAMPING * mean } else { 0.0 }
                };
                let one: f64 = (0..n).map(|k| inverse(i, k) * damped(k)).sum();
                assert!((one - f64::from(u8::from(i == j))).abs() < 1e-9, "{i} {j} {one}");
            }
        }
    }

    #[test]
    fn weights_are_corrected_for_inputs_that_drifted_and_for_what_the_stream_lacks() {
        println!("seed 1");
        let mut rng = StdRng::seed_from_u64(1);
        let (n, outputs, tokens) = (12, 5, 400);
        let mut draw = |rows: usize, cols: usize| {
            let mut x = Rows::zeros(rows, cols);
            x.values_mut().iter_mut().for_each(|v| *v = rng.random_range(-1.0..1.0));
            x
        };
        let (x, weights, mixing, lack) =
            (draw(tokens, n), draw(outputs, n), draw(n, n), draw(outputs, n));
        // The true inputs and what the stream lacks are products of the inputs.
        let times = |m: &Rows| {
            let mut y = Rows::zeros(tokens, m.count());
            dot::matmul(m.values(), x.values(), n, y.values_mut());
            y
        };
        let (truth, missing) = (times(&mixing), times(&lack));
        let mut hessian = Hessian::new(n);
        hessian.add(&x);
        assert_eq!(hessian.corrected(weights.values()).unwrap(), weights.values());
        let mut hessian = Hessian::new(n);
        hessian.add_with(&x, &truth);
        hessian.add_missing(&x, &missing);
        let corrected = hessian.corrected(weights.values()).unwrap();
        let mut compared = 0;
        for t in 0..tokens {
            for r in 0..outputs {
                let found = dot::dot(&corrected[r * n..(r + 1) * n], x.row(t));
                let expected = dot::dot(weights.row(r), truth.row(t)) + missing.row(t)[r];
                assert!((found - expected).abs() < 0.05, "{t} {r}: {found} {expected}");
                compared += 1;
            }
        }
        assert_eq!(compared, tokens * outputs);
    }

    #[test]
    fn inputs_that_are_never_used_are_dead_and_broken_ones_refused() {
        let mut x = Rows::zeros(2, 3);
        x.row_mut(0).copy_from_slice(&[1.0, 0.0, 2.0]);
        let mut hessian = Hessian::new(3);
        hessian.add(&x);
        assert_eq!(hessian.diagonal(), [1.0, 0.0, 4.0]);
        assert!(hessian.inverse_root(&[0, 1, 2]).is_some(), "damping makes it regular");
        x.row_mut(0)[0] = f32::NAN;
        hessian.add(&x);
        assert!(hessian.inverse_root(&[0, 1, 2]).is_none());
    }
}
