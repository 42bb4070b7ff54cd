//! [`Normaliser`]: a `normalise` that goes on beside the instruction after it.

use super::super::shape::DatapathShape;
use super::fields::{Fields, ENTRIES};
use super::step_generator::LOOP_BITS;
use crate::control::decode::WORD;
use crate::parameter::{index_bits, ParameterError};
use skipopu_hdl::prelude::*;

/// Asks for the walks of a `normalise` and counts the slices that are there.
///
/// - Does: a walk for each slice of the rows, so that a product may begin with the first ones, or one of whole rows; either
///   way a slice is there when all of its tiles have been written.
/// - Guarantee: `walk` in the cycle in which the walker is `free`; `there` rises the cycle after the last write.
#[derive(LogicBlock, Ports)]
pub struct Normaliser {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Takes the instruction; nothing may be active.
    pub start: Signal<In, Bit>,
    /// A `normalise`.
    pub word: Wire<In>,
    /// Its rows.
    pub rows: Wire<In>,
    /// Number of them.
    pub count: Wire<In>,
    /// A walk may begin.
    pub free: Signal<In, Bit>,
    /// A tile was written.
    pub written: Signal<In, Bit>,
    /// Walks are left, which go before others.
    pub waits: Signal<Out, Bit>,
    /// A walk begins, of `slice` or of whole rows.
    pub walk: Signal<Out, Bit>,
    /// First slice of the walk.
    pub slice: Wire<Out>,
    /// Slices are left to be written.
    pub active: Signal<Out, Bit>,
    /// Slices that are there.
    pub there: Wire<Out>,
    /// The instruction.
    pub instruction: Wire<Out>,
    /// Its rows.
    pub mask: Wire<Out>,
    kept: Reg,
    kept_rows: Reg,
    left: Reg,
    at: Reg,
    done: Reg,
    writes: Reg,
    unwritten: Reg,
    busy: DFF<Bit>,
    _shape: DatapathShape,
    _fields: Fields,
}

impl Normaliser {
    /// For the memories of `shape`.
    ///
    /// # Errors
    /// There is none for a shape that passed its check.
    pub fn new(shape: &DatapathShape) -> Result<Normaliser, ParameterError> {
        let tiles = ENTRIES + index_bits(shape.tiles_per_slice() + 1);
        Ok(Normaliser {
            clock: Default::default(),
            reset: Default::default(),
            start: Default::default(),
            word: Wire::new(WORD),
            rows: Wire::new(shape.rows),
            count: Wire::new(ENTRIES),
            free: Default::default(),
            written: Default::default(),
            waits: Default::default(),
            walk: Default::default(),
            slice: Wire::new(LOOP_BITS),
            active: Default::default(),
            there: Wire::new(LOOP_BITS),
            instruction: Wire::new(WORD),
            mask: Wire::new(shape.rows),
            kept: Reg::new(WORD),
            kept_rows: Reg::new(shape.rows),
            left: Reg::new(LOOP_BITS),
            at: Reg::new(LOOP_BITS),
            done: Reg::new(LOOP_BITS),
            writes: Reg::new(tiles),
            unwritten: Reg::new(tiles),
            busy: Default::default(),
            _shape: *shape,
            _fields: Fields::new(),
        })
    }
}

impl Logic for Normaliser {
    #[hdl(rows = self._shape.rows, tiles = self._shape.tiles_per_slice())]
    fn update(&mut self) {
        dff_setup!(self, clock, kept, kept_rows, left, at, done, writes, unwritten, busy);
        let (low, bits) = self._fields.normalise_slices;
        let passes = self._fields.normalise_passes.0;
        let shift = self._shape.tiles_per_slice().ilog2() as usize;
        let walks = self.free.val() && self.left.q.val().any();
        self.waits.next = self.left.q.val().any();
        self.walk.next = walks;
        self.slice.next = self.at.q.val();
        self.active.next = self.busy.q.val();
        self.there.next = self.done.q.val();
        self.instruction.next = self.kept.q.val();
        self.mask.next = self.kept_rows.q.val();
        if walks {
            self.left.d.next = self.left.q.val() - 1;
            self.at.d.next = self.at.q.val() + 1;
        }
        if self.busy.q.val() && self.written.val() {
            self.unwritten.d.next = self.unwritten.q.val() - 1;
            if self.unwritten.q.val() == 1 {
                let there = self.done.q.val() + 1;
                self.unwritten.d.next = self.writes.q.val();
                self.done.d.next = there.clone();
                self.busy.d.next = there != self.kept.q.val().slice(low, bits).zext(LOOP_BITS);
            }
        }
        if self.start.val() {
            let length = self.word.val().slice(low, bits);
            let writes = self.count.val().zext(self.writes.width()) << shift;
            self.kept.d.next = self.word.val();
            self.kept_rows.d.next = self.rows.val();
            self.left.d.next = mux(
                self.word.val().bit(passes),
                Word::from(length.any()).zext(LOOP_BITS),
                length.clone().zext(LOOP_BITS),
            );
            self.at.d.next = Word::zero(LOOP_BITS);
            self.done.d.next = Word::zero(LOOP_BITS);
            self.writes.d.next = writes.clone();
            self.unwritten.d.next = writes;
            self.busy.d.next = length.any();
        }
        if self.reset.val() {
            self.left.d.next = Word::zero(LOOP_BITS);
            self.busy.d.next = false;
        }
    }
}
