//! [`KvLoader`]: K and V of earlier tokens and of the block's own rows to tiles of the array.

use super::super::shape::{KvShape, WORD_BITS};
use super::group_select::GroupSelect;
use super::lane_memory::{LaneMemory, WORD_VALUES};
use crate::datapath::shape::{DatapathShape, READ_LATENCY, VALUE_BITS};
use crate::parameter::{index_bits, ParameterError};
use crate::primitives::{Delay, DelayReset};
use crate::stream::{Fifo, FifoOptions, ItemSink, ItemSource, Storage, StreamSink, StreamSource};
use skipopu_hdl::prelude::*;

/// Bits of a head's number of slices.
pub const HEAD_BITS: usize = 5;

/// Fields of a command, first bit and bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvCommand {
    /// First slice of row 0's K or V of the pair.
    pub base: (usize, usize),
    /// Slices from a row to the next.
    pub stride: (usize, usize),
    /// Own rows.
    pub rows: (usize, usize),
    /// Slices of a head.
    pub head: (usize, usize),
    /// Words of a token and pass.
    pub words: (usize, usize),
    /// Values, else keys.
    pub values: usize,
    /// There are earlier tokens.
    pub earlier: usize,
    /// There is one head: the second one is zero.
    pub single: usize,
    /// All bits.
    pub bits: usize,
}

impl KvCommand {
    /// The fields for a shape.
    pub fn of(shape: &DatapathShape) -> KvCommand {
        let mut low = 0;
        let mut field = |bits: usize| {
            let at = low;
            low += bits;
            (at, bits)
        };
        let address = shape.scratchpad_bits();
        KvCommand {
            base: field(address),
            stride: field(address),
            rows: field(shape.row_count_bits()),
            head: field(HEAD_BITS),
            words: field(HEAD_BITS),
            values: field(1).0,
            earlier: field(1).0,
            single: field(1).0,
            bits: low,
        }
    }
}

const IDLE: usize = 0;
const EARLIER: usize = 1;
const OWN: usize = 2;
const SETTLING: usize = 3;

/// Lays the tokens of rounds side by side and gives them to the array, keys with a token a column, values with a token a lane.
///
/// A *frame* is the rounds whose tokens make a slice of probabilities; the last one of earlier tokens, and that of own rows, is
/// filled up with rounds without a token. While a frame is read the next one is filled.
///
/// - Does: per command first the rounds of `in` up to its `last`, then the rows of the block. Of keys, per round: an item on
///   `mask`, then a tile for each slice of a head. Of values, per frame: an item on `mask`, then a tile for each chunk of half
///   the columns. Column c of the lower half is of the first head, of the upper half of the second.
///   An item is `{own, last, present}`, `last` with the command's last one, `present` a bit for each slot of the round, of
///   values zero.
/// - Does not: keep what `in` brings for a token that is not there; it is zero. Look whether `last` comes with the last word of
///   a round: the join of the KV unit does.
/// - Guarantee: a beat a cycle while a frame is there, and takes a word or a slice a cycle while one is empty; the first beat
///   of a frame comes [`KvLoader::LATENCY`] cycles after its last word, or [`KvLoader::OWN_LATENCY`] after the grant of its
///   last slice. An item is there at the latest a cycle after the first beat of its tiles.
#[derive(LogicBlock, Ports)]
pub struct KvLoader {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// See [`KvCommand`].
    pub command: ItemSink,
    /// Rounds, as the KV unit delivers them.
    pub r#in: StreamSink,
    /// Wants to read the scratchpad.
    pub want: Signal<Out, Bit>,
    /// It may.
    pub grant: Signal<In, Bit>,
    /// Which slice.
    pub address: Wire<Out>,
    /// The slice, [`READ_LATENCY`] cycles later.
    pub data: Wire<In>,
    /// What the next tiles are.
    pub mask: ItemSource,
    /// Tiles, see [`DatapathShape::load_bits`].
    pub load: StreamSource,
    /// A command is under way.
    pub busy: Signal<Out, Bit>,
    lanes: Vec<LaneMemory>,
    state: Reg,
    c: Reg,
    frame: DFF<Bit>,
    full: Reg,
    round: Reg,
    word: Reg,
    row: Reg,
    row_in_frame: Reg,
    row_at: Reg,
    slice: Reg,
    second: DFF<Bit>,
    present: Vec<Reg>,
    own: Reg,
    last: Reg,
    settle: Reg,
    own_live: DelayReset,
    own_wait: Delay,
    jobs: Fifo,
    out_frame: DFF<Bit>,
    out_round: Reg,
    masked: DFF<Bit>,
    out_tile: Reg,
    out_slot: Reg,
    masks: Fifo,
    keys: GroupSelect,
    keys_here: GroupSelect,
    values: GroupSelect,
    here: Wire<Local>,
    shown: Wire<Local>,
    beat: Wire<Local>,
    closes: Signal<Local, Bit>,
    frees: Signal<Local, Bit>,
    _shape: DatapathShape,
    _kv: KvShape,
    _command: KvCommand,
}

impl KvLoader {
    /// Cycles from the last word of a frame to its first beat, while no other frame is before it.
    pub const LATENCY: usize = 1;
    /// Cycles from the grant of the last slice of a frame to its first beat, likewise.
    pub const OWN_LATENCY: usize = READ_LATENCY + 1;
    /// Cycles from a command to the first word or slice that it asks for.
    pub const COMMAND_LATENCY: usize = 1;
    /// Cycles from a beat to the next.
    pub const INTERVAL: usize = 1;

    /// For the memories of `shape` and the ports of `kv`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape, kv: &KvShape) -> Result<KvLoader, ParameterError> {
        shape.check()?;
        let command = KvCommand::of(shape);
        let (lanes, slice) = (shape.lanes, shape.slice_bits());
        let rounds = index_bits(shape.rounds_per_slice());
        let index = LaneMemory::index_bits(lanes);
        let mask = 2 + shape.round();
        let job = HEAD_BITS + 2;
        let groups = lanes / shape.positions();
        let lut = |width: usize, depth: usize| {
            Fifo::new(&FifoOptions {
                storage: Some(Storage::Lutram),
                ..FifoOptions::new(width, depth)
            })
        };
        Ok(KvLoader {
            clock: Default::default(),
            reset: Default::default(),
            command: ItemSink::new(command.bits),
            r#in: StreamSink::new(kv.delivery()),
            want: Default::default(),
            grant: Default::default(),
            address: Wire::new(shape.scratchpad_bits()),
            data: Wire::new(slice),
            mask: ItemSource::new(mask),
            load: StreamSource::new(shape.load_bits()),
            busy: Default::default(),
            lanes: (0..lanes).map(|_| LaneMemory::new(lanes)).collect::<Result<_, _>>()?,
            state: Reg::new(2),
            c: Reg::new(command.bits),
            frame: Default::default(),
            full: Reg::new(2),
            round: Reg::new(rounds),
            word: Reg::new(HEAD_BITS),
            row: Reg::new(shape.row_count_bits()),
            row_in_frame: Reg::new(index_bits(lanes)),
            row_at: Reg::new(shape.scratchpad_bits()),
            slice: Reg::new(HEAD_BITS),
            second: Default::default(),
            present: (0..2).map(|_| Reg::new(lanes)).collect(),
            own: Reg::new(2),
            last: Reg::new(2),
            settle: Reg::new(3),
            own_live: DelayReset::new(1, READ_LATENCY)?,
            own_wait: Delay::new(index + index_bits(lanes) + 1, READ_LATENCY)?,
            jobs: lut(job, 4)?,
            out_frame: Default::default(),
            out_round: Reg::new(rounds),
            masked: Default::default(),
            out_tile: Reg::new(8),
            out_slot: Reg::new(index_bits(shape.slots())),
            masks: lut(mask, 4)?,
            keys: GroupSelect::new(shape.beat_bits(), groups)?,
            keys_here: GroupSelect::new(shape.positions(), groups)?,
            values: GroupSelect::new(shape.beat_bits(), groups)?,
            here: Wire::new(lanes),
            shown: Wire::new(lanes),
            beat: Wire::new(shape.beat_bits()),
            closes: Default::default(),
            frees: Default::default(),
            _shape: *shape,
            _kv: *kv,
            _command: command,
        })
    }
}

impl Logic for KvLoader {
    #[hdl(
        lanes = self._shape.lanes,
        columns = self._shape.columns,
        rows = self._shape.rows,
        scratchpad = self._shape.scratchpad,
        ports = self._kv.machine.ports,
        read_ports = self._kv.machine.read_ports,
        context = self._kv.machine.context
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, state, c, frame, full, round, word, row, row_in_frame, row_at);
        dff_setup!(self, clock, slice, second, own, last, settle, out_frame, out_round, masked);
        dff_setup!(self, clock, out_tile, out_slot);
        clock!(self, clock, own_live, own_wait, jobs, masks);
        let lanes = self._shape.lanes;
        let slice_bits = self._shape.slice_bits();
        let round_size = self._shape.round();
        let rounds = self._shape.rounds_per_slice();
        let streams = self._kv.machine.ports + self._kv.machine.read_ports;
        let token_bits = self._kv.token();
        let positions = self._shape.positions();
        let slots = self._shape.slots();
        let index = LaneMemory::index_bits(lanes);
        let number_bits = LaneMemory::slice_number_bits(lanes);
        let lane_bits = index_bits(lanes);
        let command = self._command;
        let state = self.state.q.val();
        let head = self.c.q.val().slice(command.head.0, HEAD_BITS);

        // Filling: earlier rounds.
        let room =
            !mux(self.frame.q.val(), self.full.q.val().slice(1, 1), self.full.q.val().slice(0, 1))
                .any();
        let earlier = state == EARLIER && room;
        self.r#in.ready.next = earlier;
        let takes = earlier && self.r#in.valid.val();
        let ends_round = self.word.q.val() + 1 == self.c.q.val().slice(command.words.0, HEAD_BITS);
        let ends_frame = self.round.q.val() == rounds - 1;
        let ends_pass = self.r#in.last.val();
        self.closes.next = false;
        let mut closing_own = false;
        let mut closing_last = false;
        for f in 0..2 {
            self.present[f].clock.next = self.clock.val();
            self.present[f].d.next = self.present[f].q.val();
        }
        if takes {
            self.word.d.next = self.word.q.val() + 1;
            if ends_round {
                self.word.d.next = Word::zero(HEAD_BITS);
                self.round.d.next = self.round.q.val() + 1;
                if ends_frame || ends_pass {
                    self.round.d.next = Word::zero(self.round.width());
                    self.closes.next = true;
                }
                if ends_pass {
                    self.state.d.next = Word::new(2, OWN as u128);
                }
            }
        }
        // Filling: own rows, slice by slice.
        let rows = self.c.q.val().slice(command.rows.0, command.rows.1);
        let wants = state == OWN && room;
        self.want.next = wants;
        self.address.next = self.row_at.q.val()
            + mux(self.second.q.val(), head.clone(), Word::zero(HEAD_BITS))
                .zext(self.address.width())
            + self.slice.q.val().zext(self.address.width());
        let reads = wants && self.grant.val();
        let last_slice = self.slice.q.val() + 1 == head;
        let ends_row = last_slice && (self.second.q.val() || self.c.q.val().bit(command.single));
        let ends_rows = self.row.q.val() + 1 == rows;
        let frame_rows = self.row_in_frame.q.val() == lanes - 1;
        if reads {
            self.slice.d.next = self.slice.q.val() + 1;
            if last_slice {
                self.slice.d.next = Word::zero(HEAD_BITS);
                self.second.d.next = !self.second.q.val() && !self.c.q.val().bit(command.single);
            }
            if ends_row {
                self.row.d.next = self.row.q.val() + 1;
                self.row_in_frame.d.next = self.row_in_frame.q.val() + 1;
                self.row_at.d.next =
                    self.row_at.q.val() + self.c.q.val().slice(command.stride.0, command.stride.1);
                if ends_rows || frame_rows {
                    self.row_in_frame.d.next = Word::zero(lane_bits);
                    self.state.d.next = Word::new(2, SETTLING as u128);
                    self.settle.d.next = Word::zero(3);
                }
            }
        }
        // The last slices arrive before the frame is closed.
        if state == SETTLING {
            self.settle.d.next = self.settle.q.val() + 1;
            if self.settle.q.val() == READ_LATENCY - 1 {
                self.closes.next = true;
                closing_own = true;
                closing_last = self.row.q.val() == rows;
                self.state.d.next = mux(
                    self.row.q.val() == rows,
                    Word::new(2, IDLE as u128),
                    Word::new(2, OWN as u128),
                );
            }
        }
        self.own_live.enable.next = true;
        self.own_live.reset.next = self.reset.val();
        self.own_live.d.next = Word::from(reads);
        self.own_wait.enable.next = true;
        let number = mux(self.second.q.val(), head.trunc(number_bits), Word::zero(number_bits))
            + self.slice.q.val().trunc(number_bits);
        self.own_wait.d.next =
            cat!(self.frame.q.val(), self.row_in_frame.q.val(), number.zext(index));

        // Lanes: stream s of round g is lane g S + s.
        let arrived = self.own_wait.q.val();
        let own_live = self.own_live.q.val().any();
        for g in 0..rounds {
            for s in 0..round_size {
                let lane = g * round_size + s;
                self.lanes[lane].clock.next = self.clock.val();
                self.lanes[lane].slice.next = self.data.val();
                self.lanes[lane].slice_write.next =
                    own_live && arrived.slice(index, lane_bits) == lane;
                self.lanes[lane].write_frame.next = self.frame.q.val();
                self.lanes[lane].write_index.next =
                    self.word.q.val().zext(index + HEAD_BITS).trunc(index);
                if own_live {
                    self.lanes[lane].write_frame.next = arrived.bit(index + lane_bits);
                    self.lanes[lane].write_index.next = arrived.trunc(index);
                }
                self.lanes[lane].word_write.next = false;
                self.lanes[lane].word.next = Word::zero(WORD_BITS);
                if s < streams {
                    self.lanes[lane].word_write.next = takes && self.round.q.val() == g;
                    self.lanes[lane].word.next =
                        self.r#in.data.val().slice(s * WORD_BITS, WORD_BITS);
                    let there = self.r#in.data.val().bit(streams * (WORD_BITS + token_bits) + s);
                    for f in 0..2 {
                        let mine = self.frame.q.val() == (f == 1);
                        if takes && ends_round && self.round.q.val() == g && mine {
                            self.present[f].d.next.set_slice(lane, &Word::from(there));
                        }
                    }
                }
                for f in 0..2 {
                    let mine = self.frame.q.val() == (f == 1);
                    if reads && self.row_in_frame.q.val() == lane && mine {
                        self.present[f].d.next.set_slice(lane, &Word::ones(1));
                    }
                }
                self.lanes[lane].read_frame.next = self.out_frame.q.val();
            }
        }

        // Giving.
        let job_head = self.jobs.out.data.val().trunc(HEAD_BITS);
        let values = self.jobs.out.data.val().bit(HEAD_BITS);
        let single = self.jobs.out.data.val().bit(HEAD_BITS + 1);
        let f = self.out_frame.q.val();
        let there = mux(f, self.full.q.val().slice(1, 1), self.full.q.val().slice(0, 1)).any();
        self.here.next = mux(f, self.present[1].q.val(), self.present[0].q.val());
        let own = mux(f, self.own.q.val().slice(1, 1), self.own.q.val().slice(0, 1)).any();
        let ends = mux(f, self.last.q.val().slice(1, 1), self.last.q.val().slice(0, 1)).any();
        let last_round = self.out_round.q.val() == rounds - 1;
        let mut shown = self.here.val().trunc(round_size);
        if values {
            shown = Word::zero(round_size);
        } else if rounds > 1 {
            for g in 1..rounds {
                if self.out_round.q.val() == g {
                    shown = self.here.val().slice(g * round_size, round_size);
                }
            }
        }
        let active = there && self.jobs.out.valid.val();
        let masks = active && !self.masked.q.val();
        self.masks.reset.next = self.reset.val();
        self.masks.r#in.valid.next = masks;
        self.masks.r#in.data.next = cat!(own, ends && (values || last_round), shown);
        self.masks.r#in.last.next = false;
        self.mask.valid.next = self.masks.out.valid.val();
        self.mask.data.next = self.masks.out.data.val();
        self.masks.out.ready.next = self.mask.ready.val();
        if masks && self.masks.r#in.ready.val() {
            self.masked.d.next = true;
        }

        // A beat: which half of the columns, which slots or dims.
        let slot_bits = index_bits(slots);
        let upper = self.out_slot.q.val().slice(slot_bits - 1, 1).any();
        let within = self.out_slot.q.val().trunc(slot_bits - 1);
        let parts = LaneMemory::parts(lanes);
        let line_bits = index_bits(LaneMemory::lines(lanes));
        let head_base = mux(upper, job_head.trunc(number_bits), Word::zero(number_bits));
        // Keys: slice `head + tile`; values: slice and part of the chunk.
        let chunk_shift = rounds.ilog2() as usize;
        let wanted = mux(
            values,
            self.out_tile.q.val().slice(chunk_shift, number_bits),
            self.out_tile.q.val().trunc(number_bits),
        );
        let number = head_base + wanted;
        let mut line = number.trunc(line_bits);
        let mut sub = Word::zero((parts.ilog2() as usize).max(1));
        if lanes < WORD_VALUES {
            let shift = parts.ilog2() as usize;
            line = number.slice(shift, line_bits);
            sub = number.trunc(shift);
        }
        // Positions of a beat of keys are tokens, its lanes dims; of a beat of values, positions are dims, lanes tokens.
        if rounds > 1 {
            self.keys.number.next = cat!(self.out_round.q.val(), within.clone());
            self.values.number.next = cat!(self.out_tile.q.val().trunc(chunk_shift), within);
        } else {
            self.keys.number.next = within.clone();
            self.values.number.next = within;
        }
        self.keys_here.number.next = self.keys.number.val();
        for lane in 0..lanes {
            self.lanes[lane].read_line.next = line.clone();
            // The slice of the line.
            let mut chosen = self.lanes[lane].line.val().trunc(slice_bits);
            if lanes < WORD_VALUES {
                for k in 1..parts {
                    if sub.clone() == k {
                        chosen = self.lanes[lane].line.val().slice(k * slice_bits, slice_bits);
                    }
                }
            }
            self.keys.data.next.set_slice(lane * slice_bits, &chosen);
            for dim in 0..lanes {
                let beat = dim / positions * positions * slice_bits;
                let to = beat + dim % positions * slice_bits + lane * VALUE_BITS;
                self.values.data.next.set_slice(to, &chosen.slice(dim * VALUE_BITS, VALUE_BITS));
            }
        }
        // Zero where there is no token.
        self.shown.next = mux(upper && single, Word::zero(lanes), self.here.val());
        self.keys_here.data.next = self.shown.val();
        for p in 0..positions {
            for lane in 0..lanes {
                let at = p * slice_bits + lane * VALUE_BITS;
                let mut value = self.keys.group.val().slice(at, VALUE_BITS);
                let mut shows = self.keys_here.group.val().bit(p);
                if values {
                    value = self.values.group.val().slice(at, VALUE_BITS);
                    shows = self.shown.val().bit(lane);
                }
                self.beat.next.set_slice(at, &mux(shows, value, Word::zero(VALUE_BITS)));
            }
        }
        // The item goes into its queue with the first beat.
        let gives = active && (self.masked.q.val() || self.masks.r#in.ready.val());
        self.load.valid.next = gives;
        let last_slot = self.out_slot.q.val() == slots - 1;
        self.load.last.next = last_slot;
        self.load.data.next = cat!(false, self.out_slot.q.val(), self.beat.val());
        let tiles = mux(values, job_head.zext(8) << chunk_shift, job_head.zext(8));
        let last_tile = self.out_tile.q.val() + 1 == tiles;
        let leaves = last_tile && (values || last_round);
        self.frees.next = false;
        if gives && self.load.ready.val() {
            self.out_slot.d.next = self.out_slot.q.val() + 1;
            if last_slot {
                self.out_slot.d.next = Word::zero(slot_bits);
                self.out_tile.d.next = self.out_tile.q.val() + 1;
                if last_tile {
                    self.out_tile.d.next = Word::zero(8);
                    self.masked.d.next = false;
                    self.out_round.d.next = self.out_round.q.val() + 1;
                    if leaves {
                        self.out_round.d.next = Word::zero(self.out_round.width());
                        self.frees.next = true;
                        self.out_frame.d.next = !self.out_frame.q.val();
                    }
                }
            }
        }
        self.jobs.out.ready.next = self.frees.val() && ends;

        // Frames change hands.
        for f in 0..2 {
            let mine = self.frame.q.val() == (f == 1);
            let out = self.out_frame.q.val() == (f == 1);
            if self.frees.val() && out {
                self.full.d.next.set_slice(f, &Word::zero(1));
                self.present[f].d.next = Word::zero(lanes);
            }
            if self.closes.val() && mine {
                self.full.d.next.set_slice(f, &Word::ones(1));
                self.own.d.next.set_slice(f, &Word::from(closing_own));
                self.last.d.next.set_slice(f, &Word::from(closing_last));
            }
        }
        if self.closes.val() {
            self.frame.d.next = !self.frame.q.val();
        }

        // Commands.
        self.jobs.reset.next = self.reset.val();
        self.jobs.r#in.last.next = false;
        let begins = state == IDLE && self.command.valid.val() && self.jobs.r#in.ready.val();
        self.command.ready.next = state == IDLE && self.jobs.r#in.ready.val();
        self.jobs.r#in.valid.next = state == IDLE && self.command.valid.val();
        self.jobs.r#in.data.next = cat!(
            self.command.data.val().bit(command.single),
            self.command.data.val().bit(command.values),
            self.command.data.val().slice(command.head.0, HEAD_BITS)
        );
        if begins {
            self.c.d.next = self.command.data.val();
            self.row_at.d.next = self.command.data.val().slice(command.base.0, command.base.1);
            self.row.d.next = Word::zero(self.row.width());
            self.slice.d.next = Word::zero(HEAD_BITS);
            self.second.d.next = false;
            self.word.d.next = Word::zero(HEAD_BITS);
            self.state.d.next = mux(
                self.command.data.val().bit(command.earlier),
                Word::new(2, EARLIER as u128),
                Word::new(2, OWN as u128),
            );
        }
        self.busy.next = self.jobs.out.valid.val();
        if self.reset.val() {
            self.state.d.next = Word::zero(2);
            self.frame.d.next = false;
            self.out_frame.d.next = false;
            self.full.d.next = Word::zero(2);
            self.masked.d.next = false;
            self.round.d.next = Word::zero(self.round.width());
            self.out_round.d.next = Word::zero(self.out_round.width());
            self.out_tile.d.next = Word::zero(8);
            self.out_slot.d.next = Word::zero(slot_bits);
            self.row_in_frame.d.next = Word::zero(lane_bits);
            self.present[0].d.next = Word::zero(lanes);
            self.present[1].d.next = Word::zero(lanes);
        }
    }
}
