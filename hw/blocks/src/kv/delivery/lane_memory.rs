//! [`LaneMemory`]: K or V of one token slot, of two frames.

use super::super::shape::WORD_BITS;
use crate::parameter::{index_bits, require, ParameterError};
use crate::primitives::Lutram;
use skipopu_hdl::prelude::*;

/// Bits of an FP16 value.
const VALUE_BITS: usize = 16;
/// Values of a word.
pub const WORD_VALUES: usize = WORD_BITS / VALUE_BITS;
/// Most words of a token and pass: two heads of 128 values.
pub const WORDS: usize = 8;

/// The words of a token for one pass, in memory that is written by word or by slice and read by line.
///
/// A line is the larger of a word (64 bytes) and a slice.
///
/// - Guarantee: read latency 0; a line read in the cycle of its writing is the old one.
#[derive(LogicBlock, Ports)]
pub struct LaneMemory {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Write a word?
    pub word_write: Signal<In, Bit>,
    /// Write a slice?
    pub slice_write: Signal<In, Bit>,
    /// Which frame is written.
    pub write_frame: Signal<In, Bit>,
    /// Number of the word, or of the slice.
    pub write_index: Wire<In>,
    /// The word.
    pub word: Wire<In>,
    /// The slice.
    pub slice: Wire<In>,
    /// Which frame is read.
    pub read_frame: Signal<In, Bit>,
    /// Number of the line.
    pub read_line: Wire<In>,
    /// The line.
    pub line: Wire<Out>,
    parts: Vec<Lutram>,
    _lanes: usize,
}

impl LaneMemory {
    /// Cycles from `read_line` to `line`.
    pub const LATENCY: usize = Lutram::LATENCY;

    /// Parts of a line: the smaller of a word and a slice is a part.
    pub fn parts(lanes: usize) -> usize {
        (WORD_VALUES / lanes).max(lanes / WORD_VALUES)
    }

    /// Lines of a frame.
    pub fn lines(lanes: usize) -> usize {
        WORDS * WORD_VALUES / lanes.max(WORD_VALUES)
    }

    /// Bits of a number of a word or slice.
    pub fn index_bits(lanes: usize) -> usize {
        index_bits(WORDS * WORD_VALUES / lanes.min(WORD_VALUES))
    }

    /// Bits of a number of a slice.
    pub fn slice_number_bits(lanes: usize) -> usize {
        index_bits(WORDS * WORD_VALUES / lanes)
    }

    /// For slices of `lanes` values.
    ///
    /// # Errors
    /// Unless the lanes are 8, 16, 32 or 64.
    pub fn new(lanes: usize) -> Result<LaneMemory, ParameterError> {
        let ok = [8, 16, 32, 64].contains(&lanes);
        require(ok, "lane memory", "lanes", lanes, "must be 8, 16, 32 or 64")?;
        let part = lanes.min(WORD_VALUES) * VALUE_BITS;
        let parts = LaneMemory::parts(lanes);
        let lines = LaneMemory::lines(lanes);
        Ok(LaneMemory {
            clock: Default::default(),
            word_write: Default::default(),
            slice_write: Default::default(),
            write_frame: Default::default(),
            write_index: Wire::new(LaneMemory::index_bits(lanes)),
            word: Wire::new(WORD_BITS),
            slice: Wire::new(lanes * VALUE_BITS),
            read_frame: Default::default(),
            read_line: Wire::new(index_bits(lines)),
            line: Wire::new(parts * part),
            parts: (0..parts).map(|_| Lutram::new(part, 2 * lines)).collect::<Result<_, _>>()?,
            _lanes: lanes,
        })
    }
}

impl Logic for LaneMemory {
    #[hdl(lanes = self._lanes, latency = Self::LATENCY)]
    fn update(&mut self) {
        let lanes = self._lanes;
        let parts = LaneMemory::parts(lanes);
        let part = lanes.min(WORD_VALUES) * VALUE_BITS;
        let bits = index_bits(LaneMemory::lines(lanes));
        let shift = parts.ilog2() as usize;
        for k in 0..parts {
            self.parts[k].clock.next = self.clock.val();
            if lanes <= WORD_VALUES {
                // A word is a line of several slices.
                let mut chosen = true;
                if parts > 1 {
                    chosen = self.write_index.val().trunc(shift) == k;
                }
                self.parts[k].write_enable.next =
                    self.word_write.val() || (self.slice_write.val() && chosen);
                let line = mux(
                    self.word_write.val(),
                    self.write_index.val().trunc(bits),
                    (self.write_index.val() >> shift).trunc(bits),
                );
                self.parts[k].write_address.next = cat!(self.write_frame.val(), line);
                self.parts[k].write_data.next = mux(
                    self.word_write.val(),
                    self.word.val().slice(k * part, part),
                    self.slice.val(),
                );
            } else {
                // A slice is a line of two words.
                let chosen = self.write_index.val().trunc(shift) == k;
                self.parts[k].write_enable.next =
                    self.slice_write.val() || (self.word_write.val() && chosen);
                let line = mux(
                    self.slice_write.val(),
                    self.write_index.val().trunc(bits),
                    (self.write_index.val() >> shift).trunc(bits),
                );
                self.parts[k].write_address.next = cat!(self.write_frame.val(), line);
                self.parts[k].write_data.next = mux(
                    self.slice_write.val(),
                    self.slice.val().slice(k * part, part),
                    self.word.val(),
                );
            }
            self.parts[k].read_address.next = cat!(self.read_frame.val(), self.read_line.val());
            self.line.next.set_slice(k * part, &self.parts[k].read_data.val());
        }
    }
}
