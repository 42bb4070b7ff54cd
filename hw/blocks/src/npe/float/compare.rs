//! [`Compare`]: order of two floating-point values.

use super::require_fraction;
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;

/// Less, equal or unordered; one a cycle.
///
/// - Does: -0 = +0; anything against NaN is unordered. `a > b` is none of the three.
/// - Does not: tell subnormals from zeros in the formats with 8 exponent bits.
#[derive(LogicBlock, Ports)]
pub struct Compare {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A value.
    pub a: Wire<In>,
    /// Another of the same format.
    pub b: Wire<In>,
    /// `a < b`.
    pub less: Signal<Out, Bit>,
    /// `a = b`.
    pub equal: Signal<Out, Bit>,
    /// One is NaN.
    pub unordered: Signal<Out, Bit>,
    // Less, equal, unordered.
    relation: Reg,
    _exponent: usize,
    _fraction: usize,
}

impl Compare {
    /// Cycles from values to relation.
    pub const LATENCY: usize = 1;

    /// Of FP16 values; subnormals count.
    pub fn fp16() -> Compare {
        Compare::of(5, 10)
    }

    /// Of values with 8 exponent and `fraction` fraction bits; subnormals are zeros.
    ///
    /// # Errors
    /// Unless the fraction bits are 10 to 23.
    pub fn e8m(fraction: usize) -> Result<Compare, ParameterError> {
        require_fraction("compare", fraction)?;
        Ok(Compare::of(8, fraction))
    }

    fn of(exponent: usize, fraction: usize) -> Compare {
        Compare {
            clock: Default::default(),
            a: Wire::new(1 + exponent + fraction),
            b: Wire::new(1 + exponent + fraction),
            less: Default::default(),
            equal: Default::default(),
            unordered: Default::default(),
            relation: Reg::new(3),
            _exponent: exponent,
            _fraction: fraction,
        }
    }
}

impl Logic for Compare {
    #[hdl(exponent = self._exponent, fraction = self._fraction, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, relation);
        let (e, f) = (self._exponent, self._fraction);
        let a = self.a.val().trunc(e + f);
        let b = self.b.val().trunc(e + f);
        let a_minus = self.a.val().bit(e + f);
        let b_minus = self.b.val().bit(e + f);
        let mut nothing = !a.any() & !b.any();
        if e == 8 {
            nothing = !a.slice(f, e).any() & !b.slice(f, e).any();
        }
        let nan =
            (a.slice(f, e).all() & a.trunc(f).any()) | (b.slice(f, e).all() & b.trunc(f).any());
        let smaller = a < b;
        let same = a == b;
        let mut less = a_minus & !b_minus;
        if a_minus == b_minus {
            less = !same & (smaller ^ a_minus);
        }
        let equal = nothing | (same & (a_minus == b_minus));
        self.relation.d.next = cat!(less & !nothing & !nan, equal & !nan, nan);
        self.less.next = self.relation.q.val().bit(2);
        self.equal.next = self.relation.q.val().bit(1);
        self.unordered.next = self.relation.q.val().bit(0);
    }
}
