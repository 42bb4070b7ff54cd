//! [`Scheduler`]: rounds of reads for one layer of one token.
//!
//! Attention is a sum over tokens, so the order in which it reads them is free. A schedule is one list
//! of tokens per HBM port and one per read port of the invariance buffer; **round** `r` is the `r`-th entry
//! of every list. A round therefore never asks a port twice.

use crate::error::{require, KvError};
use crate::place::{place, place_of, Place};
use crate::{KvMachine, Routing};
use serde::Serialize;
use std::collections::VecDeque;

/// Entries by which a read port's list may be longer than that of a token's HBM port before the token is
/// read from HBM, though the buffer holds it. Own tokens fill the HBM ports evenly, so that one token more
/// at one port costs a round; the lists of read ports catch up by themselves when few tokens are reused.
pub const READ_PORT_LEAD: usize = 4;

/// A token read from its HBM port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HbmRead {
    /// Token.
    pub token: usize,
    /// Its owner layer.
    pub owner: usize,
    /// Its slot at the owner layer.
    pub slot: usize,
    /// Slot of the port's bank in which the buffer keeps it, if it does.
    pub keep: Option<usize>,
}

/// A token read from the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BufferRead {
    /// Token.
    pub token: usize,
    /// Its bank, which is its HBM port.
    pub bank: usize,
    /// Slot of the bank.
    pub slot: usize,
}

/// What one layer of one token reads, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// The layer.
    pub layer: usize,
    /// Reads by HBM port.
    pub hbm: Vec<Vec<HbmRead>>,
    /// Reads by read port of the buffer.
    pub buffer: Vec<Vec<BufferRead>>,
    /// Where the current token's own K and V of this layer go if it executes the layer.
    pub append: Place,
}

/// One entry of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Source {
    /// From HBM, by port.
    Hbm(usize, HbmRead),
    /// From the buffer, by read port.
    Buffer(usize, BufferRead),
}

/// The entries of a round, HBM ports first.
pub type Round = Vec<Source>;

impl Schedule {
    /// Rounds.
    pub fn len(&self) -> usize {
        let hbm = self.hbm.iter().map(Vec::len).max().unwrap_or(0);
        hbm.max(self.buffer.iter().map(Vec::len).max().unwrap_or(0))
    }

    /// Is there nothing to read?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tokens read from HBM.
    pub fn from_hbm(&self) -> usize {
        self.hbm.iter().map(Vec::len).sum()
    }

    /// Tokens read from the buffer.
    pub fn from_buffer(&self) -> usize {
        self.buffer.iter().map(Vec::len).sum()
    }

    /// Tokens that the buffer takes up.
    pub fn kept(&self) -> usize {
        self.hbm.iter().flatten().filter(|r| r.keep.is_some()).count()
    }

    /// The rounds, each with its entries by port: HBM ports 0, 1, ..., then read ports 0, 1, ...
    pub fn rounds(&self) -> impl Iterator<Item = Round> + '_ {
        (0..self.len()).map(move |r| {
            let hbm = self.hbm.iter().enumerate();
            let hbm = hbm.filter_map(move |(p, l)| Some(Source::Hbm(p, *l.get(r)?)));
            let buffer = self.buffer.iter().enumerate();
            hbm.chain(buffer.filter_map(move |(p, l)| Some(Source::Buffer(p, *l.get(r)?))))
                .collect()
        })
    }

    /// The tokens in the order in which attention reads them, in every pass.
    pub fn token_order(&self) -> Vec<usize> {
        self.rounds().flatten().map(|s| s.token()).collect()
    }
}

impl Source {
    /// The token.
    pub fn token(&self) -> usize {
        match self {
            Source::Hbm(_, r) => r.token,
            Source::Buffer(_, r) => r.token,
        }
    }
}

/// Where the buffer holds a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    owner: usize,
    bank: usize,
    slot: usize,
    /// Taken up by the last schedule.
    fresh: bool,
}

/// A slot that holds nothing needed any more.
#[derive(Clone, Copy, Debug)]
struct Free {
    slot: usize,
    /// First round of the schedule being made in which it may be written.
    from: usize,
}

/// Makes schedules, layer after layer, token after token, and knows what the buffer holds.
///
/// The rules, token by token in the order of the text (docs/memory.md has them with their reasons):
///
/// 1. A record whose owner layer is not the token's owner layer, or which was taken up by a schedule that was
///    dropped, is *stale*: its slot becomes free, for tokens after this one.
/// 2. A token with a record is read from the buffer unless its read port has more than [`READ_PORT_LEAD`]
///    entries more than its HBM port. Every other token is read from HBM.
/// 3. A token that skips the next layer is *reused*. With a record it stays in the buffer. Without, it is
///    taken up if its bank's oldest free slot may be written in its round.
/// 4. A token with a record that is not reused gives up its slot, free for later tokens from the round on in
///    which it is read from the buffer.
#[derive(Clone, Debug)]
pub struct Scheduler {
    ports: usize,
    read_ports: usize,
    layers: usize,
    slots: usize,
    retain: bool,
    dropped: bool,
    records: Vec<Option<Record>>,
    free: Vec<VecDeque<Free>>,
}

impl Scheduler {
    /// A scheduler with an empty buffer of `slots` tokens a bank for a model of `layers` layers; with 0
    /// slots there is no buffer.
    ///
    /// # Errors
    /// More slots or layers than the machine has.
    pub fn new(machine: &KvMachine, layers: usize, slots: usize) -> Result<Scheduler, KvError> {
        machine.check()?;
        let legal = format!("0 to {}", machine.slots);
        require(slots <= machine.slots, "slots of a bank", slots, legal)?;
        let legal = format!("1 to {}", machine.layers);
        require((1..=machine.layers).contains(&layers), "layers", layers, legal)?;
        let mut scheduler = Scheduler {
            ports: machine.ports,
            read_ports: machine.read_ports,
            layers,
            slots,
            retain: true,
            dropped: false,
            records: Vec::new(),
            free: Vec::new(),
        };
        scheduler.clear();
        Ok(scheduler)
    }

    /// Forgets everything: a new text begins.
    pub fn clear(&mut self) {
        self.records.clear();
        let all = (0..self.slots).map(|slot| Free { slot, from: 0 });
        self.free = vec![all.collect(); self.ports];
        self.dropped = false;
    }

    /// Takes up nothing new from now on, or does so again.
    pub fn retain(&mut self, on: bool) {
        self.retain = on;
    }

    /// The last schedule is not played: what it was to take up is not in the buffer.
    pub fn drop_last(&mut self) {
        self.dropped = true;
    }

    /// The schedule of `layer` for the token after the first `tokens` ones.
    pub fn schedule(&mut self, routing: &Routing, layer: usize, tokens: usize) -> Schedule {
        let mut schedule = Schedule {
            layer,
            hbm: vec![Vec::new(); self.ports],
            buffer: vec![Vec::new(); self.read_ports],
            append: Place::default(),
        };
        self.records.resize(tokens.max(self.records.len()), None);
        for (token, (owner, at)) in
            place_of(routing, layer, tokens, self.ports).into_iter().enumerate()
        {
            let reused = layer + 1 < self.layers && !routing.executes(layer + 1, token);
            self.place_token(&mut schedule, token, owner, at, reused);
        }
        let executed = (0..tokens).filter(|t| routing.executes(layer, *t)).count();
        schedule.append = place(executed, self.ports);
        self.dropped = false;
        self.free.iter_mut().flatten().for_each(|f| f.from = 0);
        schedule
    }

    fn place_token(
        &mut self,
        to: &mut Schedule,
        token: usize,
        owner: usize,
        at: Place,
        reused: bool,
    ) {
        let hbm = &mut to.hbm[at.port];
        let buffer = &mut to.buffer[at.port % self.read_ports];
        let (round, buffer_round) = (hbm.len(), buffer.len());
        let oldest = self.free[at.port].front().copied();
        let mut record = self.records[token].take();
        if let Some(r) = record.filter(|r| r.owner != owner || (r.fresh && self.dropped)) {
            self.free[r.bank].push_back(Free { slot: r.slot, from: 0 });
            record = None;
        }
        let Some(held) = record else {
            let keep = oldest.filter(|f| self.retain && reused && f.from <= round).map(|f| f.slot);
            if let Some(slot) = keep {
                self.free[at.port].pop_front();
                self.records[token] = Some(Record { owner, bank: at.port, slot, fresh: true });
            }
            hbm.push(HbmRead { token, owner, slot: at.slot, keep });
            return;
        };
        let from_buffer = buffer_round <= round + READ_PORT_LEAD;
        match from_buffer {
            true => buffer.push(BufferRead { token, bank: held.bank, slot: held.slot }),
            false => hbm.push(HbmRead { token, owner, slot: at.slot, keep: None }),
        }
        match reused {
            true => self.records[token] = Some(Record { fresh: false, ..held }),
            false => {
                let from = if from_buffer { buffer_round } else { 0 };
                self.free[held.bank].push_back(Free { slot: held.slot, from });
            }
        }
    }
}
