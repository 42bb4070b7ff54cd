//! One bank: its open row and the accesses that wait for it, oldest first.

use super::limits::BankLimits;
use super::map::Place;
use std::collections::VecDeque;

/// An access in the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub tag: u64,
    order: u64,
    since: u64,
    place: Place,
    pub write: bool,
    /// Activates (1) and precharges (2) done for it.
    rows: u8,
}

impl Waiting {
    pub fn new(order: u64, since: u64, place: Place, write: bool, tag: u64) -> Waiting {
        Waiting { tag, order, since, place, write, rows: 0 }
    }

    pub fn place(&self) -> Place {
        self.place
    }

    /// 0: its row was open; 1: its bank was closed; more: another row was open.
    pub fn rows(&self) -> u8 {
        self.rows
    }
}

/// A bank.
#[derive(Clone, Debug, Default)]
pub(super) struct Bank {
    pub limits: BankLimits,
    open: Option<u32>,
    queue: VecDeque<Waiting>,
    /// Waiting reads and writes of the open row.
    hits: [usize; 2],
}

impl Bank {
    pub fn open(&self) -> Option<u32> {
        self.open
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub fn push(&mut self, waiting: Waiting) {
        if self.open == Some(waiting.place.row) {
            self.hits[usize::from(waiting.write)] += 1;
        }
        self.queue.push_back(waiting);
    }

    /// Position of the oldest access of this direction to the open row, unless it must wait for an older
    /// one to the same place.
    pub fn hit(&self, write: bool) -> Option<usize> {
        if self.hits[usize::from(write)] == 0 {
            return None;
        }
        let row = self.open?;
        let index = self.queue.iter().position(|w| w.place.row == row && w.write == write)?;
        let place = self.queue[index].place;
        let older = self.queue.iter().take(index);
        let blocked = older.clone().any(|w| w.place == place && (w.write || write));
        (!blocked).then_some(index)
    }

    pub fn order(&self, index: usize) -> u64 {
        self.queue[index].order
    }

    pub fn place(&self, index: usize) -> Place {
        self.queue[index].place
    }

    /// Takes an access of the open row out.
    pub fn take(&mut self, index: usize) -> Waiting {
        let waiting = self.queue[index];
        self.queue.remove(index);
        self.hits[usize::from(waiting.write)] -= 1;
        waiting
    }

    /// The access for which the row should change: the oldest of this direction, without one the oldest. None if
    /// it finds its row open, or while others of this direction do and it has waited for less than `starve`
    /// cycles.
    pub fn needs_row(&self, write: bool, now: u64, starve: u64) -> Option<usize> {
        let front = self.queue.front()?;
        let first = if front.write == write {
            0
        } else {
            self.queue.iter().position(|w| w.write == write).unwrap_or(0)
        };
        let access = &self.queue[first];
        let wanted = match self.open {
            Some(row) if row == access.place.row => false,
            Some(_) => self.hits[usize::from(access.write)] == 0 || now - access.since > starve,
            None => true,
        };
        wanted.then_some(first)
    }

    /// Opens the row of this access.
    pub fn activate(&mut self, index: usize) {
        let row = self.queue[index].place.row;
        self.queue[index].rows |= 1;
        self.open = Some(row);
        self.hits = [0, 0];
        for w in self.queue.iter().filter(|w| w.place.row == row) {
            self.hits[usize::from(w.write)] += 1;
        }
    }

    /// Closes the row for this access.
    pub fn precharge(&mut self, index: usize) {
        self.queue[index].rows |= 2;
        self.close();
    }

    /// Closes the row.
    pub fn close(&mut self) {
        self.open = None;
        self.hits = [0, 0];
    }
}
