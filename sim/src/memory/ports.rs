//! [`Hbm`] and [`Ddr`]: the board's memories as [`Timing`] of AXI ports.

use super::dram::{
    AddressMap, Channel, DramTiming, Finished, Policy, Rows, DDR4_TIMING, HBM2_TIMING,
};
use super::replay::HBM_CHANNELS;
use super::{Burst, DoneBeat, Timing};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Accesses that a port holds for the controller beyond those in its window, in bytes.
const PORT_BUFFER: u64 = 4096;

/// The switch in front of the HBM's pseudo-channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Port n reaches pseudo-channel n alone; addresses have 28 bits.
    Off,
    /// Every port reaches every pseudo-channel, `address[32:28]`, for 7 port cycles and up to 22 more by
    /// distance. Contention on the lateral links is not modelled.
    On,
}

/// What an [`Hbm`] is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HbmConfig {
    /// The switch.
    pub switch: Switch,
    /// Timing of a pseudo-channel.
    pub timing: DramTiming,
    /// The controllers.
    pub policy: Policy,
    /// Clock of the AXI ports in MHz, at least 1.
    pub port_mhz: u64,
    /// Whether refreshes of the pseudo-channels are spread evenly over the refresh interval; else they
    /// come together.
    pub spread_refresh: bool,
    /// Bursts of each kind that a port has open.
    pub outstanding: usize,
}

impl Default for HbmConfig {
    fn default() -> HbmConfig {
        HbmConfig {
            switch: Switch::Off,
            timing: HBM2_TIMING,
            policy: Policy::DEFAULT,
            port_mhz: 450,
            spread_refresh: true,
            outstanding: 32,
        }
    }
}

/// What a [`Ddr`] is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DdrConfig {
    /// Timing.
    pub timing: DramTiming,
    /// The controller.
    pub policy: Policy,
    /// Clock of the AXI port in MHz, at least 1.
    pub port_mhz: u64,
    /// Bursts of each kind that a port has open.
    pub outstanding: usize,
}

impl Default for DdrConfig {
    fn default() -> DdrConfig {
        let policy = Policy::DEFAULT;
        DdrConfig { timing: DDR4_TIMING, policy, port_mhz: 300, outstanding: 32 }
    }
}

/// Cycle of the first refresh of pseudo-channel `n`.
pub(super) fn refresh_phase(timing: &DramTiming, n: usize, spread: bool) -> u64 {
    if spread {
        timing.refi / 2 + timing.refi * n as u64 / HBM_CHANNELS as u64
    } else {
        timing.refi
    }
}

/// The HBM2 of the U280: 32 pseudo-channels of 256 MiB. Clones share them.
#[derive(Clone, Debug)]
pub struct Hbm(Arc<Mutex<Shared>>);

impl Hbm {
    /// As on the board, switch off.
    pub fn u280() -> Hbm {
        Hbm::with(HbmConfig::default())
    }

    /// Another configuration.
    pub fn with(config: HbmConfig) -> Hbm {
        let channel = |n| {
            let phase = refresh_phase(&config.timing, n, config.spread_refresh);
            Channel::new(config.timing, AddressMap::HBM2, config.policy, phase)
        };
        let channels = (0..HBM_CHANNELS).map(channel).collect();
        let mut shared = Shared::new(channels, config.port_mhz, config.outstanding, HBM_CHANNELS);
        shared.switch = config.switch;
        Hbm(Arc::new(Mutex::new(shared)))
    }

    /// Timing of AXI port `n`, 0 to 31; larger numbers wrap around.
    pub fn port(&self, n: usize) -> MemoryPort {
        MemoryPort { shared: self.0.clone(), port: n % HBM_CHANNELS }
    }

    /// How accesses of pseudo-channel `n` met their rows.
    pub fn rows(&self, n: usize) -> Rows {
        lock(&self.0).channels[n % HBM_CHANNELS].rows()
    }
}

/// One DDR4 channel of the U280: 16 GiB. Clones share it.
#[derive(Clone, Debug)]
pub struct Ddr(Arc<Mutex<Shared>>);

impl Ddr {
    /// As on the board.
    pub fn u280() -> Ddr {
        Ddr::with(DdrConfig::default())
    }

    /// Another configuration.
    pub fn with(config: DdrConfig) -> Ddr {
        let t = config.timing;
        let channels = vec![Channel::new(t, AddressMap::DDR4, config.policy, t.refi)];
        Ddr(Arc::new(Mutex::new(Shared::new(channels, config.port_mhz, config.outstanding, 0))))
    }

    /// Timing of one more AXI port, all of one clock.
    pub fn port(&self) -> MemoryPort {
        let mut shared = lock(&self.0);
        shared.ports.push(Port::default());
        MemoryPort { shared: self.0.clone(), port: shared.ports.len() - 1 }
    }

    /// How accesses met their rows.
    pub fn rows(&self) -> Rows {
        lock(&self.0).channels[0].rows()
    }
}

/// One AXI port of an [`Hbm`] or [`Ddr`].
#[derive(Clone, Debug)]
pub struct MemoryPort {
    shared: Arc<Mutex<Shared>>,
    port: usize,
}

/// Beats that are done at a time.
#[derive(Clone, Copy, Debug)]
struct Ready {
    at: u64,
    tag: u32,
    first: u32,
    beats: u32,
}

#[derive(Clone, Debug, Default)]
struct Port {
    /// In order of time.
    ready: VecDeque<Ready>,
    /// Column commands not yet issued.
    waiting: u64,
    /// For beats of several column commands: those still missing.
    parts: HashMap<(u32, u32), u64>,
}

#[derive(Debug)]
struct Shared {
    channels: Vec<Channel>,
    ports: Vec<Port>,
    switch: Switch,
    clock_mhz: u64,
    port_mhz: u64,
    bytes: u64,
    outstanding: usize,
    buffer: u64,
    finished: Vec<Finished>,
}

impl Shared {
    fn new(channels: Vec<Channel>, port_mhz: u64, outstanding: usize, ports: usize) -> Shared {
        let t = *channels[0].timing();
        Shared {
            channels,
            ports: vec![Port::default(); ports],
            switch: Switch::Off,
            clock_mhz: t.clock_mhz,
            port_mhz: port_mhz.max(1),
            bytes: t.bytes,
            outstanding,
            buffer: (Policy::DEFAULT.window as u64) + PORT_BUFFER / t.bytes,
            finished: Vec::new(),
        }
    }

    /// Cycle of the memory at cycle `now` of the port.
    fn cycle(&self, now: u64) -> u64 {
        now * self.clock_mhz / self.port_mhz
    }

    /// Channel and further latency of an address at a port.
    fn route(&self, port: usize, address: u64) -> (usize, u64) {
        match self.switch {
            Switch::Off => (port % self.channels.len(), 0),
            Switch::On => {
                let channel = (address >> 28) as usize % self.channels.len();
                let cycles = switch_cycles(port, channel);
                (channel, cycles * self.clock_mhz / self.port_mhz)
            }
        }
    }

    fn push(&mut self, port: usize, now: u64, burst: &Burst) {
        let at = self.cycle(now);
        let beat_bytes = u64::from(burst.beat_bytes).max(1);
        let step = self.bytes.max(beat_bytes);
        let end = burst.address + u64::from(burst.beats) * beat_bytes;
        let mut address = burst.address;
        let mut beat = 0;
        while address < end {
            // One column command, or one beat of several.
            let next = ((address / step + 1) * step).min(end);
            let beats = ((next - address) / beat_bytes) as u32;
            let commands = (next - address).div_ceil(self.bytes).max(1);
            if commands > 1 {
                self.ports[port].parts.insert((burst.tag, beat), commands);
            }
            for i in 0..commands {
                let (channel, extra) = self.route(port, address);
                let tag = pack(port, burst.tag, beat, beats);
                let part = address + i * self.bytes;
                self.channels[channel].push(at + extra, part, burst.write, tag);
            }
            self.ports[port].waiting += commands;
            address = next;
            beat += beats;
        }
    }

    /// Lets the channels that `port` uses run to `cycle`.
    fn advance(&mut self, port: usize, cycle: u64) {
        let all = 0..self.channels.len();
        let used = match self.switch {
            Switch::Off => {
                let n = port % self.channels.len();
                n..n + 1
            }
            Switch::On => all,
        };
        for channel in &mut self.channels[used] {
            channel.advance(cycle, &mut self.finished);
        }
        for f in self.finished.drain(..) {
            let (port, tag, first, beats) = unpack(f.tag);
            let port = &mut self.ports[port];
            port.waiting -= 1;
            if let Some(left) = port.parts.get_mut(&(tag, first)) {
                *left -= 1;
                if *left > 0 {
                    continue;
                }
                port.parts.remove(&(tag, first));
            }
            let behind = port.ready.iter().rev().take_while(|r| r.at > f.at).count();
            let at = port.ready.len() - behind;
            port.ready.insert(at, Ready { at: f.at, tag, first, beats });
        }
    }
}

/// Port cycles that the switch costs between an AXI port and a pseudo-channel: 7 within a group of four, then
/// by distance, with a step at the border of the stacks.
fn switch_cycles(port: usize, channel: usize) -> u64 {
    let (from, to) = (port / 4, channel / 4);
    let hops = from.abs_diff(to) as u64;
    let lateral = if hops == 0 { 0 } else { 2 * hops - 1 };
    7 + lateral + if from / 4 == to / 4 { 0 } else { 9 }
}

/// Port (8 bits), tag (32), first beat (12), beats (12).
fn pack(port: usize, tag: u32, first: u32, beats: u32) -> u64 {
    (port as u64) << 56 | u64::from(tag) << 24 | u64::from(first) << 12 | u64::from(beats)
}

fn unpack(tag: u64) -> (usize, u32, u32, u32) {
    ((tag >> 56) as usize, (tag >> 24) as u32, (tag >> 12) as u32 & 0xfff, tag as u32 & 0xfff)
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // A thread that panicked has failed its run; the figures of this one do not depend on it.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Timing for MemoryPort {
    fn room(&self, _write: bool) -> usize {
        let shared = lock(&self.shared);
        let left = shared.buffer.saturating_sub(shared.ports[self.port].waiting);
        left.div_ceil(16) as usize
    }

    fn limit(&self) -> usize {
        lock(&self.shared).outstanding
    }

    fn push(&mut self, now: u64, burst: &Burst) {
        lock(&self.shared).push(self.port, now, burst);
    }

    fn advance(&mut self, now: u64, done: &mut Vec<DoneBeat>) {
        let mut shared = lock(&self.shared);
        let cycle = shared.cycle(now);
        shared.advance(self.port, cycle);
        let ready = &mut shared.ports[self.port].ready;
        while let Some(r) = ready.front().copied().filter(|r| r.at <= cycle) {
            ready.pop_front();
            done.extend((0..r.beats).map(|i| DoneBeat { tag: r.tag, beat: r.first + i }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Port cycles from the address to the first beat of one read.
    fn latency(port: &mut MemoryPort, now: u64, address: u64, beats: u32, beat_bytes: u32) -> u64 {
        port.push(now, &Burst { tag: 5, write: false, address, beats, beat_bytes });
        let mut all = Vec::new();
        let mut first = None;
        for cycle in now..now + 500 {
            port.advance(cycle, &mut all);
            if !all.is_empty() {
                first.get_or_insert(cycle - now);
            }
        }
        let mut beat_numbers: Vec<u32> = all.iter().map(|d| d.beat).collect();
        beat_numbers.sort_unstable();
        assert_eq!(beat_numbers, (0..beats).collect::<Vec<_>>());
        assert!(all.iter().all(|d| d.tag == 5));
        first.unwrap()
    }

    #[test]
    fn idle_latencies_of_the_hbm_are_the_published_ones() {
        let mut port = Hbm::u280().port(31);
        assert_eq!(latency(&mut port, 10, 0, 1, 32), 55);
        assert_eq!(latency(&mut port, 520, 64, 1, 32), 48);
        assert_eq!(latency(&mut port, 1030, 1 << 14, 1, 32), 62);
    }

    #[test]
    fn the_switch_costs_what_is_published() {
        for (group, extra) in [7, 8, 10, 12, 23, 25, 27, 29].into_iter().enumerate() {
            let hbm = Hbm::with(HbmConfig { switch: Switch::On, ..HbmConfig::default() });
            let mut port = hbm.port(group * 4);
            assert_eq!(latency(&mut port, 0, 0, 1, 32), 55 + extra);
            assert_eq!(latency(&mut port, 600, 32 * 2, 1, 32), 48 + extra);
        }
    }

    #[test]
    fn idle_latencies_of_the_ddr_are_the_published_ones() {
        let mut port = Ddr::u280().port();
        assert_eq!(latency(&mut port, 0, 0, 1, 64), 27);
        assert_eq!(latency(&mut port, 510, 1 << 10, 1, 64), 22);
        assert_eq!(latency(&mut port, 1020, 1 << 17, 1, 64), 32);
    }

    #[test]
    fn beats_may_be_wider_or_narrower_than_column_commands() {
        let hbm = Hbm::u280();
        assert_eq!(latency(&mut hbm.port(0), 0, 0, 4, 64), 57);
        assert_eq!(latency(&mut hbm.port(1), 0, 16, 5, 8), 55);
        assert_eq!(latency(&mut Ddr::u280().port(), 0, 32, 3, 32), 27);
    }

    #[test]
    fn a_slower_port_counts_its_own_cycles() {
        let hbm = Hbm::with(HbmConfig { port_mhz: 225, ..HbmConfig::default() });
        assert_eq!(latency(&mut hbm.port(0), 0, 0, 1, 32), 28);
    }
}
