//! [`ScaleBuffer`]: the scales of two blocks of tiles.

use super::super::shape::{DatapathShape, VALUE_BITS};
use crate::parameter::ParameterError;
use crate::primitives::Bram;
use skipopu_hdl::prelude::*;

/// FP16 scales, a word for all outputs of a tile and group: one block is used while the next is filled.
///
/// - Guarantee: a word every cycle in and out, [`ScaleBuffer::LATENCY`] cycles after its address `{parity, group, tile}`.
#[derive(LogicBlock, Ports)]
pub struct ScaleBuffer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Write?
    pub write: Signal<In, Bit>,
    /// Where.
    pub write_address: Wire<In>,
    /// Scales, output 0 lowest.
    pub write_data: Wire<In>,
    /// Which word to read.
    pub read_address: Wire<In>,
    /// The word.
    pub read_data: Wire<Out>,
    memory: Bram,
    _outputs: usize,
}

impl ScaleBuffer {
    /// Cycles from an address to its scales.
    pub const LATENCY: usize = 2;
    /// Groups along a reduction.
    pub const GROUPS: usize = 128;
    /// Bits of a word's address.
    pub const ADDRESS_BITS: usize = 1 + 7 + 2;

    /// For the array of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape) -> Result<ScaleBuffer, ParameterError> {
        let width = shape.outputs() * VALUE_BITS;
        let depth = 1 << Self::ADDRESS_BITS;
        Ok(ScaleBuffer {
            clock: Default::default(),
            write: Default::default(),
            write_address: Wire::new(Self::ADDRESS_BITS),
            write_data: Wire::new(width),
            read_address: Wire::new(Self::ADDRESS_BITS),
            read_data: Wire::new(width),
            memory: Bram::new(width, depth, Self::LATENCY)?,
            _outputs: shape.outputs(),
        })
    }
}

impl Logic for ScaleBuffer {
    #[hdl(outputs = self._outputs, latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, memory);
        self.memory.write_enable.next = self.write.val();
        self.memory.write_address.next = self.write_address.val();
        self.memory.write_data.next = self.write_data.val();
        self.memory.read_enable.next = true;
        self.memory.read_address.next = self.read_address.val();
        self.read_data.next = self.memory.read_data.val();
    }
}
