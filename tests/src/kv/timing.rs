//! When the words of a command come.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::VecDeque;

/// The time side of a memory with one in-order queue of commands per port, in core cycles.
pub trait KvTiming {
    /// Would the port take a command in this cycle?
    fn ready(&self, port: usize) -> bool;
    /// It takes one: so many words of 64 bytes from a byte of its pseudo-channel.
    fn accept(&mut self, port: usize, address: u64, words: usize);
    /// Is the next word of the port there?
    fn offers(&self, port: usize) -> bool;
    /// It is taken.
    fn take(&mut self, port: usize);
    /// The cycle ends.
    fn step(&mut self);
}

/// Random latencies, gaps and refusals.
#[derive(Debug)]
pub struct RandomTiming {
    ports: Vec<RandomPort>,
    rng: SmallRng,
    latency: (u64, u64),
    gap: f64,
    refuse: f64,
    now: u64,
}

#[derive(Clone, Debug, Default)]
struct RandomPort {
    due: VecDeque<u64>,
    refuses: bool,
    /// A word once offered stays.
    offered: bool,
}

impl RandomTiming {
    /// Latencies from `latency.0` to `latency.1` cycles; a word is late with probability `gap`, a command
    /// refused with probability `refuse`.
    pub fn new(
        ports: usize,
        latency: (u64, u64),
        gap: f64,
        refuse: f64,
        seed: u64,
    ) -> RandomTiming {
        RandomTiming {
            ports: vec![RandomPort::default(); ports],
            rng: SmallRng::seed_from_u64(seed),
            latency,
            gap,
            refuse,
            now: 0,
        }
    }
}

impl KvTiming for RandomTiming {
    fn ready(&self, port: usize) -> bool {
        !self.ports[port].refuses
    }
    fn accept(&mut self, port: usize, _: u64, words: usize) {
        let latency = self.rng.random_range(self.latency.0..=self.latency.1);
        let due = self.now + latency;
        self.ports[port].due.extend(std::iter::repeat_n(due, words));
    }
    fn offers(&self, port: usize) -> bool {
        self.ports[port].offered
    }
    fn take(&mut self, port: usize) {
        self.ports[port].due.pop_front();
        self.ports[port].offered = false;
    }
    fn step(&mut self) {
        self.now += 1;
        for p in &mut self.ports {
            p.refuses = self.rng.random_bool(self.refuse);
            if !p.offered {
                let due = p.due.front().is_some_and(|d| *d <= self.now);
                p.offered = due && !self.rng.random_bool(self.gap);
            }
        }
    }
}

/// A fixed latency and a word a cycle.
#[derive(Debug)]
pub struct SteadyTiming {
    due: Vec<VecDeque<u64>>,
    latency: u64,
    now: u64,
}

impl SteadyTiming {
    /// Every word comes `latency` cycles after its command at the earliest.
    pub fn new(ports: usize, latency: u64) -> SteadyTiming {
        SteadyTiming { due: vec![VecDeque::new(); ports], latency, now: 0 }
    }
}

impl KvTiming for SteadyTiming {
    fn ready(&self, port: usize) -> bool {
        self.due[port].len() < 512
    }
    fn accept(&mut self, port: usize, _: u64, words: usize) {
        let due = self.now + self.latency;
        self.due[port].extend(std::iter::repeat_n(due, words));
    }
    fn offers(&self, port: usize) -> bool {
        self.due[port].front().is_some_and(|d| *d <= self.now)
    }
    fn take(&mut self, port: usize) {
        self.due[port].pop_front();
    }
    fn step(&mut self) {
        self.now += 1;
    }
}
