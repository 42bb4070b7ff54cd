//! [`ProductColumn`]: a column from operands and products to aligned values.

use super::aligner::Aligner;
use super::lane::{LaneExponent, PRODUCT_EXPONENT_BITS};
use super::largest::LargestExponent;
use super::Cut;
use crate::parameter::ParameterError;
use crate::pe_array::operand::HEAD_BITS;
use skipopu_hdl::prelude::*;

/// Finds a column's largest product exponent, flags and signs, and aligns its products.
///
/// - Does: everything of a column but products, sum and rounding; a new vector every cycle.
/// - Guarantee: `values` and `owed` belong to the operands of
///   [`ProductColumn::LATENCY`] cycles before, `largest` and the flags to those of
///   [`ProductColumn::TO_LARGEST`] cycles before.
#[derive(LogicBlock, Ports)]
pub struct ProductColumn {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Heads of the lanes' operands, 8 bits each.
    pub a: Wire<In>,
    /// Heads of the other operands.
    pub b: Wire<In>,
    /// Kept bits of the products, or their complements, [`ProductColumn::TO_PRODUCT`] cycles after their operands.
    pub products: Wire<In>,
    /// Aligned value of every lane, 16 or 23 bits.
    pub values: Wire<Out>,
    /// What is to be added to each.
    pub owed: Wire<Out>,
    /// Largest product exponent.
    pub largest: Wire<Out>,
    /// A product is +Inf or NaN.
    pub positive: Signal<Out, Bit>,
    /// A product is -Inf or NaN.
    pub negative: Signal<Out, Bit>,
    lanes: Vec<LaneExponent>,
    maximum: LargestExponent,
    exponents: Vec<Reg>,
    signs: Vec<Reg>,
    aligners: Vec<Aligner>,
    all: Wire<Local>,
    all_signs: Wire<Local>,
    all_positive: Wire<Local>,
    all_negative: Wire<Local>,
    flags: Vec<Reg>,
    _cut: Cut,
    _lanes: usize,
    _complemented: bool,
}

impl ProductColumn {
    /// Cycles from operands to the largest exponent.
    pub const TO_LARGEST: usize = LaneExponent::LATENCY + LargestExponent::LATENCY;
    /// Cycles after the operands at which their products are due.
    pub const TO_PRODUCT: usize = ProductColumn::TO_LARGEST + 1;
    /// Cycles after the operands at which the signs are due.
    const TO_SIGN: usize = ProductColumn::TO_LARGEST + 2;
    /// Cycles from operands to values.
    pub const LATENCY: usize = ProductColumn::TO_LARGEST + Aligner::LATENCY;

    /// `complemented`: `products` come complemented.
    pub(super) fn new(
        cut: Cut,
        lanes: usize,
        complemented: bool,
    ) -> Result<ProductColumn, ParameterError> {
        let registers =
            |stages: usize, width: usize| (0..stages).map(|_| Reg::new(width)).collect();
        Ok(ProductColumn {
            clock: Default::default(),
            a: Wire::new(lanes * HEAD_BITS),
            b: Wire::new(lanes * HEAD_BITS),
            products: Wire::new(lanes * cut.kept().bits()),
            values: Wire::new(lanes * (cut.bits() + 1)),
            owed: Wire::new(lanes),
            largest: Wire::new(PRODUCT_EXPONENT_BITS),
            positive: Default::default(),
            negative: Default::default(),
            lanes: (0..lanes).map(|_| LaneExponent::default()).collect(),
            maximum: LargestExponent::new(lanes),
            exponents: registers(LargestExponent::LATENCY, lanes * PRODUCT_EXPONENT_BITS),
            signs: registers(ProductColumn::TO_SIGN - LaneExponent::LATENCY, lanes),
            aligners: (0..lanes)
                .map(|_| Aligner::new(cut, complemented))
                .collect::<Result<_, _>>()?,
            all: Wire::new(lanes * PRODUCT_EXPONENT_BITS),
            all_signs: Wire::new(lanes),
            all_positive: Wire::new(lanes),
            all_negative: Wire::new(lanes),
            flags: registers(LargestExponent::LATENCY, 2),
            _cut: cut,
            _lanes: lanes,
            _complemented: complemented,
        })
    }
}

impl Logic for ProductColumn {
    #[hdl(bits = self._cut.bits(), lanes = self._lanes, complemented = self._complemented, latency = Self::LATENCY, no_inline)]
    fn update(&mut self) {
        clock!(self, clock, maximum);
        let (bits, kept) = (self._cut.bits() + 1, self._cut.kept().bits());
        for i in 0..self._lanes {
            self.lanes[i].clock.next = self.clock.val();
            self.lanes[i].a.next = self.a.val().slice(i * HEAD_BITS, HEAD_BITS);
            self.lanes[i].b.next = self.b.val().slice(i * HEAD_BITS, HEAD_BITS);
            self.all.next.set_slice(i * PRODUCT_EXPONENT_BITS, &self.lanes[i].exponent.val());
            self.all_signs.next.set_slice(i, &Word::from(self.lanes[i].negative.val()));
            self.all_positive.next.set_slice(i, &Word::from(self.lanes[i].positive_flag.val()));
            self.all_negative.next.set_slice(i, &Word::from(self.lanes[i].negative_flag.val()));
        }
        self.maximum.exponents.next = self.all.val();
        for stage in 0..self.exponents.len() {
            self.exponents[stage].clock.next = self.clock.val();
            if stage == 0 {
                self.exponents[stage].d.next = self.all.val();
            } else {
                self.exponents[stage].d.next = self.exponents[stage - 1].q.val();
            }
        }
        for stage in 0..self.signs.len() {
            self.signs[stage].clock.next = self.clock.val();
            if stage == 0 {
                self.signs[stage].d.next = self.all_signs.val();
            } else {
                self.signs[stage].d.next = self.signs[stage - 1].q.val();
            }
        }
        for stage in 0..self.flags.len() {
            self.flags[stage].clock.next = self.clock.val();
            if stage == 0 {
                self.flags[stage].d.next =
                    cat!(self.all_negative.val().any(), self.all_positive.val().any());
            } else {
                self.flags[stage].d.next = self.flags[stage - 1].q.val();
            }
        }
        for i in 0..self._lanes {
            self.aligners[i].clock.next = self.clock.val();
            self.aligners[i].largest.next = self.maximum.largest.val();
            self.aligners[i].exponent.next = self.exponents[LargestExponent::LATENCY - 1]
                .q
                .val()
                .slice(i * PRODUCT_EXPONENT_BITS, PRODUCT_EXPONENT_BITS);
            self.aligners[i].product.next = self.products.val().slice(i * kept, kept);
            self.aligners[i].negative.next =
                self.signs[Self::TO_SIGN - LaneExponent::LATENCY - 1].q.val().bit(i);
            self.values.next.set_slice(i * bits, &self.aligners[i].value.val());
            self.owed.next.set_slice(i, &Word::from(self.aligners[i].owed.val()));
        }
        self.largest.next = self.maximum.largest.val();
        self.positive.next = self.flags[LargestExponent::LATENCY - 1].q.val().bit(0);
        self.negative.next = self.flags[LargestExponent::LATENCY - 1].q.val().bit(1);
    }
}
