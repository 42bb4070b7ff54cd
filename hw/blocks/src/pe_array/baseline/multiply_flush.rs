//! [`Fp16MultiplyFlush`]: FP16 product without subnormals.

use super::{multiplier, PRODUCT_LATENCY};
use crate::primitives::Dsp48e2;
use skipopu_hdl::prelude::*;

/// FP16 product to nearest even, subnormal operands and results flushed to zero; one a cycle.
///
/// - Does: Inf and NaN; tininess after rounding (docs/numerics.md, section 9).
/// - Does not: keep subnormals. Use [`Fp16Multiply`](super::Fp16Multiply).
#[derive(LogicBlock, Ports)]
pub struct Fp16MultiplyFlush {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16.
    pub a: Wire<In>,
    /// FP16.
    pub b: Wire<In>,
    /// FP16 product.
    pub product: Wire<Out>,
    dsp: Dsp48e2,
    exponents: Vec<Reg>,
    tags: Vec<Reg>,
    normal: Reg,
    rounded: Reg,
    fraction: Reg,
    field: Reg,
    sign: Reg,
}

impl Default for Fp16MultiplyFlush {
    fn default() -> Fp16MultiplyFlush {
        let stages = |width: usize, n: usize| (0..n).map(|_| Reg::new(width)).collect();
        Fp16MultiplyFlush {
            clock: Default::default(),
            a: Wire::new(16),
            b: Wire::new(16),
            product: Wire::new(16),
            dsp: multiplier().expect("the mode exists"),
            exponents: stages(6, PRODUCT_LATENCY + 1),
            tags: stages(4, PRODUCT_LATENCY + 2),
            normal: Reg::new(12),
            rounded: Reg::new(17),
            fraction: Reg::new(10),
            field: Reg::new(5),
            sign: Reg::new(1),
        }
    }
}

impl Fp16MultiplyFlush {
    /// Cycles from operands to product.
    pub const LATENCY: usize = PRODUCT_LATENCY + 3;
}

impl Logic for Fp16MultiplyFlush {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, dsp);
        dff_setup!(self, clock, normal, rounded, fraction, field, sign);
        let a_field = self.a.val().slice(10, 5);
        let b_field = self.b.val().slice(10, 5);
        let a_digits = self.a.val().slice(0, 10);
        let b_digits = self.b.val().slice(0, 10);
        self.dsp.a.next = cat!(Word::zero(19), Word::ones(1), a_digits.clone());
        self.dsp.b.next = cat!(Word::zero(7), Word::ones(1), b_digits.clone());
        self.dsp.c.next = Word::zero(48);
        self.dsp.d.next = Word::zero(27);
        self.dsp.pcin.next = Word::zero(48);
        self.dsp.carryin.next = false;
        self.dsp.use_d.next = false;

        let a_zero = !a_field.clone().any();
        let b_zero = !b_field.clone().any();
        let a_top = a_field.clone().all();
        let b_top = b_field.clone().all();
        let nan = (a_top & (a_digits.any() | b_zero)) | (b_top & (b_digits.any() | a_zero));
        let tags =
            cat!(nan, a_top | b_top, a_zero | b_zero, self.a.val().bit(15) ^ self.b.val().bit(15));
        for i in 0..self.tags.len() {
            self.tags[i].clock.next = self.clock.val();
            if i == 0 {
                self.tags[i].d.next = tags.clone();
            } else {
                self.tags[i].d.next = self.tags[i - 1].q.val();
            }
        }
        for i in 0..self.exponents.len() {
            self.exponents[i].clock.next = self.clock.val();
            if i == 0 {
                self.exponents[i].d.next = a_field.clone().zext(6) + b_field.clone().zext(6);
            } else {
                self.exponents[i].d.next = self.exponents[i - 1].q.val();
            }
        }

        // The product is from 1 to 4: one place of normalising, and what rounding adds.
        let p = self.dsp.p.val().slice(0, 22);
        let two = p.clone().bit(21);
        let kept = mux(two, p.clone().slice(11, 10), p.clone().slice(10, 10));
        let guard = mux(two, Word::from(p.clone().bit(10)), Word::from(p.clone().bit(9)));
        let sticky = p.clone().slice(0, 9).any() | (two & p.clone().bit(9));
        let up = guard.any() & (sticky | kept.clone().bit(0));
        self.normal.d.next = cat!(two, kept, up);

        // The field is the exponents' sum - 15, one more from 2 on: + 1 or 2, then - 16.
        let normal = self.normal.q.val();
        let over_two = normal.clone().bit(11);
        let left = cat!(
            Word::zero(1),
            self.exponents[PRODUCT_LATENCY].q.val(),
            normal.clone().slice(1, 10),
            Word::ones(1)
        );
        let right = cat!(Word::zero(5), over_two, !over_two, Word::zero(10), normal.bit(0));
        let carried = left + right;
        self.rounded.d.next = carried.slice(1, 17);

        let top = self.rounded.q.val().slice(10, 7);
        let tags = self.tags[PRODUCT_LATENCY + 1].q.val();
        let small = top.clone() < Word::new(7, 17);
        let large = top.clone() > Word::new(7, 46);
        let infinite = tags.clone().bit(2) | (large & !tags.clone().bit(1));
        let zero = (tags.clone().bit(1) | small) & !tags.clone().bit(2);
        self.fraction.d.next = self.rounded.q.val().slice(0, 10);
        if infinite | zero {
            self.fraction.d.next = cat!(tags.clone().bit(3), Word::zero(9));
        }
        self.field.d.next = cat!(!top.clone().bit(4), top.slice(0, 4));
        if infinite {
            self.field.d.next = Word::ones(5);
        }
        if zero {
            self.field.d.next = Word::zero(5);
        }
        self.sign.d.next = Word::from(tags.clone().bit(0) & !tags.bit(3));
        self.product.next = cat!(self.sign.q.val(), self.field.q.val(), self.fraction.q.val());
    }
}
