//! From trained weights to integers with scales.
//!
//! | step | module |
//! |---|---|
//! | a group's scale, and rounding to it | [`grid`] |
//! | every weight to the nearest integer | [`mod@rtn`] |
//! | every weight so that the errors of a row cancel on real inputs (GPTQ) | [`mod@gptq`] |
//! | those inputs | [`calibration`], [`hessian`] |
//! | what errors of the classifier cost | [`fisher`] |
//! | a whole model, layer by layer | [`mod@quantise`] |
//!
//! Quantisation is symmetric: value = code x scale, codes in two's complement, scales FP16.

pub mod calibration;
mod error;
pub mod fisher;
pub mod gptq;
pub mod grid;
pub mod hessian;
pub mod quantise;
mod refine;
pub mod rtn;

pub use error::QuantError;
pub use fisher::Fisher;
pub use gptq::gptq;
pub use grid::Grid;
pub use hessian::Hessian;
pub use quantise::{quantise, Method};
pub use rtn::rtn;
