//! [`Largest`]: the largest exponent of a tile.

use crate::npe::term::EXPONENT_BITS;
use crate::parameter::{require, ParameterError};
use skipopu_hdl::prelude::*;

/// Levels of comparators between two registers.
const LEVELS: usize = 2;

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
    /// Exponents left at each level; every second one is a register's.
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
            level: (0..=ways.ilog2() as usize).map(|l| Wire::new(left(l))).collect(),
            held: (1..=Largest::latency(ways))
                .map(|r| Reg::new(left((LEVELS * r).min(ways.ilog2() as usize))))
                .collect(),
            _ways: ways,
        })
    }

    /// Cycles from exponents to the largest.
    pub fn latency(ways: usize) -> usize {
        (ways.ilog2() as usize).div_ceil(LEVELS)
    }
}

impl Logic for Largest {
    #[hdl(ways = self._ways, latency = Largest::latency(self._ways))]
    fn update(&mut self) {
        let levels = self._ways.ilog2() as usize;
        let width = EXPONENT_BITS;
        self.level[0].next = self.exponents.val();
        for l in 1..levels + 1 {
            for i in 0..self._ways >> l {
                let registered = l >= 2 && (l - 1) % LEVELS == 0;
                let mut a = self.level[l - 1].val().slice(2 * i * width, width);
                let mut b = self.level[l - 1].val().slice((2 * i + 1) * width, width);
                if registered {
                    a = self.held[(l - 1) / LEVELS - 1].q.val().slice(2 * i * width, width);
                    b = self.held[(l - 1) / LEVELS - 1].q.val().slice((2 * i + 1) * width, width);
                }
                let larger = mux(a < b, b, a);
                self.level[l].next.set_slice(i * width, &larger);
            }
        }
        for r in 0..self.held.len() {
            self.held[r].clock.next = self.clock.val();
            self.held[r].d.next = self.level[(LEVELS * (r + 1)).min(levels)].val();
        }
        self.largest.next = self.held[Largest::latency(self._ways) - 1].q.val();
    }
}
