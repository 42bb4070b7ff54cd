//! [`Occupancy`]: how many things are held.

use crate::parameter::{index_bits, require, ParameterError};
use skipopu_hdl::prelude::*;

/// An up/down counter with registered flags.
///
/// - Does: counts `push` up and `pop` down; both in one cycle leave it as it is. Every output is a
///   register.
/// - Does not: refuse. The caller pushes only while `not_full` and pops only while `not_empty`.
#[derive(LogicBlock, Ports)]
pub struct Occupancy {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Back to 0.
    pub reset: Signal<In, Bit>,
    /// One more.
    pub push: Signal<In, Bit>,
    /// One less.
    pub pop: Signal<In, Bit>,
    /// How many, 0 to the capacity.
    pub level: Wire<Out>,
    /// Is there room for one more?
    pub not_full: Signal<Out, Bit>,
    /// Is there one?
    pub not_empty: Signal<Out, Bit>,
    /// Are there as many as the threshold, or more?
    pub almost_full: Signal<Out, Bit>,
    count: Reg,
    free: Reg,
    held: DFF<Bit>,
    almost: DFF<Bit>,
    _capacity: usize,
    _threshold: usize,
}

impl Occupancy {
    /// Cycles from `push` or `pop` to every output.
    pub const LATENCY: usize = 1;

    /// Up to `capacity`; `almost_full` from `threshold` on.
    ///
    /// # Errors
    /// Unless `capacity` is from 1 to 1048576 and `threshold` from 1 to `capacity`.
    pub fn new(capacity: usize, threshold: usize) -> Result<Occupancy, ParameterError> {
        let ok = (1..=1 << 20).contains(&capacity);
        require(ok, "occupancy", "capacity", capacity, "must be 1 to 1048576")?;
        let ok = (1..=capacity).contains(&threshold);
        require(ok, "occupancy", "almost_full", threshold, "must be 1 to the capacity")?;
        let bits = index_bits(capacity + 1);
        Ok(Occupancy {
            clock: Default::default(),
            reset: Default::default(),
            push: Default::default(),
            pop: Default::default(),
            level: Wire::new(bits),
            not_full: Default::default(),
            not_empty: Default::default(),
            almost_full: Default::default(),
            count: Reg::new(bits),
            free: Reg::with_init(Word::ones(1)),
            held: Default::default(),
            almost: Default::default(),
            _capacity: capacity,
            _threshold: threshold,
        })
    }
}

impl Logic for Occupancy {
    #[hdl(capacity = self._capacity, threshold = self._threshold, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, count, free, held, almost);
        let count = self.count.q.val();
        let up = self.push.val() && !self.pop.val();
        let down = self.pop.val() && !self.push.val();
        if up {
            self.count.d.next = count.clone() + 1;
            self.free.d.next = Word::from(count != self._capacity - 1);
            self.held.d.next = true;
            if count == self._threshold - 1 {
                self.almost.d.next = true;
            }
        } else if down {
            self.count.d.next = count.clone() - 1;
            self.free.d.next = Word::ones(1);
            self.held.d.next = count != 1;
            if count == self._threshold {
                self.almost.d.next = false;
            }
        }
        if self.reset.val() {
            self.count.d.next = 0.into();
            self.free.d.next = Word::ones(1);
            self.held.d.next = false;
            self.almost.d.next = false;
        }
        self.level.next = self.count.q.val();
        self.not_full.next = self.free.q.val().any();
        self.not_empty.next = self.held.q.val();
        self.almost_full.next = self.almost.q.val();
    }
}
