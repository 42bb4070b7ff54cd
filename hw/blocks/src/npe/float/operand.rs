//! [`Kinds`]: what a product of two operands is, apart from its digits.

use super::bits;
use skipopu_hdl::prelude::*;

/// Classes of two operands, joined for their product; one a cycle.
///
/// - Guarantee: [`Kinds::LATENCY`] cycles.
#[derive(LogicBlock, Ports)]
pub struct Kinds {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// An operand.
    pub a: Wire<In>,
    /// The other.
    pub b: Wire<In>,
    /// NaN, Inf, zero and sign of the product, in this order from the top; NaN may come with the others.
    pub kind: Wire<Out>,
    kind1: Reg,
    _a_fraction: usize,
    _b_fraction: usize,
}

impl Kinds {
    /// Cycles from operands to classes.
    pub const LATENCY: usize = 1;

    /// For operands of the given fraction bits.
    pub(in crate::npe) fn new(a_fraction: usize, b_fraction: usize) -> Kinds {
        Kinds {
            clock: Default::default(),
            a: Wire::new(bits(a_fraction)),
            b: Wire::new(bits(b_fraction)),
            kind: Wire::new(4),
            kind1: Reg::new(4),
            _a_fraction: a_fraction,
            _b_fraction: b_fraction,
        }
    }
}

impl Logic for Kinds {
    #[hdl(a = self._a_fraction, b = self._b_fraction, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, kind1);
        let a_field = self.a.val().slice(self._a_fraction, 8);
        let b_field = self.b.val().slice(self._b_fraction, 8);
        let a_some = self.a.val().trunc(self._a_fraction).any();
        let b_some = self.b.val().trunc(self._b_fraction).any();
        let a_zero = !a_field.any();
        let b_zero = !b_field.any();
        let a_top = a_field.all();
        let b_top = b_field.all();
        let nan = (a_top & (a_some | b_zero)) | (b_top & (b_some | a_zero));
        let negative =
            self.a.val().bit(self._a_fraction + 8) ^ self.b.val().bit(self._b_fraction + 8);
        self.kind1.d.next = cat!(nan, a_top | b_top, a_zero | b_zero, negative);
        self.kind.next = self.kind1.q.val();
    }
}
