//! [`Widen`]: FP16 to the formats with 8 exponent bits.

use skipopu_hdl::prelude::*;

/// FP16 to E8M10, exact; one a cycle.
///
/// - Does: normalise subnormals, which the wider exponent holds; NaN becomes the one NaN.
/// - Does not: lose anything. Append zeros for E8M16 or FP32.
///
/// Stages: the exponent, subnormals left by fours; by ones.
#[derive(LogicBlock, Ports)]
pub struct Widen {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16.
    pub value: Wire<In>,
    /// E8M10.
    pub result: Wire<Out>,
    // Three places above the fraction, for the leading one.
    digits1: Reg,
    field1: Reg,
    // Subnormal or zero, sign.
    kind1: Reg,
    sign2: Reg,
    field2: Reg,
    digits2: Reg,
}

impl Default for Widen {
    fn default() -> Widen {
        Widen::new()
    }
}

impl Widen {
    /// Cycles from value to result.
    pub const LATENCY: usize = 2;

    /// A converter.
    pub fn new() -> Widen {
        Widen {
            clock: Default::default(),
            value: Wire::new(16),
            result: Wire::new(19),
            digits1: Reg::new(13),
            field1: Reg::new(8),
            kind1: Reg::new(2),
            sign2: Reg::new(1),
            field2: Reg::new(8),
            digits2: Reg::new(10),
        }
    }
}

impl Logic for Widen {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, digits1, field1, kind1, sign2, field2, digits2);

        // 1: a normal exponent gains 112. A subnormal's leading one comes into one of the top four places, which
        // are chosen so that the place is the field's low two bits; a hidden bit stands in the second of them.
        let value = self.value.val();
        let field = value.slice(10, 5);
        let fraction = value.trunc(10);
        let normal = field.any();
        let top = field.all();
        let nan = top & fraction.any();
        let mut digits = cat!(Word::zero(2), normal, fraction.clone());
        let mut upper = Word::new(6, 28);
        if !normal & !fraction.bit(9) {
            if fraction.slice(5, 4).any() {
                digits = cat!(fraction.trunc(9), Word::zero(4));
                upper = Word::new(6, 27);
            } else if fraction.slice(1, 4).any() {
                digits = cat!(fraction.trunc(5), Word::zero(8));
                upper = Word::new(6, 26);
            } else {
                digits = cat!(fraction.trunc(1), Word::zero(12));
                upper = Word::new(6, 25);
            }
        }
        if nan {
            digits = cat!(Word::new(3, 1), true, Word::zero(9));
        }
        self.digits1.d.next = digits;
        let between = !field.bit(4) | top;
        if normal {
            upper = cat!(field.bit(4), between, between, between, field.slice(2, 2));
        }
        if !normal & !fraction.any() {
            upper = Word::zero(6);
        }
        self.field1.d.next = cat!(upper, field.trunc(2));
        self.kind1.d.next = cat!(!normal, value.bit(15) & !nan);

        // 2: the leading one leaves as the hidden bit.
        let digits = self.digits1.q.val();
        let mut place = Word::new(2, 0);
        for j in 1..4usize {
            if digits.bit(9 + j) {
                place = Word::new(2, j as u128);
            }
        }
        let mut shifted = cat!(digits.trunc(9), false);
        for j in 1..4usize {
            if place == Word::new(2, j as u128) {
                shifted = digits.slice(j - 1, 10);
            }
        }
        self.digits2.d.next = shifted;
        let mut low = self.field1.q.val().trunc(2);
        if self.kind1.q.val().bit(1) {
            low = place;
        }
        self.field2.d.next = cat!(self.field1.q.val().slice(2, 6), low);
        self.sign2.d.next = self.kind1.q.val().slice(0, 1);
        self.result.next = cat!(self.sign2.q.val(), self.field2.q.val(), self.digits2.q.val());
    }
}
