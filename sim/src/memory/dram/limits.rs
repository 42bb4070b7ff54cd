//! Earliest times of commands, by channel, bank group and bank.

use super::parameters::DramTiming;

/// What a bank allows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BankLimits {
    /// Reads and writes.
    pub column: [u64; 2],
    pub activate: u64,
    pub precharge: u64,
}

/// What the channel and its bank groups allow.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// Reads and writes.
    column: [u64; 2],
    group_column: [[u64; 2]; 4],
    activate: u64,
    group_activate: [u64; 4],
    /// End of the window that each of the last four activates opened.
    windows: [u64; 4],
    oldest: usize,
}

impl Limits {
    /// Earliest read or write of a bank of `group`.
    pub fn column(&self, bank: &BankLimits, group: usize, write: bool) -> u64 {
        let w = usize::from(write);
        self.column[w].max(self.group_column[group][w]).max(bank.column[w])
    }

    /// Earliest activate of a bank of `group`.
    pub fn activate(&self, bank: &BankLimits, group: usize) -> u64 {
        let channel = self.activate.max(self.windows[self.oldest]);
        channel.max(self.group_activate[group]).max(bank.activate)
    }

    pub fn issue_column(
        &mut self,
        t: &DramTiming,
        bank: &mut BankLimits,
        group: usize,
        write: bool,
        now: u64,
    ) {
        let w = usize::from(write);
        raise(&mut self.column[w], now + t.ccd_s);
        raise(&mut self.group_column[group][w], now + t.ccd_l);
        if write {
            raise(&mut self.column[0], now + t.write_to_read(false));
            raise(&mut self.group_column[group][0], now + t.write_to_read(true));
            raise(&mut bank.precharge, now + t.write_to_precharge());
        } else {
            raise(&mut self.column[1], now + t.read_to_write());
            raise(&mut bank.precharge, now + t.rtp);
        }
    }

    pub fn issue_activate(
        &mut self,
        t: &DramTiming,
        bank: &mut BankLimits,
        group: usize,
        now: u64,
    ) {
        raise(&mut self.activate, now + t.rrd_s);
        raise(&mut self.group_activate[group], now + t.rrd_l);
        self.windows[self.oldest] = now + t.faw;
        self.oldest = (self.oldest + 1) % 4;
        bank.column = [now + t.rcd_rd, now + t.rcd_wr];
        raise(&mut bank.precharge, now + t.ras);
        raise(&mut bank.activate, now + t.rc);
    }

    pub fn issue_precharge(&mut self, t: &DramTiming, bank: &mut BankLimits, now: u64) {
        raise(&mut bank.activate, now + t.rp);
    }
}

fn raise(limit: &mut u64, to: u64) {
    *limit = (*limit).max(to);
}
