//! [`SliceReader`]: slices of the scratchpad as words of a port.

use super::super::shape::{DatapathShape, READ_LATENCY};
use crate::parameter::{index_bits, require, ParameterError};
use crate::primitives::DelayReset;
use crate::stream::{Fifo, FifoOptions, ItemSink, ItemSource, Occupancy, Storage};
use skipopu_hdl::prelude::*;

/// Slices read ahead.
const DEPTH: usize = 8;
/// Bits of a number of slices.
pub const SLICES: usize = 20;

/// Reads slices that follow each other and gives them in words of another width.
///
/// - Does: a command `{slices, address}`; the last word is filled in part. The next command is taken when the last word is given.
/// - Guarantee: a slice a cycle while reads are granted, or a word a cycle.
#[derive(LogicBlock, Ports)]
pub struct SliceReader {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// `{slices, address}`.
    pub command: ItemSink,
    /// Wants to read.
    pub want: Signal<Out, Bit>,
    /// It may.
    pub grant: Signal<In, Bit>,
    /// Which slice.
    pub address: Wire<Out>,
    /// The slice, [`READ_LATENCY`] cycles later.
    pub data: Wire<In>,
    /// Words.
    pub out: ItemSource,
    fifo: Fifo,
    held: Occupancy,
    live: DelayReset,
    active: DFF<Bit>,
    at: Reg,
    asked: Reg,
    left: Reg,
    part: Reg,
    gathered: Reg,
    word: Wire<Local>,
    pops: Signal<Local, Bit>,
    gives: Signal<Local, Bit>,
    _shape: DatapathShape,
    _width: usize,
}

impl SliceReader {
    /// Words of `width` bits.
    ///
    /// # Errors
    /// Unless a word is a whole number of slices, or a slice of words.
    pub fn new(shape: &DatapathShape, width: usize) -> Result<SliceReader, ParameterError> {
        shape.check()?;
        let slice = shape.slice_bits();
        let ok = width % slice == 0 || slice % width == 0;
        require(ok, "slice reader", "width", width, "must be whole slices or divide one")?;
        let options =
            FifoOptions { storage: Some(Storage::Lutram), ..FifoOptions::new(slice, DEPTH) };
        let parts = (width / slice).max(slice / width);
        Ok(SliceReader {
            clock: Default::default(),
            reset: Default::default(),
            command: ItemSink::new(shape.scratchpad_bits() + SLICES),
            want: Default::default(),
            grant: Default::default(),
            address: Wire::new(shape.scratchpad_bits()),
            data: Wire::new(slice),
            out: ItemSource::new(width),
            fifo: Fifo::new(&options)?,
            held: Occupancy::new(DEPTH, DEPTH)?,
            live: DelayReset::new(1, READ_LATENCY)?,
            active: Default::default(),
            at: Reg::new(shape.scratchpad_bits()),
            asked: Reg::new(SLICES),
            left: Reg::new(SLICES),
            part: Reg::new(index_bits(parts)),
            gathered: Reg::new(width),
            word: Wire::new(width),
            pops: Default::default(),
            gives: Default::default(),
            _shape: *shape,
            _width: width,
        })
    }
}

impl Logic for SliceReader {
    #[hdl(lanes = self._shape.lanes, width = self._width, scratchpad = self._shape.scratchpad)]
    fn update(&mut self) {
        dff_setup!(self, clock, active, at, asked, left, part, gathered);
        clock!(self, clock, fifo, held, live);
        let slice = self._shape.slice_bits();
        let width = self._width;
        let scratchpad = self._shape.scratchpad_bits();

        // Reads.
        let reading = self.active.q.val() && self.asked.q.val().any();
        self.want.next = reading && self.held.not_full.val();
        self.address.next = self.at.q.val();
        let reads = reading && self.held.not_full.val() && self.grant.val();
        if reads {
            self.at.d.next = self.at.q.val() + 1;
            self.asked.d.next = self.asked.q.val() - 1;
        }
        self.held.reset.next = self.reset.val();
        self.held.push.next = reads;
        self.live.enable.next = true;
        self.live.reset.next = self.reset.val();
        self.live.d.next = Word::from(reads);
        self.fifo.reset.next = self.reset.val();
        self.fifo.r#in.valid.next = self.live.q.val().any();
        self.fifo.r#in.data.next = self.data.val();
        self.fifo.r#in.last.next = false;

        // Words: several slices, or a part of one.
        let there = self.fifo.out.valid.val();
        let last = self.left.q.val() == 1;
        self.pops.next = false;
        self.gives.next = false;
        self.word.next = self.gathered.q.val();
        if width >= slice {
            let parts = width / slice;
            for k in 0..parts {
                let mut here = true;
                if parts > 1 {
                    here = self.part.q.val() == k;
                }
                if here {
                    self.word.next.set_slice(k * slice, &self.fifo.out.data.val());
                }
            }
            let mut full = last;
            if parts > 1 {
                full = full || self.part.q.val() == parts - 1;
            } else {
                full = true;
            }
            self.gives.next = there && full;
            self.pops.next = there && (!full || self.out.ready.val());
            if self.pops.val() {
                self.part.d.next = self.part.q.val() + 1;
                if full {
                    self.part.d.next = Word::zero(self.part.width());
                }
            }
        } else {
            let parts = slice / width;
            for k in 0..parts {
                if self.part.q.val() == k {
                    self.word.next = self.fifo.out.data.val().slice(k * width, width);
                }
            }
            self.gives.next = there;
            let ends = self.part.q.val() == parts - 1;
            self.pops.next = there && self.out.ready.val() && ends;
            if there && self.out.ready.val() {
                self.part.d.next = self.part.q.val() + 1;
                if ends {
                    self.part.d.next = Word::zero(self.part.width());
                }
            }
        }
        self.out.valid.next = self.gives.val();
        self.out.data.next = self.word.val();
        self.fifo.out.ready.next = self.pops.val();
        self.held.pop.next = self.pops.val();
        if self.pops.val() {
            self.gathered.d.next = self.word.val();
            self.left.d.next = self.left.q.val() - 1;
            if last {
                self.active.d.next = false;
            }
        }

        self.command.ready.next = !self.active.q.val();
        if !self.active.q.val() && self.command.valid.val() {
            self.active.d.next = true;
            self.at.d.next = self.command.data.val().trunc(scratchpad);
            self.asked.d.next = self.command.data.val().slice(scratchpad, SLICES);
            self.left.d.next = self.command.data.val().slice(scratchpad, SLICES);
            self.part.d.next = Word::zero(self.part.width());
        }
        if self.reset.val() {
            self.active.d.next = false;
        }
    }
}
