//! [`PartialSums`]: the array's results to sums.

use super::super::shape::{DatapathShape, SINGLE_BITS, VALUE_BITS};
use super::drain::Drain;
use super::lane::SumLane;
use crate::parameter::ParameterError;
use crate::primitives::{Bram, Delay, DelayReset};
use crate::stream::{ItemSink, StreamSource};
use skipopu_hdl::prelude::*;

/// Read latency of the partial sums: the lanes hold the register behind the memory.
const MEMORY: usize = 1;

/// Sums of slices, group scales applied on the way.
///
/// - Does: `y = first ? scale * s : y + scale * s` for all outputs of an entry a cycle; with FP16 weights `scale` is 1 and there
///   are `C` outputs, `upper`; with INT4 weights output `2c` is `lower[c]`, `2c + 1` is `upper[c]`. Complete sums
///   are kept in one of two halves until drained.
/// - Does not: stall. An entry is updated again [`PartialSums::distance`] cycles later at the earliest; a group of steps,
///   up to its `end`, begins when `free` is not 0, with the pulse `begin`.
#[derive(LogicBlock, Ports)]
pub struct PartialSums {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all sums.
    pub reset: Signal<In, Bit>,
    /// There are results.
    pub valid: Signal<In, Bit>,
    /// Their entry.
    pub entry: Wire<In>,
    /// They start sums.
    pub first: Signal<In, Bit>,
    /// They complete sums.
    pub finish: Signal<In, Bit>,
    /// They are the last of a group; only with `finish`.
    pub end: Signal<In, Bit>,
    /// They are of INT4 weights.
    pub int4: Signal<In, Bit>,
    /// Results of upper weights, or of FP16 weights.
    pub upper: Wire<In>,
    /// Results of lower weights.
    pub lower: Wire<In>,
    /// FP16 scales of the outputs, [`SumLane::SCALE_LEAD`] cycles before the results.
    pub scales: Wire<In>,
    /// A group of steps begins.
    pub begin: Signal<In, Bit>,
    /// Halves that are not in use.
    pub free: Wire<Out>,
    /// What to drain, see [`Drain`].
    pub drain: ItemSink,
    /// Tiles of complete sums.
    pub out: StreamSource,
    /// A group is drained.
    pub drained: Signal<Out, Bit>,
    lane: Vec<SumLane>,
    partial: Bram,
    complete: Bram,
    drainer: Drain,
    to_read: Delay,
    to_first: Delay,
    to_write: Delay,
    live: DelayReset,
    used: Reg,
    half: DFF<Bit>,
    sums: Wire<Local>,
    ordered: Wire<Local>,
    _shape: DatapathShape,
}

impl PartialSums {
    /// Cycles after which an entry may be updated again.
    pub fn distance() -> usize {
        // Read, add, write; the memory gives the old word in the cycle of the write.
        MEMORY + SumLane::latency() - SumLane::partial_due() + 1
    }

    /// Cycles from results to the edge that writes their sums.
    pub fn latency() -> usize {
        SumLane::latency()
    }

    /// Cycles from the last results of a group to its first tile, if its command waits.
    pub fn to_tile() -> usize {
        PartialSums::latency() + Drain::LATENCY
    }

    /// For the array of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape) -> Result<PartialSums, ParameterError> {
        shape.check()?;
        let (outputs, entry) = (shape.outputs(), shape.entry_bits());
        let (width, columns) = (outputs * SINGLE_BITS, shape.columns * SINGLE_BITS);
        let due = SumLane::partial_due();
        Ok(PartialSums {
            clock: Default::default(),
            reset: Default::default(),
            valid: Default::default(),
            entry: Wire::new(entry),
            first: Default::default(),
            finish: Default::default(),
            end: Default::default(),
            int4: Default::default(),
            upper: Wire::new(columns),
            lower: Wire::new(columns),
            scales: Wire::new(outputs * VALUE_BITS),
            begin: Default::default(),
            free: Wire::new(2),
            drain: ItemSink::new(Drain::command_bits(shape)),
            out: StreamSource::new(shape.ways * SINGLE_BITS),
            drained: Default::default(),
            lane: (0..outputs).map(|_| SumLane::new()).collect::<Result<_, _>>()?,
            partial: Bram::new(width, shape.entries(), MEMORY)?,
            complete: Bram::new(width, 2 * shape.entries(), Drain::MEMORY_LATENCY)?,
            drainer: Drain::new(shape)?,
            to_read: Delay::new(entry + 4, due - MEMORY)?,
            to_first: Delay::new(entry + 4, MEMORY)?,
            to_write: Delay::new(entry + 3, SumLane::latency() - due)?,
            live: DelayReset::new(1, SumLane::latency())?,
            used: Reg::new(2),
            half: Default::default(),
            sums: Wire::new(width),
            ordered: Wire::new(width),
            _shape: *shape,
        })
    }
}

impl Logic for PartialSums {
    #[hdl(columns = self._shape.columns, ways = self._shape.ways, rows = self._shape.rows)]
    fn update(&mut self) {
        dff_setup!(self, clock, used, half);
        clock!(self, clock, partial, complete, drainer, to_read, to_first, to_write, live);
        let entry = self._shape.entry_bits();
        let columns = self._shape.columns;

        // What goes with the results: {int4, end, finish, first, entry}.
        self.to_read.enable.next = true;
        self.to_first.enable.next = true;
        self.to_write.enable.next = true;
        self.live.enable.next = true;
        self.live.reset.next = self.reset.val();
        self.live.d.next = Word::from(self.valid.val());
        self.to_read.d.next = cat!(
            self.int4.val(),
            self.end.val(),
            self.finish.val(),
            self.first.val(),
            self.entry.val()
        );
        self.to_first.d.next = self.to_read.q.val();
        self.to_write.d.next =
            cat!(self.to_first.q.val().slice(entry + 1, 3), self.to_first.q.val().trunc(entry));
        self.partial.read_enable.next = true;
        self.partial.read_address.next = self.to_read.q.val().trunc(entry);
        let first = self.to_first.q.val().bit(entry);

        // Output by output: upper results are the odd outputs.
        for c in 0..columns {
            let at = c * SINGLE_BITS;
            let (even, odd) = (2 * c, 2 * c + 1);
            self.lane[even].clock.next = self.clock.val();
            self.lane[odd].clock.next = self.clock.val();
            self.lane[even].result.next = self.lower.val().slice(at, SINGLE_BITS);
            self.lane[odd].result.next = self.upper.val().slice(at, SINGLE_BITS);
            self.lane[even].scale.next = self.scales.val().slice(even * VALUE_BITS, VALUE_BITS);
            self.lane[odd].scale.next = self.scales.val().slice(odd * VALUE_BITS, VALUE_BITS);
            // Even outputs of FP16 values mean nothing.
            self.lane[even].scaled.next = true;
            self.lane[odd].scaled.next = self.int4.val();
            self.lane[even].first.next = first;
            self.lane[odd].first.next = first;
            self.lane[even].partial.next =
                self.partial.read_data.val().slice(even * SINGLE_BITS, SINGLE_BITS);
            self.lane[odd].partial.next =
                self.partial.read_data.val().slice(odd * SINGLE_BITS, SINGLE_BITS);
            self.sums.next.set_slice(even * SINGLE_BITS, &self.lane[even].sum.val());
            self.sums.next.set_slice(odd * SINGLE_BITS, &self.lane[odd].sum.val());
        }

        // Partial sums back, complete ones aside.
        let done = self.to_write.q.val();
        let live = self.live.q.val().any();
        self.partial.write_enable.next = live;
        self.partial.write_address.next = done.trunc(entry);
        self.partial.write_data.next = self.sums.val();
        self.ordered.next = self.sums.val();
        if !done.bit(entry + 2) {
            for c in 0..columns {
                let value = self.sums.val().slice((2 * c + 1) * SINGLE_BITS, SINGLE_BITS);
                self.ordered.next.set_slice(c * SINGLE_BITS, &value);
            }
        }
        self.complete.write_enable.next = live && done.bit(entry);
        self.complete.write_address.next = cat!(self.half.q.val(), done.trunc(entry));
        self.complete.write_data.next = self.ordered.val();
        let ends = live && done.bit(entry) && done.bit(entry + 1);
        if ends {
            self.half.d.next = !self.half.q.val();
        }

        // Drain.
        self.drainer.reset.next = self.reset.val();
        self.drainer.ended.next = ends;
        ItemSink::link(&mut self.drain, &mut self.drainer.command);
        self.complete.read_enable.next = true;
        self.complete.read_address.next = self.drainer.address.val();
        self.drainer.data.next = self.complete.read_data.val();
        StreamSource::link(&mut self.out, &mut self.drainer.out);
        self.drained.next = self.drainer.drained.val();

        // Halves in use.
        if self.begin.val() && !self.drainer.drained.val() {
            self.used.d.next = self.used.q.val() + 1;
        } else if self.drainer.drained.val() && !self.begin.val() {
            self.used.d.next = self.used.q.val() - 1;
        }
        self.free.next = Word::new(2, 2) - self.used.q.val();
        if self.reset.val() {
            self.used.d.next = Word::zero(2);
            self.half.d.next = false;
        }
    }
}
