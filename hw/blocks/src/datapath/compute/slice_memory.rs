//! [`SliceMemory`]: a memory of slices, written a tile or a slice at a time.

use super::super::shape::{DatapathShape, READ_LATENCY, VALUE_BITS};
use crate::parameter::{index_bits, ParameterError};
use crate::primitives::{Bram, UramMemory};
use skipopu_hdl::prelude::*;

/// Words from which a memory is made of UltraRAM.
const URAM_WORDS: usize = 4096;

/// A memory of slices: one write port with an enable for each tile of a slice, one read port.
///
/// - Does: a slice every cycle in and out; reads of a slice being written are not to be made.
/// - Guarantee: a slice stands on `read_data` [`READ_LATENCY`] cycles after its address.
#[derive(LogicBlock, Ports)]
pub struct SliceMemory {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Tiles to write, the lowest first.
    pub write: Wire<In>,
    /// Slice to write.
    pub write_address: Wire<In>,
    /// What to write; a tile at its place in the slice.
    pub write_data: Wire<In>,
    /// Slice to read.
    pub read_address: Wire<In>,
    /// The slice.
    pub read_data: Wire<Out>,
    blocks: Vec<Bram>,
    rams: Vec<UramMemory>,
    out: Vec<Reg>,
    _tiles: usize,
    _bits: usize,
}

impl SliceMemory {
    /// `depth` slices, a power of two.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape, depth: usize) -> Result<SliceMemory, ParameterError> {
        SliceMemory::of(shape.tiles_per_slice(), shape.ways * VALUE_BITS, depth)
    }

    /// `depth` words of `tiles` parts of `bits` bits.
    ///
    /// # Errors
    /// A size out of range.
    pub fn of(tiles: usize, bits: usize, depth: usize) -> Result<SliceMemory, ParameterError> {
        let (mut blocks, mut rams, mut out) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..tiles {
            if depth >= URAM_WORDS {
                rams.push(UramMemory::new(bits, depth, READ_LATENCY)?);
            } else {
                blocks.push(Bram::new(bits, depth, READ_LATENCY - 1)?);
                out.push(Reg::new(bits));
            }
        }
        Ok(SliceMemory {
            clock: Default::default(),
            write: Wire::new(tiles),
            write_address: Wire::new(index_bits(depth)),
            write_data: Wire::new(tiles * bits),
            read_address: Wire::new(index_bits(depth)),
            read_data: Wire::new(tiles * bits),
            blocks,
            rams,
            out,
            _tiles: tiles,
            _bits: bits,
        })
    }
}

impl Logic for SliceMemory {
    #[hdl(tiles = self._tiles, bits = self._bits, latency = READ_LATENCY)]
    fn update(&mut self) {
        let bits = self._bits;
        for t in 0..self.blocks.len() {
            self.blocks[t].clock.next = self.clock.val();
            self.blocks[t].write_enable.next = self.write.val().bit(t);
            self.blocks[t].write_address.next = self.write_address.val();
            self.blocks[t].write_data.next = self.write_data.val().slice(t * bits, bits);
            self.blocks[t].read_enable.next = true;
            self.blocks[t].read_address.next = self.read_address.val();
            self.out[t].clock.next = self.clock.val();
            self.out[t].d.next = self.blocks[t].read_data.val();
            self.read_data.next.set_slice(t * bits, &self.out[t].q.val());
        }
        for t in 0..self.rams.len() {
            self.rams[t].clock.next = self.clock.val();
            self.rams[t].write_enable.next = self.write.val().bit(t);
            self.rams[t].write_address.next = self.write_address.val();
            self.rams[t].byte_enable.next = Word::ones(bits / 8);
            self.rams[t].write_data.next = self.write_data.val().slice(t * bits, bits);
            self.rams[t].read_enable.next = true;
            self.rams[t].read_address.next = self.read_address.val();
            self.read_data.next.set_slice(t * bits, &self.rams[t].read_data.val());
        }
    }
}
