//! [`Timing`]: when accesses are done, and [`Delay`], the simplest one.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::ops::RangeInclusive;

/// A burst handed to a [`Timing`]: a read when its address was taken, a write when all its data were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Names the burst in [`DoneBeat`].
    pub tag: u32,
    /// Is it a write?
    pub write: bool,
    /// First byte, counted from the start of the memory.
    pub address: u64,
    /// Beats.
    pub beats: u32,
    /// Bytes of a beat.
    pub beat_bytes: u32,
}

/// A beat whose data are there (read) or written (write).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoneBeat {
    /// The burst's tag.
    pub tag: u32,
    /// The beat, from 0.
    pub beat: u32,
}

/// Says when the beats of bursts are done. Time is counted in cycles of the port's clock.
pub trait Timing: Send {
    /// How many more bursts of this kind it would take now.
    fn room(&self, write: bool) -> usize;

    /// Bursts of each kind that may be open at the port: accepted and not yet given out or answered.
    fn limit(&self) -> usize {
        256
    }

    /// Takes a burst that arrived in cycle `now`. Cycles never decrease from call to call.
    fn push(&mut self, now: u64, burst: &Burst);

    /// Appends the beats that are done in time to be given out in cycle `now`.
    fn advance(&mut self, now: u64, done: &mut Vec<DoneBeat>);
}

/// A delay per burst, fixed or random; the beats follow one a cycle. Bursts do not wait for each other,
/// so with a random delay they are done out of order.
#[derive(Clone, Debug)]
pub struct Delay {
    cycles: RangeInclusive<u64>,
    rng: SmallRng,
    bursts: Vec<Pending>,
}

#[derive(Clone, Debug)]
struct Pending {
    tag: u32,
    write: bool,
    first: u64,
    given: u32,
    beats: u32,
}

impl Delay {
    /// Bursts of each kind in flight at most.
    const LIMIT: usize = 64;

    /// The first beat of a read is given out `cycles` (at least 1) after the cycle of its address, a write
    /// answered `cycles` after its last data and one cycle for every further beat.
    pub fn fixed(cycles: u64) -> Delay {
        Delay::random(cycles..=cycles, 0)
    }

    /// As [`Delay::fixed`], drawn for every burst.
    pub fn random(cycles: RangeInclusive<u64>, seed: u64) -> Delay {
        let first = (*cycles.start()).max(1);
        let last = (*cycles.end()).max(first);
        Delay { cycles: first..=last, rng: SmallRng::seed_from_u64(seed), bursts: Vec::new() }
    }
}

impl Timing for Delay {
    fn room(&self, write: bool) -> usize {
        Delay::LIMIT - self.bursts.iter().filter(|b| b.write == write).count()
    }

    fn push(&mut self, now: u64, burst: &Burst) {
        let first = now + self.rng.random_range(self.cycles.clone());
        let Burst { tag, write, beats, .. } = *burst;
        self.bursts.push(Pending { tag, write, first, given: 0, beats });
    }

    fn advance(&mut self, now: u64, done: &mut Vec<DoneBeat>) {
        self.bursts.retain_mut(|b| {
            while b.given < b.beats && b.first + u64::from(b.given) <= now {
                done.push(DoneBeat { tag: b.tag, beat: b.given });
                b.given += 1;
            }
            b.given < b.beats
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst(tag: u32, write: bool) -> Burst {
        Burst { tag, write, address: 0, beats: 2, beat_bytes: 32 }
    }

    #[test]
    fn beats_follow_the_delay_one_a_cycle() {
        let mut delay = Delay::fixed(5);
        delay.push(10, &burst(7, false));
        delay.push(11, &burst(8, true));
        let mut at = Vec::new();
        for now in 10..20 {
            let mut done = Vec::new();
            delay.advance(now, &mut done);
            at.extend(done.iter().map(|d| (now, d.tag, d.beat)));
        }
        assert_eq!(at, [(15, 7, 0), (16, 7, 1), (16, 8, 0), (17, 8, 1)]);
        assert_eq!((delay.room(false), delay.room(true)), (64, 64));
    }

    #[test]
    fn room_is_counted_by_kind() {
        let mut delay = Delay::random(3..=9, 1);
        for tag in 0..10 {
            delay.push(0, &burst(tag, tag < 4));
        }
        assert_eq!((delay.room(true), delay.room(false)), (60, 58));
    }
}
