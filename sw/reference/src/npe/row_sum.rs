//! The sum of a row, tile by tile.

use super::term::{Contribution, FRACTION_BITS, LOWEST};
use crate::pe::{round::round, Format};

/// Bits of the running sum.
pub const SUM_BITS: u32 = 40;

/// Longest row: the sum of as many terms fits [`SUM_BITS`].
pub const LONGEST_ROW: usize = 1 << (SUM_BITS - FRACTION_BITS - 1);

/// A running sum: `sum * 2^(exponent - 25)`.
///
/// Each tile is summed by itself, its terms shifted to the tile's largest exponent. Adding it to the
/// row shifts either sum to the larger of the two exponents. All shifts drop what falls below the last bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSum {
    /// Largest exponent so far.
    pub exponent: i32,
    /// Below 2^40.
    pub sum: u64,
    /// Some value of the row was invalid.
    pub invalid: bool,
}

impl Default for RowSum {
    fn default() -> RowSum {
        RowSum { exponent: LOWEST, sum: 0, invalid: false }
    }
}

fn shifted(value: u64, distance: i32) -> u64 {
    value.checked_shr(distance as u32).unwrap_or(0)
}

impl RowSum {
    /// The sum of one tile.
    pub fn of_tile(tile: &[Contribution]) -> RowSum {
        let terms = || {
            tile.iter().filter_map(|c| match c {
                Contribution::Term(t) => Some(t),
                _ => None,
            })
        };
        let exponent = terms().map(|t| t.exponent).max().unwrap_or(LOWEST);
        let part = |t: &super::term::Term| shifted(t.significand.into(), exponent - t.exponent);
        RowSum {
            exponent,
            sum: terms().map(part).sum(),
            invalid: tile.contains(&Contribution::Invalid),
        }
    }

    /// Adds the next tile's sum.
    pub fn add(&mut self, tile: RowSum) {
        let exponent = self.exponent.max(tile.exponent);
        self.sum = shifted(self.sum, exponent - self.exponent)
            + shifted(tile.sum, exponent - tile.exponent);
        self.exponent = exponent;
        self.invalid |= tile.invalid;
    }

    /// The sum of a row of contributions in tiles of `ways`.
    pub fn of_row(row: &[Contribution], ways: usize) -> RowSum {
        let mut sum = RowSum::default();
        row.chunks(ways).for_each(|tile| sum.add(RowSum::of_tile(tile)));
        sum
    }

    /// `sum * 2^(exponent - 25)` as FP32, rounded to nearest even; the exponent given may be another
    /// than the sum's own.
    pub fn rounded(&self, exponent: i32) -> u32 {
        round(Format::Fp32, false, self.sum.into(), exponent - FRACTION_BITS as i32)
    }
}
