//! [`RouterLoader`]: router weights from the constant memory to the array.

use super::super::shape::{DatapathShape, READ_LATENCY};
use crate::parameter::{index_bits, ParameterError};
use crate::primitives::DelayReset;
use crate::stream::{Fifo, FifoOptions, ItemSink, Occupancy, Storage, StreamSource};
use skipopu_hdl::prelude::*;

/// Bits of a number of slices.
pub const SLICES_BITS: usize = 14;
/// Most outputs of routers.
pub const OUTPUTS: usize = 4;

/// Slices read ahead.
const DEPTH: usize = 8;

/// Gives the FP16 tiles of routers: outputs 0, 1, .. in the first columns, the others zero or old.
///
/// - Does: a command `{outputs, slices, address}` reads `slices * outputs` slices of the constant memory in order and gives a
///   tile for each `outputs` of them.
/// - Guarantee: a slice a cycle while reads are granted.
#[derive(LogicBlock, Ports)]
pub struct RouterLoader {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// `{outputs, slices, address}`; outputs are 1 to 4.
    pub command: ItemSink,
    /// Wants to read.
    pub want: Signal<Out, Bit>,
    /// It may.
    pub grant: Signal<In, Bit>,
    /// Which slice.
    pub address: Wire<Out>,
    /// The slice, [`READ_LATENCY`] cycles later.
    pub data: Wire<In>,
    /// Tiles, see [`DatapathShape::load_bits`].
    pub load: StreamSource,
    /// A command is under way.
    pub busy: Signal<Out, Bit>,
    fifo: Fifo,
    held: Occupancy,
    live: DelayReset,
    reading: DFF<Bit>,
    giving: DFF<Bit>,
    at: Reg,
    slices: Reg,
    slice: Reg,
    read_output: Reg,
    outputs: Reg,
    given: Reg,
    output: Reg,
    gathered: Reg,
    beat: Wire<Local>,
    _shape: DatapathShape,
}

impl RouterLoader {
    /// For the memories of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape) -> Result<RouterLoader, ParameterError> {
        shape.check()?;
        let slice = shape.slice_bits();
        let options =
            FifoOptions { storage: Some(Storage::Lutram), ..FifoOptions::new(slice, DEPTH) };
        let out = index_bits(OUTPUTS + 1);
        Ok(RouterLoader {
            clock: Default::default(),
            reset: Default::default(),
            command: ItemSink::new(shape.constant_bits() + SLICES_BITS + out),
            want: Default::default(),
            grant: Default::default(),
            address: Wire::new(shape.constant_bits()),
            data: Wire::new(slice),
            load: StreamSource::new(shape.load_bits()),
            busy: Default::default(),
            fifo: Fifo::new(&options)?,
            held: Occupancy::new(DEPTH, DEPTH)?,
            live: DelayReset::new(1, READ_LATENCY)?,
            reading: Default::default(),
            giving: Default::default(),
            at: Reg::new(shape.constant_bits()),
            slices: Reg::new(SLICES_BITS),
            slice: Reg::new(SLICES_BITS),
            read_output: Reg::new(out),
            outputs: Reg::new(out),
            given: Reg::new(SLICES_BITS),
            output: Reg::new(out),
            gathered: Reg::new(shape.beat_bits()),
            beat: Wire::new(shape.beat_bits()),
            _shape: *shape,
        })
    }
}

impl Logic for RouterLoader {
    #[hdl(lanes = self._shape.lanes, columns = self._shape.columns, constants = self._shape.constants)]
    fn update(&mut self) {
        dff_setup!(self, clock, reading, giving, at, slices, slice, read_output, outputs);
        dff_setup!(self, clock, given, output, gathered);
        clock!(self, clock, fifo, held, live);
        let slice = self._shape.slice_bits();
        let positions = self._shape.positions();
        let constants = self._shape.constant_bits();
        let out = self.outputs.width();

        // Reads.
        self.want.next = self.reading.q.val() && self.held.not_full.val();
        self.address.next = self.at.q.val();
        let reads = self.reading.q.val() && self.held.not_full.val() && self.grant.val();
        if reads {
            self.at.d.next = self.at.q.val() + 1;
            self.read_output.d.next = self.read_output.q.val() + 1;
            if self.read_output.q.val() + 1 == self.outputs.q.val() {
                self.read_output.d.next = Word::zero(out);
                self.slice.d.next = self.slice.q.val() + 1;
                if self.slice.q.val() + 1 == self.slices.q.val() {
                    self.reading.d.next = false;
                }
            }
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

        // Slices to beats.
        let last = self.output.q.val() + 1 == self.outputs.q.val();
        let mut full = last;
        let slot = index_bits(self._shape.slots());
        self.beat.next = self.gathered.q.val();
        let mut at = self.output.q.val().zext(slot + out).trunc(slot);
        if positions >= OUTPUTS {
            at = Word::zero(slot);
            for k in 0..OUTPUTS {
                if self.output.q.val() == k {
                    self.beat.next.set_slice(k * slice, &self.fifo.out.data.val());
                }
            }
        } else if positions > 1 {
            let low = positions.ilog2() as usize;
            for k in 0..positions {
                if self.output.q.val().trunc(low) == k {
                    self.beat.next.set_slice(k * slice, &self.fifo.out.data.val());
                }
            }
            full = last || self.output.q.val().trunc(low).all();
            at = (self.output.q.val() >> low).zext(slot + out).trunc(slot);
        } else {
            self.beat.next = self.fifo.out.data.val();
            full = true;
        }
        self.load.valid.next = self.fifo.out.valid.val() && full;
        self.load.last.next = last;
        self.load.data.next = cat!(false, at, self.beat.val());
        let moves = self.fifo.out.valid.val() && (!full || self.load.ready.val());
        self.fifo.out.ready.next = !full || self.load.ready.val();
        self.held.pop.next = moves;
        if moves {
            self.gathered.d.next = self.beat.val();
            self.output.d.next = self.output.q.val() + 1;
            if last {
                self.output.d.next = Word::zero(out);
                self.given.d.next = self.given.q.val() + 1;
                if self.given.q.val() + 1 == self.slices.q.val() {
                    self.giving.d.next = false;
                }
            }
        }

        self.command.ready.next = !self.giving.q.val();
        if !self.giving.q.val() && self.command.valid.val() {
            self.reading.d.next = true;
            self.giving.d.next = true;
            self.at.d.next = self.command.data.val().trunc(constants);
            self.slices.d.next = self.command.data.val().slice(constants, SLICES_BITS);
            self.outputs.d.next = self.command.data.val().slice(constants + SLICES_BITS, out);
            self.slice.d.next = Word::zero(SLICES_BITS);
            self.given.d.next = Word::zero(SLICES_BITS);
            self.read_output.d.next = Word::zero(out);
            self.output.d.next = Word::zero(out);
            self.gathered.d.next = Word::zero(self._shape.beat_bits());
        }
        self.busy.next = self.giving.q.val();
        if self.reset.val() {
            self.reading.d.next = false;
            self.giving.d.next = false;
        }
    }
}
