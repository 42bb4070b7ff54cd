//! The nonlinear processing engine (NPE): everything that is not a matrix product.
//!
//! | module | holds |
//! |---|---|
//! | [`float`] | conversions, products, sums, order |
//! | [`function`] | exponential, reciprocal, reciprocal root, SiLU |

pub mod float;
pub mod function;
mod pipe;

pub use pipe::Pipe;

use crate::entry::Entry;

/// Rows of the catalogue, by part.
pub const ENTRIES: [&[Entry]; 2] = [float::ENTRIES, function::ENTRIES];
