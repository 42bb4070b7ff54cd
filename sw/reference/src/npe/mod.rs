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
//! | sums of a tile's terms, of a row's tiles | [`term`], [`row_sum`] |
//! | softmax, RMSNorm | [`softmax`], [`rmsnorm`] |
//! | scaling and addition, SwiGLU, RoPE | [`linear`](mod@linear), [`mod@swiglu`], [`rope`] |
//! | distance from the exact value in units in the last place | [`ulp`] |

pub mod exp;
pub mod fixed;
pub mod float;
pub mod linear;
pub mod reciprocal;
pub mod rmsnorm;
pub mod rope;
pub mod row_sum;
pub mod rsqrt;
pub mod segments;
pub mod silu;
pub mod softmax;
pub mod swiglu;
pub mod term;
pub mod ulp;

pub use exp::{exp, exp16, exp2, exp2_fraction};
pub use fixed::{log_product, unsigned_fixed, Log};
pub use float::{add, compare, multiply, narrow, widen, Relation, E8M10, E8M16, E8M23};
pub use linear::{linear, linear16, residual, scale};
pub use reciprocal::{reciprocal, reciprocal16};
pub use rmsnorm::RmsNorm;
pub use rope::{rope_row, turn, Turn};
pub use row_sum::{RowSum, LONGEST_ROW};
pub use rsqrt::{rsqrt, rsqrt16};
pub use silu::{sigmoid, silu, silu16};
pub use softmax::{Softmax, SoftmaxStatistic};
pub use swiglu::{swiglu, swiglu_row};
pub use term::{Contribution, Term};
