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
    lane_delay, AlignedShape, EXPONENT_BITS, FIELD, FIELD_BITS, SEGMENT, SUM_BITS,
    SUM_EXPONENT_BITS, VALUE_BITS,
};
pub use skew::{Ripple, Skew};

use crate::entry::Entry;
use crate::pe_array::ker_buffer::KerBuffer;

const LEGAL: &str = "the catalogue's parameters are legal";

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "maximum",
        summary: "largest exponent of a vector of FP16 values",
        latency: |_| Some(Maximum::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::aligned",
        build: |c| Box::new(Maximum::new(c.array.lanes as usize).expect(LEGAL)),
    },
    Entry {
        name: "aligner",
        summary: "one FP16 value to an integer of its block's unit, rounded half away from zero",
        latency: |_| Some(Aligner::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::aligned",
        build: |c| Box::new(Aligner::new(AlignedShape::of(c), Role::Activations).expect(LEGAL)),
    },
    Entry {
        name: "block-converter",
        summary: "vector of FP16 values to one exponent and signed integers",
        latency: |_| Some(BlockConverter::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::aligned",
        build: |c| {
            let shape = AlignedShape::of(c);
            Box::new(BlockConverter::new(shape, Role::Activations).expect(LEGAL))
        },
    },
    Entry {
        name: "aligned-correction",
        summary: "one sum per activation vector for two INT4 weights per DSP",
        latency: |c| Some(Correction::latency(&AlignedShape::of(c))),
        interval: |_| Some(1),
        test: "skipopu-hw::aligned",
        build: |c| Box::new(Correction::new(AlignedShape::of(c)).expect(LEGAL)),
    },
    Entry {
        name: "ker-buffer",
        summary:
            "a column's own operand: a register that multiplies and one that is loaded, per lane",
        latency: |_| Some(KerBuffer::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::aligned",
        build: |c| {
            let shape = AlignedShape::of(c);
            Box::new(KerBuffer::new(shape.lanes, shape.word_bits()).expect(LEGAL))
        },
    },
    Entry {
        name: "aligned-cascade",
        summary: "exact integer dot product, a DSP a lane, or two with INT4 weights",
        latency: |c| Some(AlignedShape::of(c).cascade_latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::aligned",
        build: |c| Box::new(Cascade::new(AlignedShape::of(c), Half::Low).expect(LEGAL)),
    },
    Entry {
        name: "aligned-parity",
        summary: "whether the upper of two INT4 sums is odd",
        latency: |c| Some(AlignedShape::of(c).cascade_latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::aligned",
        build: |c| Box::new(Parity::new(AlignedShape::of(c)).expect(LEGAL)),
    },
    Entry {
        name: "aligned-column",
        summary: "operand-aligned column: weights, cascade, one or two results a cycle",
        latency: |c| Some(AlignedShape::of(c).cascade_latency() + AlignedColumn::BEHIND),
        interval: |_| Some(1),
        test: "skipopu-hw::aligned",
        build: |c| Box::new(AlignedColumn::new(AlignedShape::of(c), Half::Low).expect(LEGAL)),
    },
];
