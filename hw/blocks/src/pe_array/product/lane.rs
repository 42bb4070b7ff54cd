//! [`LaneExponent`]: what a lane knows of its product before the product is there.

use crate::pe_array::operand::{
    CLASS_DIGITS, CLASS_SPECIAL, EXPONENT, EXPONENT_BITS, HEAD_BITS, SIGN,
};
use skipopu_hdl::prelude::*;

/// Bits of the sum of two exponents.
pub const PRODUCT_EXPONENT_BITS: usize = EXPONENT_BITS + 1;

/// Exponent, sign and flags of one product, a cycle after the operands.
///
/// - Does: exponent 0 where the product is zero, Inf or NaN, so that it never is the largest; flags as in
///   docs/numerics.md, section 3.
/// - Does not: multiply.
#[derive(LogicBlock, Ports)]
pub struct LaneExponent {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Head of an operand: all but the significand, 8 bits.
    pub a: Wire<In>,
    /// The other.
    pub b: Wire<In>,
    /// Sum of the exponents, 2 to 60, or 0.
    pub exponent: Wire<Out>,
    /// Exclusive or of the signs.
    pub negative: Signal<Out, Bit>,
    /// The product is +Inf or NaN.
    pub positive_flag: Signal<Out, Bit>,
    /// The product is -Inf or NaN.
    pub negative_flag: Signal<Out, Bit>,
    sum: Reg,
    tags: Reg,
}

impl Default for LaneExponent {
    fn default() -> LaneExponent {
        LaneExponent {
            clock: Default::default(),
            a: Wire::new(HEAD_BITS),
            b: Wire::new(HEAD_BITS),
            exponent: Wire::new(PRODUCT_EXPONENT_BITS),
            negative: Default::default(),
            positive_flag: Default::default(),
            negative_flag: Default::default(),
            sum: Reg::new(PRODUCT_EXPONENT_BITS),
            tags: Reg::new(3),
        }
    }
}

impl LaneExponent {
    /// Cycles from operands to everything.
    pub const LATENCY: usize = 1;
}

impl Logic for LaneExponent {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, sum, tags);
        let (wide, head) = (PRODUCT_EXPONENT_BITS, EXPONENT);
        let (special, digits) = (CLASS_SPECIAL - head, CLASS_DIGITS - head);
        let special_a = self.a.val().bit(special);
        let special_b = self.b.val().bit(special);
        let digits_a = self.a.val().bit(digits);
        let digits_b = self.b.val().bit(digits);
        // The product of two finite nonzero operands; the exponent's flip-flops reset without it.
        let finite = digits_a & digits_b & !special_a & !special_b;
        self.sum.d.next = self.a.val().slice(0, EXPONENT_BITS).zext(wide)
            + self.b.val().slice(0, EXPONENT_BITS).zext(wide);
        if !finite {
            self.sum.d.next = Word::zero(wide);
        }
        let negative = self.a.val().bit(SIGN - head) ^ self.b.val().bit(SIGN - head);
        let nan = (special_a & digits_a)
            | (special_b & digits_b)
            | (special_a & !special_b & !digits_b)
            | (special_b & !special_a & !digits_a);
        let infinite = special_a | special_b;
        self.tags.d.next =
            cat!(nan | (infinite & negative), nan | (infinite & !negative), negative);
        self.exponent.next = self.sum.q.val();
        self.negative.next = self.tags.q.val().bit(0);
        self.positive_flag.next = self.tags.q.val().bit(1);
        self.negative_flag.next = self.tags.q.val().bit(2);
    }
}
