//! [`Aligner`]: a product to the column's largest exponent.

use super::lane::PRODUCT_EXPONENT_BITS;
use super::Cut;
use skipopu_hdl::prelude::*;

/// Shifts the magnitude of a product right by the distance of its exponent from the largest one.
///
/// - Does: gives `t` and `r` with `t + r` the product to nearest, ties away from zero (docs/numerics.md,
///   section 6); 0 where the distance exceeds the shifter.
/// - Does not: apply the sign or add `r`; the adder tree does both on the way.
///
/// The exponents come a cycle before the product.
#[derive(LogicBlock, Ports)]
pub struct Aligner {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The column's largest exponent.
    pub largest: Wire<In>,
    /// The product's exponent.
    pub exponent: Wire<In>,
    /// The product's kept bits, a cycle later.
    pub product: Wire<In>,
    /// `t`: 15 or 22 bits.
    pub magnitude: Wire<Out>,
    /// `r`: half a unit.
    pub half: Signal<Out, Bit>,
    distance: Reg,
    beyond: Reg,
    coarse: Reg,
    fine: Reg,
    shifted: Reg,
    window: Wire<Local>,
    _cut: Cut,
}

impl Aligner {
    /// Cycles from the exponents to the magnitude; from the product it is one fewer.
    pub const LATENCY: usize = 3;

    pub(super) fn new(cut: Cut) -> Aligner {
        Aligner {
            clock: Default::default(),
            largest: Wire::new(PRODUCT_EXPONENT_BITS),
            exponent: Wire::new(PRODUCT_EXPONENT_BITS),
            product: Wire::new(cut.kept().bits()),
            magnitude: Wire::new(cut.bits()),
            half: Default::default(),
            distance: Reg::new(cut.shift_bits()),
            beyond: Reg::new(1),
            coarse: Reg::new(cut.bits() + 1),
            fine: Reg::new(cut.shift_bits() - 2),
            shifted: Reg::new(cut.bits() + 1),
            window: Wire::new(cut.bits() + 1),
            _cut: cut,
        }
    }
}

impl Logic for Aligner {
    #[hdl(bits = self._cut.bits(), latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, distance, beyond, coarse, fine, shifted);
        let (shift_bits, bits) = (self._cut.shift_bits(), self._cut.bits());
        let (fine_bits, window_bits) = (shift_bits - 2, bits + 1);
        let distance = self.largest.val() - self.exponent.val();
        self.distance.d.next = distance.clone().trunc(shift_bits);
        self.beyond.d.next =
            Word::from(distance.slice(shift_bits, PRODUCT_EXPONENT_BITS - shift_bits).any());

        let pad = window_bits - self._cut.kept().bits();
        if pad == 0 {
            self.window.next = self.product.val();
        } else {
            self.window.next = cat!(self.product.val(), Word::zero(pad));
        }
        let steps = self.distance.q.val().slice(fine_bits, 2);
        let mut coarse = self.window.val();
        for j in 1..4usize {
            if steps == Word::new(2, j as u128) {
                coarse = self.window.val().slice(j << fine_bits, window_bits);
            }
        }
        self.coarse.d.next = coarse;
        if self.beyond.q.val().any() {
            self.coarse.d.next = Word::zero(window_bits);
        }
        self.fine.d.next = self.distance.q.val().trunc(fine_bits);

        let mut shifted = self.coarse.q.val();
        for j in 1..1usize << fine_bits {
            if self.fine.q.val() == Word::new(fine_bits, j as u128) {
                shifted = self.coarse.q.val().slice(j, window_bits);
            }
        }
        self.shifted.d.next = shifted;
        self.magnitude.next = self.shifted.q.val().slice(1, bits);
        self.half.next = self.shifted.q.val().bit(0);
    }
}
