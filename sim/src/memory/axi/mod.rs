//! [`AxiSlave`]: answers one AXI3 or AXI4 master port of an engine.

mod address;
mod disturb;
mod error;
mod ports;
mod read;
mod window;
mod write;

pub use disturb::Disturbance;
pub use error::{AxiError, Broken, Channel};
pub use window::AxiFault;

use super::{Delay, Store, Timing};
use crate::engine::Engine;
use address::Asked;
use ports::Finder;
use read::ReadSide;
use std::ops::Range;
use window::Window;
use write::WriteSide;

/// Marks the tags of writes.
const WRITE_TAG: u32 = 1 << 31;

/// Version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxiVersion {
    /// Bursts of at most 16 beats: the HBM ports.
    Axi3,
    /// Bursts of at most 256 beats.
    Axi4,
}

impl AxiVersion {
    /// Beats of a burst at most.
    pub fn beats(self) -> u32 {
        match self {
            AxiVersion::Axi3 => 16,
            AxiVersion::Axi4 => 256,
        }
    }
}

/// Answer to a transfer, with its code on the wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Response {
    /// Done.
    Okay = 0,
    /// The memory failed.
    SlvErr = 2,
    /// Nothing at this address.
    DecErr = 3,
}

/// What passed through a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxiStats {
    /// Cycles of the port's clock.
    pub cycles: u64,
    /// Read bursts answered.
    pub read_bursts: u64,
    /// Write bursts answered.
    pub write_bursts: u64,
    /// Read beats given out.
    pub read_beats: u64,
    /// Write beats of the bursts answered.
    pub write_beats: u64,
    /// Beats answered with an error; of a write, all its beats.
    pub errors: u64,
    /// Cycles with `rvalid` but not `rready`.
    pub r_stalls: u64,
    /// Cycles with `arvalid` but not `arready`.
    pub ar_stalls: u64,
    /// Cycles with `awvalid` but not `awready`.
    pub aw_stalls: u64,
    /// Cycles with `wvalid` but not `wready`.
    pub w_stalls: u64,
    /// Read bursts that ended before an older one.
    pub reordered: u64,
    /// Cycles from the address to the first beat, over all read bursts.
    pub read_latency_sum: u64,
    /// The longest of them.
    pub read_latency_max: u64,
}

/// Answers one AXI master port of an engine from a [`Store`].
///
/// Does: checks the master's side of the protocol, performs reads and writes, keeps the order of answers
/// within an ID, answers 1 beat a cycle. Does not: fixed and wrapping bursts, narrow and exclusive
/// accesses. In every cycle of the port's clock call [`present`](AxiSlave::present), let the engine settle,
/// call [`observe`](AxiSlave::observe), then make the clock rise.
///
/// Data are read when a beat is put on the wires and written when the answer is: until then both overlap
/// with other accesses in flight at the master's risk, which [`hazards`](AxiSlave::hazards) makes an error.
pub struct AxiSlave {
    prefix: String,
    read: Option<ReadSide>,
    write: Option<WriteSide>,
    timing: Box<dyn Timing>,
    disturb: Disturbance,
    window: Window,
    done: Vec<super::DoneBeat>,
    cycle: u64,
    stats: AxiStats,
}

impl AxiSlave {
    /// A slave for the master port `prefix` of `engine`, with the halves (read, write) that it has. Its
    /// memory is `store`, from address 0; every access takes 16 cycles.
    ///
    /// # Errors
    /// [`AxiError::Ports`].
    pub fn bind(
        engine: &dyn Engine,
        prefix: &str,
        version: AxiVersion,
        store: Store,
    ) -> Result<AxiSlave, AxiError> {
        let finder = Finder { engine, prefix };
        let (reads, writes) = (finder.has("arvalid"), finder.has("awvalid"));
        if !reads && !writes {
            return Err(
                finder.fault(format!("neither port `{prefix}_arvalid` nor `{prefix}_awvalid`"))
            );
        }
        let read = reads.then(|| finder.read()).transpose()?;
        let write = writes.then(|| finder.write()).transpose()?;
        Ok(AxiSlave {
            prefix: prefix.to_string(),
            read: read.map(|p| ReadSide::new(p, version)),
            write: write.map(|p| WriteSide::new(p, version)),
            timing: Box::new(Delay::fixed(16)),
            disturb: Disturbance::none(),
            window: Window { store, base: 0, faults: Vec::new(), hazards: true },
            done: Vec::new(),
            cycle: 0,
            stats: AxiStats::default(),
        })
    }

    /// When accesses are done.
    pub fn timing(mut self, timing: impl Timing + 'static) -> AxiSlave {
        self.timing = Box::new(timing);
        self
    }

    /// How awkward the slave is. Default: not at all.
    pub fn disturb(mut self, disturb: Disturbance) -> AxiSlave {
        self.disturb = disturb;
        self
    }

    /// Bus address of the first byte of the store. Default 0. Accesses outside get DECERR.
    pub fn base(mut self, base: u64) -> AxiSlave {
        self.window.base = base;
        self
    }

    /// Answers accesses that touch these bus addresses with an error: of a read, the beats that do; of a
    /// write, the burst, of which nothing is written. May be called several times.
    pub fn fault(mut self, range: Range<u64>, response: Response) -> AxiSlave {
        self.window.faults.push(AxiFault { range, response });
        self
    }

    /// The same later on.
    pub fn fail(&mut self, range: Range<u64>, response: Response) {
        self.window.faults.push(AxiFault { range, response });
    }

    /// Answers everything well again.
    pub fn mend(&mut self) {
        self.window.faults.clear();
    }

    /// Whether an access that overlaps one in flight, with one of them a write, is an error; accesses
    /// through other slaves of the same store count too. Default: yes.
    pub fn hazards(mut self, on: bool) -> AxiSlave {
        self.window.hazards = on;
        self
    }

    /// Whether beats of reads with different IDs may alternate. Default: no.
    pub fn interleave(mut self, on: bool) -> AxiSlave {
        if let Some(read) = &mut self.read {
            read.interleave = on;
        }
        self
    }

    /// Puts the slave's signals for this cycle on the wires.
    pub fn present(&mut self, engine: &mut dyn Engine) {
        self.disturb.cycle(self.cycle);
        self.timing.advance(self.cycle, &mut self.done);
        for beat in self.done.drain(..) {
            let slot = (beat.tag & !WRITE_TAG) as usize;
            match (beat.tag & WRITE_TAG != 0, &mut self.read, &mut self.write) {
                (true, _, Some(write)) => write.done(slot),
                (false, Some(read), _) => read.done(slot, beat.beat),
                _ => {}
            }
        }
        let (timing, disturb, window) = (&*self.timing, &mut self.disturb, &self.window);
        if let Some(read) = &mut self.read {
            read.present(engine, timing, disturb, window);
        }
        if let Some(write) = &mut self.write {
            write.present(engine, timing, disturb, window);
        }
    }

    /// Looks, after the engine has settled, at what the coming edge transfers. Call it once per cycle.
    ///
    /// # Errors
    /// [`AxiError::Rule`] when the master breaks the protocol.
    pub fn observe(&mut self, engine: &dyn Engine) -> Result<(), AxiError> {
        let now = self.cycle;
        self.cycle += 1;
        let (timing, window, stats) = (&mut *self.timing, &self.window, &mut self.stats);
        let mut result = Ok(());
        if let Some(read) = &mut self.read {
            result = read.observe(engine, now, timing, window, stats);
        }
        if let (Ok(()), Some(write)) = (&result, &mut self.write) {
            result = write.observe(engine, now, timing, window, &mut self.disturb, stats);
        }
        result.map_err(|broken| self.broken(now, broken))
    }

    fn broken(&self, cycle: u64, broken: Broken) -> AxiError {
        AxiError::Rule { prefix: self.prefix.clone(), cycle, broken }
    }

    /// Is nothing in flight?
    pub fn idle(&self) -> bool {
        self.read.as_ref().is_none_or(|r| r.open() == 0)
            && self.write.as_ref().is_none_or(|w| w.open() == 0 && w.loose() == 0)
    }

    /// What passed so far.
    pub fn stats(&self) -> AxiStats {
        let mut stats = AxiStats { cycles: self.cycle, ..self.stats };
        if let Some(read) = &self.read {
            stats.ar_stalls = read.stalls();
        }
        if let Some(write) = &self.write {
            (stats.aw_stalls, stats.w_stalls) = (write.stalls(), write.w_stalls);
        }
        stats
    }

    /// Ends a run.
    ///
    /// # Errors
    /// [`Broken::Unfinished`] when something is still in flight.
    pub fn finish(&self) -> Result<AxiStats, AxiError> {
        if self.idle() {
            return Ok(self.stats());
        }
        let reads = self.read.as_ref().map_or(0, ReadSide::open);
        let (writes, data) = self.write.as_ref().map_or((0, 0), |w| (w.open(), w.loose()));
        Err(self.broken(self.cycle, Broken::Unfinished { reads, writes, data }))
    }
}

/// Enters an access into the store's list of those in flight.
fn hazard(window: &Window, asked: Asked, bytes: u64, write: bool) -> Result<u64, Broken> {
    let offset = window.offset(asked.address).unwrap_or(0);
    let bus = |at: u64| at + window.base;
    let kind = |write: bool| if write { "write" } else { "read" };
    window.store.fly(offset..offset + bytes, write, window.hazards).map_err(|(other, was_write)| {
        Broken::Hazard {
            kind: kind(write),
            first: asked.address,
            last: asked.address + bytes - 1,
            other: kind(was_write),
            other_first: bus(other.start),
            other_last: bus(other.end) - 1,
        }
    })
}
