//! Row sums to factors, kept until the rows are normalised.
//!
//! | block | does |
//! |---|---|
//! | [`RowFactor`] | a row's sum to its factor: reciprocal, or reciprocal square root of the mean |
//! | [`StatisticsBuffer`] | factors and exponents by row |
//! | [`MaskedRead`] | the rows of a bitmask, one after the other |

mod buffer;
mod factor;
mod masked_read;

pub use buffer::StatisticsBuffer;
pub use factor::RowFactor;
pub use masked_read::MaskedRead;

/// Bits of a factor, E8M16.
pub const FACTOR_BITS: usize = 25;
