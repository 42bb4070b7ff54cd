//! The grid of a group of weights: integers times one scale.

use half::f16;
use skipopu_model::code_range;

/// Scales tried for a group.
const CANDIDATES: usize = 48;
/// The narrowest grid tried, as a part of the one that just reaches the largest weight. Clipping a few
/// weights can serve the others.
const NARROWEST: f32 = 0.45;

/// Integers of a width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    low: i8,
    high: i8,
}

impl Grid {
    /// The grid of `bits` bits: 2, 3, 4 or 8.
    pub fn new(bits: u32) -> Grid {
        let (low, high) = code_range(bits);
        Grid { low, high }
    }

    /// The code nearest to a weight.
    #[inline]
    pub fn code(self, weight: f32, scale: f32) -> i8 {
        (weight / scale).round_ties_even().clamp(self.low.into(), self.high.into()) as i8
    }

    /// The FP16 scale that takes the weight furthest from 0 to the code furthest from 0; it has the sign for that.
    /// Zeros get the smallest scale.
    pub fn reach(self, weights: &[f32]) -> f32 {
        let furthest = weights.iter().fold(0f32, |m, w| if w.abs() > m.abs() { *w } else { m });
        let scale = f16::from_f32(furthest / f32::from(self.low));
        let (smallest, largest) = (f16::from_bits(1), f16::MAX.to_f32());
        if scale.to_f32() == 0.0 {
            smallest.to_f32()
        } else {
            scale.to_f32().clamp(-largest, largest)
        }
    }

    /// The FP16 scale with the least squared error over a group; each weight's error counts by its
    /// `importance`. Zeros get the smallest scale.
    ///
    /// A negative scale is chosen where the one code more on the negative side serves positive weights.
    pub fn scale(self, weights: &[f32], importance: &[f32]) -> f32 {
        let largest = weights.iter().fold(0f32, |m, w| m.max(w.abs()));
        // From the grid that holds the largest weight of either sign down to narrower ones, and the one that weights
        // which are rounded already lie on.
        let widest = largest / f32::from(self.high);
        let narrowest = largest / -f32::from(self.low) * NARROWEST;
        let step = (widest - narrowest) / (CANDIDATES - 1) as f32;
        let smallest = f16::from_bits(1);
        let candidates = (0..CANDIDATES)
            .map(|i| f16::from_f32(widest - i as f32 * step).max(smallest).to_f32())
            .filter(|s| s.is_finite())
            .flat_map(|s| [s, -s])
            .chain([self.reach(weights)]);
        let error = |scale: f32| -> f32 {
            let e = |w: &f32| w - f32::from(self.code(*w, scale)) * scale;
            weights.iter().zip(importance).map(|(w, i)| e(w) * e(w) * i).sum()
        };
        let best = candidates.map(|s| (error(s), s)).min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(f16::MAX.to_f32(), |(_, scale)| scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_on_a_grid_are_found_exactly() {
        let grid = Grid::new(4);
        let scale = 0.125;
        let weights: Vec<f32> = (-8..=7).map(|c| c as f32 * scale).collect();
        let found = grid.scale(&weights, &[1.0; 16]);
        assert_eq!(found, scale);
        let codes: Vec<i8> = weights.iter().map(|w| grid.code(*w, found)).collect();
        assert_eq!(codes, (-8..=7).collect::<Vec<i8>>());
        let mirrored: Vec<f32> = weights.iter().map(|w| -w).collect();
        assert_eq!(grid.scale(&mirrored, &[1.0; 16]), -found);
    }

    #[test]
    fn the_furthest_weight_is_reached_from_either_side() {
        let grid = Grid::new(4);
        for sign in [1.0, -1.0] {
            let weights = [0.25, -2.0, 1.0, 0.0].map(|w| w * sign);
            let scale = grid.reach(&weights);
            assert_eq!(scale, 0.25 * sign);
            let codes = weights.map(|w| grid.code(w, scale));
            assert_eq!(codes, [1, -8, 4, 0]);
        }
        assert!(grid.reach(&[0.0; 4]) > 0.0 && grid.code(0.0, grid.reach(&[0.0; 4])) == 0);
        assert!(grid.reach(&[1e30]).is_finite() && grid.reach(&[-1e30]).is_finite());
    }

    #[test]
    fn every_width_clips_to_its_range_and_zeros_stay_zero() {
        for bits in [2, 3, 4, 8] {
            let (grid, (low, high)) = (Grid::new(bits), code_range(bits));
            assert_eq!((grid.code(1e9, 1.0), grid.code(-1e9, 1.0)), (high, low));
            let scale = grid.scale(&[0.0; 8], &[1.0; 8]);
            assert!(scale.abs() > 0.0 && grid.code(0.0, scale) == 0);
            assert!(grid.scale(&[1e-12, -1e-12], &[1.0; 2]).abs() > 0.0);
            assert!(grid.scale(&[3e38, 1.0], &[1.0; 2]).is_finite());
        }
    }

    #[test]
    fn clipping_pays_when_one_weight_stands_out() {
        let mut weights = vec![1.0f32; 500];
        weights.iter_mut().step_by(2).for_each(|w| *w = -0.7);
        weights[0] = 6.0;
        let grid = Grid::new(2);
        assert!(grid.scale(&weights, &[1.0; 500]).abs() < 6.0 / 2.0);
    }
}
