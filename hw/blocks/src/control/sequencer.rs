//! [`Sequencer`]: the program's control flow.

use super::decode::WORD;
use super::semaphores::PAIRS;
use super::{Decoder, Issuer, Semaphores, UNITS};
use crate::parameter::{index_bits, require, ParameterError};
use crate::primitives::UramMemory;
use crate::stream::ItemSource;
use skipopu_hdl::prelude::*;
use skipopu_isa::set::by_mnemonic;
use skipopu_isa::spec::{SIGNAL_LOW, WAIT_LOW};
use skipopu_isa::value::Rows;
use skipopu_isa::{Cause, FieldSpec};

/// Instructions that a unit's queue holds.
pub const QUEUE: usize = 64;

/// Instructions of the program memory in the catalogue: one UltraRAM deep.
pub const PROGRAM: usize = skipopu_isa::program::CAPACITY;

/// Cycles of a read of the program memory.
const MEMORY: usize = 2;

/// Cycles from the address to the verdict on the instruction.
const FETCH: usize = MEMORY + Decoder::LATENCY;

/// Bits of the counters.
const COUNT: usize = 32;

/// States.
const IDLE: usize = 0;
const FETCHING: usize = 1;
const DECIDING: usize = 2;

/// The units that get instructions: all but control, in their order.
const SERVED: usize = UNITS - 1;

/// A field's place.
#[derive(Clone, Copy, Debug)]
struct Place {
    low: usize,
    bits: usize,
}

impl From<&FieldSpec> for Place {
    fn from(f: &FieldSpec) -> Place {
        Place { low: f.low as usize, bits: f.bits as usize }
    }
}

/// What the sequencer knows of control's own instructions.
#[derive(Clone, Copy, Debug)]
struct Own {
    end: u128,
    sync: u128,
    set: u128,
    branch: u128,
    register: Place,
    value: Place,
    rows: Place,
    target: Place,
}

impl Own {
    fn new() -> Own {
        let spec = |name: &str| by_mnemonic(name).expect("control's instructions are in the table");
        let opcode = |name: &str| u128::from(spec(name).opcode);
        let place = |name: &str, field: &str| {
            Place::from(spec(name).field(field).expect("its fields are in the table"))
        };
        Own {
            end: opcode("end"),
            sync: opcode("sync"),
            set: opcode("set"),
            branch: opcode("branch"),
            register: place("set", "register"),
            value: place("set", "value"),
            rows: place("branch", "rows"),
            target: place("branch", "target"),
        }
    }
}

/// Runs a program: fetches an instruction, hands it to its unit or executes it, branches, ends, stops.
///
/// - Does: holds the program; `start` runs it from instruction 0 with empty semaphores. Each unit gets its instructions in
///   order, when its tokens are there ([`Issuer`]). `end` waits until every unit is idle.
/// - Does not: read DDR. Whoever loads a program writes it here, and checks header and checksum.
/// - Guarantee: at an illegal instruction, behind the last one, at an overflowing semaphore, at a unit's fault, or when for
///   `watchdog` cycles nothing was handed out or finished, it stops, `cause` and `pc` say why and where, and no
///   further instruction is handed out.
///
/// An instruction takes [`Sequencer::INTERVAL`] cycles of control.
#[derive(LogicBlock, Ports)]
pub struct Sequencer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Ends whatever runs.
    pub reset: Signal<In, Bit>,
    /// Write the program?
    pub program_write: Signal<In, Bit>,
    /// Which instruction.
    pub program_address: Wire<In>,
    /// The instruction.
    pub program_data: Wire<In>,
    /// Instructions of the program.
    pub length: Wire<In>,
    /// Begin.
    pub start: Signal<In, Bit>,
    /// Cycles without anything happening after which the core stops.
    pub watchdog: Wire<In>,
    /// Does attention run for some row? Does the feed-forward part? Bit 0 and 1.
    pub running: Wire<In>,
    /// A unit has finished its instruction: load, compute, store.
    pub finished: Wire<In>,
    /// A unit reports a fault: load, compute, store.
    pub fault: Wire<In>,
    /// Instructions for the load unit.
    pub load: ItemSource,
    /// Instructions for the compute unit.
    pub compute: ItemSource,
    /// Instructions for the store unit.
    pub store: ItemSource,
    /// Write a register?
    pub set_enable: Signal<Out, Bit>,
    /// Which one.
    pub set_register: Wire<Out>,
    /// Its value.
    pub set_value: Wire<Out>,
    /// A program runs.
    pub busy: Signal<Out, Bit>,
    /// Why the last program stopped, by the number of its [`Cause`]; 0 if it ended.
    pub cause: Wire<Out>,
    /// The instruction that is at, or at which it stopped.
    pub pc: Wire<Out>,
    /// Instructions that control has executed or handed out since `start`.
    pub instructions: Wire<Out>,
    /// Branches that went elsewhere since `start`.
    pub branches: Wire<Out>,
    memory: UramMemory,
    decoder: Decoder,
    issuer: Vec<Issuer>,
    semaphores: Semaphores,
    state: Reg,
    step: Reg,
    counter: Reg,
    quiet: Reg,
    why: Reg,
    handed: Reg,
    taken: Reg,
    given: Reg,
    took: Reg,
    word: Wire<Local>,
    opcode: Wire<Local>,
    own_held: Wire<Local>,
    own_take: Wire<Local>,
    own_give: Wire<Local>,
    give: Wire<Local>,
    take: Wire<Local>,
    hand: Wire<Local>,
    accepted: Wire<Local>,
    idle: Wire<Local>,
    tokens: Signal<Local, Bit>,
    skip: Signal<Local, Bit>,
    done: Signal<Local, Bit>,
    _own: Own,
    _depth: usize,
}

impl Sequencer {
    /// Cycles of control for an instruction that nothing holds up.
    pub const INTERVAL: usize = FETCH + 1;

    /// Bits of an instruction's number: one more than a branch can name.
    pub fn pc_bits() -> usize {
        Own::new().target.bits + 1
    }

    /// For programs of up to `depth` instructions.
    ///
    /// # Errors
    /// Unless `depth` is a power of two from 4096 to 65536.
    pub fn new(depth: usize) -> Result<Sequencer, ParameterError> {
        let legal = depth.is_power_of_two() && (4096..=65_536).contains(&depth);
        let must = "must be a power of two, 4096 to 65536";
        require(legal, "sequencer", "depth", depth, must)?;
        let address = index_bits(depth);
        let register = Own::new().register.bits;
        Ok(Sequencer {
            clock: Default::default(),
            reset: Default::default(),
            program_write: Default::default(),
            program_address: Wire::new(address),
            program_data: Wire::new(WORD),
            length: Wire::new(Self::pc_bits()),
            start: Default::default(),
            watchdog: Wire::new(COUNT),
            running: Wire::new(2),
            finished: Wire::new(SERVED),
            fault: Wire::new(SERVED),
            load: ItemSource::new(WORD),
            compute: ItemSource::new(WORD),
            store: ItemSource::new(WORD),
            set_enable: Default::default(),
            set_register: Wire::new(register),
            set_value: Wire::new(32),
            busy: Default::default(),
            cause: Wire::new(Cause::BITS),
            pc: Wire::new(Self::pc_bits()),
            instructions: Wire::new(COUNT),
            branches: Wire::new(COUNT),
            memory: UramMemory::new(WORD, depth, MEMORY)?,
            decoder: Decoder::new(),
            issuer: (0..SERVED).map(|_| Issuer::new(QUEUE)).collect::<Result<_, _>>()?,
            semaphores: Semaphores::new(),
            state: Reg::new(2),
            step: Reg::new(index_bits(FETCH)),
            counter: Reg::new(Self::pc_bits()),
            quiet: Reg::new(COUNT),
            why: Reg::new(Cause::BITS),
            handed: Reg::new(COUNT),
            taken: Reg::new(COUNT),
            given: Reg::new(PAIRS),
            took: Reg::new(PAIRS),
            word: Wire::new(WORD),
            opcode: Wire::new(8),
            own_held: Wire::new(UNITS),
            own_take: Wire::new(UNITS),
            own_give: Wire::new(UNITS),
            give: Wire::new(PAIRS),
            take: Wire::new(PAIRS),
            hand: Wire::new(SERVED),
            accepted: Wire::new(SERVED),
            idle: Wire::new(SERVED),
            tokens: Default::default(),
            skip: Default::default(),
            done: Default::default(),
            _own: Own::new(),
            _depth: depth,
        })
    }
}

impl Logic for Sequencer {
    #[hdl(depth = self._depth)]
    fn update(&mut self) {
        dff_setup!(self, clock, state, step, counter, quiet, why, handed, taken, given, took);
        clock!(self, clock, memory, decoder, semaphores);
        let address = index_bits(self._depth);
        let state = self.state.q.val();
        let idle = state == IDLE;
        let fetching = state == FETCHING;
        let deciding = state == DECIDING;

        // The program; the instruction stays at the decoder while it is decided.
        self.memory.write_enable.next = self.program_write.val();
        self.memory.write_address.next = self.program_address.val();
        self.memory.write_data.next = self.program_data.val();
        self.memory.byte_enable.next = Word::ones(WORD / 8);
        self.memory.read_enable.next = true;
        self.memory.read_address.next = self.counter.q.val().trunc(address);
        self.word.next = self.memory.read_data.val();
        self.decoder.word.next = self.word.val();
        self.opcode.next = self.word.val().trunc(8);

        // Units.
        for i in 0..SERVED {
            self.issuer[i].clock.next = self.clock.val();
            self.issuer[i].reset.next = self.reset.val() || idle;
            self.issuer[i].finished.next = self.finished.val().bit(i);
            self.accepted.next.set_slice(i, &Word::from(self.issuer[i].r#in.ready.val()));
            self.idle.next.set_slice(i, &Word::from(self.issuer[i].idle.val()));
            for j in 0..UNITS {
                self.issuer[i]
                    .held
                    .next
                    .set_slice(j, &Word::from(self.semaphores.held.val().bit(j * UNITS + i + 1)));
                self.take
                    .next
                    .set_slice(j * UNITS + i + 1, &Word::from(self.issuer[i].take.val().bit(j)));
            }
            self.give.next.set_slice((i + 1) * UNITS, &self.issuer[i].give.val());
        }
        self.load.valid.next = self.issuer[0].out.valid.val();
        self.load.data.next = self.issuer[0].out.data.val();
        self.issuer[0].out.ready.next = self.load.ready.val();
        self.compute.valid.next = self.issuer[1].out.valid.val();
        self.compute.data.next = self.issuer[1].out.data.val();
        self.issuer[1].out.ready.next = self.compute.ready.val();
        self.store.valid.next = self.issuer[2].out.valid.val();
        self.store.data.next = self.issuer[2].out.data.val();
        self.issuer[2].out.ready.next = self.store.ready.val();

        // What the instruction at hand may do.
        let wait = self.word.val().slice(WAIT_LOW as usize, UNITS);
        for j in 0..UNITS {
            let held = self.semaphores.held.val().bit(j * UNITS);
            self.own_held.next.set_slice(j, &Word::from(held));
        }
        self.tokens.next = !(wait.clone() & !self.own_held.val()).any();
        let rows = self.word.val().slice(self._own.rows.low, self._own.rows.bits);
        let attention = rows == Rows::Attention as usize;
        let forward = rows == Rows::Forward as usize;
        self.skip.next =
            (attention && !self.running.val().bit(0)) || (forward && !self.running.val().bit(1));

        // Defaults.
        self.hand.next = Word::zero(SERVED);
        self.own_take.next = Word::zero(UNITS);
        self.own_give.next = Word::zero(UNITS);
        self.set_enable.next = false;
        self.done.next = false;
        let all_idle = self.idle.val().all();
        let settled = all_idle && !self.given.q.val().any();
        let is_end = self.opcode.val() == Word::new(8, self._own.end);
        let is_sync = self.opcode.val() == Word::new(8, self._own.sync);
        let is_set = self.opcode.val() == Word::new(8, self._own.set);
        let is_branch = self.opcode.val() == Word::new(8, self._own.branch);

        if idle {
            if self.start.val() {
                self.state.d.next = Word::new(2, FETCHING as u128);
                self.step.d.next = Word::zero(index_bits(FETCH));
                self.counter.d.next = Word::zero(Self::pc_bits());
                self.quiet.d.next = Word::zero(COUNT);
                self.why.d.next = Word::zero(Cause::BITS);
                self.handed.d.next = Word::zero(COUNT);
                self.taken.d.next = Word::zero(COUNT);
            }
        } else if fetching {
            self.step.d.next = self.step.q.val() + 1;
            if self.step.q.val() == FETCH - 1 {
                self.state.d.next = Word::new(2, DECIDING as u128);
            }
            if self.counter.q.val() >= self.length.val() {
                // What was handed out before is done first.
                self.step.d.next = Word::zero(index_bits(FETCH));
                self.state.d.next = Word::new(2, FETCHING as u128);
                if settled {
                    self.why.d.next = Word::new(Cause::BITS, Cause::Left as u128);
                    self.state.d.next = Word::new(2, IDLE as u128);
                }
            }
        } else if deciding {
            if self.decoder.cause.val().any() {
                if settled {
                    self.why.d.next = self.decoder.cause.val();
                    self.state.d.next = Word::new(2, IDLE as u128);
                }
            } else if self.decoder.unit.val().any() {
                for i in 0..SERVED {
                    if self.decoder.unit.val() == i + 1 {
                        self.hand.next.set_slice(i, &Word::ones(1));
                        self.done.next = self.accepted.val().bit(i);
                    }
                }
            } else if self.tokens.val() {
                if is_end {
                    if settled {
                        self.state.d.next = Word::new(2, IDLE as u128);
                        self.handed.d.next = self.handed.q.val() + 1;
                    }
                } else if is_sync {
                    self.done.next = settled && !self.semaphores.held.val().any();
                } else {
                    self.done.next = true;
                    self.set_enable.next = is_set;
                }
                if self.done.val() {
                    self.own_take.next = wait;
                    self.own_give.next = self.word.val().slice(SIGNAL_LOW as usize, UNITS);
                }
            }
            if self.done.val() {
                self.state.d.next = Word::new(2, FETCHING as u128);
                self.step.d.next = Word::zero(index_bits(FETCH));
                self.handed.d.next = self.handed.q.val() + 1;
                if is_branch && self.skip.val() {
                    let target = self.word.val().slice(self._own.target.low, self._own.target.bits);
                    self.counter.d.next = target.zext(Self::pc_bits());
                    self.taken.d.next = self.taken.q.val() + 1;
                } else {
                    self.counter.d.next = self.counter.q.val() + 1;
                }
            }
        }

        // What ends a program early.
        if !idle {
            self.quiet.d.next = self.quiet.q.val() + 1;
            if self.done.val() || self.finished.val().any() {
                self.quiet.d.next = Word::zero(COUNT);
            }
            if self.fault.val().any() {
                self.why.d.next = Word::new(Cause::BITS, Cause::Unit as u128);
                self.state.d.next = Word::new(2, IDLE as u128);
            } else if self.semaphores.overflow.val().any() {
                self.why.d.next = Word::new(Cause::BITS, Cause::Semaphore as u128);
                self.state.d.next = Word::new(2, IDLE as u128);
            } else if self.quiet.q.val() >= self.watchdog.val() {
                self.why.d.next = Word::new(Cause::BITS, Cause::Watchdog as u128);
                self.state.d.next = Word::new(2, IDLE as u128);
            }
        }
        if self.reset.val() {
            self.state.d.next = Word::zero(2);
            self.why.d.next = Word::zero(Cause::BITS);
        }

        for i in 0..SERVED {
            self.issuer[i].r#in.valid.next = self.hand.val().bit(i);
            self.issuer[i].r#in.data.next = self.word.val();
        }
        // Tokens of control itself.
        for j in 0..UNITS {
            self.take.next.set_slice(j * UNITS, &Word::from(self.own_take.val().bit(j)));
        }
        self.give.next.set_slice(0, &self.own_give.val());
        self.semaphores.reset.next = self.reset.val() || (idle && self.start.val());
        // A cycle later: a unit is asked again two cycles after it took its tokens at the earliest.
        self.given.d.next = self.give.val();
        self.took.d.next = self.take.val();
        if self.reset.val() || idle {
            self.given.d.next = Word::zero(PAIRS);
            self.took.d.next = Word::zero(PAIRS);
        }
        self.semaphores.give.next = self.given.q.val();
        self.semaphores.take.next = self.took.q.val();

        self.set_register.next =
            self.word.val().slice(self._own.register.low, self._own.register.bits);
        self.set_value.next = self.word.val().slice(self._own.value.low, self._own.value.bits);
        self.busy.next = !idle;
        self.cause.next = self.why.q.val();
        self.pc.next = self.counter.q.val();
        self.instructions.next = self.handed.q.val();
        self.branches.next = self.taken.q.val();
    }
}
