//! [`Issuer`]: one unit's instructions, each when its tokens are there.

use super::decode::WORD;
use super::UNITS;
use crate::parameter::ParameterError;
use crate::stream::{FifoOptions, ItemSink, ItemSource, ShallowFifo};
use skipopu_hdl::prelude::*;
use skipopu_isa::spec::{SIGNAL_LOW, WAIT_LOW};

/// Keeps a unit's instructions in order and gives it one at a time.
///
/// - Does: queues instructions; offers the oldest to the unit when every semaphore it waits for holds a token, taking them as the
///   unit accepts it; gives its tokens when the unit says that it has finished.
/// - Does not: look into fields; the unit does.
/// - Guarantee: at most one instruction is with the unit; `idle` is 1 when none is queued or with it.
#[derive(LogicBlock, Ports)]
pub struct Issuer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Instructions for the unit.
    pub r#in: ItemSink,
    /// The unit's next instruction.
    pub out: ItemSource,
    /// The unit has finished.
    pub finished: Signal<In, Bit>,
    /// Units from which there is a token.
    pub held: Wire<In>,
    /// Units whose tokens are taken in this cycle.
    pub take: Wire<Out>,
    /// Units to which a token is given in this cycle.
    pub give: Wire<Out>,
    /// Nothing is queued or with the unit.
    pub idle: Signal<Out, Bit>,
    queue: ShallowFifo,
    head: Reg,
    full: DFF<Bit>,
    signal: Reg,
    busy: DFF<Bit>,
    ready: Signal<Local, Bit>,
}

impl Issuer {
    /// A queue of `depth` instructions.
    ///
    /// # Errors
    /// Unless `depth` is from 2 to 1024.
    pub fn new(depth: usize) -> Result<Issuer, ParameterError> {
        Ok(Issuer {
            clock: Default::default(),
            reset: Default::default(),
            r#in: ItemSink::new(WORD),
            out: ItemSource::new(WORD),
            finished: Default::default(),
            held: Wire::new(UNITS),
            take: Wire::new(UNITS),
            give: Wire::new(UNITS),
            idle: Default::default(),
            queue: ShallowFifo::new(&FifoOptions::new(WORD, depth))?,
            head: Reg::new(WORD),
            full: Default::default(),
            signal: Reg::new(UNITS),
            busy: Default::default(),
            ready: Default::default(),
        })
    }
}

impl Logic for Issuer {
    #[hdl]
    fn update(&mut self) {
        dff_setup!(self, clock, signal, busy, head, full);
        clock!(self, clock, queue);
        self.queue.reset.next = self.reset.val();
        self.queue.r#in.valid.next = self.r#in.valid.val();
        self.queue.r#in.data.next = self.r#in.data.val();
        self.queue.r#in.last.next = false;
        self.r#in.ready.next = self.queue.r#in.ready.val();

        // The oldest instruction moves to a register of its own, away from the queue's memory.
        self.queue.out.ready.next = !self.full.q.val();
        if !self.full.q.val() {
            self.full.d.next = self.queue.out.valid.val();
            self.head.d.next = self.queue.out.data.val();
        }
        let wait = self.head.q.val().slice(WAIT_LOW as usize, UNITS);
        let missing = (wait.clone() & !self.held.val()).any();
        self.ready.next = self.full.q.val() && !self.busy.q.val() && !missing;
        self.out.valid.next = self.ready.val();
        self.out.data.next = self.head.q.val();
        let fires = self.ready.val() && self.out.ready.val();
        if fires {
            self.take.next = wait;
            self.signal.d.next = self.head.q.val().slice(SIGNAL_LOW as usize, UNITS);
            self.full.d.next = false;
            self.busy.d.next = true;
        } else {
            self.take.next = Word::zero(UNITS);
        }
        if self.finished.val() {
            self.give.next = self.signal.q.val();
            self.busy.d.next = false;
        } else {
            self.give.next = Word::zero(UNITS);
        }
        if self.reset.val() {
            self.busy.d.next = false;
            self.full.d.next = false;
        }
        self.idle.next = !self.busy.q.val() && !self.full.q.val() && !self.queue.out.valid.val();
    }
}
