//! Softmax of a row, its statistics taken tile by tile while the scores stream.

use super::fixed::{log_product, Log};
use super::float::{multiply, narrow, E8M16, E8M23, NAN, ONE};
use super::reciprocal;
use super::row_sum::RowSum;
use super::term::{exponential, relative, Contribution};

/// A softmax: how many scores a tile has, and the factor of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// Scores of a tile; sums are formed tile by tile.
    pub ways: usize,
    /// E8M16: the scores' scale times log2 e, see [`Softmax::factor`].
    pub factor: u32,
}

/// What is kept of a row of scores: probabilities are `2^(t - exponent) * factor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftmaxStatistic {
    /// Integer part of the largest logarithm.
    pub exponent: i32,
    /// E8M16: reciprocal of the sum of all `2^(t - exponent)`; 0 for a row without terms.
    pub factor: u32,
}

impl Softmax {
    /// A softmax of scores times `scale`.
    pub fn new(ways: usize, scale: f64) -> Softmax {
        Softmax { ways, factor: Softmax::factor(scale) }
    }

    /// `scale * log2 e`, to nearest, as E8M16.
    pub fn factor(scale: f64) -> u32 {
        let exact = (scale * std::f64::consts::LOG2_E) as f32;
        multiply(exact.to_bits(), ONE, E8M16)
    }

    fn logarithms(&self, scores: &[u32]) -> Vec<Log> {
        scores.iter().map(|s| log_product(*s, self.factor)).collect()
    }

    /// The statistics of FP32 scores.
    pub fn statistic(&self, scores: &[u32]) -> SoftmaxStatistic {
        let terms: Vec<Contribution> =
            self.logarithms(scores).into_iter().map(exponential).collect();
        SoftmaxStatistic::of(RowSum::of_row(&terms, self.ways))
    }

    /// The FP16 probabilities of FP32 scores.
    pub fn normalise(&self, scores: &[u32], statistic: SoftmaxStatistic) -> Vec<u16> {
        let probability = |t: Log| {
            let power = relative(t, statistic.exponent);
            narrow(multiply(power, statistic.factor, E8M23))
        };
        self.logarithms(scores).into_iter().map(probability).collect()
    }

    /// Both passes over a row of which the first `visible` scores count; the others are exactly 0.
    pub fn row(&self, scores: &[u32], visible: usize) -> Vec<u16> {
        let seen = &scores[..visible.min(scores.len())];
        let mut row = self.normalise(seen, self.statistic(seen));
        row.resize(scores.len(), 0);
        row
    }
}

impl SoftmaxStatistic {
    /// What is kept of a row's sum.
    pub fn of(sum: RowSum) -> SoftmaxStatistic {
        let factor = match (sum.invalid, sum.sum) {
            (true, _) => NAN,
            (false, 0) => 0,
            (false, _) => reciprocal(sum.rounded(0)),
        };
        SoftmaxStatistic { exponent: sum.exponent, factor }
    }
}
