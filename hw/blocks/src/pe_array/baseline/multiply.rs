//! [`Fp16Multiply`]: FP16 product of IEEE 754.

use super::{multiplier, PRODUCT_LATENCY};
use crate::pe_array::error::PeArrayError;
use crate::pe_array::reconstruct::{Reconstruct, SumShape};
use crate::primitives::Dsp48e2;
use skipopu_config::WideFormat;
use skipopu_hdl::prelude::*;

/// FP16 product to nearest even with subnormals; one a cycle.
///
/// - Does: Inf and NaN, subnormals in and out, the sign of a zero. The normalising shifter is
///   [`Reconstruct`]'s.
/// - Does not: flush. Use [`Fp16MultiplyFlush`](super::Fp16MultiplyFlush) where that will do.
#[derive(LogicBlock, Ports)]
pub struct Fp16Multiply {
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
    signs: Vec<Reg>,
    round: Reconstruct,
}

impl Fp16Multiply {
    /// Cycles from operands to product.
    pub const LATENCY: usize = PRODUCT_LATENCY + Reconstruct::LATENCY;

    pub(super) fn new() -> Result<Fp16Multiply, PeArrayError> {
        let stages = |width: usize, n: usize| (0..n).map(|_| Reg::new(width)).collect();
        let shape = SumShape {
            width: 23,
            exponent_bits: 6,
            unit: -50,
            least_exponent: 2,
            format: WideFormat::Fp16,
        };
        Ok(Fp16Multiply {
            clock: Default::default(),
            a: Wire::new(16),
            b: Wire::new(16),
            product: Wire::new(16),
            dsp: multiplier().expect("the mode exists"),
            exponents: stages(6, PRODUCT_LATENCY),
            tags: stages(2, PRODUCT_LATENCY),
            signs: stages(1, Fp16Multiply::LATENCY),
            round: Reconstruct::new(shape)?,
        })
    }
}

impl Logic for Fp16Multiply {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, dsp, round);
        let a_field = self.a.val().slice(10, 5);
        let b_field = self.b.val().slice(10, 5);
        let a_digits = self.a.val().slice(0, 10);
        let b_digits = self.b.val().slice(0, 10);
        let a_normal = a_field.clone().any();
        let b_normal = b_field.clone().any();
        self.dsp.a.next = cat!(Word::zero(19), a_normal, a_digits.clone());
        self.dsp.b.next = cat!(Word::zero(7), b_normal, b_digits.clone());
        self.dsp.c.next = Word::zero(48);
        self.dsp.d.next = Word::zero(27);
        self.dsp.pcin.next = Word::zero(48);
        self.dsp.carryin.next = false;
        self.dsp.use_d.next = false;

        let a_some = a_digits.any();
        let b_some = b_digits.any();
        let a_top = a_field.clone().all();
        let b_top = b_field.clone().all();
        let nan =
            (a_top & (a_some | !(b_normal | b_some))) | (b_top & (b_some | !(a_normal | a_some)));
        let special = a_top | b_top;
        // A subnormal's exponent is 1.
        let a_exponent = cat!(a_field.clone().slice(1, 4), a_field.clone().bit(0) | !a_normal);
        let b_exponent = cat!(b_field.clone().slice(1, 4), b_field.clone().bit(0) | !b_normal);
        let negative = self.a.val().bit(15) ^ self.b.val().bit(15);
        for i in 0..PRODUCT_LATENCY {
            self.tags[i].clock.next = self.clock.val();
            self.exponents[i].clock.next = self.clock.val();
            if i == 0 {
                self.tags[i].d.next = cat!(nan, special);
                self.exponents[i].d.next = a_exponent.clone().zext(6) + b_exponent.clone().zext(6);
            } else {
                self.tags[i].d.next = self.tags[i - 1].q.val();
                self.exponents[i].d.next = self.exponents[i - 1].q.val();
            }
        }
        for i in 0..Self::LATENCY {
            self.signs[i].clock.next = self.clock.val();
            if i == 0 {
                self.signs[i].d.next = Word::from(negative & !nan);
            } else {
                self.signs[i].d.next = self.signs[i - 1].q.val();
            }
        }
        self.round.sum.next = self.dsp.p.val().slice(0, 23);
        self.round.carry.next = false;
        self.round.exponent.next = self.exponents[PRODUCT_LATENCY - 1].q.val();
        self.round.positive.next = self.tags[PRODUCT_LATENCY - 1].q.val().bit(0);
        self.round.negative.next = self.tags[PRODUCT_LATENCY - 1].q.val().bit(1);
        self.product.next =
            cat!(self.signs[Self::LATENCY - 1].q.val(), self.round.result.val().slice(0, 15));
    }
}
