//! [`Semaphores`]: tokens between the units.

use super::UNITS;
use skipopu_hdl::prelude::*;
use skipopu_isa::unit::SEMAPHORE_TOKENS;

/// A counter of tokens for every ordered pair of units; pair `giver * 4 + taker` in all ports.
///
/// - Does: counts up for each bit of `give`, down for each of `take`, both at once included; says which pairs hold a token.
/// - Does not: check that a token is taken only where there is one: the issuers do.
/// - Guarantee: outputs are registers, a cycle after the change.
#[derive(LogicBlock, Ports)]
pub struct Semaphores {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Empties all.
    pub reset: Signal<In, Bit>,
    /// Tokens given in this cycle.
    pub give: Wire<In>,
    /// Tokens taken in this cycle.
    pub take: Wire<In>,
    /// Pairs that hold a token.
    pub held: Wire<Out>,
    /// Pairs that were given more than they hold; stays until reset.
    pub overflow: Wire<Out>,
    count: Vec<Reg>,
    some: Reg,
    over: Reg,
}

/// Ordered pairs of units.
pub const PAIRS: usize = UNITS * UNITS;

/// Bits of a count.
const BITS: usize = SEMAPHORE_TOKENS.ilog2() as usize + 1;

impl Semaphores {
    /// Cycles from a change to the outputs.
    pub const LATENCY: usize = 1;

    /// Empty ones.
    pub fn new() -> Semaphores {
        Semaphores {
            clock: Default::default(),
            reset: Default::default(),
            give: Wire::new(PAIRS),
            take: Wire::new(PAIRS),
            held: Wire::new(PAIRS),
            overflow: Wire::new(PAIRS),
            count: (0..PAIRS).map(|_| Reg::new(BITS)).collect(),
            some: Reg::new(PAIRS),
            over: Reg::new(PAIRS),
        }
    }
}

impl Default for Semaphores {
    fn default() -> Semaphores {
        Semaphores::new()
    }
}

impl Logic for Semaphores {
    #[hdl(tokens = SEMAPHORE_TOKENS, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, some, over);
        for p in 0..self.count.len() {
            self.count[p].clock.next = self.clock.val();
            self.count[p].d.next = self.count[p].q.val();
            let count = self.count[p].q.val();
            let up = self.give.val().bit(p) && !self.take.val().bit(p);
            let down = self.take.val().bit(p) && !self.give.val().bit(p);
            if self.reset.val() {
                self.count[p].d.next = Word::zero(BITS);
                self.some.d.next.set_slice(p, &Word::zero(1));
                self.over.d.next.set_slice(p, &Word::zero(1));
            } else if up {
                if count == Word::ones(BITS) {
                    self.over.d.next.set_slice(p, &Word::ones(1));
                } else {
                    self.count[p].d.next = count.clone() + 1;
                    self.some.d.next.set_slice(p, &Word::ones(1));
                }
            } else if down {
                self.count[p].d.next = count.clone() - 1;
                self.some.d.next.set_slice(p, &Word::from(count != 1));
            }
        }
        self.held.next = self.some.q.val();
        self.overflow.next = self.over.q.val();
    }
}
