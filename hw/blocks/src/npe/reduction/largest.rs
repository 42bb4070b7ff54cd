//! [`Largest`]: the largest exponent of a tile.

use crate::npe::term::EXPONENT_BITS;
use crate::parameter::{require, ParameterError};
use skipopu_hdl::prelude::*;

/// The largest of several biased exponents, by a tree of comparators.
///
/// - Guarantee: a tile a cycle, latency [`Largest::latency`].
#[derive(LogicBlock, Ports)]
pub struct Largest {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Biased exponents, way 0 lowest.
    pub exponents: Wire<In>,
    /// The largest.
    pub largest: Wire<Out>,
    /// The larger of each two at each level.
    level: Vec<Wire<Local>>,
    held: Vec<Reg>,
    _ways: usize,
}

impl Largest {
    /// For `ways` exponents.
    ///
    /// # Errors
    /// Unless `ways` is a power of two from 2 to 64.
    pub fn new(ways: usize) -> Result<Largest, ParameterError> {
        let ok = ways.is_power_of_two() && (2..=64).contains(&ways);
        require(ok, "largest exponent", "ways", ways, "must be a power of two, 2 to 64")?;
        let left = |l: usize| (ways >> l) * EXPONENT_BITS;
        Ok(Largest {
            clock: Default::default(),
            exponents: Wire::new(left(0)),
            largest: Wire::new(EXPONENT_BITS),
            level: (1..=Largest::latency(ways)).map(|l| Wire::new(left(l))).collect(),
            held: (1..=Largest::latency(ways)).map(|l| Reg::new(left(l))).collect(),
            _ways: ways,
        })
    }

    /// Cycles from exponents to the largest.
    pub fn latency(ways: usize) -> usize {
        ways.ilog2() as usize
    }
}

impl Logic for Largest {
    #[hdl(ways = self._ways, latency = Largest::latency(self._ways))]
    fn update(&mut self) {
        let width = EXPONENT_BITS;
        for l in 0..self.level.len() {
            for i in 0..self._ways >> (l + 1) {
                let (even, odd) = (2 * i * width, (2 * i + 1) * width);
                if l == 0 {
                    let a = self.exponents.val().slice(even, width);
                    let b = self.exponents.val().slice(odd, width);
                    self.level[0].next.set_slice(i * width, &mux(a < b, b, a));
                } else {
                    let a = self.held[l - 1].q.val().slice(even, width);
                    let b = self.held[l - 1].q.val().slice(odd, width);
                    self.level[l].next.set_slice(i * width, &mux(a < b, b, a));
                }
            }
            self.held[l].clock.next = self.clock.val();
            self.held[l].d.next = self.level[l].val();
        }
        self.largest.next = self.held[Largest::latency(self._ways) - 1].q.val();
    }
}
