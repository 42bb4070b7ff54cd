//! Operands aligned once at the edge, products summed exactly down the DSP cascade (numerics 8).
//!
//! | block | does |
//! |---|---|
//! | [`BlockConverter`] | FP16 values to one exponent and integers: [`Maximum`], an [`Aligner`] a lane |
//! | [`Correction`] | one sum per activation vector for two INT4 weights per DSP |
//! | [`Skew`], [`Ripple`] | delay lanes and control so that they meet the partial sums |
//! | [`AlignedColumn`] | weights, [`Cascade`], [`Parity`], reconstruction |
//! | [`ActivationEdge`], [`WeightEdge`] | converter and skew for all columns of a group or position |
//! | [`AlignedArray`] | all of them |

mod aligner;
mod array;
mod block_converter;
mod cascade;
mod column;
mod correction;
mod edge;
mod maximum;
mod parity;
mod shape;
mod skew;

pub use aligner::{Aligner, Role};
pub use array::AlignedArray;
pub use block_converter::BlockConverter;
pub use cascade::{Cascade, Half};
pub use column::{AlignedColumn, TAIL_BITS};
pub use correction::Correction;
pub use edge::{ActivationEdge, WeightEdge};
pub use maximum::Maximum;
pub use parity::Parity;
pub use shape::{
    AlignedShape, EXPONENT_BITS, FIELD, FIELD_BITS, SUM_BITS, SUM_EXPONENT_BITS, VALUE_BITS,
};
pub use skew::{Ripple, Skew};
