//! [`StepGenerator`]: a product as steps of the array.

use super::super::front::StepWord;
use super::super::shape::DatapathShape;
use crate::parameter::ParameterError;
use crate::stream::ItemSource;
use skipopu_hdl::prelude::*;
use skipopu_isa::set::ROUTER_SUMS;

/// Bits of a number of slices or of tiles.
pub const LOOP_BITS: usize = 14;

/// Gives the steps of a block of tiles.
///
/// ```text
/// for o in 0..outer, i in 0..inner:
///     step { count, source, address + o, stride, entry + i entry_step,
///            scale + 4 (o / group) + i, first: starts and o = 0, finish: finishes and o + 1 = outer,
///            end: ends and finish and i + 1 = inner, turn: turn + i }
/// ```
///
/// With `turning`, which is for one tile, slices take turns at [`ROUTER_SUMS`] sums of their own: the step of slice o is that of
/// `entry + c entry_step` and `turn + c` with c = o mod 4, first in the first four slices, finish in the last four.
///
/// - Does: a step a cycle, `busy` from the cycle after `start`; while `limited`, only steps of the first `available` slices.
#[derive(LogicBlock, Ports)]
pub struct StepGenerator {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Ends it.
    pub reset: Signal<In, Bit>,
    /// Begin; everything up to `turning` is taken now.
    pub start: Signal<In, Bit>,
    /// Slices.
    pub outer: Wire<In>,
    /// Tiles.
    pub inner: Wire<In>,
    /// Vectors.
    pub count: Wire<In>,
    /// Their memory.
    pub source: Wire<In>,
    /// First slice.
    pub address: Wire<In>,
    /// From a vector to the next.
    pub stride: Wire<In>,
    /// First entry.
    pub entry: Wire<In>,
    /// Entries from a tile to the next.
    pub entry_step: Wire<In>,
    /// Slices that share a scale; 0 for all.
    pub group: Wire<In>,
    /// First scale.
    pub scale: Wire<In>,
    /// The first slice starts sums.
    pub starts: Signal<In, Bit>,
    /// The last one finishes them.
    pub finishes: Signal<In, Bit>,
    /// Sums that are finished are the last of their group.
    pub ends: Signal<In, Bit>,
    /// The first tile's turn.
    pub turn: Wire<In>,
    /// Weights are INT4.
    pub int4: Signal<In, Bit>,
    /// Slices take turns.
    pub turning: Signal<In, Bit>,
    /// Are slices still being made?
    pub limited: Signal<In, Bit>,
    /// Slices that are there.
    pub available: Wire<In>,
    /// Steps.
    pub step: ItemSource,
    /// Steps are left.
    pub busy: Signal<Out, Bit>,
    active: DFF<Bit>,
    o: Reg,
    i: Reg,
    grouped: Reg,
    outer_held: Reg,
    inner_held: Reg,
    count_held: Reg,
    source_held: Reg,
    at: Reg,
    stride_held: Reg,
    entry_base: Reg,
    entry_now: Reg,
    entry_held: Reg,
    group_held: Reg,
    scale_base: Reg,
    scale_now: Reg,
    starts_held: DFF<Bit>,
    finishes_held: DFF<Bit>,
    ends_held: DFF<Bit>,
    turn_held: Reg,
    int4_held: DFF<Bit>,
    turning_held: DFF<Bit>,
    _word: StepWord,
}

impl StepGenerator {
    /// For the array of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape) -> Result<StepGenerator, ParameterError> {
        shape.check()?;
        let word = StepWord::of(shape);
        let (count, source, address) = (word.count.1, word.source.1, word.address.1);
        let (stride, entry, scale) = (word.stride.1, word.entry.1, word.scale.1);
        Ok(StepGenerator {
            clock: Default::default(),
            reset: Default::default(),
            start: Default::default(),
            outer: Wire::new(LOOP_BITS),
            inner: Wire::new(LOOP_BITS),
            count: Wire::new(count),
            source: Wire::new(source),
            address: Wire::new(address),
            stride: Wire::new(stride),
            entry: Wire::new(entry),
            entry_step: Wire::new(entry),
            group: Wire::new(LOOP_BITS),
            scale: Wire::new(scale),
            starts: Default::default(),
            finishes: Default::default(),
            ends: Default::default(),
            turn: Wire::new(word.turn.1),
            int4: Default::default(),
            turning: Default::default(),
            limited: Default::default(),
            available: Wire::new(LOOP_BITS),
            step: ItemSource::new(word.bits),
            busy: Default::default(),
            active: Default::default(),
            o: Reg::new(LOOP_BITS),
            i: Reg::new(LOOP_BITS),
            grouped: Reg::new(LOOP_BITS),
            outer_held: Reg::new(LOOP_BITS),
            inner_held: Reg::new(LOOP_BITS),
            count_held: Reg::new(count),
            source_held: Reg::new(source),
            at: Reg::new(address),
            stride_held: Reg::new(stride),
            entry_base: Reg::new(entry),
            entry_now: Reg::new(entry),
            entry_held: Reg::new(entry),
            group_held: Reg::new(LOOP_BITS),
            scale_base: Reg::new(scale),
            scale_now: Reg::new(scale),
            starts_held: Default::default(),
            finishes_held: Default::default(),
            ends_held: Default::default(),
            turn_held: Reg::new(word.turn.1),
            int4_held: Default::default(),
            turning_held: Default::default(),
            _word: word,
        })
    }
}

impl Logic for StepGenerator {
    #[hdl(bits = self._word.bits)]
    fn update(&mut self) {
        dff_setup!(self, clock, active, o, i, grouped, outer_held, inner_held, count_held);
        dff_setup!(self, clock, source_held, at, stride_held, entry_base, entry_now);
        dff_setup!(self, clock, entry_held, group_held, ends_held, turn_held);
        dff_setup!(self, clock, scale_base, scale_now, starts_held, finishes_held, int4_held);
        dff_setup!(self, clock, turning_held);
        let word = self._word;
        let last_inner = self.i.q.val() + 1 == self.inner_held.q.val();
        let last_outer = self.o.q.val() + 1 == self.outer_held.q.val();
        let turning = self.turning_held.q.val();
        let sums = ROUTER_SUMS.ilog2() as usize;
        let turn = mux(turning, self.o.q.val(), self.i.q.val()).trunc(word.turn.1);
        let turn = mux(turning, turn.trunc(sums).zext(word.turn.1), turn);
        let earliest = !self.o.q.val().slice(sums, LOOP_BITS - sums).any();
        let latest = self.o.q.val().zext(LOOP_BITS + 1)
            + Word::new(LOOP_BITS + 1, ROUTER_SUMS as u128)
            >= self.outer_held.q.val().zext(LOOP_BITS + 1);
        let begins = !self.o.q.val().any() || (turning && earliest);
        let first = self.starts_held.q.val() && begins;
        let finish = self.finishes_held.q.val() && (last_outer || (turning && latest));
        let there = !self.limited.val() || self.o.q.val() < self.available.val();
        self.step.valid.next = self.active.q.val() && there;
        self.busy.next = self.active.q.val();
        self.step.data.next.set_slice(word.count.0, &self.count_held.q.val());
        self.step.data.next.set_slice(word.source.0, &self.source_held.q.val());
        self.step.data.next.set_slice(word.address.0, &self.at.q.val());
        self.step.data.next.set_slice(word.stride.0, &self.stride_held.q.val());
        self.step.data.next.set_slice(word.entry.0, &self.entry_now.q.val());
        self.step.data.next.set_slice(word.scale.0, &self.scale_now.q.val());
        self.step.data.next.set_slice(word.first, &Word::from(first));
        self.step.data.next.set_slice(word.finish, &Word::from(finish));
        let end = self.ends_held.q.val() && finish && last_outer && last_inner;
        self.step.data.next.set_slice(word.end, &Word::from(end));
        self.step.data.next.set_slice(word.int4, &Word::from(self.int4_held.q.val()));
        self.step.data.next.set_slice(word.turn.0, &(self.turn_held.q.val() + turn));
        if self.active.q.val() && there && self.step.ready.val() {
            self.i.d.next = self.i.q.val() + 1;
            self.entry_now.d.next = self.entry_now.q.val() + self.entry_held.q.val();
            self.scale_now.d.next = self.scale_now.q.val() + 1;
            if last_inner {
                self.i.d.next = Word::zero(LOOP_BITS);
                if !turning || self.o.q.val().trunc(sums).all() {
                    self.entry_now.d.next = self.entry_base.q.val();
                }
                self.o.d.next = self.o.q.val() + 1;
                self.at.d.next = self.at.q.val() + 1;
                self.grouped.d.next = self.grouped.q.val() + 1;
                self.scale_now.d.next = self.scale_base.q.val();
                if self.grouped.q.val() + 1 == self.group_held.q.val() {
                    self.grouped.d.next = Word::zero(LOOP_BITS);
                    self.scale_base.d.next = self.scale_base.q.val() + 4;
                    self.scale_now.d.next = self.scale_base.q.val() + 4;
                }
                if last_outer {
                    self.active.d.next = false;
                }
            }
        }
        if self.start.val() {
            self.active.d.next = true;
            self.o.d.next = Word::zero(LOOP_BITS);
            self.i.d.next = Word::zero(LOOP_BITS);
            self.grouped.d.next = Word::zero(LOOP_BITS);
            self.outer_held.d.next = self.outer.val();
            self.inner_held.d.next = self.inner.val();
            self.count_held.d.next = self.count.val();
            self.source_held.d.next = self.source.val();
            self.at.d.next = self.address.val();
            self.stride_held.d.next = self.stride.val();
            self.entry_base.d.next = self.entry.val();
            self.entry_now.d.next = self.entry.val();
            self.entry_held.d.next = self.entry_step.val();
            self.group_held.d.next = self.group.val();
            self.scale_base.d.next = self.scale.val();
            self.scale_now.d.next = self.scale.val();
            self.starts_held.d.next = self.starts.val();
            self.finishes_held.d.next = self.finishes.val();
            self.ends_held.d.next = self.ends.val();
            self.turn_held.d.next = self.turn.val();
            self.int4_held.d.next = self.int4.val();
            self.turning_held.d.next = self.turning.val();
        }
        if self.reset.val() {
            self.active.d.next = false;
        }
    }
}
