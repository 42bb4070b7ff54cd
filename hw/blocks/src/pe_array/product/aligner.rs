//! [`Aligner`]: a product to the column's largest exponent.

use super::lane::PRODUCT_EXPONENT_BITS;
use super::Cut;
use crate::parameter::ParameterError;
use crate::primitives::ShiftStage;
use skipopu_hdl::prelude::*;

/// Shifts the magnitude of a product right by the distance of its exponent from the largest one, and
/// gives it its sign.
///
/// - Does: with `t + r` the product to nearest, ties away from zero (docs/numerics.md, section 6), gives `t`
///   and `r`, both complemented if the product is negative; they sum to 0 where the distance exceeds the shifter.
/// - Does not: add `r`; the adder tree does on the way.
///
/// The product is due a cycle after the exponents, its sign two cycles after them. Multiples of 4 (8 at 22 bits) go
/// first, in LUTs of four data and two selects; the highest places, which only the unshifted product reaches, are reset
/// instead. The rest are [`ShiftStage`]s, the last of which has the sign.
#[derive(LogicBlock, Ports)]
pub struct Aligner {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The column's largest exponent.
    pub largest: Wire<In>,
    /// The product's exponent.
    pub exponent: Wire<In>,
    /// The product's kept bits, or their complement.
    pub product: Wire<In>,
    /// The product's sign.
    pub negative: Signal<In, Bit>,
    /// `{sign, t ^ sign}`: 16 or 23 bits.
    pub value: Wire<Out>,
    /// `r ^ sign`: to be added to it.
    pub owed: Signal<Out, Bit>,
    distance: Reg,
    beyond: Reg,
    moved: Reg,
    low: Reg,
    high: Reg,
    steps: Reg,
    stages: Vec<ShiftStage>,
    shifted: Reg,
    sign: Reg,
    window: Wire<Local>,
    _cut: Cut,
    _complemented: bool,
}

impl Aligner {
    /// Cycles from the exponents to the value.
    pub const LATENCY: usize = 3;

    /// `complemented`: `product` comes complemented.
    pub(super) fn new(cut: Cut, complemented: bool) -> Result<Aligner, ParameterError> {
        let window = cut.bits() + 1;
        let fine = cut.shift_bits() - 2;
        Ok(Aligner {
            clock: Default::default(),
            largest: Wire::new(PRODUCT_EXPONENT_BITS),
            exponent: Wire::new(PRODUCT_EXPONENT_BITS),
            product: Wire::new(cut.kept().bits()),
            negative: Default::default(),
            value: Wire::new(cut.bits() + 1),
            owed: Default::default(),
            distance: Reg::new(cut.shift_bits()),
            beyond: Reg::new(1),
            moved: Reg::new(1),
            low: Reg::new(window - (1 << fine)),
            high: Reg::new(1 << fine),
            steps: Reg::new(fine),
            stages: (0..fine).map(|k| ShiftStage::new(window, 1 << k)).collect::<Result<_, _>>()?,
            shifted: Reg::new(window),
            sign: Reg::new(1),
            window: Wire::new(window),
            _cut: cut,
            _complemented: complemented,
        })
    }
}

impl Logic for Aligner {
    #[hdl(bits = self._cut.bits(), complemented = self._complemented, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, distance, beyond, moved, low, high, steps, shifted, sign);
        let (shift, window) = (self._cut.shift_bits(), self._cut.bits() + 1);
        let fine = shift - 2;
        let low = window - (1 << fine);
        // 1: the distance; `beyond` the shifter, `moved` by a coarse step at least.
        let distance = self.largest.val() - self.exponent.val();
        self.distance.d.next = distance.clone().trunc(shift);
        self.beyond.d.next =
            Word::from(distance.clone().slice(shift, PRODUCT_EXPONENT_BITS - shift).any());
        self.moved.d.next = Word::from(distance.slice(fine, PRODUCT_EXPONENT_BITS - fine).any());

        // 2: coarse steps.
        let pad = window - self._cut.kept().bits();
        let mut product = self.product.val();
        if self._complemented {
            product = !self.product.val();
        }
        if pad == 0 {
            self.window.next = product;
        } else {
            self.window.next = cat!(product, Word::zero(pad));
        }
        let coarse = self.distance.q.val().slice(fine, 2);
        let mut picked = self.window.val().slice(0, low);
        for j in 1..4usize {
            if coarse == Word::new(2, j as u128) {
                picked = self.window.val().slice(j << fine, low);
            }
        }
        self.low.d.next = picked;
        if self.beyond.q.val().any() {
            self.low.d.next = Word::zero(low);
        }
        self.high.d.next = self.window.val().slice(low, 1 << fine);
        if self.moved.q.val().any() {
            self.high.d.next = Word::zero(1 << fine);
        }
        self.steps.d.next = self.distance.q.val().trunc(fine);

        // 3: fine steps and the sign.
        for k in 0..fine {
            if k == fine - 1 {
                self.stages[k].data.next = cat!(self.high.q.val(), self.low.q.val());
            } else {
                self.stages[k].data.next = self.stages[k + 1].out.val();
            }
            self.stages[k].shift.next = self.steps.q.val().bit(k);
            if k == 0 {
                self.stages[k].invert.next = self.negative.val();
            } else {
                self.stages[k].invert.next = false;
            }
        }
        self.shifted.d.next = self.stages[0].out.val();
        self.sign.d.next = Word::from(self.negative.val());
        self.value.next = cat!(self.sign.q.val(), self.shifted.q.val().slice(1, window - 1));
        self.owed.next = self.shifted.q.val().bit(0);
    }
}
