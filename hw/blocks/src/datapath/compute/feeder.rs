//! [`Feeder`]: tiles from memories and partial sums into the NPE.

use super::super::shape::{DatapathShape, READ_LATENCY, SINGLE_BITS, VALUE_BITS};
use super::operation::TileOp;
use super::walker::Walker;
use crate::npe::tile::{TileShape, INDEX_BITS};
use crate::npe::OPERAND_BITS;
use crate::parameter::{index_bits, ParameterError};
use crate::primitives::{Delay, DelayReset};
use crate::stream::{
    Fifo, FifoOptions, ItemSink, ItemSource, Occupancy, Storage, StreamSink, StreamSource,
};
use skipopu_hdl::prelude::*;

/// Tiles read ahead of the NPE.
const DEPTH: usize = 16;

/// -inf in FP32.
const MINUS_INFINITY: u128 = 0xFF80_0000;

/// Reads the tiles of a walk, joins them with partial sums and second operands, and gives them to the NPE.
///
/// - Does: a step of the walk is taken when what it reads is granted and there is room; what it reads comes
///   [`READ_LATENCY`] cycles later. Steps with partial sums take a tile of `sums` each, in order. Scores are also given on
///   `score`; routers' sums go to `logits` instead of to the NPE. What follows a result to its target goes out on `target`.
/// - Does not: change the order of anything.
/// - Guarantee: a tile a cycle.
#[derive(LogicBlock, Ports)]
pub struct Feeder {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Steps: a [`TileOp`].
    pub step: ItemSink,
    /// Reads the scratchpad as its first operand.
    pub reads_source: Signal<In, Bit>,
    /// Reads scores as its first operand.
    pub reads_scores: Signal<In, Bit>,
    /// Reads constants as its second operand.
    pub reads_constants: Signal<In, Bit>,
    /// Reads the scratchpad as its second operand.
    pub reads_residual: Signal<In, Bit>,
    /// Tile of the first operand.
    pub source: Wire<In>,
    /// Tile of the second operand.
    pub operand: Wire<In>,
    /// Wants to read a slice of the scratchpad.
    pub scratchpad_want: Signal<Out, Bit>,
    /// It may.
    pub scratchpad_grant: Signal<In, Bit>,
    /// Which slice.
    pub scratchpad_address: Wire<Out>,
    /// What the scratchpad gives.
    pub scratchpad_data: Wire<In>,
    /// Wants to read a slice of the constant memory.
    pub constants_want: Signal<Out, Bit>,
    /// It may.
    pub constants_grant: Signal<In, Bit>,
    /// Which slice.
    pub constants_address: Wire<Out>,
    /// What it gives.
    pub constants_data: Wire<In>,
    /// What the score memory gives; its address is that of the step, see [`Feeder::score_read`].
    pub score_data: Wire<In>,
    /// Tile of scores that the step reads.
    pub score_read: Wire<Out>,
    /// Partial sums, a tile each.
    pub sums: StreamSink,
    /// Tiles to the NPE.
    pub out: StreamSource,
    /// Second operands to the NPE.
    pub operands: StreamSource,
    /// Write scores?
    pub score_write: Signal<Out, Bit>,
    /// Where.
    pub score_address: Wire<Out>,
    /// The scores.
    pub score: Wire<Out>,
    /// There is a tile of routers' sums.
    pub logits_valid: Signal<Out, Bit>,
    /// It is the first of its row.
    pub logits_first: Signal<Out, Bit>,
    /// Of which row.
    pub logits_row: Wire<Out>,
    /// The first four values.
    pub logits: Wire<Out>,
    /// Where results go.
    pub target: ItemSource,
    /// A step is under way.
    pub busy: Signal<Out, Bit>,
    fifo: Fifo,
    held: Occupancy,
    step_wait: Delay,
    sub_wait: Delay,
    live: DelayReset,
    read_source: Wire<Local>,
    read_operand: Wire<Local>,
    values: Wire<Local>,
    label: Wire<Local>,
    fires: Signal<Local, Bit>,
    _shape: DatapathShape,
    _op: TileOp,
}

impl Feeder {
    /// For the memories of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape) -> Result<Feeder, ParameterError> {
        shape.check()?;
        let op = TileOp::of(shape);
        let tile = TileShape { ways: shape.ways, rows: shape.npe_rows };
        let (half, single) = (shape.ways * VALUE_BITS, shape.ways * SINGLE_BITS);
        let address = Walker::address_bits(shape);
        let sub = index_bits(shape.tiles_per_slice());
        let width = op.bits + single + half;
        let options =
            FifoOptions { storage: Some(Storage::Lutram), ..FifoOptions::new(width, DEPTH) };
        let scores = shape.label_bits() + index_bits(shape.score_tiles());
        Ok(Feeder {
            clock: Default::default(),
            reset: Default::default(),
            step: ItemSink::new(op.bits),
            reads_source: Default::default(),
            reads_scores: Default::default(),
            reads_constants: Default::default(),
            reads_residual: Default::default(),
            source: Wire::new(address),
            operand: Wire::new(address),
            scratchpad_want: Default::default(),
            scratchpad_grant: Default::default(),
            scratchpad_address: Wire::new(shape.scratchpad_bits()),
            scratchpad_data: Wire::new(shape.slice_bits()),
            constants_want: Default::default(),
            constants_grant: Default::default(),
            constants_address: Wire::new(shape.constant_bits()),
            constants_data: Wire::new(shape.slice_bits()),
            score_data: Wire::new(single),
            score_read: Wire::new(scores),
            sums: StreamSink::new(single),
            out: StreamSource::new(tile.bits()),
            operands: StreamSource::new(shape.ways * OPERAND_BITS),
            score_write: Default::default(),
            score_address: Wire::new(scores),
            score: Wire::new(single),
            logits_valid: Default::default(),
            logits_first: Default::default(),
            logits_row: Wire::new(shape.row_bits()),
            logits: Wire::new(4 * SINGLE_BITS),
            target: ItemSource::new(op.sink_bits),
            busy: Default::default(),
            fifo: Fifo::new(&options)?,
            held: Occupancy::new(DEPTH, DEPTH)?,
            step_wait: Delay::new(op.bits, READ_LATENCY)?,
            sub_wait: Delay::new(2 * sub + 1, READ_LATENCY)?,
            live: DelayReset::new(1, READ_LATENCY)?,
            read_source: Wire::new(single),
            read_operand: Wire::new(half),
            values: Wire::new(single),
            label: Wire::new(tile.label_bits()),
            fires: Default::default(),
            _shape: *shape,
            _op: op,
        })
    }
}

impl Logic for Feeder {
    #[hdl(
        lanes = self._shape.lanes,
        ways = self._shape.ways,
        scratchpad = self._shape.scratchpad,
        constants = self._shape.constants,
        labels = self._shape.npe_rows
    )]
    fn update(&mut self) {
        clock!(self, clock, fifo, held, step_wait, sub_wait, live);
        let ways = self._shape.ways;
        let (half, single) = (ways * VALUE_BITS, ways * SINGLE_BITS);
        let tiles = self._shape.tiles_per_slice();
        let sub = index_bits(tiles);
        let shift = tiles.ilog2() as usize;
        let op = self._op;

        // Reads; a step goes when all of its own are granted.
        let room = self.held.not_full.val() && self.step.valid.val();
        let scratchpad = self.reads_source.val() || self.reads_residual.val();
        self.scratchpad_want.next = room && scratchpad;
        self.constants_want.next = room && self.reads_constants.val();
        self.scratchpad_address.next = mux(
            self.reads_source.val(),
            self.source.val().slice(shift, self._shape.scratchpad_bits()),
            self.operand.val().slice(shift, self._shape.scratchpad_bits()),
        );
        self.constants_address.next = self.operand.val().slice(shift, self._shape.constant_bits());
        let refused = (scratchpad && !self.scratchpad_grant.val())
            || (self.reads_constants.val() && !self.constants_grant.val());
        let goes = room && !refused;
        self.step.ready.next = self.held.not_full.val() && !refused;
        let places = index_bits(self._shape.score_tiles());
        self.score_read.next = cat!(
            self.step.data.val().slice(op.label, self._shape.label_bits()),
            self.step.data.val().slice(op.place, places)
        );
        self.step_wait.enable.next = true;
        self.step_wait.d.next = self.step.data.val();
        self.sub_wait.enable.next = true;
        self.sub_wait.d.next = cat!(
            self.reads_scores.val(),
            self.operand.val().trunc(sub),
            self.source.val().trunc(sub)
        );
        self.live.enable.next = true;
        self.live.reset.next = self.reset.val();
        self.live.d.next = Word::from(goes);

        // What was read: a tile of a slice.
        self.read_source.next = Word::zero(single);
        for i in 0..ways {
            let value = self.scratchpad_data.val().slice(i * VALUE_BITS, VALUE_BITS);
            self.read_source.next.set_slice(i * SINGLE_BITS, &value.zext(SINGLE_BITS));
        }
        self.read_operand.next = self.constants_data.val().trunc(half);
        if self.step_wait.q.val().bit(op.addend) {
            self.read_operand.next = self.scratchpad_data.val().trunc(half);
        }
        if tiles > 1 {
            for t in 1..tiles {
                if self.sub_wait.q.val().trunc(sub) == t {
                    for i in 0..ways {
                        let at = t * half + i * VALUE_BITS;
                        let value = self.scratchpad_data.val().slice(at, VALUE_BITS);
                        self.read_source.next.set_slice(i * SINGLE_BITS, &value.zext(SINGLE_BITS));
                    }
                }
                if self.sub_wait.q.val().slice(sub, sub) == t {
                    self.read_operand.next = self.constants_data.val().slice(t * half, half);
                    if self.step_wait.q.val().bit(op.addend) {
                        self.read_operand.next = self.scratchpad_data.val().slice(t * half, half);
                    }
                }
            }
        }
        let scored = self.sub_wait.q.val().bit(2 * sub);
        let source = mux(scored, self.score_data.val(), self.read_source.val());
        self.fifo.reset.next = self.reset.val();
        self.fifo.r#in.valid.next = self.live.q.val().any();
        self.fifo.r#in.data.next = cat!(self.read_operand.val(), source, self.step_wait.q.val());
        self.fifo.r#in.last.next = false;
        self.held.reset.next = self.reset.val();
        self.held.push.next = goes;

        // Joined with sums, in order.
        let item = self.fifo.out.data.val();
        let sums = item.bit(op.from_sums);
        let logits = item.bit(op.logits);
        let there = self.fifo.out.valid.val()
            && (!sums || self.sums.valid.val())
            && (!item.bit(op.emits) || self.target.ready.val());
        self.out.valid.next = there && !logits;
        self.fires.next = there && (logits || self.out.ready.val());
        self.held.pop.next = self.fires.val();
        self.fifo.out.ready.next = self.fires.val();
        self.sums.ready.next = self.fires.val() && sums;
        self.values.next = item.slice(op.bits, single);
        if sums {
            for i in 0..ways {
                let value = self.sums.data.val().slice(i * SINGLE_BITS, SINGLE_BITS);
                let hidden = item.bit(op.hide + i);
                let value = mux(hidden, Word::new(SINGLE_BITS, MINUS_INFINITY), value);
                self.values.next.set_slice(i * SINGLE_BITS, &value);
            }
        }
        self.label.next = cat!(
            item.bit(op.end),
            item.slice(op.place, crate::npe::tile::PLACE_BITS),
            item.slice(op.row, self._shape.row_bits()).zext(INDEX_BITS),
            item.slice(op.label, self._shape.label_bits())
        );
        self.out.data.next = cat!(self.label.val(), self.values.val());
        self.out.last.next = item.bit(op.last);
        self.operands.valid.next = there && !logits;
        self.operands.last.next = false;
        for i in 0..ways {
            let value = item.slice(op.bits + single + i * VALUE_BITS, VALUE_BITS);
            let addend = item.bit(op.addend);
            let factor = mux(addend, Word::zero(VALUE_BITS), value.clone());
            let above = mux(addend, value, Word::zero(VALUE_BITS)).zext(OPERAND_BITS - VALUE_BITS);
            self.operands.data.next.set_slice(i * OPERAND_BITS, &cat!(above, factor));
        }
        self.score_write.next = self.fires.val() && item.bit(op.scores);
        self.score_address.next =
            cat!(item.slice(op.label, self._shape.label_bits()), item.slice(op.place, places));
        self.score.next = self.values.val();
        self.logits_valid.next = self.fires.val() && logits;
        self.logits_first.next = item.bit(op.first);
        self.logits_row.next = item.slice(op.row, self._shape.row_bits());
        self.logits.next = self.sums.data.val().trunc(4 * SINGLE_BITS);
        self.target.valid.next = self.fires.val() && item.bit(op.emits);
        self.target.data.next = item.trunc(op.sink_bits);
        self.busy.next = self.held.not_empty.val();
    }
}
