//! Clock domains in picoseconds and the order of their edges.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Period a clock has when none is given: 4 ns, 250 MHz.
pub const DEFAULT_PERIOD_PS: u64 = 4_000;

/// A free-running clock: rises at `phase`, `phase + period`, ..., falls half a period later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockDomain {
    period_ps: u64,
    phase_ps: u64,
}

impl ClockDomain {
    /// A clock of the given period, at least 2 ps (smaller values count as 2), with its first rising
    /// edge one period after the start.
    pub fn new(period_ps: u64) -> ClockDomain {
        let period_ps = period_ps.max(2);
        ClockDomain { period_ps, phase_ps: period_ps }
    }

    /// The same clock with its first rising edge `phase_ps` after the start, at least 1 ps (0 counts
    /// as 1: at time 0 every clock is low).
    pub fn phase(mut self, phase_ps: u64) -> ClockDomain {
        self.phase_ps = phase_ps.max(1);
        self
    }

    /// Period in ps.
    pub fn period_ps(&self) -> u64 {
        self.period_ps
    }

    /// Time of the first rising edge in ps.
    pub fn phase_ps(&self) -> u64 {
        self.phase_ps
    }

    /// Pairs of clocks that together exercise a clock-domain crossing: equal and aligned, equal and
    /// shifted, 1:2, 2:1, 3:2, nearly equal both ways (the phase drifts through every value), a ratio of
    /// primes, and `extra` random ones drawn from `seed`.
    pub fn crossings(seed: u64, extra: usize) -> Vec<(ClockDomain, ClockDomain)> {
        let of = ClockDomain::new;
        let mut pairs = vec![
            (of(4_000), of(4_000)),
            (of(4_000), of(4_000).phase(5_370)),
            (of(4_000), of(8_000)),
            (of(8_000), of(4_000)),
            (of(6_000), of(4_000)),
            (of(4_000), of(4_012)),
            (of(4_012), of(4_000)),
            (of(1_300), of(700)),
        ];
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut draw = || {
            let period = rng.random_range(500..10_000);
            of(period).phase(rng.random_range(1..=period))
        };
        pairs.extend((0..extra).map(|_| (draw(), draw())));
        pairs
    }
}

/// The clocks that change at one moment, as bit sets over the clocks of a [`Schedule`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// Time in ps.
    pub time_ps: u64,
    rising: u64,
    falling: u64,
}

impl Edges {
    /// Does clock `i` rise?
    pub fn rises(&self, i: usize) -> bool {
        self.rising >> i & 1 == 1
    }

    /// Does clock `i` fall?
    pub fn falls(&self, i: usize) -> bool {
        self.falling >> i & 1 == 1
    }

    /// Does any clock rise?
    pub fn any_rise(&self) -> bool {
        self.rising != 0
    }
}

/// Up to 64 clock domains and the time of each one's next edge.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    clocks: Vec<Pending>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    domain: ClockDomain,
    high: bool,
    next_ps: u64,
}

impl Schedule {
    /// No clocks yet.
    pub fn new() -> Schedule {
        Schedule::default()
    }

    /// Adds a clock that starts low at `now_ps`; returns its number.
    ///
    /// # Panics
    /// On a 65th clock.
    pub fn add(&mut self, domain: ClockDomain, now_ps: u64) -> usize {
        assert!(self.clocks.len() < 64, "a schedule holds at most 64 clocks");
        self.clocks.push(Pending { domain, high: false, next_ps: now_ps + domain.phase_ps });
        self.clocks.len() - 1
    }

    /// Number of clocks.
    pub fn len(&self) -> usize {
        self.clocks.len()
    }

    /// Are there no clocks?
    pub fn is_empty(&self) -> bool {
        self.clocks.is_empty()
    }

    /// The edges that the next [`advance`](Schedule::advance) gives, which come as often as this is
    /// called; `None` without clocks.
    pub fn upcoming(&self) -> Option<Edges> {
        let time_ps = self.clocks.iter().map(|c| c.next_ps).min()?;
        let mut edges = Edges { time_ps, ..Edges::default() };
        for (i, c) in self.clocks.iter().enumerate().filter(|(_, c)| c.next_ps == time_ps) {
            let set = if c.high { &mut edges.falling } else { &mut edges.rising };
            *set |= 1 << i;
        }
        Some(edges)
    }

    /// The next moment at which any clock changes, all that change then together; `None` without
    /// clocks.
    pub fn advance(&mut self) -> Option<Edges> {
        let edges = self.upcoming()?;
        for c in self.clocks.iter_mut().filter(|c| c.next_ps == edges.time_ps) {
            let half = c.domain.period_ps / 2;
            c.next_ps += if c.high { c.domain.period_ps - half } else { half };
            c.high = !c.high;
        }
        Some(edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_come_in_time_order_and_together() {
        let mut s = Schedule::new();
        s.add(ClockDomain::new(4).phase(2), 0);
        s.add(ClockDomain::new(8).phase(2), 0);
        let seen: Vec<(u64, bool, bool, bool, bool)> = (0..5)
            .map(|_| {
                let next = s.upcoming();
                assert_eq!(next, s.upcoming());
                let edges = s.advance();
                assert_eq!(edges, next);
                edges.unwrap()
            })
            .map(|e| (e.time_ps, e.rises(0), e.falls(0), e.rises(1), e.falls(1)))
            .collect();
        let want = [
            (2, true, false, true, false),
            (4, false, true, false, false),
            (6, true, false, false, true),
            (8, false, true, false, false),
            (10, true, false, true, false),
        ];
        assert_eq!(seen, want);
    }

    #[test]
    fn odd_periods_keep_their_length() {
        let mut s = Schedule::new();
        s.add(ClockDomain::new(7).phase(7), 0);
        let rises: Vec<u64> = (0..6)
            .map(|_| s.advance().unwrap())
            .filter(Edges::any_rise)
            .map(|e| e.time_ps)
            .collect();
        assert_eq!(rises, [7, 14, 21]);
    }

    #[test]
    fn crossings_are_reproducible_and_distinct() {
        let pairs = ClockDomain::crossings(0, 8);
        assert_eq!(pairs, ClockDomain::crossings(0, 8));
        assert_eq!(pairs.len(), 16);
        for (i, p) in pairs.iter().enumerate() {
            assert!(!pairs[..i].contains(p), "{p:?} twice");
        }
        assert_ne!(pairs[8..], ClockDomain::crossings(1, 8)[8..]);
    }
}
