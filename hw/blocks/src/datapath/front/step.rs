//! [`StepWord`]: a step of the array as a word.

use super::super::shape::DatapathShape;
use super::ScaleBuffer;
use crate::parameter::index_bits;
use skipopu_hdl::Word;

/// Memories that vectors come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The first operand memory.
    Operand0 = 0,
    /// The second operand memory.
    Operand1 = 1,
    /// The attention banks, one for each group of columns.
    Banks = 2,
    /// The scratchpad.
    Scratchpad = 3,
}

/// Tiles of a block, or chunks of a head, whose partial sums take turns.
pub const TURNS: usize = 8;

/// First bit and bits of a field.
pub type Field = (usize, usize);

/// Fields of a step: one tile of weights and the vectors that meet it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepWord {
    /// Vectors, from 1 on.
    pub count: Field,
    /// Their memory, a [`Source`].
    pub source: Field,
    /// Slice of the first vector.
    pub address: Field,
    /// Slices from a vector to the next.
    pub stride: Field,
    /// Entry of partial sums of the first vector; those of the others follow.
    pub entry: Field,
    /// Word of the scale buffer.
    pub scale: Field,
    /// Whose turn it is: steps of the same turn update the same entries.
    pub turn: Field,
    /// Sums start.
    pub first: usize,
    /// Sums are complete.
    pub finish: usize,
    /// The last step of sums that are drained together.
    pub end: usize,
    /// INT4 weights.
    pub int4: usize,
    /// All bits.
    pub bits: usize,
}

/// A step as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Vectors.
    pub count: usize,
    /// Their memory.
    pub source: Source,
    /// Slice of the first vector.
    pub address: usize,
    /// Slices from a vector to the next.
    pub stride: usize,
    /// Entry of the first vector.
    pub entry: usize,
    /// Word of the scale buffer.
    pub scale: usize,
    /// Whose turn it is.
    pub turn: usize,
    /// Sums start.
    pub first: bool,
    /// Sums are complete.
    pub finish: bool,
    /// The last step of sums that are drained together.
    pub end: bool,
    /// INT4 weights.
    pub int4: bool,
}

impl StepWord {
    /// The fields for a shape.
    pub fn of(shape: &DatapathShape) -> StepWord {
        let mut low = 0;
        let mut field = |bits: usize| {
            let at = low;
            low += bits;
            (at, bits)
        };
        let entry = shape.entry_bits();
        StepWord {
            count: field(index_bits(shape.entries() + 1)),
            source: field(2),
            address: field(shape.address_bits()),
            stride: field(shape.address_bits()),
            entry: field(entry),
            scale: field(ScaleBuffer::ADDRESS_BITS),
            turn: field(index_bits(TURNS)),
            first: field(1).0,
            finish: field(1).0,
            end: field(1).0,
            int4: field(1).0,
            bits: low,
        }
    }

    /// The word of a step.
    pub fn pack(&self, step: &Step) -> Word {
        let mut word = Word::zero(self.bits);
        let mut put = |f: Field, value: usize| word.set_slice(f.0, &Word::new(f.1, value as u128));
        put(self.count, step.count);
        put(self.source, step.source as usize);
        put(self.address, step.address);
        put(self.stride, step.stride);
        put(self.entry, step.entry);
        put(self.scale, step.scale);
        put(self.turn, step.turn);
        put((self.first, 1), step.first.into());
        put((self.finish, 1), step.finish.into());
        put((self.end, 1), step.end.into());
        put((self.int4, 1), step.int4.into());
        word
    }
}
