//! [`RoundJoin`]: the streams of a round side by side, and what the buffer keeps of them.

use super::shape::{KvShape, PASSES_BITS, WORDS_BITS, WORD_BITS};
use crate::parameter::ParameterError;
use crate::stream::{ItemSink, StreamSink, StreamSource};
use skipopu_hdl::prelude::*;

/// Delivers a layer round by round.
///
/// - Does: at `go` takes the counts loaded before `start`; then, pass by pass and round by round, gives the
///   words of all streams that take part in the round, one word of each a cycle. A stream takes part in as
///   many rounds as it has entries. `out` carries `{present, tokens, words}`, HBM ports first; `last` ends
///   a pass. A word of HBM whose tag says so is written to the port's bank as it goes out.
/// - Does not: reorder. K and V of a layer come in the same order of tokens, which follows from the
///   schedule alone.
/// - Guarantee: a beat a cycle while all streams of the round offer a word and `out.ready` is 1; latency 0.
///   Writing to the banks never holds a beat up.
#[derive(LogicBlock, Ports)]
pub struct RoundJoin {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Ends the layer at once.
    pub reset: Signal<In, Bit>,
    /// Take the counts of port `load_port`.
    pub load: Signal<In, Bit>,
    /// Port.
    pub load_port: Wire<In>,
    /// Entries of that HBM port.
    pub hbm_count: Wire<In>,
    /// Entries of that read port.
    pub buffer_count: Wire<In>,
    /// Rounds of the schedule loaded.
    pub rounds: Wire<In>,
    /// What was loaded is the next layer to deliver.
    pub start: Signal<In, Bit>,
    /// Deliver it.
    pub go: Signal<In, Bit>,
    /// Passes of a layer.
    pub passes: Wire<In>,
    /// Words of a token and pass.
    pub words: Wire<In>,
    /// Slots of a bank in use.
    pub slots: Wire<In>,
    /// From HBM, `{tag, word}`; `last` marks a token's last word of the pass.
    pub hbm: Vec<StreamSink>,
    /// From the buffer, `{token, word}`.
    pub buffer: Vec<ItemSink>,
    /// The rounds.
    pub out: StreamSource,
    /// A layer is being delivered.
    pub busy: Signal<Out, Bit>,
    /// Some `last` was not where a round ends; stays until `reset`.
    pub out_of_step: Signal<Out, Bit>,
    /// Which banks to write.
    pub bank_write: Wire<Out>,
    /// Where, bank 0 lowest.
    pub bank_address: Wire<Out>,
    loaded: Vec<Reg>,
    loaded_rounds: Reg,
    count: Vec<Reg>,
    next: Vec<Reg>,
    next_rounds: Reg,
    last_round: Reg,
    active: DFF<Bit>,
    round: Reg,
    word: Reg,
    pass: Reg,
    row: Reg,
    pass_row: Reg,
    present: Reg,
    waiting: Wire<Local>,
    astray: Wire<Local>,
    lost: DFF<Bit>,
    _shape: KvShape,
}

impl RoundJoin {
    /// Cycles from the streams to `out`.
    pub const LATENCY: usize = 0;

    /// For the ports of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: KvShape) -> Result<RoundJoin, ParameterError> {
        let m = shape.machine;
        let counts = || (0..shape.streams()).map(|_| Reg::new(shape.count())).collect();
        Ok(RoundJoin {
            clock: Default::default(),
            reset: Default::default(),
            load: Default::default(),
            load_port: Wire::new(shape.port()),
            hbm_count: Wire::new(shape.count()),
            buffer_count: Wire::new(shape.count()),
            rounds: Wire::new(shape.count()),
            start: Default::default(),
            go: Default::default(),
            passes: Wire::new(PASSES_BITS),
            words: Wire::new(WORDS_BITS),
            slots: Wire::new(shape.bank_slot() + 1),
            hbm: (0..m.ports).map(|_| StreamSink::new(shape.tag() + WORD_BITS)).collect(),
            buffer: (0..m.read_ports).map(|_| ItemSink::new(shape.token() + WORD_BITS)).collect(),
            out: StreamSource::new(shape.delivery()),
            busy: Default::default(),
            out_of_step: Default::default(),
            bank_write: Wire::new(m.ports),
            bank_address: Wire::new(m.ports * shape.bank_address()),
            loaded: counts(),
            loaded_rounds: Reg::new(shape.count()),
            count: counts(),
            next: counts(),
            next_rounds: Reg::new(shape.count()),
            last_round: Reg::new(shape.count()),
            active: Default::default(),
            round: Reg::new(shape.count()),
            word: Reg::new(WORDS_BITS),
            pass: Reg::new(PASSES_BITS),
            row: Reg::new(shape.bank_address()),
            pass_row: Reg::new(shape.bank_address()),
            present: Reg::new(shape.streams()),
            waiting: Wire::new(shape.streams()),
            astray: Wire::new(m.ports),
            lost: Default::default(),
            _shape: shape,
        })
    }
}

impl Logic for RoundJoin {
    #[hdl(
        ports = self._shape.machine.ports,
        read_ports = self._shape.machine.read_ports,
        context = self._shape.machine.context,
        slots = self._shape.machine.slots,
        bank_words = self._shape.machine.bank_words,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, loaded_rounds, next_rounds, last_round, active);
        dff_setup!(self, clock, round, word, pass, row, pass_row, present, lost);
        let shape = self._shape;
        let ports = self._shape.machine.ports;
        let read_ports = self._shape.machine.read_ports;
        let streams = ports + read_ports;
        let (tag_bits, token_bits) = (shape.tag(), shape.token());
        let (slot_bits, address_bits) = (shape.bank_slot(), shape.bank_address());

        // Streams of this round that have nothing yet.
        for p in 0..ports {
            let missing = self.present.q.val().bit(p) && !self.hbm[p].valid.val();
            self.waiting.next.set_slice(p, &Word::from(missing));
        }
        for g in 0..read_ports {
            let missing = self.present.q.val().bit(ports + g) && !self.buffer[g].valid.val();
            self.waiting.next.set_slice(ports + g, &Word::from(missing));
        }
        let offers = self.active.q.val() && !self.waiting.val().any();
        let fires = offers && self.out.ready.val();

        // Words, tokens, presence.
        self.out.valid.next = offers;
        for p in 0..ports {
            let takes = fires && self.present.q.val().bit(p);
            let data = self.hbm[p].data.val();
            self.hbm[p].ready.next = takes;
            self.out.data.next.set_slice(p * WORD_BITS, &data.trunc(WORD_BITS));
            let tag = data.slice(WORD_BITS, tag_bits);
            let at = streams * WORD_BITS + p * token_bits;
            self.out.data.next.set_slice(at, &tag.trunc(token_bits));
            let keep = takes && tag.bit(tag_bits - 1);
            self.bank_write.next.set_slice(p, &Word::from(keep));
            let slot = tag.slice(token_bits, slot_bits).zext(address_bits);
            self.bank_address.next.set_slice(p * address_bits, &(self.row.q.val() + slot));
        }
        for g in 0..read_ports {
            let data = self.buffer[g].data.val();
            self.buffer[g].ready.next = fires && self.present.q.val().bit(ports + g);
            self.out.data.next.set_slice((ports + g) * WORD_BITS, &data.trunc(WORD_BITS));
            let at = streams * WORD_BITS + (ports + g) * token_bits;
            self.out.data.next.set_slice(at, &data.slice(WORD_BITS, token_bits));
        }
        self.out.data.next.set_slice(streams * (WORD_BITS + token_bits), &self.present.q.val());

        // What comes after this beat.
        let word = self.word.q.val() + 1;
        let ends_round = word == self.words.val();
        let ends_pass = ends_round && self.round.q.val() == self.last_round.q.val();
        for p in 0..ports {
            let wrong = self.present.q.val().bit(p) && (self.hbm[p].last.val() ^ ends_round);
            self.astray.next.set_slice(p, &Word::from(wrong));
        }
        if fires && self.astray.val().any() {
            self.lost.d.next = true;
        }
        self.out_of_step.next = self.lost.q.val();
        let pass = self.pass.q.val() + 1;
        self.out.last.next = ends_pass;
        let next_row = self.row.q.val() + self.slots.val().zext(address_bits);
        let mut next_round = self.round.q.val() + 1;
        if ends_pass {
            next_round = Word::zero(shape.count());
        }
        if fires {
            self.word.d.next = word;
            self.row.d.next = next_row.clone();
            if ends_round {
                self.word.d.next = 0.into();
                self.row.d.next = self.pass_row.q.val();
                self.round.d.next = next_round.clone();
            }
            if ends_pass {
                // The pass ends at its last word, whose row plus one is the next pass's first.
                self.row.d.next = next_row.clone();
                self.pass_row.d.next = next_row;
                self.pass.d.next = pass.clone();
                if pass == self.passes.val() {
                    self.active.d.next = false;
                }
            }
        }
        if self.go.val() {
            self.active.d.next = self.next_rounds.q.val().any();
            self.last_round.d.next = self.next_rounds.q.val() - 1;
            self.round.d.next = 0.into();
            self.word.d.next = 0.into();
            self.pass.d.next = 0.into();
            self.row.d.next = 0.into();
            self.pass_row.d.next = 0.into();
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.lost.d.next = false;
        }
        self.busy.next = self.active.q.val();

        // Counts: loaded, next, in use.
        for s in 0..streams {
            self.loaded[s].clock.next = self.clock.val();
            self.loaded[s].d.next = self.loaded[s].q.val();
            if s < ports {
                if self.load.val() && self.load_port.val() == s {
                    self.loaded[s].d.next = self.hbm_count.val();
                }
            } else {
                if self.load.val() && self.load_port.val() == s - ports {
                    self.loaded[s].d.next = self.buffer_count.val();
                }
            }
            self.next[s].clock.next = self.clock.val();
            self.next[s].d.next = self.next[s].q.val();
            if self.start.val() {
                self.next[s].d.next = self.loaded[s].q.val();
            }
            self.count[s].clock.next = self.clock.val();
            self.count[s].d.next = self.count[s].q.val();
            let takes_part = next_round.clone() < self.count[s].q.val();
            if fires && ends_round {
                self.present.d.next.set_slice(s, &Word::from(takes_part));
            }
            if self.go.val() {
                self.count[s].d.next = self.next[s].q.val();
                self.present.d.next.set_slice(s, &Word::from(self.next[s].q.val().any()));
            }
        }
        if self.load.val() {
            self.loaded_rounds.d.next = self.rounds.val();
        }
        if self.start.val() {
            self.next_rounds.d.next = self.loaded_rounds.q.val();
        }
    }
}
