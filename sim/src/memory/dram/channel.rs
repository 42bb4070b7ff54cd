//! [`Channel`]: one memory channel with its controller, command by command.

use super::bank::{Bank, Waiting};
use super::limits::Limits;
use super::map::{AddressMap, Place, BANKS};
use super::parameters::DramTiming;
use serde::Serialize;
use std::collections::VecDeque;

/// What a controller does beyond the memory's own rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Reads, and writes, among which the controller chooses.
    pub window: usize,
    /// Waiting writes at which it turns from reads to writes although reads wait.
    pub write_high: usize,
    /// Column commands before it turns although more wait.
    pub batch: usize,
    /// Cycles without a column command after which it turns to the other direction if only that waits.
    pub patience: u64,
    /// Cycles after which it turns to the other direction if that waits.
    pub turn_after: u64,
    /// Cycles after which the oldest access of a bank closes a row that others still hit.
    pub starve: u64,
    /// Refresh, at `phase + k * refi`.
    pub refresh: bool,
}

impl Policy {
    /// A window of 32: fitted to the published rate of random blocks of 128 bytes.
    pub const DEFAULT: Policy = Policy {
        window: 32,
        write_high: 24,
        batch: 32,
        patience: 24,
        turn_after: 512,
        starve: 1024,
        refresh: true,
    };
}

/// A command on the memory's pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens a row.
    Activate,
    /// Closes the row of a bank.
    Precharge,
    /// Closes all rows.
    PrechargeAll,
    /// Reads a column.
    Read,
    /// Writes a column.
    Write,
    /// Refreshes all banks.
    Refresh,
}

/// A command with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Cycle of the memory's clock.
    pub cycle: u64,
    /// The command.
    pub command: Command,
    /// Where; bank, row and column mean nothing to commands for all banks.
    pub place: Place,
}

/// An access whose data are at the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The access's tag.
    pub tag: u64,
    /// Cycle.
    pub at: u64,
}

/// How accesses met their rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// The row was open.
    pub hits: u64,
    /// The bank was closed.
    pub closed: u64,
    /// Another row was open.
    pub misses: u64,
    /// Refreshes.
    pub refreshes: u64,
}

/// An access on its way to the controller.
#[derive(Clone, Copy, Debug)]
struct Arriving {
    visible: u64,
    place: Place,
    write: bool,
    tag: u64,
}

/// Step of a refresh in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    Idle,
    Closing,
    Closed,
}

/// One channel: 16 banks in 4 groups, a controller that chooses among the accesses in its window.
///
/// Of the column commands that may go now the one of the oldest access goes, reads before writes until
/// writes have piled up; beside it, in the same slot, one activate or precharge for the oldest access that
/// needs one. Rows stay open until another row of the bank is wanted or a refresh is due. Accesses to one
/// place keep their order if one of them writes.
#[derive(Clone, Debug)]
pub struct Channel {
    timing: DramTiming,
    policy: Policy,
    map: AddressMap,
    arriving: VecDeque<Arriving>,
    banks: [Bank; BANKS],
    /// Banks with waiting accesses.
    busy: u32,
    limits: Limits,
    /// Waiting reads and writes.
    waiting: [usize; 2],
    writing: bool,
    /// Column commands since the last turn.
    run: usize,
    /// Cycle of the last column command.
    last_column: Option<u64>,
    /// Since when the other direction has been passed over.
    passed: Option<u64>,
    next: u64,
    order: u64,
    refresh_due: u64,
    refresh: Refresh,
    rows: Rows,
    log: Option<Vec<Issued>>,
}

impl Channel {
    /// A channel with all rows closed at cycle 0. The first refresh is due after `phase` cycles.
    pub fn new(timing: DramTiming, map: AddressMap, policy: Policy, phase: u64) -> Channel {
        let due = if policy.refresh { phase } else { u64::MAX };
        Channel {
            timing,
            policy,
            map,
            arriving: VecDeque::new(),
            banks: Default::default(),
            busy: 0,
            limits: Limits::default(),
            waiting: [0; 2],
            writing: false,
            run: 0,
            last_column: None,
            passed: None,
            next: 0,
            order: 0,
            refresh_due: due,
            refresh: Refresh::Idle,
            rows: Rows::default(),
            log: None,
        }
    }

    /// Keeps a list of all commands from now on.
    pub fn log(&mut self) {
        self.log.get_or_insert_with(Vec::new);
    }

    /// The commands so far, if they are kept.
    pub fn commands(&self) -> &[Issued] {
        self.log.as_deref().unwrap_or_default()
    }

    /// Timing.
    pub fn timing(&self) -> &DramTiming {
        &self.timing
    }

    /// How accesses met their rows so far.
    pub fn rows(&self) -> Rows {
        self.rows
    }

    /// Accesses that have no column command yet.
    pub fn backlog(&self) -> usize {
        self.arriving.len() + self.waiting[0] + self.waiting[1]
    }

    /// An access of [`DramTiming::bytes`] bytes arrives at the port in cycle `at`.
    pub fn push(&mut self, at: u64, address: u64, write: bool, tag: u64) {
        let visible = at + self.timing.front;
        let arriving = Arriving { visible, place: self.map.place(address), write, tag };
        // Paths of different length bring accesses out of order.
        let behind = self.arriving.iter().rev().take_while(|a| a.visible > visible).count();
        self.arriving.insert(self.arriving.len() - behind, arriving);
    }

    /// Issues all commands up to and in cycle `until`.
    pub fn advance(&mut self, until: u64, done: &mut Vec<Finished>) {
        while self.next <= until {
            done.extend(self.step(until));
        }
    }

    /// Issues commands until the next column command and returns what it finishes; `None` without
    /// accesses.
    pub fn run(&mut self) -> Option<Finished> {
        let mut done = None;
        while done.is_none() && self.backlog() > 0 {
            done = self.step(u64::MAX / 2);
        }
        done
    }

    /// Issues what goes in the slot `next` and moves `next` on, at most past `until`.
    fn step(&mut self, until: u64) -> Option<Finished> {
        let now = self.next;
        self.admit(now);
        let mut soonest = self.arriving.front().map_or(u64::MAX, |a| a.visible);
        if self.full() {
            soonest = u64::MAX;
        }
        let mut finished = None;
        if now >= self.refresh_due {
            soonest = self.refresh(now);
        } else {
            soonest = soonest.min(self.refresh_due);
            self.turn(now, &mut soonest);
            let column = self.column(now, &mut soonest);
            let row = self.row(now, &mut soonest);
            finished = column;
            if column.is_some() || row {
                soonest = now;
            }
        }
        let slot = self.timing.slot;
        let earliest = now + slot;
        // The first slot that is not before `soonest`; past `until` more accesses may arrive.
        let late = (until + 1).max(earliest);
        self.next = soonest.clamp(earliest, late).next_multiple_of(slot);
        finished
    }

    /// Must the next access wait for room in the window?
    fn full(&self) -> bool {
        let next = self.arriving.front();
        next.is_some_and(|a| self.waiting[usize::from(a.write)] >= self.policy.window)
    }

    /// Lets accesses into the window.
    fn admit(&mut self, now: u64) {
        while !self.full() {
            let Some(a) = self.arriving.front().copied().filter(|a| a.visible <= now) else {
                break;
            };
            self.arriving.pop_front();
            self.order += 1;
            let waiting = Waiting::new(self.order, now, a.place, a.write, a.tag);
            self.banks[usize::from(a.place.bank)].push(waiting);
            self.busy |= 1 << a.place.bank;
            self.waiting[usize::from(a.write)] += 1;
        }
    }

    /// Chooses between reading and writing; lowers `soonest` to when the choice may change.
    fn turn(&mut self, now: u64, soonest: &mut u64) {
        let [reads, writes] = self.waiting;
        let (here, other) = if self.writing { (writes, reads) } else { (reads, writes) };
        if other == 0 {
            self.passed = None;
            return;
        }
        let since = *self.passed.get_or_insert(now);
        let pressing = self.writing || writes >= self.policy.write_high;
        let enough = pressing && self.run >= self.policy.batch;
        let patient = self.last_column.map_or(0, |c| c + self.policy.patience);
        let late = since + self.policy.turn_after;
        if enough || here == 0 && now >= patient || now >= late {
            self.writing = !self.writing;
            self.run = 0;
            self.passed = None;
        } else {
            *soonest = (*soonest).min(if here == 0 { patient.min(late) } else { late });
        }
    }

    /// Issues the column command of the oldest access that can have one.
    fn column(&mut self, now: u64, soonest: &mut u64) -> Option<Finished> {
        let mut best: Option<(u64, usize, usize)> = None;
        let write = self.writing;
        let mut banks = self.busy;
        while banks != 0 {
            let b = banks.trailing_zeros() as usize;
            banks &= banks - 1;
            let Some(index) = self.banks[b].hit(write) else { continue };
            let earliest = self.limits.column(&self.banks[b].limits, b & 3, write);
            if earliest > now {
                *soonest = (*soonest).min(earliest);
                continue;
            }
            let order = self.banks[b].order(index);
            if best.is_none_or(|(o, ..)| order < o) {
                best = Some((order, b, index));
            }
        }
        let (_, b, index) = best?;
        let w = self.banks[b].take(index);
        if self.banks[b].is_empty() {
            self.busy &= !(1 << b);
        }
        self.waiting[usize::from(w.write)] -= 1;
        self.run += 1;
        self.last_column = Some(now);
        let (t, bank) = (&self.timing, &mut self.banks[b]);
        self.limits.issue_column(t, &mut bank.limits, b & 3, write, now);
        match w.rows() {
            0 => self.rows.hits += 1,
            1 => self.rows.closed += 1,
            _ => self.rows.misses += 1,
        }
        let command = if write { Command::Write } else { Command::Read };
        self.note(now, command, w.place());
        Some(Finished { tag: w.tag, at: now + self.timing.back })
    }

    /// Issues the activate or precharge of the oldest access that needs one; did it?
    fn row(&mut self, now: u64, soonest: &mut u64) -> bool {
        let mut best: Option<(u64, usize, usize)> = None;
        let mut banks = self.busy;
        while banks != 0 {
            let b = banks.trailing_zeros() as usize;
            banks &= banks - 1;
            let bank = &self.banks[b];
            let Some(first) = bank.needs_row(self.writing, now, self.policy.starve) else {
                continue;
            };
            let earliest = match bank.open() {
                Some(_) => bank.limits.precharge,
                None => self.limits.activate(&bank.limits, b & 3),
            };
            let order = bank.order(first);
            if earliest > now {
                *soonest = (*soonest).min(earliest);
            } else if best.is_none_or(|(o, ..)| order < o) {
                best = Some((order, b, first));
            }
        }
        let Some((_, b, first)) = best else { return false };
        let (t, bank) = (&self.timing, &mut self.banks[b]);
        let mut place = bank.place(first);
        let command = match bank.open() {
            Some(row) => {
                place.row = row;
                bank.precharge(first);
                self.limits.issue_precharge(t, &mut bank.limits, now);
                Command::Precharge
            }
            None => {
                bank.activate(first);
                self.limits.issue_activate(t, &mut bank.limits, b & 3, now);
                Command::Activate
            }
        };
        self.note(now, command, place);
        true
    }

    /// One step of a refresh; the cycle of the next.
    fn refresh(&mut self, now: u64) -> u64 {
        if self.refresh == Refresh::Idle {
            self.refresh = Refresh::Closing;
        }
        if self.refresh == Refresh::Closing {
            let open = self.banks.iter().filter(|b| b.open().is_some());
            let Some(ready) = open.map(|b| b.limits.precharge).max() else {
                self.refresh = Refresh::Closed;
                return self.refresh(now);
            };
            if ready > now {
                return ready;
            }
            for bank in &mut self.banks {
                bank.close();
                self.limits.issue_precharge(&self.timing, &mut bank.limits, now);
            }
            self.note(now, Command::PrechargeAll, Place { bank: 0, row: 0, column: 0 });
            self.refresh = Refresh::Closed;
            return now;
        }
        // What an activate of any bank waits for, a refresh waits for.
        let ready = self.banks.iter().map(|b| b.limits.activate).max().unwrap_or(now);
        if ready > now {
            return ready;
        }
        for bank in &mut self.banks {
            bank.limits.activate = bank.limits.activate.max(now + self.timing.rfc);
        }
        self.note(now, Command::Refresh, Place { bank: 0, row: 0, column: 0 });
        self.rows.refreshes += 1;
        self.refresh = Refresh::Idle;
        self.refresh_due += self.timing.refi;
        now
    }

    fn note(&mut self, cycle: u64, command: Command, place: Place) {
        if let Some(log) = &mut self.log {
            log.push(Issued { cycle, command, place });
        }
    }
}
