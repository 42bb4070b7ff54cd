//! The nonlinear engine's arithmetic, written from `docs/npe-numerics.md`.
//!
//! | step | module |
//! |---|---|
//! | FP16 and the 8-bit-exponent formats: convert, multiply, add, compare | [`float`] |
//! | fixed point: base-2 logarithms, fractions | [`fixed`] |
//! | straight lines from a table | [`segments`] |
//! | 2^x, e^x | [`mod@exp`] |
//! | 1 / x | [`mod@reciprocal`] |
//! | 1 / sqrt(x) | [`mod@rsqrt`] |
//! | x / (1 + e^-x) | [`mod@silu`] |
//! | distance from the exact value in units in the last place | [`ulp`] |

pub mod exp;
pub mod fixed;
pub mod float;
pub mod reciprocal;
pub mod rsqrt;
pub mod segments;
pub mod silu;
pub mod ulp;

pub use exp::{exp, exp16, exp2, exp2_fraction};
pub use fixed::{log_product, to_fixed, unsigned_fixed, Log};
pub use float::{add, compare, multiply, narrow, widen, Relation, E8M10, E8M16, E8M23};
pub use reciprocal::{reciprocal, reciprocal16};
pub use rsqrt::{rsqrt, rsqrt16};
pub use silu::{sigmoid, silu, silu16};
