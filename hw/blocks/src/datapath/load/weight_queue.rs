//! [`WeightQueue`]: words of all HBM ports to the beats of a matrix.

use super::super::shape::DatapathShape;
use crate::dma::{Command, DmaOptions};
use crate::kv::{CHANNEL_BITS, WORD_BITS};
use crate::parameter::{index_bits, require, ParameterError};
use crate::stream::{Fifo, FifoOptions, ItemSink, ItemSource, Storage, StreamSource};
use skipopu_hdl::prelude::*;
use skipopu_isa::set::PORT_WORDS;

/// Chunks that wait for the array.
const DEPTH: usize = 512;
/// Chunks asked for at a time: a burst of 512 bytes of every port.
const PIECE: usize = 8;
/// Matrices under way.
const MATRICES: usize = 16;
/// Bits of a matrix's first unit.
pub const UNIT_BITS: usize = 22;
/// Bits of its number of beats.
pub const BEATS_BITS: usize = 26;
/// Bits of the end of a matrix, in units.
const END_BITS: usize = BEATS_BITS + 1;
/// Bytes of a unit.
const UNIT_SHIFT: usize = 6;

/// Reads matrices and gives their load beats.
///
/// A *chunk* is a word of 64 bytes of every port, side by side: the units of a matrix are striped so. A chunk holds one or more
/// beats.
///
/// - Does: a matrix per command `{beats, unit}`, taken when all reads of the one before are on their way. Reads are asked
///   for in pieces of 8 chunks, when there is room. `last` goes with a matrix's last beat; what its last chunk holds beyond
///   is dropped.
///   A matrix that goes beyond the ports' memory is not read: `fault` says so.
/// - Guarantee: a beat a cycle while chunks are there. Words are taken as they come, whatever other ports do: there is room for
///   everything asked for, so that keys and values behind them are never held up.
#[derive(LogicBlock, Ports)]
pub struct WeightQueue {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// `{beats, unit}`.
    pub command: ItemSink,
    /// Reads by port, `{bytes, address}`.
    pub read_command: Vec<ItemSource>,
    /// Words by port.
    pub read: Vec<ItemSink>,
    /// Beats.
    pub out: StreamSource,
    /// Reads are still to be asked for.
    pub behind: Signal<Out, Bit>,
    /// There are beats that were not taken.
    pub left_over: Signal<Out, Bit>,
    /// A matrix goes beyond the memory.
    pub fault: Signal<Out, Bit>,
    /// Its last unit.
    pub fault_unit: Wire<Out>,
    words: Vec<Fifo>,
    matrices: Fifo,
    asking: DFF<Bit>,
    pending: Reg,
    left: Reg,
    unit: Reg,
    size: Reg,
    room: Reg,
    beat: Reg,
    given: Reg,
    chunk: Wire<Local>,
    wrong: DFF<Bit>,
    end: Reg,
    missing: Wire<Local>,
    still: Wire<Local>,
    goes: Signal<Local, Bit>,
    _shape: DatapathShape,
    _options: DmaOptions,
}

impl WeightQueue {
    /// For the ports of `shape`.
    ///
    /// # Errors
    /// A beat that is larger than a chunk.
    pub fn new(shape: &DatapathShape) -> Result<WeightQueue, ParameterError> {
        shape.check()?;
        let ports = shape.hbm_ports;
        let chunk = ports * WORD_BITS;
        let legal = "a word of 64 bytes of each must hold a load beat";
        let ok = chunk % shape.beat_bits() == 0 && ports.is_power_of_two();
        require(ok, "weight queue", "HBM ports", ports, legal)?;
        let options = DmaOptions::hbm();
        let command = Command::bits(&options) - options.tag_bits;
        let matrices = FifoOptions {
            storage: Some(Storage::Lutram),
            ..FifoOptions::new(BEATS_BITS, MATRICES)
        };
        let words =
            FifoOptions { storage: Some(Storage::Bram), ..FifoOptions::new(WORD_BITS, DEPTH) };
        Ok(WeightQueue {
            clock: Default::default(),
            reset: Default::default(),
            command: ItemSink::new(UNIT_BITS + BEATS_BITS),
            read_command: (0..ports).map(|_| ItemSource::new(command)).collect(),
            read: (0..ports).map(|_| ItemSink::new(WORD_BITS)).collect(),
            out: StreamSource::new(shape.beat_bits()),
            behind: Default::default(),
            left_over: Default::default(),
            fault: Default::default(),
            fault_unit: Wire::new(END_BITS),
            words: (0..ports).map(|_| Fifo::new(&words)).collect::<Result<_, _>>()?,
            matrices: Fifo::new(&matrices)?,
            asking: Default::default(),
            pending: Reg::new(ports),
            left: Reg::new(BEATS_BITS),
            unit: Reg::new(UNIT_BITS),
            size: Reg::new(4),
            room: Reg::with_init(Word::new(index_bits(DEPTH + 1), DEPTH as u128)),
            beat: Reg::new(index_bits(chunk / shape.beat_bits())),
            given: Reg::new(BEATS_BITS),
            chunk: Wire::new(chunk),
            wrong: Default::default(),
            end: Reg::new(END_BITS),
            missing: Wire::new(ports),
            still: Wire::new(ports),
            goes: Default::default(),
            _shape: *shape,
            _options: options,
        })
    }
}

impl Logic for WeightQueue {
    #[hdl(ports = self._shape.hbm_ports, beat = self._shape.beat_bits())]
    fn update(&mut self) {
        dff_setup!(self, clock, asking, pending, left, unit, size, room, beat, given, wrong, end);
        clock!(self, clock, matrices);
        let ports = self._shape.hbm_ports;
        let beat_bits = self._shape.beat_bits();
        let beats = ports * WORD_BITS / beat_bits;
        let room_bits = index_bits(DEPTH + 1);
        self.matrices.reset.next = self.reset.val();

        // A matrix: as many chunks as hold its beats.
        let begins =
            self.command.valid.val() && !self.asking.q.val() && self.matrices.r#in.ready.val();
        self.command.ready.next = !self.asking.q.val() && self.matrices.r#in.ready.val();
        let count = self.command.data.val().slice(UNIT_BITS, BEATS_BITS);
        self.matrices.r#in.valid.next = self.command.valid.val() && !self.asking.q.val();
        self.matrices.r#in.data.next = count.clone();
        self.matrices.r#in.last.next = false;

        // Its reads, piece by piece; every port takes its command in its own time.
        let mut back = Word::zero(room_bits);
        let piece = self.left.q.val() >= PIECE;
        let now = mux(piece, Word::new(4, PIECE as u128), self.left.q.val().trunc(4));
        let fits = self.room.q.val() >= now.clone().zext(room_bits);
        self.goes.next = self.asking.q.val() && !self.pending.q.val().any() && fits;
        if self.goes.val() {
            self.size.d.next = now.clone();
            self.pending.d.next = Word::ones(ports);
        }
        for p in 0..ports {
            self.read_command[p].valid.next = self.pending.q.val().bit(p);
            let bytes = self.size.q.val().zext(24) << UNIT_SHIFT;
            let port = Word::new(33 - CHANNEL_BITS, p as u128);
            self.read_command[p].data.next =
                cat!(bytes, port, self.unit.q.val(), Word::zero(UNIT_SHIFT));
            if self.pending.q.val().bit(p) && self.read_command[p].ready.val() {
                self.pending.d.next.set_slice(p, &Word::zero(1));
            }
        }
        let mut taken = Word::zero(room_bits);
        if self.goes.val() {
            taken = now.zext(room_bits);
        }
        // A piece is done when the last port has taken it.
        for p in 0..ports {
            let still = self.pending.q.val().bit(p) && !self.read_command[p].ready.val();
            self.still.next.set_slice(p, &Word::from(still));
        }
        if self.pending.q.val().any() && !self.still.val().any() {
            self.unit.d.next = self.unit.q.val() + self.size.q.val().zext(UNIT_BITS);
            self.left.d.next = self.left.q.val() - self.size.q.val().zext(BEATS_BITS);
            if self.left.q.val() == self.size.q.val().zext(BEATS_BITS) {
                self.asking.d.next = false;
            }
        }
        if begins {
            let whole = count + Word::new(BEATS_BITS, beats as u128 - 1);
            let chunks = whole >> (beats.ilog2() as usize);
            self.asking.d.next = chunks.any();
            self.left.d.next = chunks.clone();
            self.unit.d.next = self.command.data.val().trunc(UNIT_BITS);
            let end =
                self.command.data.val().trunc(UNIT_BITS).zext(END_BITS) + chunks.zext(END_BITS);
            self.end.d.next = end.clone();
            if end > Word::new(END_BITS, PORT_WORDS as u128) {
                self.asking.d.next = false;
                self.wrong.d.next = true;
            }
        }

        // Words side by side.
        for p in 0..ports {
            self.words[p].clock.next = self.clock.val();
            self.words[p].reset.next = self.reset.val();
            self.words[p].r#in.valid.next = self.read[p].valid.val();
            self.words[p].r#in.data.next = self.read[p].data.val();
            self.words[p].r#in.last.next = false;
            self.read[p].ready.next = self.words[p].r#in.ready.val();
            self.missing.next.set_slice(p, &Word::from(!self.words[p].out.valid.val()));
            self.chunk.next.set_slice(p * WORD_BITS, &self.words[p].out.data.val());
        }

        // Chunks to beats.
        let there = !self.missing.val().any() && self.matrices.out.valid.val();
        let ends = self.given.q.val() + 1 == self.matrices.out.data.val();
        self.out.valid.next = there;
        self.out.last.next = ends;
        self.out.data.next = self.chunk.val().trunc(beat_bits);
        let mut last_beat = true;
        if beats > 1 {
            last_beat = self.beat.q.val() == beats - 1;
            for b in 1..beats {
                if self.beat.q.val() == b {
                    self.out.data.next = self.chunk.val().slice(b * beat_bits, beat_bits);
                }
            }
        }
        let gives = there && self.out.ready.val();
        for p in 0..ports {
            self.words[p].out.ready.next = gives && (last_beat || ends);
        }
        self.matrices.out.ready.next = gives && ends;
        if gives {
            self.given.d.next = self.given.q.val() + 1;
            self.beat.d.next = self.beat.q.val() + 1;
            if last_beat || ends {
                self.beat.d.next = Word::zero(self.beat.width());
                back = Word::new(room_bits, 1);
            }
            if ends {
                self.given.d.next = Word::zero(BEATS_BITS);
            }
        }
        self.room.d.next = self.room.q.val() + back - taken;
        self.behind.next = self.asking.q.val();
        self.left_over.next = self.asking.q.val() || self.matrices.out.valid.val();
        self.fault.next = self.wrong.q.val();
        self.fault_unit.next = self.end.q.val() - 1;
        if self.reset.val() {
            self.wrong.d.next = false;
            self.asking.d.next = false;
            self.pending.d.next = Word::zero(ports);
            self.room.d.next = Word::new(room_bits, DEPTH as u128);
            self.beat.d.next = Word::zero(self.beat.width());
            self.given.d.next = Word::zero(BEATS_BITS);
        }
    }
}
