//! [`BufferReader`]: one read port's list of a schedule, turned into words.

use super::shape::{KvShape, PASSES_BITS, WORDS_BITS, WORD_BITS};
use crate::parameter::{require, ParameterError};
use crate::primitives::{Bram, DelayReset};
use crate::stream::{Fifo, FifoOptions, ItemSource, Occupancy, Storage};
use skipopu_hdl::prelude::*;

/// Words on their way and waiting.
const DEPTH: usize = 16;
/// Read latency of the banks.
pub(crate) const BANK_LATENCY: usize = 3;

/// Holds two lists of a read port, one played while the other is written, and reads the banks it shares.
///
/// - Does: `start` takes the count last loaded; at `go` it begins to play that list: pass by pass, entry
///   by entry, word by word it reads the entry's bank and gives `{token, word}`. Word `w` of pass `p` of
///   the token in slot `s` lies at `(p * words + w) * slots + s`: counted up, so that nothing is
///   multiplied.
/// - Does not: read a bank that another port reads.
/// - Guarantee: a word a cycle; at most 16 words ahead of the receiver; the first one
///   [`BufferReader::LATENCY`] cycles after `go`.
#[derive(LogicBlock, Ports)]
pub struct BufferReader {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Stops, dropping words not taken.
    pub reset: Signal<In, Bit>,
    /// Write an entry?
    pub write: Signal<In, Bit>,
    /// To which list.
    pub write_list: Signal<In, Bit>,
    /// To which round.
    pub write_round: Wire<In>,
    /// `{token, select, bank slot}`.
    pub write_entry: Wire<In>,
    /// Take `load_count` as the number of entries of the list written last.
    pub load: Signal<In, Bit>,
    /// Entries.
    pub load_count: Wire<In>,
    /// The list last loaded is the next to play.
    pub start: Signal<In, Bit>,
    /// Which list.
    pub start_list: Signal<In, Bit>,
    /// Play it.
    pub go: Signal<In, Bit>,
    /// Passes of a layer.
    pub passes: Wire<In>,
    /// Words of a token and pass.
    pub words: Wire<In>,
    /// Slots of a bank in use.
    pub slots: Wire<In>,
    /// Which banks to read, bit i for the i-th of this port.
    pub bank_enable: Wire<Out>,
    /// Where.
    pub bank_address: Wire<Out>,
    /// Their words, bank 0 lowest.
    pub bank_words: Wire<In>,
    /// `{token, word}`.
    pub out: ItemSource,
    lists: Bram,
    fifo: Fifo,
    held: Occupancy,
    loaded: Reg,
    next_count: Reg,
    next_list: DFF<Bit>,
    count: Reg,
    list: DFF<Bit>,
    active: DFF<Bit>,
    round: Reg,
    word: Reg,
    pass: Reg,
    row: Reg,
    pass_row: Reg,
    read: DFF<Bit>,
    read_row: Reg,
    arrives: DelayReset,
    waits: Vec<Reg>,
    chosen: Wire<Local>,
    _shape: KvShape,
    _banks: usize,
}

impl BufferReader {
    /// Cycles from `go` to the first word.
    pub const LATENCY: usize = 3 + BANK_LATENCY + Storage::Lutram.latency() - 1;

    /// A read port of `banks` banks.
    ///
    /// # Errors
    /// Unless there are 1 to 32 banks; a size out of range.
    pub fn new(shape: KvShape, banks: usize) -> Result<BufferReader, ParameterError> {
        require((1..=32).contains(&banks), "KV read port", "banks", banks, "must be 1 to 32")?;
        let out = shape.token() + WORD_BITS;
        let options =
            FifoOptions { storage: Some(Storage::Lutram), ..FifoOptions::new(out, DEPTH) };
        let tag = shape.token() + shape.select();
        Ok(BufferReader {
            clock: Default::default(),
            reset: Default::default(),
            write: Default::default(),
            write_list: Default::default(),
            write_round: Wire::new(shape.token()),
            write_entry: Wire::new(shape.buffer_entry()),
            load: Default::default(),
            load_count: Wire::new(shape.count()),
            start: Default::default(),
            start_list: Default::default(),
            go: Default::default(),
            passes: Wire::new(PASSES_BITS),
            words: Wire::new(WORDS_BITS),
            slots: Wire::new(shape.bank_slot() + 1),
            bank_enable: Wire::new(banks),
            bank_address: Wire::new(shape.bank_address()),
            bank_words: Wire::new(banks * WORD_BITS),
            out: ItemSource::new(out),
            lists: Bram::new(shape.buffer_entry(), 2 * shape.machine.context, 1)?,
            fifo: Fifo::new(&options)?,
            held: Occupancy::new(DEPTH, DEPTH)?,
            loaded: Reg::new(shape.count()),
            next_count: Reg::new(shape.count()),
            next_list: Default::default(),
            count: Reg::new(shape.count()),
            list: Default::default(),
            active: Default::default(),
            round: Reg::new(shape.token()),
            word: Reg::new(WORDS_BITS),
            pass: Reg::new(PASSES_BITS),
            row: Reg::new(shape.bank_address()),
            pass_row: Reg::new(shape.bank_address()),
            read: Default::default(),
            read_row: Reg::new(shape.bank_address()),
            arrives: DelayReset::new(1, BANK_LATENCY)?,
            waits: (0..BANK_LATENCY).map(|_| Reg::new(tag)).collect(),
            chosen: Wire::new(WORD_BITS),
            _shape: shape,
            _banks: banks,
        })
    }
}

impl Logic for BufferReader {
    #[hdl(
        banks = self._banks,
        context = self._shape.machine.context,
        bank_words = self._shape.machine.bank_words,
        slots = self._shape.machine.slots,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, loaded, next_count, next_list, count, list, active);
        dff_setup!(self, clock, round, word, pass, row, pass_row, read, read_row);
        clock!(self, clock, lists, fifo, held, arrives);
        let shape = self._shape;
        let (slot_bits, address_bits) = (shape.bank_slot(), shape.bank_address());

        if self.load.val() {
            self.loaded.d.next = self.load_count.val();
        }
        if self.start.val() {
            self.next_count.d.next = self.loaded.q.val();
            self.next_list.d.next = self.start_list.val();
        }

        // The next word to read.
        let issue = self.active.q.val() && self.held.not_full.val();
        let word = self.word.q.val() + 1;
        let round = self.round.q.val().zext(shape.count()) + 1;
        let pass = self.pass.q.val() + 1;
        // The last word of a pass is followed by the first of the next.
        let next_row = self.row.q.val() + self.slots.val().zext(address_bits);
        if issue {
            self.word.d.next = word.clone();
            self.row.d.next = next_row.clone();
            if word == self.words.val() {
                self.word.d.next = 0.into();
                self.row.d.next = self.pass_row.q.val();
                self.round.d.next = round.trunc(shape.token());
                if round == self.count.q.val() {
                    self.round.d.next = 0.into();
                    self.pass.d.next = pass.clone();
                    self.row.d.next = next_row.clone();
                    self.pass_row.d.next = next_row;
                    if pass == self.passes.val() {
                        self.active.d.next = false;
                    }
                }
            }
        }
        if self.go.val() {
            self.count.d.next = self.next_count.q.val();
            self.list.d.next = self.next_list.q.val();
            self.active.d.next = self.next_count.q.val().any();
            self.round.d.next = 0.into();
            self.word.d.next = 0.into();
            self.pass.d.next = 0.into();
            self.row.d.next = 0.into();
            self.pass_row.d.next = 0.into();
        }
        self.lists.write_enable.next = self.write.val();
        self.lists.write_address.next = cat!(self.write_list.val(), self.write_round.val());
        self.lists.write_data.next = self.write_entry.val();
        self.lists.read_enable.next = issue;
        self.lists.read_address.next = cat!(self.list.q.val(), self.round.q.val());

        // Its bank.
        let entry = self.lists.read_data.val();
        let select = entry.slice(slot_bits, shape.select());
        self.read.d.next = issue;
        self.read_row.d.next = self.row.q.val();
        self.bank_address.next = self.read_row.q.val() + entry.trunc(slot_bits).zext(address_bits);
        for b in 0..self._banks {
            let here = self.read.q.val() && select.clone() == b;
            self.bank_enable.next.set_slice(b, &Word::from(here));
        }
        self.arrives.enable.next = true;
        self.arrives.reset.next = self.reset.val();
        self.arrives.d.next = Word::from(self.read.q.val());
        for i in 0..BANK_LATENCY {
            self.waits[i].clock.next = self.clock.val();
            if i == 0 {
                self.waits[i].d.next = entry.slice(slot_bits, shape.select() + shape.token());
            } else {
                self.waits[i].d.next = self.waits[i - 1].q.val();
            }
        }

        // The word.
        let arrived = self.waits[BANK_LATENCY - 1].q.val();
        let from = arrived.trunc(shape.select());
        self.chosen.next = self.bank_words.val().trunc(WORD_BITS);
        for b in 1..self._banks {
            if from.clone() == b {
                self.chosen.next = self.bank_words.val().slice(b * WORD_BITS, WORD_BITS);
            }
        }
        self.fifo.reset.next = self.reset.val();
        self.fifo.r#in.valid.next = self.arrives.q.val().any();
        self.fifo.r#in.data.next =
            cat!(arrived.slice(shape.select(), shape.token()), self.chosen.val());
        self.fifo.r#in.last.next = false;
        self.out.valid.next = self.fifo.out.valid.val();
        self.out.data.next = self.fifo.out.data.val();
        self.fifo.out.ready.next = self.out.ready.val();

        // Room is reserved before a word is read.
        self.held.reset.next = self.reset.val();
        self.held.push.next = issue;
        self.held.pop.next = self.fifo.out.valid.val() && self.out.ready.val();
        if self.reset.val() {
            self.active.d.next = false;
            self.read.d.next = false;
        }
    }
}
