//! [`ArrayDriver`]: tiles and vectors into the array, a step at a time.

use super::super::shape::{DatapathShape, READ_LATENCY};
use super::step::{StepWord, TURNS};
use super::ScaleBuffer;
use crate::npe::float::Widen;
use crate::parameter::{index_bits, ParameterError};
use crate::primitives::{Delay, DelayReset};
use crate::stream::{ItemSink, StreamSink};
use skipopu_hdl::prelude::*;

/// Cycles by which scales are read before the results they meet.
pub const SCALE_LEAD: usize = ScaleBuffer::LATENCY + Widen::LATENCY;

/// Bits of an age.
const AGE_BITS: usize = 5;

/// Loads tiles, and lets the vectors of each step meet them.
///
/// - Does: a step issues when its tile is loaded and the partial sums of the same turn have been written; its vectors are
///   read one a cycle. The next tile's beats are taken from the cycle of the issue on. What goes with a vector to the partial
///   sums comes out with its results.
/// - Does not: stall once a vector is read.
/// - Guarantee: a step of a tile of n beats and m vectors takes max(n, m) cycles.
#[derive(LogicBlock, Ports)]
pub struct ArrayDriver {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets tile and step; vectors under way are dropped.
    pub reset: Signal<In, Bit>,
    /// Beats of tiles, see [`DatapathShape::load_bits`]; `last` ends a tile.
    pub load: StreamSink,
    /// Steps, see [`StepWord`].
    pub step: ItemSink,
    /// A vector is read.
    pub read: Signal<Out, Bit>,
    /// From which memory.
    pub read_source: Wire<Out>,
    /// Which slice.
    pub read_address: Wire<Out>,
    /// The vector for group 0, [`READ_LATENCY`] cycles later.
    pub vector0: Wire<In>,
    /// That for group 1.
    pub vector1: Wire<In>,
    /// Activations to the array.
    pub act: Wire<Out>,
    /// There are some.
    pub valid: Signal<Out, Bit>,
    /// They meet INT4 weights.
    pub int4: Signal<Out, Bit>,
    /// They and those after them meet the weights loaded.
    pub swap: Signal<Out, Bit>,
    /// A beat to the array.
    pub array_load: Wire<Out>,
    /// There is one.
    pub array_load_valid: Signal<Out, Bit>,
    /// It holds INT4 weights.
    pub array_load_int4: Signal<Out, Bit>,
    /// The slot it fills.
    pub array_load_slot: Wire<Out>,
    /// Scales of the results that come [`SCALE_LEAD`] cycles later.
    pub scale_address: Wire<Out>,
    /// There are results.
    pub result: Signal<Out, Bit>,
    /// Their entry.
    pub entry: Wire<Out>,
    /// They start sums.
    pub first: Signal<Out, Bit>,
    /// They complete sums.
    pub finish: Signal<Out, Bit>,
    /// They are the last that are drained together.
    pub end: Signal<Out, Bit>,
    /// They are of INT4 weights.
    pub result_int4: Signal<Out, Bit>,
    /// Nothing is under way.
    pub idle: Signal<Out, Bit>,
    /// A step waits for its tile.
    pub starved: Signal<Out, Bit>,
    full: DFF<Bit>,
    left: Reg,
    source: Reg,
    at: Reg,
    stride: Reg,
    entry_now: Reg,
    scale: Reg,
    flags: Reg,
    ages: Vec<Reg>,
    load_wait: Delay,
    load_live: DelayReset,
    swap_wait: DelayReset,
    live_wait: DelayReset,
    mode_wait: Delay,
    act_out: Reg,
    act_live: DFF<Bit>,
    act_int4: DFF<Bit>,
    act_swap: DFF<Bit>,
    control_wait: Delay,
    result_wait: DelayReset,
    lead_wait: Delay,
    control: Wire<Local>,
    due: Wire<Local>,
    _shape: DatapathShape,
    _word: StepWord,
    _distance: usize,
    _latency: usize,
}

impl ArrayDriver {
    /// For an array whose results come `latency` cycles after its activations, and partial sums that may be updated again
    /// after `distance` cycles.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(
        shape: &DatapathShape,
        latency: usize,
        distance: usize,
    ) -> Result<ArrayDriver, ParameterError> {
        shape.check()?;
        let word = StepWord::of(shape);
        let slice = shape.slice_bits();
        let (address, entry, scale) = (word.address.1, word.entry.1, word.scale.1);
        // Entry, flags: first, finish, end, int4.
        let control = entry + 4;
        let behind = READ_LATENCY + 1 + latency;
        Ok(ArrayDriver {
            clock: Default::default(),
            reset: Default::default(),
            load: StreamSink::new(shape.load_bits()),
            step: ItemSink::new(word.bits),
            read: Default::default(),
            read_source: Wire::new(2),
            read_address: Wire::new(address),
            vector0: Wire::new(slice),
            vector1: Wire::new(slice),
            act: Wire::new(2 * slice),
            valid: Default::default(),
            int4: Default::default(),
            swap: Default::default(),
            array_load: Wire::new(shape.beat_bits()),
            array_load_valid: Default::default(),
            array_load_int4: Default::default(),
            array_load_slot: Wire::new(index_bits(shape.slots())),
            scale_address: Wire::new(scale),
            result: Default::default(),
            entry: Wire::new(entry),
            first: Default::default(),
            finish: Default::default(),
            end: Default::default(),
            result_int4: Default::default(),
            idle: Default::default(),
            starved: Default::default(),
            full: Default::default(),
            left: Reg::new(word.count.1),
            source: Reg::new(2),
            at: Reg::new(address),
            stride: Reg::new(address),
            entry_now: Reg::new(entry),
            scale: Reg::new(scale),
            flags: Reg::new(4),
            ages: (0..TURNS).map(|_| Reg::with_init(Word::ones(AGE_BITS))).collect(),
            load_wait: Delay::new(shape.load_bits(), READ_LATENCY)?,
            load_live: DelayReset::new(1, READ_LATENCY)?,
            swap_wait: DelayReset::new(1, READ_LATENCY)?,
            live_wait: DelayReset::new(1, READ_LATENCY)?,
            mode_wait: Delay::new(1, READ_LATENCY)?,
            act_out: Reg::new(2 * slice),
            act_live: Default::default(),
            act_int4: Default::default(),
            act_swap: Default::default(),
            control_wait: Delay::new(control, behind)?,
            result_wait: DelayReset::new(1, behind)?,
            lead_wait: Delay::new(scale, behind - SCALE_LEAD)?,
            control: Wire::new(control),
            due: Wire::new(TURNS),
            _shape: *shape,
            _word: word,
            _distance: distance,
            _latency: latency,
        })
    }
}

impl Logic for ArrayDriver {
    #[hdl(
        lanes = self._shape.lanes,
        columns = self._shape.columns,
        rows = self._shape.rows,
        distance = self._distance,
        results = self._latency
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, full, left, source, at, stride, entry_now, scale, flags);
        dff_setup!(self, clock, act_out, act_live, act_int4, act_swap);
        clock!(self, clock, load_wait, load_live, swap_wait, live_wait, mode_wait);
        clock!(self, clock, control_wait, result_wait, lead_wait);
        let word = self._word;
        let step = self.step.data.val();
        let turn = step.slice(word.turn.0, word.turn.1);
        let streaming = self.left.q.val().any();

        // May a step issue?
        for t in 0..TURNS {
            let due = self.ages[t].q.val() >= self._distance || turn.clone() != t;
            self.due.next.set_slice(t, &Word::from(due));
        }
        let issues =
            self.full.q.val() && self.step.valid.val() && !streaming && self.due.val().all();
        self.step.ready.next = issues;
        for t in 0..TURNS {
            self.ages[t].clock.next = self.clock.val();
            self.ages[t].d.next = self.ages[t].q.val();
            if issues && turn.clone() == t {
                self.ages[t].d.next = Word::new(AGE_BITS, 1);
            } else if !self.ages[t].q.val().all() {
                self.ages[t].d.next = self.ages[t].q.val() + 1;
            }
        }

        // Its tile, and the next one from now on.
        self.load.ready.next = !self.full.q.val() || issues;
        let takes = self.load.valid.val() && (!self.full.q.val() || issues);
        if issues {
            self.full.d.next = false;
        }
        if takes && self.load.last.val() {
            self.full.d.next = true;
        }
        self.load_wait.enable.next = true;
        self.load_wait.d.next = self.load.data.val();
        self.load_live.enable.next = true;
        self.load_live.reset.next = self.reset.val();
        self.load_live.d.next = Word::from(takes);
        let beat = self._shape.beat_bits();
        let slot = index_bits(self._shape.slots());
        self.array_load.next = self.load_wait.q.val().trunc(beat);
        self.array_load_slot.next = self.load_wait.q.val().slice(beat, slot);
        self.array_load_int4.next = self.load_wait.q.val().bit(beat + slot);
        self.array_load_valid.next = self.load_live.q.val().any();

        // Its vectors.
        let flags = cat!(
            step.bit(word.int4),
            step.bit(word.end),
            step.bit(word.finish),
            step.bit(word.first)
        );
        let entry = step.slice(word.entry.0, word.entry.1);
        let address = step.slice(word.address.0, word.address.1);
        let stride = step.slice(word.stride.0, word.stride.1);
        self.read.next = issues || streaming;
        self.read_source.next = self.source.q.val();
        self.read_address.next = self.at.q.val();
        self.lead_wait.d.next = self.scale.q.val();
        let ends = self.left.q.val() == 1;
        let held = self.flags.q.val();
        // `end` goes with the last vector of its step.
        self.control.next =
            cat!(held.bit(3), held.bit(2) & ends, held.trunc(2), self.entry_now.q.val());
        if streaming {
            self.left.d.next = self.left.q.val() - 1;
            self.at.d.next = self.at.q.val() + self.stride.q.val();
            self.entry_now.d.next = self.entry_now.q.val() + 1;
        }
        if issues {
            let count = step.slice(word.count.0, word.count.1);
            self.read_source.next = step.slice(word.source.0, word.source.1);
            self.read_address.next = address.clone();
            self.lead_wait.d.next = step.slice(word.scale.0, word.scale.1);
            let only = count == 1;
            self.control.next =
                cat!(step.bit(word.int4), step.bit(word.end) & only, flags.trunc(2), entry.clone());
            self.left.d.next = count - 1;
            self.source.d.next = step.slice(word.source.0, word.source.1);
            self.at.d.next = address + stride.clone();
            self.stride.d.next = stride;
            self.entry_now.d.next = entry + 1;
            self.scale.d.next = step.slice(word.scale.0, word.scale.1);
            self.flags.d.next = flags;
        }
        let live = issues || streaming;
        self.swap_wait.enable.next = true;
        self.swap_wait.reset.next = self.reset.val();
        self.swap_wait.d.next = Word::from(issues);
        self.live_wait.enable.next = true;
        self.live_wait.reset.next = self.reset.val();
        self.live_wait.d.next = Word::from(live);
        self.mode_wait.enable.next = true;
        self.mode_wait.d.next = Word::from(mux(issues, step.bit(word.int4), held.bit(3)).any());
        self.act_out.d.next = cat!(self.vector1.val(), self.vector0.val());
        self.act_live.d.next = self.live_wait.q.val().any();
        self.act_int4.d.next = self.mode_wait.q.val().any();
        self.act_swap.d.next = self.swap_wait.q.val().any();
        self.act.next = self.act_out.q.val();
        self.valid.next = self.act_live.q.val();
        self.int4.next = self.act_int4.q.val();
        self.swap.next = self.act_swap.q.val();

        // What meets the results.
        self.lead_wait.enable.next = true;
        self.control_wait.enable.next = true;
        self.control_wait.d.next = self.control.val();
        self.result_wait.enable.next = true;
        self.result_wait.reset.next = self.reset.val();
        self.result_wait.d.next = Word::from(live);
        self.scale_address.next = self.lead_wait.q.val();
        let bits = word.entry.1;
        let control = self.control_wait.q.val();
        self.result.next = self.result_wait.q.val().any();
        self.entry.next = control.trunc(bits);
        self.first.next = control.bit(bits);
        self.finish.next = control.bit(bits + 1);
        self.end.next = control.bit(bits + 2);
        self.result_int4.next = control.bit(bits + 3);
        self.idle.next = !self.full.q.val() && !streaming;
        self.starved.next = self.step.valid.val() && !self.full.q.val() && !streaming;
        if self.reset.val() {
            self.full.d.next = false;
            self.left.d.next = Word::zero(word.count.1);
            self.act_live.d.next = false;
            self.act_swap.d.next = false;
        }
    }
}
