//! Codes and scales of a row, made better in place: what GPTQ leaves, as it never looks back.

use crate::Grid;
use half::f16;

/// Times that codes, then scales, are gone through.
const ROUNDS: usize = 4;
/// Times that codes are gone through in a round, as long as one changes.
const SWEEPS: usize = 4;

/// A row of weights on its way to codes: the error is `e^T H e`, e being what is left of the weights.
pub struct Refiner<'a> {
    /// Moments of the inputs, columns x columns.
    pub moments: &'a [f32],
    /// The grid.
    pub grid: Grid,
    /// Values of a group.
    pub size: usize,
}

impl Refiner<'_> {
    /// Moves one code or one scale at a time to where the error is least, the others being as they are.
    pub fn refine(&self, weights: &[f32], codes: &mut [i8], scales: &mut [f32]) {
        let n = weights.len();
        let value = |(c, code): (usize, &i8)| f32::from(*code) * scales[c / self.size];
        let left: Vec<f32> =
            codes.iter().enumerate().map(value).zip(weights).map(|(v, w)| w - v).collect();
        // H e.
        let mut slope = vec![0f32; n];
        for (row, e) in self.moments.chunks_exact(n).zip(&left) {
            axpy(*e, row, &mut slope);
        }
        for _ in 0..ROUNDS {
            let mut changed = false;
            for _ in 0..SWEEPS {
                let moved = self.codes(codes, scales, &mut slope);
                changed |= moved;
                if !moved {
                    break;
                }
            }
            changed |= self.scales(codes, scales, &mut slope);
            if !changed {
                break;
            }
        }
    }

    /// One sweep over the codes; whether one moved.
    fn codes(&self, codes: &mut [i8], scales: &[f32], slope: &mut [f32]) -> bool {
        let n = codes.len();
        let mut moved = false;
        for c in 0..n {
            let (row, scale) = (&self.moments[c * n..(c + 1) * n], scales[c / self.size]);
            if row[c] <= 0.0 {
                continue;
            }
            let old = f32::from(codes[c]) * scale;
            let code = self.grid.code(old + slope[c] / row[c], scale);
            if code != codes[c] {
                axpy(old - f32::from(code) * scale, row, slope);
                codes[c] = code;
                moved = true;
            }
        }
        moved
    }

    /// One sweep over the scales; whether one moved.
    fn scales(&self, codes: &[i8], scales: &mut [f32], slope: &mut [f32]) -> bool {
        let n = codes.len();
        let mut moved = false;
        for (g, scale) in scales.iter_mut().enumerate() {
            let columns = g * self.size..n.min((g + 1) * self.size);
            // H times the group's codes.
            let mut image = vec![0f32; n];
            for c in columns.clone().filter(|c| codes[*c] != 0) {
                axpy(f32::from(codes[c]), &self.moments[c * n..(c + 1) * n], &mut image);
            }
            let along =
                |v: &[f32]| -> f32 { columns.clone().map(|c| f32::from(codes[c]) * v[c]).sum() };
            let (pull, curve) = (along(slope), along(&image));
            let better = f16::from_f32(*scale + pull / curve);
            let change = better.to_f32() - *scale;
            // Rounding to FP16 may overshoot.
            let gain = change * (2.0 * pull - change * curve);
            if better.is_finite() && better.to_f32() != 0.0 && gain > 0.0 {
                axpy(-change, &image, slope);
                *scale = better.to_f32();
                moved = true;
            }
        }
        moved
    }
}

/// Adds `a x` to y.
pub(crate) fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{rngs::StdRng, Rng, SeedableRng};

    #[test]
    fn rows_get_better_until_no_code_can_be_moved() {
        println!("seed 2");
        let mut rng = StdRng::seed_from_u64(2);
        let (n, size, grid) = (40, 16, Grid::new(4));
        let x: Vec<f32> = (0..200 * n).map(|_| rng.random_range(-1.0..1.0)).collect();
        // Neighbours resemble each other.
        let value = |t: usize, c: usize| x[t * n + c] + 2.0 * x[t * n + c / 4];
        let moment = |i: usize| (0..200).map(|t| value(t, i / n) * value(t, i % n)).sum::<f32>();
        let moments: Vec<f32> = (0..n * n).map(moment).collect();
        let refiner = Refiner { moments: &moments, grid, size };
        let mut better = 0;
        for _ in 0..20 {
            let weights: Vec<f32> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
            let mut scales = vec![1.0 / 7.0; n.div_ceil(size)];
            let mut codes: Vec<i8> = weights.iter().map(|w| grid.code(*w, 1.0 / 7.0)).collect();
            let error = |codes: &[i8], scales: &[f32]| -> f64 {
                let left =
                    |c: usize| f64::from(weights[c] - f32::from(codes[c]) * scales[c / size]);
                let pair = |i: usize| left(i / n) * left(i % n) * f64::from(moments[i]);
                (0..n * n).map(pair).sum()
            };
            let before = error(&codes, &scales);
            refiner.refine(&weights, &mut codes, &mut scales);
            let after = error(&codes, &scales);
            assert!(after <= before * 1.0001, "{before} {after}");
            better += usize::from(after < 0.7 * before);
            assert!(scales.iter().all(|s| f16::from_f32(*s).to_f32() == *s), "scales are FP16");
            for c in 0..n {
                for step in [-1, 1] {
                    let mut other = codes.clone();
                    other[c] = (other[c] + step).clamp(-8, 7);
                    assert!(error(&other, &scales) > 0.98 * after, "code {c} can be moved");
                }
            }
        }
        assert!(better >= 15, "{better} of 20");
    }
}
