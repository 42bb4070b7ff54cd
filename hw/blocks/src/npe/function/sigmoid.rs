//! [`Sigmoid`]: 1 / (1 + e^-x), behind the exponential.

use super::lines::Lines;
use super::unsigned_fixed::{Ceiling, UnsignedFixed};
use crate::npe::float::{bits, Multiply, E8M16, E8M23};
use crate::parameter::ParameterError;
use crate::primitives::Delay;
use skipopu_hdl::prelude::*;
use skipopu_tables::{DENOMINATOR_FRACTION, RECIPROCAL};

/// 1 / (1 + e^-x) from e^-|x| and the sign of x; one a cycle.
///
/// - Does: `1 / (1 + q)`, times `q` for negative x, so that nothing cancels.
/// - Does not: compute the exponential. Put [`LogProduct`](super::LogProduct) and [`Exp2`](super::Exp2) before it.
#[derive(LogicBlock, Ports)]
pub struct Sigmoid {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// e^-|x|, E8M16, from 0 to 1.
    pub exponential: Wire<In>,
    /// x is negative.
    pub negative: Signal<In, Bit>,
    /// E8M16.
    pub result: Wire<Out>,
    fixed: UnsignedFixed,
    lines: Lines,
    reciprocal: Reg,
    // 1, or the exponential of a negative x.
    chosen: Reg,
    waiting: Delay,
    multiply: Multiply,
}

/// Cycles until 1 / (1 + q).
const TO_PRODUCT: usize = UnsignedFixed::LATENCY + Lines::LATENCY + 1;

impl Sigmoid {
    /// Cycles from exponential to result.
    pub const LATENCY: usize = TO_PRODUCT + Multiply::latency_of(E8M16, E8M16);

    /// The function.
    ///
    /// # Errors
    /// Never; its widths are fixed.
    pub fn new() -> Result<Sigmoid, ParameterError> {
        Ok(Sigmoid {
            clock: Default::default(),
            exponential: Wire::new(bits(E8M16)),
            negative: Default::default(),
            result: Wire::new(bits(E8M16)),
            fixed: UnsignedFixed::new(DENOMINATOR_FRACTION as usize, Ceiling::Below)?,
            lines: Lines::new(RECIPROCAL),
            reciprocal: Reg::new(bits(E8M16)),
            chosen: Reg::new(bits(E8M16)),
            waiting: Delay::sparing_luts(bits(E8M16), TO_PRODUCT - 1)?,
            multiply: Multiply::new(E8M16, E8M16, E8M16)?,
        })
    }
}

impl Logic for Sigmoid {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, fixed, lines, waiting, multiply);
        dff_setup!(self, clock, reciprocal, chosen);
        let places = E8M23 - DENOMINATOR_FRACTION as usize;
        self.fixed.value.next = self.exponential.val();
        self.lines.argument.next = cat!(self.fixed.fixed.val(), Word::zero(places));
        // From 2^16 to 2^17 for 1/2 to 1.
        let carry = self.lines.carry.val();
        self.reciprocal.d.next =
            cat!(Word::new(2, 0), Word::ones(6), Word::from(carry), self.lines.digits.val());
        self.chosen.d.next = cat!(Word::new(2, 0), Word::ones(7), Word::zero(E8M16));
        if self.negative.val() {
            self.chosen.d.next = self.exponential.val();
        }
        self.waiting.enable.next = true;
        self.waiting.d.next = self.chosen.q.val();
        self.multiply.a.next = self.waiting.q.val();
        self.multiply.b.next = self.reciprocal.q.val();
        self.result.next = self.multiply.product.val();
    }
}
