//! RMSNorm of a row, its sum of squares taken tile by tile.

use super::float::{add, multiply, narrow, widen, E8M16, E8M23, NAN, ONE};
use super::row_sum::RowSum;
use super::rsqrt;
use super::term::square;

/// An RMSNorm over rows of FP16 values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RmsNorm {
    /// Values of a tile; sums are formed tile by tile.
    pub ways: usize,
    /// E8M16: what the sum of squares is multiplied by, 1 / D.
    pub inverse: u32,
    /// FP32: what is added to the mean square.
    pub epsilon: u32,
}

impl RmsNorm {
    /// For rows of `dim` values.
    pub fn new(ways: usize, dim: usize, epsilon: f32) -> RmsNorm {
        RmsNorm { ways, inverse: RmsNorm::inverse(dim), epsilon: epsilon.to_bits() }
    }

    /// `1 / dim`, to nearest, as E8M16.
    pub fn inverse(dim: usize) -> u32 {
        multiply(((1.0 / dim as f64) as f32).to_bits(), ONE, E8M16)
    }

    /// The row's factor, E8M16: `1 / sqrt(mean square + epsilon)`. NaN for a row with an Inf or a NaN.
    pub fn statistic(&self, row: &[u16]) -> u32 {
        let terms: Vec<_> = row.iter().map(|x| square(*x)).collect();
        self.of(RowSum::of_row(&terms, self.ways))
    }

    /// The factor of a row with this sum of squares.
    pub fn of(&self, sum: RowSum) -> u32 {
        if sum.invalid {
            return NAN;
        }
        let mean = multiply(sum.rounded(sum.exponent), self.inverse, E8M23);
        rsqrt(add(mean, self.epsilon, false))
    }

    /// Values times gain, then times the row's factor; both products are rounded to FP32, the result
    /// to FP16.
    pub fn normalise(&self, row: &[u16], gain: &[u16], factor: u32) -> Vec<u16> {
        let value = |(x, g): (&u16, &u16)| {
            narrow(multiply(multiply(widen(*x), widen(*g), E8M23), factor, E8M23))
        };
        row.iter().zip(gain).map(value).collect()
    }

    /// Both passes.
    pub fn row(&self, row: &[u16], gain: &[u16]) -> Vec<u16> {
        self.normalise(row, gain, self.statistic(row))
    }
}
