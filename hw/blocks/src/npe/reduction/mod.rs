//! The reduction of a tile to one number, and of tiles to rows.
//!
//! | block | does |
//! |---|---|
//! | [`Largest`] | the largest exponent of a tile |
//! | [`AlignedSum`] | shifts terms to it and adds them |
//! | [`TileSum`] | both |
//! | [`RowAccumulator`] | adds tiles to their rows, one a cycle, rows in any order |

mod accumulator;
mod aligned_sum;
mod largest;
mod tile_sum;

pub use accumulator::{RowAccumulator, SUM_BITS};
pub use aligned_sum::AlignedSum;
pub use largest::Largest;
pub use tile_sum::TileSum;
