//! [`StoreUnit`]: the store unit's instructions.

use super::super::report::{self, ADDRESS_BITS, SITE_BITS};
use super::super::shape::DatapathShape;
use super::slice_reader::{SliceReader, SLICES};
use crate::control::decode::WORD;
use crate::dma::{Command, DmaOptions};
use crate::kv::KvShape;
use crate::parameter::ParameterError;
use crate::primitives::Lutram;
use crate::stream::{ItemSink, ItemSource};
use skipopu_config::Config;
use skipopu_hdl::prelude::*;
use skipopu_isa::set::{by_mnemonic, DDR_WORDS, PORT_WORDS};
use skipopu_isa::value::{Repeat, Rows};

/// Opcodes and fields of the unit.
#[derive(Clone, Copy, Debug)]
struct Own {
    data: u128,
    address: (usize, usize),
    at: (usize, usize),
    slices: (usize, usize),
    repeat: (usize, usize),
    layer: (usize, usize),
    rows: (usize, usize),
    keys: (usize, usize),
    values: (usize, usize),
    stride: (usize, usize),
}

impl Own {
    fn new() -> Own {
        let spec = |name: &str| by_mnemonic(name).expect("the table has the unit's instructions");
        let place = |name: &str, field: &str| {
            let f = spec(name).field(field).expect("the table has their fields");
            (f.low as usize, f.bits as usize)
        };
        Own {
            data: u128::from(spec("store.data").opcode),
            address: place("store.data", "address"),
            at: place("store.data", "at"),
            slices: place("store.data", "slices"),
            repeat: place("store.data", "repeat"),
            layer: place("append.kv", "layer"),
            rows: place("append.kv", "rows"),
            keys: place("append.kv", "keys"),
            values: place("append.kv", "values"),
            stride: place("append.kv", "stride"),
        }
    }
}

const IDLE: usize = 0;
const SETUP: usize = 1;
const ROW: usize = 2;
const ASK: usize = 3;
const READ: usize = 4;
const WAIT: usize = 5;
const CLEAR: usize = 6;
const STUCK: usize = 7;
const STATE_BITS: usize = 3;

/// Cycles from an instruction until its sizes are known, less 1.
const SETTLED: usize = 8;
/// Bits of a word's address in a pseudo-channel, of 64 bytes.
const CHANNEL_WORD: usize = 22;
/// Bits of a count of writes under way.
const OPEN: usize = 12;
/// Bits of an address in DDR, in words.
const WORD_ADDRESS: usize = 28;
/// Bits of sizes.
const SIZE: usize = 18;
/// Bits of the end of what an instruction touches, in slices or words.
const END: usize = 40;
/// Bits of a layer in an instruction, and one more.
const LAYER: usize = 9;

/// Executes `store.data` and `append.kv`.
///
/// - Does: an instruction at a time, row by row. Keys and values of a row go to the port and slot of its place: the n-th token
///   appended to a layer has port n mod ports, slot n / ports. What was appended is said on `appended`.
///   An instruction that goes beyond a memory, or appends to a layer out of turn, is not carried out, and never finishes:
///   `fault` says so.
/// - Guarantee: `finished` when memory has confirmed every write.
#[derive(LogicBlock, Ports)]
pub struct StoreUnit {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Forgets how many tokens were appended.
    pub clear: Signal<In, Bit>,
    /// Instructions.
    pub instruction: ItemSink,
    /// An instruction has finished.
    pub finished: Signal<Out, Bit>,
    /// Tokens of the block.
    pub rows: Wire<In>,
    /// Position of the first.
    pub position: Wire<In>,
    /// Rows for which attention runs.
    pub mask_attention: Wire<In>,
    /// Rows for which the feed-forward part runs.
    pub mask_forward: Wire<In>,
    /// Values of a head.
    pub head: Wire<In>,
    /// Key-value heads.
    pub kv_heads: Wire<In>,
    /// First byte of the KV region, in units of 4 KiB.
    pub kv_base: Wire<In>,
    /// Layers of the model.
    pub layers: Wire<In>,
    /// Tokens before the block, as the KV unit knows them.
    pub tokens: Wire<In>,
    /// A block begins.
    pub start: Signal<In, Bit>,
    /// An instruction goes beyond a memory.
    pub fault: Signal<Out, Bit>,
    /// It appends to a layer that is not there, or not in turn.
    pub fault_table: Signal<Out, Bit>,
    /// Which memory, see [`report`].
    pub fault_site: Wire<Out>,
    /// The last slice or word that it would touch.
    pub fault_address: Wire<Out>,
    /// Wants to read the scratchpad.
    pub want: Signal<Out, Bit>,
    /// It may.
    pub grant: Signal<In, Bit>,
    /// Which slice.
    pub address: Wire<Out>,
    /// The slice.
    pub data: Wire<In>,
    /// Writes of DDR.
    pub ddr_command: ItemSource,
    /// What is written, words of 64 bytes.
    pub ddr_write: ItemSource,
    /// Writes made.
    pub ddr_done: Signal<In, Bit>,
    /// Writes by HBM port, `{bytes, address}`.
    pub kv_command: Vec<ItemSource>,
    /// What is written, beats of 32 bytes.
    pub kv_write: Vec<ItemSource>,
    /// Writes made, by HBM port.
    pub kv_done: Wire<In>,
    /// Rows were appended.
    pub appended: Signal<Out, Bit>,
    /// To this layer.
    pub appended_layer: Wire<Out>,
    /// Which rows.
    pub appended_rows: Wire<Out>,
    words: SliceReader,
    beats: SliceReader,
    places: Lutram,
    state: Reg,
    word: Reg,
    selected: Reg,
    left: Reg,
    at: Reg,
    ddr_at: Reg,
    row_words: Reg,
    row_bytes: Reg,
    first: DFF<Bit>,
    pass: Reg,
    passes: Reg,
    head_slices: Reg,
    pass_slices: Reg,
    token_words: Reg,
    pass_words: Reg,
    layer_word: Reg,
    region: Reg,
    place: Reg,
    slot_word: Reg,
    open: Reg,
    clearing: Reg,
    settle: Reg,
    done: DFF<Bit>,
    wrong: DFF<Bit>,
    untabled: DFF<Bit>,
    last_row: Reg,
    moved: Reg,
    moved_layers: Reg,
    length: Reg,
    slice_end: Reg,
    other_end: Reg,
    row_end: Reg,
    word_end: Reg,
    next_layer: Reg,
    ends: Wire<Local>,
    picked: Wire<Local>,
    all: Wire<Local>,
    _own: Own,
    _shape: DatapathShape,
    _kv: KvShape,
    _ddr: DmaOptions,
    _hbm: DmaOptions,
}

impl StoreUnit {
    /// For a configuration.
    ///
    /// # Errors
    /// Sizes that do not go together.
    pub fn new(config: &Config) -> Result<StoreUnit, ParameterError> {
        let shape = DatapathShape::of(config)?;
        let kv = KvShape::of(config)?;
        let (ddr, hbm) = (DmaOptions::ddr(), DmaOptions::hbm());
        let ports = shape.hbm_ports;
        let command = Command::bits(&hbm) - hbm.tag_bits;
        let place = kv.port() + kv.slot();
        let rows = shape.rows;
        Ok(StoreUnit {
            clock: Default::default(),
            reset: Default::default(),
            clear: Default::default(),
            instruction: ItemSink::new(WORD),
            finished: Default::default(),
            rows: Wire::new(shape.row_count_bits()),
            position: Wire::new(16),
            mask_attention: Wire::new(rows),
            mask_forward: Wire::new(rows),
            head: Wire::new(9),
            kv_heads: Wire::new(9),
            kv_base: Wire::new(32),
            layers: Wire::new(kv.layer() + 1),
            tokens: Wire::new(kv.count()),
            start: Default::default(),
            fault: Default::default(),
            fault_table: Default::default(),
            fault_site: Wire::new(SITE_BITS),
            fault_address: Wire::new(ADDRESS_BITS),
            want: Default::default(),
            grant: Default::default(),
            address: Wire::new(shape.scratchpad_bits()),
            data: Wire::new(shape.slice_bits()),
            ddr_command: ItemSource::new(Command::bits(&ddr)),
            ddr_write: ItemSource::new(ddr.write_bits()),
            ddr_done: Default::default(),
            kv_command: (0..ports).map(|_| ItemSource::new(command)).collect(),
            kv_write: (0..ports).map(|_| ItemSource::new(hbm.write_bits())).collect(),
            kv_done: Wire::new(ports),
            appended: Default::default(),
            appended_layer: Wire::new(kv.layer()),
            appended_rows: Wire::new(rows),
            words: SliceReader::new(&shape, ddr.write_bits())?,
            beats: SliceReader::new(&shape, hbm.write_bits())?,
            places: Lutram::new(place, 1 << kv.layer())?,
            state: Reg::new(STATE_BITS),
            word: Reg::new(WORD),
            selected: Reg::new(rows),
            left: Reg::new(rows),
            at: Reg::new(SIZE),
            ddr_at: Reg::new(END),
            row_words: Reg::new(WORD_ADDRESS),
            row_bytes: Reg::new(24),
            first: Default::default(),
            pass: Reg::new(SIZE),
            passes: Reg::new(SIZE),
            head_slices: Reg::new(SIZE),
            pass_slices: Reg::new(SIZE),
            token_words: Reg::new(SIZE),
            pass_words: Reg::new(CHANNEL_WORD),
            layer_word: Reg::new(CHANNEL_WORD),
            region: Reg::new(CHANNEL_WORD),
            place: Reg::new(place),
            slot_word: Reg::new(CHANNEL_WORD),
            open: Reg::new(OPEN),
            clearing: Reg::new(kv.layer()),
            settle: Reg::new(4),
            done: Default::default(),
            wrong: Default::default(),
            untabled: Default::default(),
            last_row: Reg::new(shape.row_bits()),
            moved: Reg::new(END),
            moved_layers: Reg::new(END),
            length: Reg::new(END),
            slice_end: Reg::new(END),
            other_end: Reg::new(END),
            row_end: Reg::new(END),
            word_end: Reg::new(END),
            next_layer: Reg::new(LAYER),
            ends: Wire::new(ports + 1),
            picked: Wire::new(rows),
            all: Wire::new(rows),
            _own: Own::new(),
            _shape: shape,
            _kv: kv,
            _ddr: ddr,
            _hbm: hbm,
        })
    }
}

impl Logic for StoreUnit {
    #[hdl(
        lanes = self._shape.lanes,
        rows = self._shape.rows,
        ports = self._shape.hbm_ports,
        layers = self._kv.machine.layers,
        context = self._kv.machine.context
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, state, word, selected, left, at, ddr_at, row_words, row_bytes);
        dff_setup!(self, clock, first, pass, passes, head_slices, pass_slices, token_words);
        dff_setup!(self, clock, pass_words, layer_word, region, place, slot_word, open);
        dff_setup!(self, clock, clearing, settle, done, wrong, last_row, moved, length, slice_end);
        dff_setup!(self, clock, other_end, row_end, word_end, next_layer);
        dff_setup!(self, clock, moved_layers, untabled);
        clock!(self, clock, words, beats, places);
        self.words.reset.next = self.reset.val();
        self.beats.reset.next = self.reset.val();
        let own = self._own;
        let rows = self._shape.rows;
        let ports = self._shape.hbm_ports;
        let lanes = self._shape.lanes;
        let scratchpad = self._shape.scratchpad_bits();
        let slots = self._kv.machine.context.div_ceil(ports);
        let (port_bits, slot_bits) = (self._kv.port(), self._kv.slot());
        let layer_bits = self._kv.layer();
        let state = self.state.q.val();
        let storing = self.word.q.val().trunc(8) == Word::new(8, own.data);
        let layer = self.word.q.val().slice(own.layer.0, own.layer.1).trunc(layer_bits);

        // Readers of the scratchpad: one at a time is at work.
        self.want.next = self.words.want.val() || self.beats.want.val();
        self.address.next =
            mux(self.words.want.val(), self.words.address.val(), self.beats.address.val());
        self.words.grant.next = self.grant.val();
        self.beats.grant.next = self.grant.val() && !self.words.want.val();
        self.words.data.next = self.data.val();
        self.beats.data.next = self.data.val();
        self.words.command.valid.next = false;
        self.beats.command.valid.next = false;
        self.words.command.data.next = cat!(
            self.word.q.val().slice(own.slices.0, SLICES),
            self.at.q.val().zext(SIZE + scratchpad).trunc(scratchpad)
        );
        self.beats.command.data.next = cat!(
            self.pass_slices.q.val().zext(SLICES),
            self.at.q.val().zext(SIZE + scratchpad).trunc(scratchpad)
        );
        ItemSource::link(&mut self.ddr_write, &mut self.words.out);

        // Which rows.
        for r in 0..rows {
            self.all.next.set_slice(r, &Word::from(self.rows.val() > r));
        }
        let which = self.word.q.val().slice(own.rows.0, own.rows.1);
        let repeat = self.word.q.val().slice(own.repeat.0, own.repeat.1);
        self.picked.next = self.all.val();
        if storing {
            if repeat == Repeat::Once as usize {
                self.picked.next = Word::new(rows, 1);
            }
        } else if which == Rows::Attention as usize {
            self.picked.next = self.all.val() & self.mask_attention.val();
        } else if which == Rows::Forward as usize {
            self.picked.next = self.all.val() & self.mask_forward.val();
        } else if which == Rows::Last as usize {
            self.picked.next = self.all.val() & !(self.all.val() >> 1);
        }

        // Defaults.
        self.instruction.ready.next = state == IDLE;
        self.done.d.next = false;
        self.appended.next = false;
        self.appended_layer.next = layer.clone();
        self.appended_rows.next = self.selected.q.val();
        self.ddr_command.valid.next = false;
        self.ddr_command.data.next = cat!(
            Word::zero(self._ddr.tag_bits),
            self.row_bytes.q.val(),
            self.ddr_at.q.val().trunc(WORD_ADDRESS),
            Word::zero(6)
        );
        let port = self.place.q.val().trunc(port_bits);
        let channel = self.region.q.val() + self.slot_word.q.val();
        let pass_bytes = self.pass_slices.q.val().zext(24) << (lanes.ilog2() as usize + 1);
        let mut accepted = false;
        for p in 0..ports {
            let mine = port.clone() == p;
            self.kv_command[p].valid.next = state == ASK && !storing && mine;
            self.kv_command[p].data.next =
                cat!(pass_bytes.clone(), Word::new(5, p as u128), channel.clone(), Word::zero(6));
            if mine && self.kv_command[p].ready.val() {
                accepted = true;
            }
        }
        self.beats.out.ready.next = false;
        for p in 0..ports {
            let mine = port.clone() == p;
            self.kv_write[p].valid.next = self.beats.out.valid.val() && mine;
            self.kv_write[p].data.next = self.beats.out.data.val();
            if mine {
                self.beats.out.ready.next = self.kv_write[p].ready.val();
            }
        }
        self.places.write_enable.next = false;
        self.places.write_address.next = layer.clone();
        self.places.write_data.next = self.place.q.val();
        self.places.read_address.next = layer;

        // May it be carried out?
        let chip = Word::new(END, self._shape.scratchpad as u128);
        let beyond_chip = self.slice_end.q.val() > chip.clone();
        let beyond_other = self.other_end.q.val() > chip;
        let memory =
            mux(storing, Word::new(END, DDR_WORDS as u128), Word::new(END, PORT_WORDS as u128));
        let beyond_memory = self.word_end.q.val() > memory;
        let asked = self.word.q.val().slice(own.layer.0, own.layer.1).zext(LAYER);
        let later = self.position.val().any();
        let misplaced = later && self.tokens.val().zext(16) != self.position.val();
        let out_of_turn = !storing
            && (asked.clone() < self.next_layer.q.val()
                || asked >= self.layers.val().zext(LAYER)
                || misplaced);
        self.fault.next = self.wrong.q.val();
        self.fault_table.next = self.untabled.q.val();
        let end = mux(beyond_chip, self.slice_end.q.val(), self.other_end.q.val());
        self.fault_site.next = mux(
            storing,
            Word::new(SITE_BITS, report::DDR as u128),
            Word::new(SITE_BITS, report::HBM as u128),
        );
        self.fault_address.next = (self.word_end.q.val() - 1).zext(ADDRESS_BITS) << 6;
        if beyond_chip || beyond_other {
            self.fault_site.next = Word::new(SITE_BITS, report::ON_CHIP as u128);
            self.fault_address.next = (end - 1).zext(ADDRESS_BITS);
        }

        // The instruction's course.
        let mut opens = false;
        if state == IDLE {
            if self.instruction.valid.val() {
                self.word.d.next = self.instruction.data.val();
                self.settle.d.next = Word::zero(4);
                self.state.d.next = Word::new(STATE_BITS, SETUP as u128);
            }
        } else if state == SETUP {
            self.settle.d.next = self.settle.q.val() + 1;
            self.selected.d.next = self.picked.val();
            self.left.d.next = self.picked.val();
            self.first.d.next = true;
            // Data: where the first row goes.
            let many = self.word.q.val().slice(own.slices.0, own.slices.1);
            let bytes = many.zext(WORD_ADDRESS) << (lanes.ilog2() as usize + 1);
            self.row_bytes.d.next = bytes.clone().trunc(24);
            self.row_words.d.next = (bytes + Word::new(WORD_ADDRESS, 63)) >> 6;
            let to = self.word.q.val().slice(own.address.0, WORD_ADDRESS);
            self.ddr_at.d.next = to.clone().zext(END);
            if repeat == Repeat::Positions as usize {
                self.ddr_at.d.next = to.zext(END)
                    + (self.row_words.q.val() * self.position.val()).zext(END + 4).trunc(END);
            }
            self.at.d.next = self.word.q.val().slice(own.at.0, own.at.1);
            // Keys and values: sizes of a pass.
            let up = self.head.val().zext(SIZE) + Word::new(SIZE, lanes as u128 - 1);
            self.head_slices.d.next = up >> (lanes.ilog2() as usize);
            self.passes.d.next = ((self.kv_heads.val().zext(SIZE) + 1) >> 1) << 1;
            let values = self.head_slices.q.val() << (lanes.ilog2() as usize + 1);
            self.token_words.d.next = (values + Word::new(SIZE, 31)) >> 5;
            self.pass_words.d.next = (self.token_words.q.val()
                * Word::new(CHANNEL_WORD, slots as u128))
            .trunc(CHANNEL_WORD);
            let layers = self.word.q.val().slice(own.layer.0, own.layer.1) * self.passes.q.val();
            self.layer_word.d.next = (layers * self.pass_words.q.val()).trunc(CHANNEL_WORD);
            self.place.d.next = self.places.read_data.val();
            // Where it ends: on chip, and in DDR or HBM.
            for r in 1..rows {
                if self.picked.val().bit(r) {
                    self.last_row.d.next = Word::new(self.last_row.width(), r as u128);
                }
            }
            if !self.picked.val().slice(1, rows - 1).any() {
                self.last_row.d.next = Word::zero(self.last_row.width());
            }
            let count = self.last_row.q.val().zext(self.last_row.width() + 1) + 1;
            let many = self.word.q.val().slice(own.slices.0, own.slices.1);
            let stride = self.word.q.val().slice(own.stride.0, own.stride.1);
            let keys = self.word.q.val().slice(own.keys.0, own.keys.1);
            let values = self.word.q.val().slice(own.values.0, own.values.1);
            if storing {
                self.moved.d.next = (count.clone() * many).zext(END);
                self.slice_end.d.next = self.at.q.val().zext(END) + self.moved.q.val();
                self.other_end.d.next = self.slice_end.q.val();
                self.row_end.d.next = (count * self.row_words.q.val()).zext(END);
                self.word_end.d.next = self.ddr_at.q.val() + self.row_end.q.val();
            } else {
                self.moved.d.next = (self.last_row.q.val() * stride).zext(END);
                self.length.d.next =
                    (self.kv_heads.val() * self.head_slices.q.val()).zext(END) + self.moved.q.val();
                self.slice_end.d.next = keys.zext(END) + self.length.q.val();
                self.other_end.d.next = values.zext(END) + self.length.q.val();
                let all = self.passes.q.val() * self.pass_words.q.val();
                self.moved_layers.d.next = all.zext(END);
                let layers = self.word.q.val().slice(own.layer.0, own.layer.1).zext(LAYER) + 1;
                self.row_end.d.next = (layers * self.moved_layers.q.val()).trunc(END);
                self.word_end.d.next = (self.kv_base.val().zext(END) << 6) + self.row_end.q.val();
            }
            if self.settle.q.val() == SETTLED {
                self.state.d.next = Word::new(STATE_BITS, ROW as u128);
                let any = storing || self.selected.q.val().any();
                if any && (beyond_chip || beyond_other || beyond_memory || out_of_turn) {
                    self.wrong.d.next = true;
                    self.untabled.d.next = !beyond_chip && !beyond_other && !beyond_memory;
                    self.state.d.next = Word::new(STATE_BITS, STUCK as u128);
                }
                if !storing {
                    self.next_layer.d.next =
                        self.word.q.val().slice(own.layer.0, own.layer.1).zext(LAYER) + 1;
                }
                if !storing {
                    self.at.d.next = self.word.q.val().slice(own.keys.0, own.keys.1);
                }
            }
        } else if state == ROW {
            // The next row that takes part; the others are passed.
            let here = self.left.q.val().bit(0);
            self.pass.d.next = Word::zero(SIZE);
            let base = self.kv_base.val().trunc(16).zext(CHANNEL_WORD) << 6;
            self.region.d.next = base + self.layer_word.q.val();
            let slot = self.place.q.val().slice(port_bits, slot_bits);
            self.slot_word.d.next =
                (slot * self.token_words.q.val()).zext(CHANNEL_WORD + SIZE).trunc(CHANNEL_WORD);
            let stride = self.word.q.val().slice(own.stride.0, own.stride.1).zext(SIZE);
            let moved = mux(
                storing,
                self.word.q.val().slice(own.slices.0, own.slices.1).trunc(SIZE),
                stride,
            );
            if !self.left.q.val().any() {
                self.state.d.next = Word::new(STATE_BITS, WAIT as u128);
            } else if here {
                self.state.d.next = Word::new(STATE_BITS, ASK as u128);
                if !storing {
                    self.row_words.d.next = self.at.q.val().zext(WORD_ADDRESS);
                    let double = self.head_slices.q.val() << 1;
                    let alone = self.kv_heads.val() == 1;
                    self.pass_slices.d.next = mux(alone, self.head_slices.q.val(), double);
                }
            } else {
                self.left.d.next = self.left.q.val() >> 1;
                self.at.d.next = self.at.q.val() + moved;
                if storing {
                    self.ddr_at.d.next = self.ddr_at.q.val() + self.row_words.q.val().zext(END);
                }
            }
        } else if state == ASK {
            if storing {
                self.ddr_command.valid.next = true;
                accepted = self.ddr_command.ready.val();
            }
            if accepted {
                opens = true;
                self.state.d.next = Word::new(STATE_BITS, READ as u128);
                self.first.d.next = true;
            }
        } else if state == READ {
            // First the command to the reader, then until it is free again.
            if self.first.q.val() {
                if storing {
                    self.words.command.valid.next = true;
                    if self.words.command.ready.val() {
                        self.first.d.next = false;
                    }
                } else {
                    self.beats.command.valid.next = true;
                    if self.beats.command.ready.val() {
                        self.first.d.next = false;
                    }
                }
            } else if storing {
                if self.words.command.ready.val() {
                    self.left.d.next = self.left.q.val() >> 1;
                    self.at.d.next = self.at.q.val()
                        + self.word.q.val().slice(own.slices.0, own.slices.1).trunc(SIZE);
                    self.ddr_at.d.next = self.ddr_at.q.val() + self.row_words.q.val().zext(END);
                    self.state.d.next = Word::new(STATE_BITS, ROW as u128);
                }
            } else if self.beats.command.ready.val() {
                // Keys, then values of a pair, then the next pair.
                let keys = self.word.q.val().slice(own.keys.0, own.keys.1);
                let values = self.word.q.val().slice(own.values.0, own.values.1);
                let next = self.pass.q.val() + 1;
                self.pass.d.next = next.clone();
                self.region.d.next = self.region.q.val() + self.pass_words.q.val();
                let double = self.head_slices.q.val() << 1;
                if self.pass.q.val().bit(0) {
                    self.at.d.next = self.at.q.val() + keys - values + double.clone();
                    let left = (next.clone() >> 1) << 1;
                    let alone = left + 1 == self.kv_heads.val().zext(SIZE);
                    self.pass_slices.d.next = mux(alone, self.head_slices.q.val(), double);
                } else {
                    self.at.d.next = self.at.q.val() + values - keys;
                }
                self.state.d.next = Word::new(STATE_BITS, ASK as u128);
                if next == self.passes.q.val() {
                    // The row is done: the next one, the next place.
                    self.state.d.next = Word::new(STATE_BITS, ROW as u128);
                    self.left.d.next = self.left.q.val() >> 1;
                    let stride = self.word.q.val().slice(own.stride.0, own.stride.1).zext(SIZE);
                    self.at.d.next = self.row_words.q.val().trunc(SIZE) + stride;
                    let number = self.place.q.val().trunc(port_bits);
                    let slot = self.place.q.val().slice(port_bits, slot_bits);
                    self.place.d.next = cat!(slot.clone(), number.clone() + 1);
                    if number == ports - 1 {
                        self.place.d.next = cat!(slot + 1, Word::zero(port_bits));
                    }
                }
            }
        } else if state == WAIT {
            if !self.open.q.val().any() {
                self.done.d.next = true;
                self.state.d.next = Word::zero(STATE_BITS);
                if !storing {
                    self.appended.next = true;
                    self.places.write_enable.next = true;
                }
            }
        } else if state == CLEAR {
            self.places.write_enable.next = true;
            self.places.write_address.next = self.clearing.q.val();
            self.places.write_data.next = Word::zero(port_bits + slot_bits);
            self.clearing.d.next = self.clearing.q.val() + 1;
            if self.clearing.q.val().all() {
                self.state.d.next = Word::zero(STATE_BITS);
            }
        }
        if self.clear.val() {
            self.clearing.d.next = Word::zero(layer_bits);
            self.state.d.next = Word::new(STATE_BITS, CLEAR as u128);
        }

        if self.start.val() {
            self.next_layer.d.next = Word::zero(LAYER);
        }

        // Writes under way.
        self.ends.next = cat!(self.kv_done.val(), self.ddr_done.val());
        let mut open = self.open.q.val();
        if opens {
            open = open + 1;
        }
        for p in 0..ports + 1 {
            open = open - self.ends.val().slice(p, 1).zext(OPEN);
        }
        self.open.d.next = open;
        self.finished.next = self.done.q.val();
        if self.reset.val() {
            self.wrong.d.next = false;
            self.state.d.next = Word::zero(STATE_BITS);
            self.open.d.next = Word::zero(OPEN);
        }
    }
}
