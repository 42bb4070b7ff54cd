//! An AXI master without latency or limits: what a memory can give.

use skipopu_sim::memory::{Burst, Timing};
use std::collections::VecDeque;

/// Reads of an ideal master on each of several ports.
///
/// In every cycle of the AXI clock a port takes an address if the memory has room, and gives a beat if it
/// has one.
pub struct Ideal {
    memories: Vec<Box<dyn Timing>>,
    beat_bytes: u32,
    in_order: bool,
}

#[derive(Clone, Copy)]
struct Open {
    tag: u32,
    beats: u32,
    done: u32,
    given: u32,
}

impl Ideal {
    /// Ports with this timing and bytes per beat. Beats come in the order of their addresses, as those of
    /// one ID do, or any burst's that has one.
    pub fn new(memories: Vec<Box<dyn Timing>>, beat_bytes: u32, in_order: bool) -> Ideal {
        Ideal { memories, beat_bytes, in_order }
    }

    /// Cycles in which all ports have read their bursts, given by address and beats.
    ///
    /// # Panics
    /// When a memory does not answer for a million cycles.
    pub fn reads(mut self, bursts: &[Vec<(u64, u64)>]) -> u64 {
        let mut open: Vec<VecDeque<Open>> = vec![VecDeque::new(); bursts.len()];
        let (mut next, mut left) = (vec![0usize; bursts.len()], bursts.len());
        let (mut now, mut moved) = (0u64, 0u64);
        let mut done = Vec::new();
        while left > 0 {
            left = 0;
            for (i, port) in open.iter_mut().enumerate() {
                let memory = &mut self.memories[i];
                memory.advance(now, &mut done);
                for beat in done.drain(..) {
                    if let Some(burst) = port.iter_mut().find(|b| b.tag == beat.tag) {
                        burst.done += 1;
                    }
                }
                let eligible = if self.in_order { 1 } else { port.len() };
                let mut candidates = port.iter().take(eligible);
                if let Some(at) = candidates.position(|b| b.done > b.given) {
                    port[at].given += 1;
                    moved = now;
                    if port[at].given == port[at].beats {
                        port.remove(at);
                    }
                }
                if next[i] < bursts[i].len()
                    && memory.room(false) > 0
                    && port.len() < memory.limit()
                {
                    let (address, beats) = bursts[i][next[i]];
                    let (tag, beats) = (next[i] as u32, beats as u32);
                    let beat_bytes = self.beat_bytes;
                    memory.push(now, &Burst { tag, write: false, address, beats, beat_bytes });
                    port.push_back(Open { tag, beats, done: 0, given: 0 });
                    next[i] += 1;
                }
                left += usize::from(!port.is_empty() || next[i] < bursts[i].len());
            }
            now += 1;
            assert!(now - moved < 1_000_000, "the memory does not answer");
        }
        now
    }
}
