//! [`Disturbance`]: the ways a slave may be awkward.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Cycles for which a mood lasts.
const MOOD: u64 = 32;

/// Probabilities of a stall per cycle that moods are drawn from.
const STALLS: [f64; 5] = [0.0, 0.0, 0.25, 0.5, 0.9];

/// Random but legal behaviour of a slave: `ready` falls, answers pause, answers of different IDs change
/// places, write addresses are taken before, after or together with their data. How often changes every 32
/// cycles between never and nearly always.
#[derive(Clone, Debug)]
pub struct Disturbance {
    on: bool,
    reorder: bool,
    rng: SmallRng,
    until: u64,
    /// Probability of a stall on each channel now.
    stall: [f64; 5],
}

impl Disturbance {
    /// None: always ready while there is room, answers as soon as they are there, oldest first.
    pub fn none() -> Disturbance {
        let rng = SmallRng::seed_from_u64(0);
        Disturbance { on: false, reorder: false, rng, until: 0, stall: [0.0; 5] }
    }

    /// Everything, drawn from `seed`.
    pub fn random(seed: u64) -> Disturbance {
        let rng = SmallRng::seed_from_u64(seed);
        Disturbance { on: true, reorder: true, rng, until: 0, stall: [0.0; 5] }
    }

    /// Whether answers of different IDs may change places.
    pub fn reorder(mut self, on: bool) -> Disturbance {
        self.reorder = on;
        self
    }

    /// Is there any?
    pub(super) fn on(&self) -> bool {
        self.on
    }

    /// A new cycle begins.
    pub(super) fn cycle(&mut self, now: u64) {
        if self.on && now >= self.until {
            self.until = now + MOOD;
            let rng = &mut self.rng;
            self.stall = std::array::from_fn(|_| STALLS[rng.random_range(0..STALLS.len())]);
        }
    }

    /// Does the channel (0 to 4: ar, r, aw, w, b) stall in this cycle?
    pub(super) fn stalls(&mut self, channel: usize) -> bool {
        self.on && self.stall[channel] > 0.0 && self.rng.random_bool(self.stall[channel])
    }

    /// An even chance, never without disturbance.
    pub(super) fn chance(&mut self) -> bool {
        self.on && self.rng.random()
    }

    /// Which of `count` answers goes first; 0 is the oldest.
    pub(super) fn pick(&mut self, count: usize) -> usize {
        if self.on && self.reorder && count > 1 {
            self.rng.random_range(0..count)
        } else {
            0
        }
    }

    /// Noise for wires whose `valid` is 0.
    pub(super) fn noise(&mut self) -> u64 {
        if self.on {
            self.rng.random()
        } else {
            0
        }
    }
}
