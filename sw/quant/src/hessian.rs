//! Second moments of a matrix's inputs: what GPTQ weighs errors with.

use skipopu_forward::{dot, Rows};

/// Part of the mean diagonal added to every diagonal element, so that the inverse exists.
const DAMPING: f64 = 0.001;

/// Sum over inputs x of `x x^T`, columns x columns.
#[derive(Clone, Debug)]
pub struct Hessian {
    cols: usize,
    sums: Vec<f64>,
    inputs: usize,
}

impl Hessian {
    /// Of no inputs yet.
    pub fn new(cols: usize) -> Hessian {
        Hessian { cols, sums: vec![0.0; cols * cols], inputs: 0 }
    }

    /// Inputs so far.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Adds inputs.
    pub fn add(&mut self, x: &Rows) {
        let tokens = x.count();
        if tokens == 0 {
            return;
        }
        let mut columns = vec![0f32; self.cols * tokens];
        for t in 0..tokens {
            x.row(t).iter().enumerate().for_each(|(c, v)| columns[c * tokens + t] = *v);
        }
        let mut products = vec![0f32; self.cols * self.cols];
        dot::matmul(&columns, &columns, tokens, &mut products);
        self.sums.iter_mut().zip(&products).for_each(|(s, p)| *s += f64::from(*p));
        self.inputs += tokens;
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
