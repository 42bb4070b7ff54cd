//! [`Replay`]: a list of accesses on the HBM, without a design.

use super::dram::{AddressMap, Channel, DramTiming, Policy, Rows, HBM2_TIMING};
use super::ports::refresh_phase;
use super::{Histogram, Percentiles};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::VecDeque;
use thiserror::Error;

/// Pseudo-channels of the U280's HBM.
pub const HBM_CHANNELS: usize = 32;

/// Accesses of all channels that are kept before they are run.
const BATCH: usize = 1 << 18;

/// Batches below this are not worth several threads.
const PARALLEL: usize = 1 << 12;

/// An access, or options, that cannot be replayed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReplayError {
    /// No such pseudo-channel.
    #[error("pseudo-channel {found} does not exist: use 0 to 31")]
    Channel {
        /// The number.
        found: u64,
    },
    /// Outside the pseudo-channel.
    #[error("{bytes} bytes from address {address:#x} leave the 256 MiB of a pseudo-channel: use addresses below 0x10000000")]
    Range {
        /// First address.
        address: u64,
        /// Bytes.
        bytes: u64,
    },
    /// No bytes.
    #[error("an access of 0 bytes does nothing: give at least 1 byte")]
    Empty,
    /// Options that let nothing pass.
    #[error("0 outstanding bursts let nothing pass: allow at least 1")]
    Outstanding,
}

/// One access; it becomes one burst for every 32 bytes it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Earliest start in cycles of 900 MHz; `None`: as soon as the channel has room.
    pub cycle: Option<u64>,
    /// Pseudo-channel, 0 to 31.
    pub channel: u64,
    /// First byte within the pseudo-channel.
    pub address: u64,
    /// Bytes.
    pub bytes: u64,
    /// Is it a write?
    pub write: bool,
}

/// How to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayOptions {
    /// 32-byte bursts that a channel has open: issued and not yet answered.
    pub outstanding: usize,
    /// Cycles of 900 MHz that the path adds to every burst.
    pub extra_latency: u64,
    /// Whether refreshes of the pseudo-channels are spread over the refresh interval.
    pub spread_refresh: bool,
    /// Timing.
    pub timing: DramTiming,
    /// The controllers.
    pub policy: Policy,
}

impl Default for ReplayOptions {
    fn default() -> ReplayOptions {
        ReplayOptions {
            outstanding: 64,
            extra_latency: 0,
            spread_refresh: true,
            timing: HBM2_TIMING,
            policy: Policy::DEFAULT,
        }
    }
}

/// What one channel did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChannelReport {
    /// The pseudo-channel.
    pub channel: usize,
    /// Bytes asked for.
    pub bytes: u64,
    /// 32-byte bursts.
    pub bursts: u64,
    /// Bursts' share of what the data bus can move in the whole time, in percent.
    pub use_percent: f64,
    /// How bursts met their rows.
    pub rows: Rows,
    /// Cycle of the last answer.
    pub last: u64,
}

/// What a replay gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayReport {
    /// Accesses.
    pub accesses: u64,
    /// Barriers that had accesses to wait for.
    pub barriers: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// 32-byte bursts.
    pub bursts: u64,
    /// From cycle 0 to the last answer, cycles of 900 MHz.
    pub cycles: u64,
    /// The same in nanoseconds.
    pub nanoseconds: f64,
    /// Bytes asked for in this time, GB/s.
    pub gbs: f64,
    /// Share of the 460.8 GB/s of all channels, in percent.
    pub peak_percent: f64,
    /// How bursts met their rows.
    pub rows: Rows,
    /// Share of bursts that found their row open, in percent.
    pub hit_percent: f64,
    /// Cycles from a burst's issue to its answer.
    pub latency: Percentiles,
    /// Channels that had accesses.
    pub channels: Vec<ChannelReport>,
}

/// Runs accesses. Those of one channel start in the order given, those of different channels do not wait
/// for each other except at a [`barrier`](Replay::barrier).
#[derive(Debug)]
pub struct Replay {
    options: ReplayOptions,
    lanes: Vec<Lane>,
    kept: usize,
    accesses: u64,
    barriers: u64,
    bytes: [u64; 2],
    fence: u64,
    since_barrier: u64,
}

/// A channel with what stands before it.
#[derive(Debug)]
pub(super) struct Lane {
    pub channel: Channel,
    pub queue: Vec<Access>,
    /// Cycle of the last issue.
    issued: Option<u64>,
    /// Answers of the bursts that are, or may be, open, in order.
    answers: VecDeque<u64>,
    pushed: u64,
    answered: u64,
    /// Cycle of the last answer.
    pub last: u64,
    bytes: u64,
    pub latency: Histogram,
}

impl Replay {
    /// Nothing done yet, cycle 0.
    ///
    /// # Errors
    /// [`ReplayError::Outstanding`].
    pub fn new(options: ReplayOptions) -> Result<Replay, ReplayError> {
        if options.outstanding == 0 {
            return Err(ReplayError::Outstanding);
        }
        let lane = |n| {
            let phase = refresh_phase(&options.timing, n, options.spread_refresh);
            Lane::new(Channel::new(options.timing, AddressMap::HBM2, options.policy, phase))
        };
        Ok(Replay {
            options,
            lanes: (0..HBM_CHANNELS).map(lane).collect(),
            kept: 0,
            accesses: 0,
            barriers: 0,
            bytes: [0; 2],
            fence: 0,
            since_barrier: 0,
        })
    }

    /// Adds an access.
    ///
    /// # Errors
    /// An access that is not in the memory; nothing happens then.
    pub fn access(&mut self, access: Access) -> Result<(), ReplayError> {
        let Access { channel, address, bytes, .. } = access;
        if channel >= HBM_CHANNELS as u64 {
            return Err(ReplayError::Channel { found: channel });
        }
        if bytes == 0 {
            return Err(ReplayError::Empty);
        }
        if address.checked_add(bytes).is_none_or(|end| end > AddressMap::HBM2.bytes()) {
            return Err(ReplayError::Range { address, bytes });
        }
        self.accesses += 1;
        self.since_barrier += 1;
        self.bytes[usize::from(access.write)] += bytes;
        self.lanes[channel as usize].queue.push(access);
        self.kept += 1;
        if self.kept >= BATCH {
            self.run();
        }
        Ok(())
    }

    /// Makes later accesses wait for the answers to all earlier ones, of all channels.
    pub fn barrier(&mut self) {
        self.run();
        self.lanes.iter_mut().for_each(|l| l.drain(&self.options));
        self.fence = self.now();
        self.barriers += u64::from(self.since_barrier > 0);
        self.since_barrier = 0;
    }

    /// Cycle at which everything before the last barrier was answered; without accesses since then, the
    /// time so far.
    pub fn now(&self) -> u64 {
        self.lanes.iter().map(|l| l.last).max().unwrap_or(0).max(self.fence)
    }

    /// Lets no access start before `cycle`, as if the design had other work to do until then.
    pub fn wait_until(&mut self, cycle: u64) {
        self.barrier();
        self.fence = self.fence.max(cycle);
    }

    /// Runs what has been kept.
    fn run(&mut self) {
        let (options, fence) = (&self.options, self.fence);
        let work = |lane: &mut Lane| lane.run(options, fence);
        if self.kept >= PARALLEL {
            self.lanes.par_iter_mut().for_each(work);
        } else {
            self.lanes.iter_mut().for_each(work);
        }
        self.kept = 0;
    }

    /// Runs everything and reports.
    pub fn finish(mut self) -> ReplayReport {
        self.run();
        self.lanes.iter_mut().for_each(|l| l.drain(&self.options));
        let t = &self.options.timing;
        let cycles = self.lanes.iter().map(|l| l.last).max().unwrap_or(0);
        let nanoseconds = cycles as f64 * 1e3 / t.clock_mhz as f64;
        let [read_bytes, write_bytes] = self.bytes;
        let gbs = if cycles == 0 { 0.0 } else { (read_bytes + write_bytes) as f64 / nanoseconds };
        let mut rows = Rows::default();
        let mut latency = Histogram::default();
        for lane in &self.lanes {
            let r = lane.channel.rows();
            rows.hits += r.hits;
            rows.closed += r.closed;
            rows.misses += r.misses;
            rows.refreshes += r.refreshes;
            latency.merge(&lane.latency);
        }
        let bursts = latency.count();
        let channel = |(channel, lane): (usize, &Lane)| ChannelReport {
            channel,
            bytes: lane.bytes,
            bursts: lane.pushed,
            use_percent: percent(lane.pushed * t.burst, cycles),
            rows: lane.channel.rows(),
            last: lane.last,
        };
        let used = self.lanes.iter().enumerate().filter(|(_, l)| l.pushed > 0);
        ReplayReport {
            accesses: self.accesses,
            barriers: self.barriers,
            read_bytes,
            write_bytes,
            bursts,
            cycles,
            nanoseconds,
            gbs,
            peak_percent: 100.0 * gbs / (t.peak_gbs() * HBM_CHANNELS as f64),
            rows,
            hit_percent: percent(rows.hits, bursts),
            latency: latency.percentiles(),
            channels: used.map(channel).collect(),
        }
    }
}

impl ReplayReport {
    /// Time in seconds.
    pub fn seconds(&self) -> f64 {
        self.nanoseconds * 1e-9
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        100.0 * part as f64 / whole as f64
    }
}

impl Lane {
    /// Nothing done yet.
    pub fn new(channel: Channel) -> Lane {
        Lane {
            channel,
            queue: Vec::new(),
            issued: None,
            answers: VecDeque::new(),
            pushed: 0,
            answered: 0,
            last: 0,
            bytes: 0,
            latency: Histogram::default(),
        }
    }

    /// Issues the bursts of the queue; none before `fence`.
    pub fn run(&mut self, options: &ReplayOptions, fence: u64) {
        let t = &options.timing;
        for access in std::mem::take(&mut self.queue) {
            self.bytes += access.bytes;
            let start = access.cycle.unwrap_or(0).max(fence);
            let first = access.address / t.bytes;
            let last = (access.address + access.bytes - 1) / t.bytes;
            for burst in first..=last {
                self.burst(options, start, burst * t.bytes, access.write);
            }
        }
    }

    /// Issues one burst as soon as there is room.
    fn burst(&mut self, options: &ReplayOptions, start: u64, address: u64, write: bool) {
        let open = options.outstanding as u64;
        let mut at = start;
        if let Some(before) = self.issued {
            // The port takes one burst a cycle.
            at = at.max(before + options.timing.slot);
        }
        if self.pushed >= open {
            while self.answered <= self.pushed - open {
                self.answer(options);
            }
            while self.answers.len() as u64 > self.answered - (self.pushed - open) {
                self.answers.pop_front();
            }
            at = at.max(self.answers.front().copied().unwrap_or(0));
        }
        self.issued = Some(at);
        // The tag is the issue time: all that is asked of a burst later.
        self.channel.push(at, address, write, at);
        self.pushed += 1;
    }

    /// Runs the channel to its next answer.
    fn answer(&mut self, options: &ReplayOptions) {
        let Some(done) = self.channel.run() else { return };
        let at = done.at + options.extra_latency;
        self.latency.add(at - done.tag);
        self.answers.push_back(at);
        self.answered += 1;
        self.last = self.last.max(at);
    }

    /// Waits for all answers.
    pub fn drain(&mut self, options: &ReplayOptions) {
        while self.answered < self.pushed {
            self.answer(options);
        }
    }
}
