//! [`TileSum`]: a tile's terms to one.

use super::{AlignedSum, Largest};
use crate::npe::term::{EXPONENT_BITS, SIGNIFICAND_BITS};
use crate::npe::Pipe;
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;

/// The sum of a tile's terms: `sum * 2^(exponent - 25)`.
///
/// - Guarantee: a tile a cycle, latency [`TileSum::latency`].
#[derive(LogicBlock, Ports)]
pub struct TileSum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Significands, way 0 lowest.
    pub significands: Wire<In>,
    /// Their exponents, biased.
    pub exponents: Wire<In>,
    /// Ways whose value makes the row invalid.
    pub invalid: Wire<In>,
    /// The sum.
    pub sum: Wire<Out>,
    /// The largest exponent, biased.
    pub exponent: Wire<Out>,
    /// Was any way invalid?
    pub spoilt: Signal<Out, Bit>,
    largest: Largest,
    total: AlignedSum,
    significands_wait: Pipe,
    exponents_wait: Pipe,
    largest_wait: Pipe,
    invalid_wait: Pipe,
    any: Reg,
    _ways: usize,
}

impl TileSum {
    /// For `ways` terms.
    ///
    /// # Errors
    /// Unless `ways` is a power of two from 2 to 64.
    pub fn new(ways: usize) -> Result<TileSum, ParameterError> {
        let (first, second) = (Largest::latency(ways.max(2)), AlignedSum::latency(ways.max(2)));
        Ok(TileSum {
            clock: Default::default(),
            significands: Wire::new(ways * SIGNIFICAND_BITS),
            exponents: Wire::new(ways * EXPONENT_BITS),
            invalid: Wire::new(ways),
            sum: Wire::new(SIGNIFICAND_BITS + ways.ilog2() as usize),
            exponent: Wire::new(EXPONENT_BITS),
            spoilt: Default::default(),
            largest: Largest::new(ways)?,
            total: AlignedSum::new(ways)?,
            significands_wait: Pipe::new(ways * SIGNIFICAND_BITS, first),
            exponents_wait: Pipe::new(ways * EXPONENT_BITS, first),
            largest_wait: Pipe::new(EXPONENT_BITS, second),
            invalid_wait: Pipe::new(1, first + second - 1),
            any: Reg::new(1),
            _ways: ways,
        })
    }

    /// Cycles from terms to sum.
    pub fn latency(ways: usize) -> usize {
        Largest::latency(ways) + AlignedSum::latency(ways)
    }
}

impl Logic for TileSum {
    #[hdl(ways = self._ways, latency = TileSum::latency(self._ways))]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            largest,
            total,
            significands_wait,
            exponents_wait,
            largest_wait,
            invalid_wait
        );
        dff_setup!(self, clock, any);
        self.largest.exponents.next = self.exponents.val();
        self.significands_wait.d.next = self.significands.val();
        self.exponents_wait.d.next = self.exponents.val();
        self.total.significands.next = self.significands_wait.q.val();
        self.total.exponents.next = self.exponents_wait.q.val();
        self.total.largest.next = self.largest.largest.val();
        self.largest_wait.d.next = self.largest.largest.val();
        self.any.d.next = Word::from(self.invalid.val().any());
        self.invalid_wait.d.next = self.any.q.val();
        self.sum.next = self.total.sum.val();
        self.exponent.next = self.largest_wait.q.val();
        self.spoilt.next = self.invalid_wait.q.val().any();
    }
}
