//! [`KvAdaptor`]: what the program says of keys and values, to the KV unit.

use super::super::load::KV_LAYER;
use super::super::shape::DatapathShape;
use crate::kv::KvShape;
use crate::parameter::ParameterError;
use crate::stream::{ItemSink, ItemSource};
use skipopu_config::Config;
use skipopu_hdl::prelude::*;

const IDLE: usize = 0;
const SIZES: usize = 1;
const BASES: usize = 2;
const ASK: usize = 3;
const SCHEDULE: usize = 4;
const PLAY: usize = 5;
const ENDING: usize = 6;
const NOTE: usize = 7;
const APPEND: usize = 8;
const CLEAR: usize = 9;
const STATE_BITS: usize = 4;

/// Bits of sizes.
const SIZE: usize = 18;
/// Bits of a word's address in a pseudo-channel.
const CHANNEL_WORD: usize = 22;

/// Drives the KV unit through a block of tokens.
///
/// - Does: at the `end` of a text's first block sets the unit's sizes and clears it. In a later block has layer 0 scheduled;
///   a `load.kv` of layer m drops the schedules below m and plays that of m, then has m + 1 scheduled. At `end` a schedule that was not played is dropped, and the rows' routing, as `appended` said it, is noted row by row.
/// - Does not: play anything for a block at position 0; such a `load.kv` is taken at once.
/// - Guarantee: `busy` from the cycle after `end` until all is noted.
#[derive(LogicBlock, Ports)]
pub struct KvAdaptor {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the block.
    pub reset: Signal<In, Bit>,
    /// A block begins.
    pub start: Signal<In, Bit>,
    /// It has ended.
    pub end: Signal<In, Bit>,
    /// Something is left to do.
    pub busy: Signal<Out, Bit>,
    /// Tokens of the block.
    pub rows: Wire<In>,
    /// Position of the first.
    pub position: Wire<In>,
    /// Values of a head.
    pub head: Wire<In>,
    /// Key-value heads.
    pub kv_heads: Wire<In>,
    /// First byte of the KV region, in units of 4 KiB.
    pub kv_base: Wire<In>,
    /// Layers of the model.
    pub layers: Wire<In>,
    /// Slots of each bank that the program wants used.
    pub kv_slots: Wire<In>,
    /// Layers whose keys and values attention wants.
    pub kv_layer: ItemSink,
    /// Rows were appended.
    pub appended: Signal<In, Bit>,
    /// To this layer.
    pub appended_layer: Wire<In>,
    /// Which rows.
    pub appended_rows: Wire<In>,
    /// To the KV unit: forget everything.
    pub clear: Signal<Out, Bit>,
    /// Layers.
    pub unit_layers: Wire<Out>,
    /// Passes of a layer.
    pub passes: Wire<Out>,
    /// Words of a token and pass.
    pub words: Wire<Out>,
    /// Words from a pass to the next.
    pub pass_words: Wire<Out>,
    /// Slots of a bank in use.
    pub slots: Wire<Out>,
    /// Write the base of a layer?
    pub base_write: Signal<Out, Bit>,
    /// Of which.
    pub base_layer: Wire<Out>,
    /// Its first word.
    pub base: Wire<Out>,
    /// A decision.
    pub note: Signal<Out, Bit>,
    /// Of which layer.
    pub note_layer: Wire<Out>,
    /// Does it run?
    pub note_executes: Signal<Out, Bit>,
    /// The token is complete.
    pub append: Signal<Out, Bit>,
    /// A layer to schedule.
    pub request: ItemSource,
    /// Its schedule is made.
    pub ready: Signal<In, Bit>,
    /// May it be played?
    pub playable: Signal<In, Bit>,
    /// Play it.
    pub play: Signal<Out, Bit>,
    /// Drop it.
    pub drop: Signal<Out, Bit>,
    /// The unit delivers.
    pub unit_busy: Signal<In, Bit>,
    /// Tokens before the block, as the unit knows them.
    pub tokens: Wire<In>,
    /// A layer is asked for that is not there or not in turn, or more slots of a bank than it has.
    pub fault: Signal<Out, Bit>,
    state: Reg,
    bits: Vec<Reg>,
    sized: DFF<Bit>,
    running: DFF<Bit>,
    requested: DFF<Bit>,
    current: Reg,
    settle: Reg,
    head_slices: Reg,
    pass_count: Reg,
    token_words: Reg,
    stride: Reg,
    used: Reg,
    fitting: Reg,
    layer: Reg,
    at: Reg,
    row: Reg,
    wrong: DFF<Bit>,
    noted: Wire<Local>,
    _shape: DatapathShape,
    _kv: KvShape,
}

impl KvAdaptor {
    /// For a configuration.
    ///
    /// # Errors
    /// Sizes that do not go together.
    pub fn new(config: &Config) -> Result<KvAdaptor, ParameterError> {
        let shape = DatapathShape::of(config)?;
        let kv = KvShape::of(config)?;
        let layer = kv.layer();
        Ok(KvAdaptor {
            clock: Default::default(),
            reset: Default::default(),
            start: Default::default(),
            end: Default::default(),
            busy: Default::default(),
            rows: Wire::new(shape.row_count_bits()),
            position: Wire::new(16),
            head: Wire::new(9),
            kv_heads: Wire::new(9),
            kv_base: Wire::new(16),
            layers: Wire::new(layer + 1),
            kv_slots: Wire::new(kv.bank_slot() + 1),
            kv_layer: ItemSink::new(KV_LAYER),
            appended: Default::default(),
            appended_layer: Wire::new(layer),
            appended_rows: Wire::new(shape.rows),
            clear: Default::default(),
            unit_layers: Wire::new(layer + 1),
            passes: Wire::new(9),
            words: Wire::new(5),
            pass_words: Wire::new(CHANNEL_WORD),
            slots: Wire::new(kv.bank_slot() + 1),
            base_write: Default::default(),
            base_layer: Wire::new(layer),
            base: Wire::new(CHANNEL_WORD),
            note: Default::default(),
            note_layer: Wire::new(layer),
            note_executes: Default::default(),
            append: Default::default(),
            request: ItemSource::new(layer),
            ready: Default::default(),
            playable: Default::default(),
            play: Default::default(),
            drop: Default::default(),
            unit_busy: Default::default(),
            tokens: Wire::new(kv.count()),
            fault: Default::default(),
            wrong: DFF::default(),
            state: Reg::new(STATE_BITS),
            bits: (0..shape.rows).map(|_| Reg::new(kv.machine.layers)).collect(),
            sized: Default::default(),
            running: Default::default(),
            requested: Default::default(),
            current: Reg::new(layer + 1),
            settle: Reg::new(3),
            head_slices: Reg::new(SIZE),
            pass_count: Reg::new(SIZE),
            token_words: Reg::new(SIZE),
            stride: Reg::new(CHANNEL_WORD),
            used: Reg::new(SIZE),
            fitting: Reg::new(kv.bank_slot() + 1),
            layer: Reg::new(layer + 1),
            at: Reg::new(CHANNEL_WORD),
            row: Reg::new(shape.row_count_bits()),
            noted: Wire::new(kv.machine.layers),
            _shape: shape,
            _kv: kv,
        })
    }
}

impl Logic for KvAdaptor {
    #[hdl(
        lanes = self._shape.lanes,
        rows = self._shape.rows,
        ports = self._kv.machine.ports,
        layers = self._kv.machine.layers,
        slots = self._kv.machine.slots,
        bank_words = self._kv.machine.bank_words,
        context = self._kv.machine.context
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, state, sized, running, requested, current, settle, head_slices);
        dff_setup!(
            self,
            clock,
            pass_count,
            token_words,
            stride,
            used,
            fitting,
            layer,
            at,
            row,
            wrong
        );
        let machine = self._kv.machine;
        let lanes = self._shape.lanes;
        let rows = self._shape.rows;
        let layer_bits = self._kv.layer();
        let slots = machine.context.div_ceil(machine.ports);
        let slot_bits = self._kv.bank_slot() + 1;
        let state = self.state.q.val();
        let later = self.position.val().any();

        // Sizes, once a block.
        self.unit_layers.next = self.layers.val();
        self.passes.next = self.pass_count.q.val().trunc(9);
        self.words.next = self.token_words.q.val().trunc(5);
        self.pass_words.next = self.stride.q.val();
        self.slots.next = self.fitting.q.val();
        self.base_write.next = state == BASES;
        self.base_layer.next = self.layer.q.val().trunc(layer_bits);
        self.base.next = self.at.q.val();

        // Defaults.
        self.kv_layer.ready.next = false;
        self.clear.next = false;
        self.request.valid.next = false;
        self.request.data.next = self.current.q.val().trunc(layer_bits);
        self.play.next = false;
        self.drop.next = false;
        self.note.next = false;
        self.note_layer.next = self.layer.q.val().trunc(layer_bits);
        self.append.next = false;
        self.noted.next = self.bits[0].q.val();
        for r in 1..rows {
            if self.row.q.val() == r {
                self.noted.next = self.bits[r].q.val();
            }
        }
        self.note_executes.next = self.noted.val().bit(0);
        for l in 1..machine.layers {
            if self.layer.q.val() == l {
                self.note_executes.next = self.noted.val().bit(l);
            }
        }
        for r in 0..rows {
            self.bits[r].clock.next = self.clock.val();
            self.bits[r].d.next = self.bits[r].q.val();
            for l in 0..machine.layers {
                if self.appended.val()
                    && self.appended_rows.val().bit(r)
                    && self.appended_layer.val() == l
                {
                    self.bits[r].d.next.set_slice(l, &Word::ones(1));
                }
            }
            if self.start.val() {
                self.bits[r].d.next = Word::zero(machine.layers);
            }
        }

        let wanted = self.kv_layer.data.val().zext(KV_LAYER + 1);
        let current = self.current.q.val().zext(KV_LAYER + 1);
        if state == IDLE {
            if self.kv_layer.valid.val() {
                let misplaced = later && self.tokens.val().zext(16) != self.position.val();
                let missing = wanted.clone() >= self.layers.val().zext(KV_LAYER + 1);
                if missing || misplaced || (later && wanted.clone() < current.clone()) {
                    self.wrong.d.next = true;
                } else if !later {
                    self.kv_layer.ready.next = true;
                } else if !self.requested.q.val() {
                    self.state.d.next = Word::new(STATE_BITS, ASK as u128);
                } else {
                    self.state.d.next = Word::new(STATE_BITS, SCHEDULE as u128);
                }
            } else if later
                && self.running.q.val()
                && self.sized.q.val()
                && !self.requested.q.val()
                && self.current.q.val() < self.layers.val()
            {
                // One layer ahead.
                self.state.d.next = Word::new(STATE_BITS, ASK as u128);
            }
        } else if state == SIZES {
            let up = self.head.val().zext(SIZE) + Word::new(SIZE, lanes as u128 - 1);
            self.head_slices.d.next = up >> (lanes.ilog2() as usize);
            self.pass_count.d.next = ((self.kv_heads.val().zext(SIZE) + 1) >> 1) << 1;
            let values = self.head_slices.q.val() << (lanes.ilog2() as usize + 1);
            self.token_words.d.next = (values + Word::new(SIZE, 31)) >> 5;
            self.stride.d.next = (self.token_words.q.val()
                * Word::new(CHANNEL_WORD, slots as u128))
            .trunc(CHANNEL_WORD);
            self.layer.d.next = Word::zero(layer_bits + 1);
            self.at.d.next = self.kv_base.val().zext(CHANNEL_WORD) << 6;
            if self.settle.q.val() != 7 {
                self.settle.d.next = self.settle.q.val() + 1;
            } else {
                // As many tokens of all passes as a bank holds.
                let token = (self.token_words.q.val() * self.pass_count.q.val()).trunc(SIZE);
                let next = self.used.q.val() + token;
                let fits = next <= machine.bank_words && self.fitting.q.val() < machine.slots;
                if fits {
                    self.used.d.next = next;
                    self.fitting.d.next = self.fitting.q.val() + 1;
                } else {
                    // The program may want fewer.
                    if self.kv_slots.val() < self.fitting.q.val() {
                        self.fitting.d.next = self.kv_slots.val();
                    }
                    self.state.d.next = Word::new(STATE_BITS, BASES as u128);
                }
            }
        } else if state == BASES {
            self.layer.d.next = self.layer.q.val() + 1;
            self.at.d.next = self.at.q.val()
                + (self.stride.q.val() * self.pass_count.q.val()).trunc(CHANNEL_WORD);
            if self.layer.q.val() + 1 == self.layers.val() {
                self.sized.d.next = true;
                self.state.d.next = Word::new(STATE_BITS, CLEAR as u128);
            }
        } else if state == CLEAR {
            self.clear.next = true;
            self.layer.d.next = Word::zero(layer_bits + 1);
            self.row.d.next = Word::zero(self.row.width());
            self.state.d.next = Word::new(STATE_BITS, NOTE as u128);
        } else if state == ASK {
            self.request.valid.next = true;
            if self.request.ready.val() {
                self.requested.d.next = true;
                self.state.d.next = Word::zero(STATE_BITS);
            }
        } else if state == SCHEDULE {
            // The schedule at hand is that of the layer, or is dropped.
            if self.ready.val() {
                if current == wanted {
                    self.state.d.next = Word::new(STATE_BITS, PLAY as u128);
                } else {
                    self.drop.next = true;
                    self.current.d.next = self.current.q.val() + 1;
                    self.requested.d.next = false;
                    self.state.d.next = Word::new(STATE_BITS, ASK as u128);
                }
            }
        } else if state == PLAY {
            if self.playable.val() {
                self.play.next = true;
                self.kv_layer.ready.next = true;
                self.current.d.next = self.current.q.val() + 1;
                self.requested.d.next = false;
                self.state.d.next = Word::zero(STATE_BITS);
            }
        } else if state == ENDING {
            if self.requested.q.val() {
                if self.ready.val() {
                    self.drop.next = true;
                    self.requested.d.next = false;
                }
            } else if !self.unit_busy.val() {
                self.row.d.next = Word::zero(self.row.width());
                self.layer.d.next = Word::zero(layer_bits + 1);
                self.state.d.next = Word::new(STATE_BITS, NOTE as u128);
            }
        } else if state == NOTE {
            self.note.next = true;
            self.layer.d.next = self.layer.q.val() + 1;
            if self.layer.q.val() + 1 == self.layers.val() {
                self.state.d.next = Word::new(STATE_BITS, APPEND as u128);
            }
        } else if state == APPEND {
            self.append.next = true;
            self.layer.d.next = Word::zero(layer_bits + 1);
            self.row.d.next = self.row.q.val() + 1;
            self.state.d.next = Word::new(STATE_BITS, NOTE as u128);
            if self.row.q.val() + 1 == self.rows.val() {
                self.state.d.next = Word::zero(STATE_BITS);
            }
        }
        self.fault.next = self.wrong.q.val();
        self.busy.next = state >= ENDING || state == SIZES || state == BASES;
        if self.start.val() {
            self.running.d.next = true;
            self.requested.d.next = false;
            self.current.d.next = Word::zero(layer_bits + 1);
            self.state.d.next = Word::zero(STATE_BITS);
            if !later {
                self.sized.d.next = false;
            }
        }
        if self.end.val() {
            self.running.d.next = false;
            self.state.d.next = Word::new(STATE_BITS, ENDING as u128);
            if !later {
                self.settle.d.next = Word::zero(3);
                self.used.d.next = Word::zero(SIZE);
                self.fitting.d.next = Word::zero(slot_bits);
                self.state.d.next = Word::new(STATE_BITS, SIZES as u128);
            }
        }
        if self.reset.val() {
            self.wrong.d.next = false;
            self.state.d.next = Word::zero(STATE_BITS);
            self.sized.d.next = false;
            self.running.d.next = false;
            self.requested.d.next = false;
        }
    }
}
