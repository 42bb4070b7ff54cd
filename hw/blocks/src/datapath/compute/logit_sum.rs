//! [`LogitSum`]: what the slices of a router came to, to logits.

use super::super::front::OUTPUTS;
use super::super::psum::MINUS_ZERO;
use super::super::shape::{DatapathShape, SINGLE_BITS};
use super::fields::Fields;
use crate::npe::float::Add;
use crate::parameter::ParameterError;
use crate::primitives::{Delay, DelayReset};
use skipopu_hdl::prelude::*;
use skipopu_isa::set::ROUTER_SUMS;

/// Adds up the sums at which a router's slices took turns: `(t0 + t1) + (t2 + t3)`, each addition rounded to FP32.
///
/// - Does: a row's tiles come in order, those of `t0` before those of `t1`; the first of each holds the row's logits so far. A sum that has no
///   slice, as there are fewer than four, counts as -0.
/// - Guarantee: a tile a cycle; a row's logits [`LogitSum::LATENCY`] cycles after its first tile of `t3`, from its first tile until
///   then `busy`.
#[derive(LogicBlock, Ports)]
pub struct LogitSum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// There is a tile.
    pub valid: Signal<In, Bit>,
    /// It is the first of its row.
    pub first: Signal<In, Bit>,
    /// Of which row.
    pub row: Wire<In>,
    /// Its first four values, FP32.
    pub sums: Wire<In>,
    /// Slices of a row.
    pub slices: Wire<In>,
    /// There are logits.
    pub done: Signal<Out, Bit>,
    /// Of which row.
    pub done_row: Wire<Out>,
    /// The logits.
    pub logits: Wire<Out>,
    /// A row is under way.
    pub busy: Signal<Out, Bit>,
    pair: Vec<Add>,
    whole: Vec<Add>,
    tile: Reg,
    before: Reg,
    lower: Reg,
    in_flight: Reg,
    pair_live: DelayReset,
    whole_live: DelayReset,
    rows: Delay,
    present: Wire<Local>,
    pairs: Wire<Local>,
    _shape: DatapathShape,
}

impl LogitSum {
    /// Cycles from a row's last sums to its logits.
    pub const LATENCY: usize = 2 * Add::LATENCY;

    /// For the array of `shape`.
    ///
    /// # Errors
    /// There is none for a shape that passed its check.
    pub fn new(shape: &DatapathShape) -> Result<LogitSum, ParameterError> {
        let width = OUTPUTS * SINGLE_BITS;
        let tiles = shape.columns / shape.ways;
        Ok(LogitSum {
            clock: Default::default(),
            reset: Default::default(),
            valid: Default::default(),
            first: Default::default(),
            row: Wire::new(shape.row_bits()),
            sums: Wire::new(width),
            slices: Wire::new(Fields::new().route_slices.1),
            done: Default::default(),
            done_row: Wire::new(shape.row_bits()),
            logits: Wire::new(width),
            busy: Default::default(),
            pair: (0..OUTPUTS).map(|_| Add::new()).collect(),
            whole: (0..OUTPUTS).map(|_| Add::new()).collect(),
            tile: Reg::new((ROUTER_SUMS * tiles).ilog2() as usize),
            before: Reg::new(width),
            lower: Reg::new(width),
            in_flight: Reg::new(shape.row_count_bits()),
            // {of t2 and t3, valid}.
            pair_live: DelayReset::new(2, Add::LATENCY)?,
            whole_live: DelayReset::new(1, Add::LATENCY)?,
            rows: Delay::new(shape.row_bits(), LogitSum::LATENCY)?,
            present: Wire::new(width),
            pairs: Wire::new(width),
            _shape: *shape,
        })
    }
}

impl Logic for LogitSum {
    #[hdl(
        columns = self._shape.columns,
        ways = self._shape.ways,
        rows = self._shape.rows,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, tile, before, lower, in_flight);
        clock!(self, clock, pair_live, whole_live, rows);
        let each = (self._shape.columns / self._shape.ways).ilog2() as usize;
        let turns = ROUTER_SUMS.ilog2() as usize;
        let slices = self.slices.val();

        // Whose sums these are, or nothing where its slices would be.
        let at = mux(self.first.val(), Word::zero(self.tile.width()), self.tile.q.val());
        if self.valid.val() {
            self.tile.d.next = at.clone() + 1;
        }
        let turn = at.slice(each, turns);
        let takes = self.valid.val() && !at.trunc(each).any();
        self.present.next = self.sums.val();
        if slices <= turn.zext(self.slices.width()) {
            for i in 0..OUTPUTS {
                self.present.next.set_slice(i * SINGLE_BITS, &Word::new(SINGLE_BITS, MINUS_ZERO));
            }
        }
        if takes {
            self.before.d.next = self.present.val();
        }

        // Two by two.
        for i in 0..OUTPUTS {
            self.pair[i].clock.next = self.clock.val();
            self.pair[i].a.next = self.before.q.val().slice(i * SINGLE_BITS, SINGLE_BITS);
            self.pair[i].b.next = self.present.val().slice(i * SINGLE_BITS, SINGLE_BITS);
            self.pair[i].odd.next = false;
            self.pairs.next.set_slice(i * SINGLE_BITS, &self.pair[i].sum.val());
            self.whole[i].clock.next = self.clock.val();
            self.whole[i].a.next = self.lower.q.val().slice(i * SINGLE_BITS, SINGLE_BITS);
            self.whole[i].b.next = self.pair[i].sum.val();
            self.whole[i].odd.next = false;
            self.logits.next.set_slice(i * SINGLE_BITS, &self.whole[i].sum.val());
        }
        self.pair_live.enable.next = true;
        self.pair_live.reset.next = self.reset.val();
        self.pair_live.d.next = cat!(turn.bit(1), takes && turn.bit(0));
        let live = self.pair_live.q.val().bit(0);
        let upper = self.pair_live.q.val().bit(1);
        if live && !upper {
            self.lower.d.next = self.pairs.val();
        }
        self.whole_live.enable.next = true;
        self.whole_live.reset.next = self.reset.val();
        self.whole_live.d.next = Word::from(live && upper);
        self.rows.enable.next = true;
        self.rows.d.next = self.row.val();
        let done = self.whole_live.q.val().any();
        self.done.next = done;
        self.done_row.next = self.rows.q.val();

        let begins = self.valid.val() && self.first.val();
        if begins && !done {
            self.in_flight.d.next = self.in_flight.q.val() + 1;
        } else if done && !begins {
            self.in_flight.d.next = self.in_flight.q.val() - 1;
        }
        self.busy.next = self.in_flight.q.val().any();
        if self.reset.val() {
            self.in_flight.d.next = Word::zero(self.in_flight.width());
        }
    }
}
