//! [`Bitmask`]: which rows of a block run which sub-module.

use super::super::shape::{DatapathShape, SINGLE_BITS};
use super::fields::{Fields, ROWS_BITS};
use crate::npe::float::Compare;
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;
use skipopu_isa::value;

/// The bitmask unit (SkipOPU, arXiv 2603.14785): routers' logits in, rows that run out.
///
/// - Does: a router gives two logits a row, to skip and to run; the row runs where the second is the larger one, so that
///   equal ones skip. `logits` holds two such pairs, the lower one of the attention router unless only the other was asked.
///   `picked` are the rows of the block that an instruction is for.
/// - Does not: reset its bits; they are those of the last `route`.
/// - Guarantee: a row a cycle; its bits are there [`Bitmask::LATENCY`] cycles after its logits, until then `busy`.
#[derive(LogicBlock, Ports)]
pub struct Bitmask {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// There are logits of a row.
    pub valid: Signal<In, Bit>,
    /// Which row.
    pub row: Wire<In>,
    /// Four logits, FP32 encoding.
    pub logits: Wire<In>,
    /// Routers that were asked, [`value::Routers`].
    pub routers: Wire<In>,
    /// Rows of the block.
    pub rows: Wire<In>,
    /// Rows that an instruction is for, [`value::Rows`].
    pub wanted: Wire<In>,
    /// A bit is on its way.
    pub busy: Signal<Out, Bit>,
    /// Rows that run attention.
    pub attention: Wire<Out>,
    /// Rows that run the feed-forward part.
    pub forward: Wire<Out>,
    /// Rows of `wanted`.
    pub picked: Wire<Out>,
    lower: Compare,
    upper: Compare,
    live: DFF<Bit>,
    live_row: Reg,
    attention_bits: Reg,
    forward_bits: Reg,
    all: Wire<Local>,
    _rows: usize,
}

impl Bitmask {
    /// Cycles from a row's logits to its bits.
    pub const LATENCY: usize = Compare::LATENCY + 1;

    /// For the rows of `shape`.
    ///
    /// # Errors
    /// There is none for a shape that passed its check.
    pub fn new(shape: &DatapathShape) -> Result<Bitmask, ParameterError> {
        let rows = shape.rows;
        Ok(Bitmask {
            clock: Default::default(),
            valid: Default::default(),
            row: Wire::new(shape.row_bits()),
            logits: Wire::new(4 * SINGLE_BITS),
            routers: Wire::new(Fields::new().route_routers.1),
            rows: Wire::new(shape.row_count_bits()),
            wanted: Wire::new(ROWS_BITS),
            busy: Default::default(),
            attention: Wire::new(rows),
            forward: Wire::new(rows),
            picked: Wire::new(rows),
            lower: Compare::e8m(23)?,
            upper: Compare::e8m(23)?,
            live: Default::default(),
            live_row: Reg::new(shape.row_bits()),
            attention_bits: Reg::new(rows),
            forward_bits: Reg::new(rows),
            all: Wire::new(rows),
            _rows: rows,
        })
    }
}

impl Logic for Bitmask {
    #[hdl(rows = self._rows, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, live, live_row, attention_bits, forward_bits);
        clock!(self, clock, lower, upper);
        let rows = self._rows;
        self.lower.a.next = self.logits.val().trunc(SINGLE_BITS);
        self.lower.b.next = self.logits.val().slice(SINGLE_BITS, SINGLE_BITS);
        self.upper.a.next = self.logits.val().slice(2 * SINGLE_BITS, SINGLE_BITS);
        self.upper.b.next = self.logits.val().slice(3 * SINGLE_BITS, SINGLE_BITS);
        self.live.d.next = self.valid.val();
        self.live_row.d.next = self.row.val();
        self.busy.next = self.live.q.val();
        let routers = self.routers.val();
        for r in 0..rows {
            if self.live.q.val() && self.live_row.q.val() == r {
                let first = Word::from(self.lower.less.val());
                let second = Word::from(self.upper.less.val());
                if routers != value::Routers::Forward as usize {
                    self.attention_bits.d.next.set_slice(r, &first);
                } else {
                    self.forward_bits.d.next.set_slice(r, &first);
                }
                if routers == value::Routers::Both as usize {
                    self.forward_bits.d.next.set_slice(r, &second);
                }
            }
        }
        self.attention.next = self.attention_bits.q.val();
        self.forward.next = self.forward_bits.q.val();
        for r in 0..rows {
            self.all.next.set_slice(r, &Word::from(self.rows.val() > r));
        }
        self.picked.next = self.all.val();
        if self.wanted.val() == value::Rows::Attention as usize {
            self.picked.next = self.all.val() & self.attention_bits.q.val();
        } else if self.wanted.val() == value::Rows::Forward as usize {
            self.picked.next = self.all.val() & self.forward_bits.q.val();
        } else if self.wanted.val() == value::Rows::Last as usize {
            self.picked.next = self.all.val() & !(self.all.val() >> 1);
        }
    }
}
