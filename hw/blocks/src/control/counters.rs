//! [`PerformanceCounters`]: what happened while a program ran.

use skipopu_hdl::prelude::*;
use skipopu_isa::host::Counter;

/// Bits of a counter.
pub const COUNTER_BITS: usize = 64;

/// Bits of the sequencer's own counters.
const OWN_BITS: usize = 32;

/// Adds up steps: one counter of 64 bits for each [`Counter`].
///
/// - Does: `step[c]` is added every cycle; `clear` sets all to 0 and wins over a step of the same cycle. `counts` holds them
///   side by side, the first lowest. Instructions and branches are the sequencer's counts, passed on; their steps are
///   ignored.
/// - Does not: saturate; 64 bits last for millennia.
/// - Guarantee: the low half is there [`PerformanceCounters::LATENCY`] cycle after a step, a carry into the high half one more.
#[derive(LogicBlock, Ports)]
pub struct PerformanceCounters {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// All to 0.
    pub clear: Signal<In, Bit>,
    /// The sequencer's count of instructions.
    pub instructions: Wire<In>,
    /// The sequencer's count of branches.
    pub branches: Wire<In>,
    /// What is added this cycle, by counter.
    pub step: Vec<Wire<In>>,
    /// All counters.
    pub counts: Wire<Out>,
    low: Vec<Reg>,
    carry: Reg,
    high: Vec<Reg>,
    _half: usize,
}

impl Default for PerformanceCounters {
    fn default() -> Self {
        Self::new()
    }
}

impl PerformanceCounters {
    /// Cycles from a step to the low half.
    pub const LATENCY: usize = 1;

    /// The counters of the register map.
    pub fn new() -> PerformanceCounters {
        PerformanceCounters::with_bits(COUNTER_BITS)
    }

    /// Counters of `bits` bits, even and 40 to 64: a step fits the half of one, and short ones carry within a test.
    ///
    /// Panics on others.
    pub fn with_bits(bits: usize) -> PerformanceCounters {
        assert!(bits % 2 == 0 && (40..=COUNTER_BITS).contains(&bits), "{bits} bits");
        let (count, half) = (Counter::ALL.len(), bits / 2);
        PerformanceCounters {
            clock: Default::default(),
            clear: Default::default(),
            instructions: Wire::new(OWN_BITS.min(bits)),
            branches: Wire::new(OWN_BITS.min(bits)),
            step: Counter::ALL.iter().map(|c| Wire::new(c.step_bits())).collect(),
            counts: Wire::new(count * bits),
            low: (0..count).map(|_| Reg::new(half)).collect(),
            carry: Reg::new(count),
            high: (0..count).map(|_| Reg::new(half)).collect(),
            _half: half,
        }
    }
}

impl Logic for PerformanceCounters {
    #[hdl(bits = 2 * self._half, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, carry);
        let clear = self.clear.val();
        let half = self._half;
        for c in 0..Counter::ALL.len() {
            let at = 2 * c * half;
            self.low[c].clock.next = self.clock.val();
            self.high[c].clock.next = self.clock.val();
            let sum = self.low[c].q.val().zext(half + 1) + self.step[c].val().zext(half + 1);
            let high = self.high[c].q.val() + Word::from(self.carry.q.val().bit(c)).zext(half);
            self.low[c].d.next = mux(clear, Word::zero(half), sum.trunc(half));
            self.high[c].d.next = mux(clear, Word::zero(half), high);
            self.carry.d.next.set_slice(c, &Word::from(sum.bit(half) && !clear));
            if c == Counter::Instructions as usize {
                let count = self.instructions.val().zext(2 * half);
                self.counts.next.set_slice(at, &count);
            } else if c == Counter::Branches as usize {
                self.counts.next.set_slice(at, &self.branches.val().zext(2 * half));
            } else {
                self.counts.next.set_slice(at, &self.low[c].q.val());
                self.counts.next.set_slice(at + half, &self.high[c].q.val());
            }
        }
    }
}
