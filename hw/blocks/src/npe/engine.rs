//! [`Engine`]: the nonlinear processing engine.

use super::command::{
    Addend, Factor, Function, ADDEND, CAUSAL, COMMAND_BITS, CONSTANT, DROP, FACTOR, FUNCTION,
    HALF_IN, HALF_OUT, LENGTH, STATISTIC,
};
use super::compact::Compact;
use super::pair::{WayPair, OPERAND_BITS};
use super::reduction::{RowAccumulator, TileSum};
use super::rotation::{RotationBuffer, RotationShape, TURN_BITS};
use super::statistics::{MaskedRead, RowFactor, StatisticsBuffer, FACTOR_BITS};
use super::term::{EXPONENT_BITS, SIGNIFICAND_BITS};
use super::tile::{TileShape, INDEX_BITS, PLACE_BITS, VALUE_BITS};
use super::timing::{self, EXPONENTIAL, FIRST, LOGARITHM, SECOND, WIDENED};
use super::{NpeError, Visible};
use crate::primitives::{Delay, DelayReset};
use crate::stream::{Fifo, FifoOptions, Occupancy, Storage, StreamSink, StreamSource};
use skipopu_hdl::prelude::*;

/// 1 as E8M16.
const ONE: u128 = 127 << 16;
/// log2 e as E8M16.
const LOG2_E: u128 = 0x3FB8_AA00 >> 7;

/// What to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineShape {
    /// Tiles.
    pub tile: TileShape,
    /// Factors of RoPE.
    pub rotation: RotationShape,
}

impl EngineShape {
    /// The shape of a configuration.
    pub fn of(config: &skipopu_config::Config) -> EngineShape {
        EngineShape { tile: TileShape::of(config), rotation: RotationShape::of(config) }
    }

    /// Beats that the output FIFO holds: all that is in flight, and the FIFO's own latency.
    fn depth(&self) -> usize {
        (timing::result() + 2 + Compact::LATENCY + 8).next_power_of_two()
    }
}

/// One pipeline for everything between matrix products; what it does to a tile is said by the command of the
/// tile's packet.
///
/// - Does: all of [`Function`], statistics of rows on the way, a tile a cycle whatever the order of functions;
///   every tile takes the same time. A tile of a normaliser waits at the entry until its row's statistics are
///   there. Statistics can also be read by bitmask.
/// - Does not: stall inside. A tile enters when the FIFO behind the pipeline has room for it.
/// - Guarantee: a tile a cycle in and, but for SwiGLU, out; latency [`Engine::latency`]; a row's statistics are
///   there [`Engine::softmax_latency`] or [`Engine::square_latency`] cycles after its last tile.
#[derive(LogicBlock, Ports)]
pub struct Engine {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything but RoPE factors.
    pub reset: Signal<In, Bit>,
    /// A [`Command`](super::command::Command) for each packet of tiles.
    pub command: StreamSink,
    /// Tiles come in.
    pub r#in: StreamSink,
    /// Factor (FP16) and addend (FP16 or FP32, above it) of each way, for tiles whose command uses them.
    pub operand: StreamSink,
    /// RoPE factors: a word and its address.
    pub rotation: StreamSink,
    /// FP32, added to mean squares; changes only while nothing is in flight.
    pub epsilon: Wire<In>,
    /// Rows whose statistics are wanted: a bit a row, above them the kind, 1 for softmax.
    pub mask: StreamSink,
    /// Their statistics, see [`MaskedRead`].
    pub statistics: StreamSource,
    /// Tiles go out.
    pub out: StreamSource,
    pairs: Vec<WayPair>,
    turns: RotationBuffer,
    visible: Visible,
    reduce: TileSum,
    rows: RowAccumulator,
    factor: RowFactor,
    buffer: StatisticsBuffer,
    reader: MaskedRead,
    compact: Compact,
    fifo: Fifo,
    credits: Occupancy,
    second_half: DFF<Bit>,
    /// What entered in the cycle before.
    values: Reg,
    operands: Reg,
    label: Reg,
    order: Reg,
    live: DFF<Bit>,
    /// Orders on their way to the steps that read them.
    to_widened: Delay,
    to_first: Delay,
    to_product: Delay,
    to_logarithm: Delay,
    to_read: Delay,
    to_exponential: Delay,
    row_exponent: Reg,
    to_second: Delay,
    to_addend: Delay,
    to_rounded: Delay,
    to_result: Delay,
    to_term: Delay,
    row_wait: Delay,
    count_wait: Delay,
    factor_wait: Delay,
    label_wait: Delay,
    marks_wait: Delay,
    inverse_wait: Delay,
    live_result: DelayReset,
    live_sum: DelayReset,
    shown: Reg,
    out_label: Reg,
    out_live: DFF<Bit>,
    _shape: EngineShape,
}

/// The part of a command that travels with a tile, and what is added to it at the entry.
mod order {
    use super::COMMAND_BITS;
    /// The tile goes out alone or as the second half.
    pub const EMITS: usize = COMMAND_BITS;
    /// It is a second half.
    pub const SECOND: usize = COMMAND_BITS + 1;
    /// It ends its packet.
    pub const LAST: usize = COMMAND_BITS + 2;
    /// Bits.
    pub const BITS: usize = COMMAND_BITS + 3;
}

impl Engine {
    /// Cycles from a tile at the entry to the same tile at the output.
    pub fn latency(&self) -> usize {
        1 + timing::result() + Compact::LATENCY + self.fifo.latency()
    }

    /// Cycles from a row's last tile until a tile of softmax of that row can enter.
    pub fn softmax_latency(&self) -> usize {
        self.sum_latency() + RowFactor::softmax_latency() + 1
    }

    /// Cycles from a row's last tile until a tile of RMSNorm of that row can enter.
    pub fn square_latency(&self) -> usize {
        self.sum_latency() + RowFactor::square_latency() + 1
    }

    fn sum_latency(&self) -> usize {
        1 + timing::term() + TileSum::latency(self._shape.tile.ways) + RowAccumulator::LATENCY
    }

    /// An engine of this shape.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: EngineShape) -> Result<Engine, NpeError> {
        let tile = shape.tile;
        tile.check()?;
        let (ways, bits) = (tile.ways, order::BITS);
        let reduce = TileSum::latency(ways);
        let row = tile.row_bits() + 1;
        let depth = shape.depth();
        Ok(Engine {
            clock: Default::default(),
            reset: Default::default(),
            command: StreamSink::new(COMMAND_BITS),
            r#in: StreamSink::new(tile.bits()),
            operand: StreamSink::new(ways * OPERAND_BITS),
            rotation: StreamSink::new(shape.rotation.fill_bits()),
            epsilon: Wire::new(32),
            mask: StreamSink::new(tile.rows + 1),
            statistics: StreamSource::new(MaskedRead::entry_bits(tile.rows)),
            out: StreamSource::new(tile.bits()),
            pairs: (0..ways / 2).map(|_| WayPair::new()).collect::<Result<_, _>>()?,
            turns: RotationBuffer::new(shape.rotation)?,
            visible: Visible::new(tile)?,
            reduce: TileSum::new(ways)?,
            rows: RowAccumulator::new(tile)?,
            factor: RowFactor::new(tile.row_bits())?,
            buffer: StatisticsBuffer::new(tile.rows)?,
            reader: MaskedRead::new(tile.rows)?,
            compact: Compact::new(ways)?,
            fifo: Fifo::new(&FifoOptions {
                storage: Some(Storage::Lutram),
                ..FifoOptions::new(tile.bits(), depth)
            })?,
            credits: Occupancy::new(depth, depth)?,
            second_half: Default::default(),
            values: Reg::new(tile.value_bits()),
            operands: Reg::new(ways * OPERAND_BITS),
            label: Reg::new(tile.label_bits()),
            order: Reg::new(bits),
            live: Default::default(),
            to_widened: Delay::new(bits, WIDENED)?,
            to_first: Delay::new(bits, FIRST - WIDENED)?,
            to_product: Delay::new(1, timing::product())?,
            to_logarithm: Delay::new(1, LOGARITHM - FIRST)?,
            to_read: Delay::new(bits, EXPONENTIAL - 2 - FIRST)?,
            to_exponential: Delay::new(bits, 1)?,
            row_exponent: Reg::new(EXPONENT_BITS + 2),
            to_second: Delay::new(bits, SECOND - EXPONENTIAL)?,
            to_addend: Delay::new(bits, timing::addend() + 1 - SECOND)?,
            to_rounded: Delay::new(bits, timing::result() - 1 - timing::addend())?,
            to_result: Delay::new(bits, 1)?,
            to_term: Delay::new(2, timing::term() - 1 - timing::result())?,
            row_wait: Delay::new(tile.row_bits(), EXPONENTIAL - 2)?,
            count_wait: Delay::new(tile.levels() + 1, timing::result() - 2 - Visible::LATENCY)?,
            factor_wait: Delay::new(FACTOR_BITS, SECOND - EXPONENTIAL)?,
            label_wait: Delay::new(tile.label_bits(), timing::result())?,
            marks_wait: Delay::new(row + 2 + FACTOR_BITS, timing::term() + reduce)?,
            inverse_wait: Delay::new(FACTOR_BITS, RowAccumulator::LATENCY)?,
            live_result: DelayReset::new(1, timing::result())?,
            live_sum: DelayReset::new(1, timing::term() + reduce)?,
            shown: Reg::new(ways),
            out_label: Reg::new(tile.label_bits() + 1),
            out_live: Default::default(),
            _shape: shape,
        })
    }
}

impl Logic for Engine {
    #[hdl(
        ways = self._shape.tile.ways,
        rows = self._shape.tile.rows,
        tokens = self._shape.rotation.tokens,
        tiles = self._shape.rotation.tiles,
        latency = self.latency()
    )]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            turns,
            visible,
            reduce,
            rows,
            factor,
            buffer,
            reader,
            compact,
            fifo,
            credits,
            to_widened,
            to_first,
            to_product,
            to_logarithm,
            to_read,
            to_exponential,
            to_second,
            to_addend,
            to_rounded,
            to_result,
            to_term,
            row_wait,
            count_wait,
            factor_wait,
            label_wait,
            marks_wait,
            inverse_wait,
            live_result,
            live_sum
        );
        dff_setup!(
            self,
            clock,
            second_half,
            values,
            operands,
            label,
            order,
            live,
            row_exponent,
            shown,
            out_label,
            out_live
        );
        self.to_widened.enable.next = true;
        self.to_first.enable.next = true;
        self.to_product.enable.next = true;
        self.to_logarithm.enable.next = true;
        self.to_read.enable.next = true;
        self.to_exponential.enable.next = true;
        self.to_second.enable.next = true;
        self.to_addend.enable.next = true;
        self.to_rounded.enable.next = true;
        self.to_result.enable.next = true;
        self.to_term.enable.next = true;
        self.row_wait.enable.next = true;
        self.count_wait.enable.next = true;
        self.factor_wait.enable.next = true;
        self.label_wait.enable.next = true;
        self.marks_wait.enable.next = true;
        self.inverse_wait.enable.next = true;
        self.live_result.enable.next = true;
        self.live_sum.enable.next = true;
        self.live_result.reset.next = self.reset.val();
        self.live_sum.reset.next = self.reset.val();
        self.credits.reset.next = self.reset.val();
        self.fifo.reset.next = self.reset.val();
        self.buffer.reset.next = self.reset.val();
        self.reader.reset.next = self.reset.val();
        self.factor.reset.next = self.reset.val();

        let tile = self._shape.tile;
        let ways = tile.ways;
        let row_bits = tile.row_bits();
        let linear = Word::new(FUNCTION.1, Function::Linear as u128);
        let rms_norm = Word::new(FUNCTION.1, Function::RmsNorm as u128);
        let softmax = Word::new(FUNCTION.1, Function::Softmax as u128);
        let swiglu = Word::new(FUNCTION.1, Function::SwiGlu as u128);
        let rope = Word::new(FUNCTION.1, Function::Rope as u128);

        // Entry: a tile, its command, its operands, room behind the pipeline, its row's statistics.
        let command = self.command.data.val();
        let data = self.r#in.data.val();
        let function = command.slice(FUNCTION.0, FUNCTION.1);
        let row = data.slice(tile.row_at(), row_bits);
        let place = data.slice(tile.place_at(), PLACE_BITS);
        let statistic = command.slice(STATISTIC.0, STATISTIC.1);
        let uses = (command.slice(FACTOR.0, FACTOR.1)
            == Word::new(FACTOR.1, Factor::Operand as u128))
            | command.slice(ADDEND.0, ADDEND.1).any();
        let is_softmax = function == softmax.clone();
        let waits = (is_softmax | (function == rms_norm.clone())) & !self.buffer.closed.val();
        self.buffer.ask_row.next = cat!(is_softmax, row.clone());
        let goes = self.r#in.valid.val()
            & self.command.valid.val()
            & self.credits.not_full.val()
            & (self.operand.valid.val() | !uses)
            & !waits
            & !self.reset.val();
        self.r#in.ready.next = goes;
        self.operand.ready.next = goes & uses;
        self.command.ready.next = goes & self.r#in.last.val();
        let pairs = function == swiglu.clone();
        let last = self.r#in.last.val();
        let second = self.second_half.q.val();
        let emits = !command.bit(DROP.0) & (!pairs | second | last);
        if goes {
            self.second_half.d.next = pairs & !second & !last;
        }
        self.buffer.open.next = goes & statistic.any() & !place.any();
        self.buffer.open_row.next = cat!(statistic.bit(1), row);
        self.credits.push.next = goes & emits;
        self.live.d.next = goes;
        self.values.d.next = data.trunc(tile.value_bits());
        self.operands.d.next = self.operand.data.val();
        self.label.d.next = data.slice(tile.row_at(), tile.label_bits());
        self.order.d.next = cat!(last, second, emits, command);
        self.turns.index.next = data.slice(tile.index_at(), INDEX_BITS);
        self.turns.place.next = place;
        StreamSink::link(&mut self.rotation, &mut self.turns.r#in);
        if self.reset.val() {
            self.second_half.d.next = false;
        }

        // Orders to their steps.
        let order0 = self.order.q.val();
        self.to_widened.d.next = order0.clone();
        let order1 = self.to_widened.q.val();
        self.to_first.d.next = order1.clone();
        let order2 = self.to_first.q.val();
        self.to_product.d.next = Word::from(order2.slice(FUNCTION.0, FUNCTION.1) == rope.clone());
        let gated = order2.slice(FUNCTION.0, FUNCTION.1) == swiglu.clone();
        self.to_logarithm.d.next = Word::from(gated);
        self.to_read.d.next = order2.clone();
        let order3 = self.to_read.q.val();
        self.to_exponential.d.next = order3.clone();
        let order4 = self.to_exponential.q.val();
        self.to_second.d.next = order4.clone();
        let order5 = self.to_second.q.val();
        self.to_addend.d.next = order5.clone();
        let order6 = self.to_addend.q.val();
        self.to_rounded.d.next = order6.clone();
        let order7 = self.to_rounded.q.val();
        self.to_result.d.next = order7.clone();
        let order8 = self.to_result.q.val();
        self.to_term.d.next = order8.slice(STATISTIC.0, STATISTIC.1);

        // How many values count, from the tile's label.
        let label = self.label.q.val();
        self.visible.length.next = order0.slice(LENGTH.0, LENGTH.1);
        self.visible.causal.next = order0.bit(CAUSAL.0);
        self.visible.index.next = label.slice(row_bits, INDEX_BITS);
        self.visible.place.next = label.slice(row_bits + INDEX_BITS, PLACE_BITS);
        self.count_wait.d.next = self.visible.count.val();
        for i in 0..ways {
            let count = self.count_wait.q.val();
            let within = Word::new(tile.levels() + 1, i as u128) < count;
            self.shown.d.next.set_slice(i, &Word::from(within));
        }

        // The row's statistics: a factor for the second product, or 1.
        self.row_exponent.d.next =
            self.buffer.exponent.val().zext(EXPONENT_BITS + 2) - Word::new(EXPONENT_BITS + 2, 127);
        self.row_wait.d.next = label.trunc(row_bits);
        let normalises = order3.slice(FUNCTION.0, FUNCTION.1) == softmax.clone();
        self.buffer.read_row.next = cat!(normalises, self.row_wait.q.val());
        let of_row = (order4.slice(FUNCTION.0, FUNCTION.1) == softmax.clone())
            | (order4.slice(FUNCTION.0, FUNCTION.1) == rms_norm.clone());
        self.factor_wait.d.next =
            mux(of_row, self.buffer.factor.val(), Word::new(FACTOR_BITS, ONE));

        for p in 0..ways / 2 {
            self.pairs[p].clock.next = self.clock.val();
            self.pairs[p].values.next =
                self.values.q.val().slice(2 * p * VALUE_BITS, 2 * VALUE_BITS);
            self.pairs[p].operands.next =
                self.operands.q.val().slice(2 * p * OPERAND_BITS, 2 * OPERAND_BITS);
            self.pairs[p].turn.next = self.turns.turns.val().slice(p * TURN_BITS, TURN_BITS);
            self.pairs[p].rotate.next = order0.slice(FUNCTION.0, FUNCTION.1) == rope.clone();
            self.pairs[p].half_in.next = order1.bit(HALF_IN.0);
            let function1 = order1.slice(FUNCTION.0, FUNCTION.1);
            let own =
                order1.slice(FACTOR.0, FACTOR.1) == Word::new(FACTOR.1, Factor::Operand as u128);
            self.pairs[p].own_factor.next = own | (function1.clone() == rope.clone());
            let constant = (order1.slice(FACTOR.0, FACTOR.1)
                == Word::new(FACTOR.1, Factor::Constant as u128))
                & (function1.clone() == linear.clone());
            self.pairs[p].factor.next =
                mux(constant, order1.slice(CONSTANT.0, CONSTANT.1), Word::new(FACTOR_BITS, ONE));
            self.pairs[p].gated.next = function1 == swiglu.clone();
            let addend = order1.slice(ADDEND.0, ADDEND.1);
            self.pairs[p].half_addend.next =
                addend.clone() == Word::new(ADDEND.1, Addend::Half as u128);
            self.pairs[p].single_addend.next =
                addend == Word::new(ADDEND.1, Addend::Single as u128);
            let gated = order2.slice(FUNCTION.0, FUNCTION.1) == swiglu.clone();
            self.pairs[p].log_factor.next =
                mux(gated, Word::new(FACTOR_BITS, LOG2_E), order2.slice(CONSTANT.0, CONSTANT.1));
            self.pairs[p].gated_log.next = gated;
            self.pairs[p].rotate_product.next = self.to_product.q.val().any();
            self.pairs[p].gated_power.next = self.to_logarithm.q.val().any();
            self.pairs[p].row_exponent.next = self.row_exponent.q.val();
            let function5 = order5.slice(FUNCTION.0, FUNCTION.1);
            self.pairs[p].power.next = function5.clone() == softmax.clone();
            self.pairs[p].rotate_second.next = function5.clone() == rope.clone();
            self.pairs[p].gated_second.next = function5 == swiglu.clone();
            self.pairs[p].row_factor.next = self.factor_wait.q.val();
            self.pairs[p].odd.next = order6.bit(HALF_OUT.0);
            self.pairs[p].half_out.next = order7.bit(HALF_OUT.0);
            self.pairs[p].visible.next = self.shown.q.val().slice(2 * p, 2);
            self.pairs[p].squares.next = self.to_term.q.val().bit(0);
            self.pairs[p].exponentials.next = self.to_term.q.val().bit(1);
            let significands = self.pairs[p].significands.val();
            self.reduce.significands.next.set_slice(2 * p * SIGNIFICAND_BITS, &significands);
            let exponents = self.pairs[p].exponents.val();
            self.reduce.exponents.next.set_slice(2 * p * EXPONENT_BITS, &exponents);
            self.reduce.invalid.next.set_slice(2 * p, &self.pairs[p].invalid.val());
            self.compact.values.next.set_slice(2 * p * VALUE_BITS, &self.pairs[p].results.val());
        }

        // Terms to tiles, tiles to rows, rows to factors.
        let statistic0 = order0.slice(STATISTIC.0, STATISTIC.1);
        let begins = !label.slice(row_bits + INDEX_BITS, PLACE_BITS).any();
        self.live_sum.d.next = Word::from(self.live.q.val() & statistic0.any());
        self.marks_wait.d.next = cat!(
            order0.slice(CONSTANT.0, CONSTANT.1),
            begins,
            label.bit(row_bits + INDEX_BITS + PLACE_BITS),
            statistic0.bit(1),
            label.trunc(row_bits)
        );
        let marks = self.marks_wait.q.val();
        self.rows.valid.next = self.live_sum.q.val().any();
        self.rows.first.next = marks.bit(row_bits + 2);
        self.rows.last.next = marks.bit(row_bits + 1);
        self.rows.address.next = marks.trunc(row_bits + 1);
        self.rows.sum.next = self.reduce.sum.val();
        self.rows.exponent.next = self.reduce.exponent.val();
        self.rows.invalid.next = self.reduce.spoilt.val();
        self.inverse_wait.d.next = marks.slice(row_bits + 3, FACTOR_BITS);
        self.factor.done.next = self.rows.done.val();
        self.factor.row.next = self.rows.row.val();
        self.factor.total.next = self.rows.total.val();
        self.factor.scale.next = self.rows.scale.val();
        self.factor.spoilt.next = self.rows.spoilt.val();
        self.factor.inverse.next = self.inverse_wait.q.val();
        self.factor.epsilon.next = self.epsilon.val();
        self.buffer.softmax_write.next = self.factor.softmax_done.val();
        self.buffer.softmax_row.next = self.factor.softmax_row.val();
        self.buffer.softmax_factor.next = self.factor.softmax_factor.val();
        self.buffer.softmax_exponent.next = self.factor.softmax_exponent.val();
        self.buffer.square_write.next = self.factor.square_done.val();
        self.buffer.square_row.next = self.factor.square_row.val();
        self.buffer.square_factor.next = self.factor.square_factor.val();

        // Selective reading.
        StreamSink::link(&mut self.mask, &mut self.reader.r#in);
        StreamSource::link(&mut self.statistics, &mut self.reader.out);
        self.buffer.look_row.next = self.reader.row.val();
        self.reader.closed.next = self.buffer.look_closed.val();
        self.reader.factor.next = self.buffer.look_factor.val();
        self.reader.exponent.next = self.buffer.look_exponent.val();

        // Results to the output.
        self.live_result.d.next = Word::from(self.live.q.val());
        self.label_wait.d.next = label;
        let gathers = order8.slice(FUNCTION.0, FUNCTION.1) == swiglu;
        self.compact.valid.next = self.live_result.q.val().any();
        self.compact.gather.next = gathers;
        self.compact.second.next = order8.bit(order::SECOND);
        let named = self.label_wait.q.val();
        let from = row_bits + INDEX_BITS;
        let mut place = named.slice(from, PLACE_BITS);
        if gathers {
            place = named.slice(from, PLACE_BITS) >> 1;
        }
        self.out_label.d.next =
            cat!(order8.bit(order::LAST), named.bit(from + PLACE_BITS), place, named.trunc(from));
        self.out_live.d.next = self.live_result.q.val().any() & order8.bit(order::EMITS);
        self.fifo.r#in.valid.next = self.out_live.q.val();
        self.fifo.r#in.data.next =
            cat!(self.out_label.q.val().trunc(tile.label_bits()), self.compact.tile.val());
        self.fifo.r#in.last.next = self.out_label.q.val().bit(tile.label_bits());
        self.out.valid.next = self.fifo.out.valid.val();
        self.out.data.next = self.fifo.out.data.val();
        self.out.last.next = self.fifo.out.last.val();
        self.fifo.out.ready.next = self.out.ready.val();
        self.credits.pop.next = self.fifo.out.valid.val() & self.out.ready.val();
        if self.reset.val() {
            self.live.d.next = false;
            self.out_live.d.next = false;
        }
    }
}
