//! [`HbmTiming`]: the HBM model behind a read master per port.

use super::timing::KvTiming;
use skipopu_sim::memory::{Burst, DoneBeat, Hbm, MemoryPort, Timing};
use std::collections::VecDeque;

/// AXI cycles (450 MHz) in a core cycle (225 MHz).
pub const AXI_PER_CORE: u64 = 2;
/// Words that a read master holds or has asked for.
const BUFFER_WORDS: usize = 512;
/// Commands that wait at a read master.
const COMMANDS: usize = 4;
/// AXI cycles from a command to its address on the bus: two core cycles and four of the bus.
const OUT: u64 = 8;
/// AXI cycles from data on the bus to the word on the core's side: two of the bus and five core cycles.
const BACK: u64 = 12;
/// Bytes of a burst, and of a beat.
const BURST_BYTES: u64 = 512;
const BEAT_BYTES: u64 = 32;

/// Read masters as `skipopu_hw::dma` builds them, by their stated latencies: bursts cut at 512 bytes,
/// issued while the buffer has room, words in the order of commands; the HBM model decides when data come.
pub struct HbmTiming {
    ports: Vec<Port>,
    now: u64,
    done: Vec<DoneBeat>,
}

struct Port {
    memory: MemoryPort,
    /// Commands not yet issued: address, bytes left, first AXI cycle.
    commands: VecDeque<(u64, u64, u64)>,
    /// Words asked for and not yet taken.
    reserved: usize,
    /// Bursts in order: tag, beats missing, beats.
    bursts: VecDeque<(u32, u32, u32)>,
    next_tag: u32,
    /// AXI cycles from which words can be taken.
    words: VecDeque<u64>,
}

impl HbmTiming {
    /// Pseudo-channels 0 to `ports - 1` of the U280.
    pub fn new(ports: usize) -> HbmTiming {
        let hbm = Hbm::u280();
        let port = |p| Port {
            memory: hbm.port(p),
            commands: VecDeque::new(),
            reserved: 0,
            bursts: VecDeque::new(),
            next_tag: 0,
            words: VecDeque::new(),
        };
        HbmTiming { ports: (0..ports).map(port).collect(), now: 0, done: Vec::new() }
    }
}

impl Port {
    /// Issues what may be issued at an AXI cycle: one burst.
    fn issue(&mut self, now: u64) {
        let Some((address, bytes, from)) = self.commands.front().copied() else { return };
        let length = bytes.min(BURST_BYTES - address % BURST_BYTES);
        let words = length.div_ceil(2 * BEAT_BYTES) as usize;
        let room = self.reserved + words <= BUFFER_WORDS
            && self.memory.room(false) > 0
            && self.bursts.len() < self.memory.limit();
        if from > now || !room {
            return;
        }
        let beats = length.div_ceil(BEAT_BYTES) as u32;
        let tag = self.next_tag;
        self.next_tag = self.next_tag.wrapping_add(1);
        let burst = Burst { tag, write: false, address, beats, beat_bytes: BEAT_BYTES as u32 };
        self.memory.push(now, &burst);
        self.bursts.push_back((tag, beats, beats));
        self.reserved += words;
        if length == bytes {
            self.commands.pop_front();
        } else {
            self.commands[0] = (address + length, bytes - length, now);
        }
    }

    /// Takes in what is done.
    fn collect(&mut self, now: u64, done: &mut Vec<DoneBeat>) {
        done.clear();
        self.memory.advance(now, done);
        for d in done.iter() {
            if let Some(b) = self.bursts.iter_mut().find(|b| b.0 == d.tag) {
                b.1 -= 1;
            }
        }
        while let Some((_, 0, beats)) = self.bursts.front().copied() {
            self.bursts.pop_front();
            // The last beats of a burst of one ID pass the bus one a cycle; whole bursts are handed on.
            let words = beats.div_ceil(2) as usize;
            self.words.extend(std::iter::repeat_n(now + BACK, words));
        }
    }
}

impl KvTiming for HbmTiming {
    fn ready(&self, port: usize) -> bool {
        self.ports[port].commands.len() < COMMANDS
    }
    fn accept(&mut self, port: usize, address: u64, words: usize) {
        let from = self.now + OUT;
        self.ports[port].commands.push_back((address, 64 * words as u64, from));
    }
    fn offers(&self, port: usize) -> bool {
        self.ports[port].words.front().is_some_and(|at| *at <= self.now)
    }
    fn take(&mut self, port: usize) {
        let p = &mut self.ports[port];
        p.words.pop_front();
        p.reserved -= 1;
    }
    fn step(&mut self) {
        self.now += AXI_PER_CORE;
        let now = self.now;
        let done = &mut self.done;
        for p in &mut self.ports {
            p.issue(now - 1);
            p.issue(now);
            p.collect(now, done);
        }
    }
}
