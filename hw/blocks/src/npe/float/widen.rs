//! [`Widen`]: FP16 to the formats with 8 exponent bits.

use skipopu_hdl::prelude::*;

/// FP16 to E8M10, exact; one a cycle.
///
/// - Does: normalise subnormals, which the wider exponent holds; NaN becomes the one NaN.
/// - Does not: lose anything. Append zeros for E8M16 or FP32.
///
/// Stages: the exponent, subnormals left by fours; by ones, their exponent.
#[derive(LogicBlock, Ports)]
pub struct Widen {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16.
    pub value: Wire<In>,
    /// E8M10.
    pub result: Wire<Out>,
    digits1: Reg,
    field1: Reg,
    steps1: Reg,
    // Subnormal or zero, NaN, sign.
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
            digits1: Reg::new(10),
            field1: Reg::new(8),
            steps1: Reg::new(2),
            kind1: Reg::new(3),
            sign2: Reg::new(1),
            field2: Reg::new(8),
            digits2: Reg::new(10),
        }
    }
}

impl Logic for Widen {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, digits1, field1, steps1, kind1, sign2, field2, digits2);

        // 1: a normal exponent gains 112; a subnormal's leading one comes into the top four places.
        let value = self.value.val();
        let field = value.slice(10, 5);
        let fraction = value.trunc(10);
        let normal = field.any();
        let top = field.all();
        let high = fraction.slice(6, 4).any();
        let middle = fraction.slice(2, 4).any();
        let low = fraction.trunc(2).any();
        let mut digits = fraction.clone();
        let mut steps = Word::new(2, 0);
        if !normal & !high {
            if middle {
                digits = cat!(fraction.trunc(6), Word::zero(4));
                steps = Word::new(2, 1);
            } else {
                digits = cat!(fraction.trunc(2), Word::zero(8));
                steps = Word::new(2, 2);
            }
        }
        self.digits1.d.next = digits;
        self.steps1.d.next = steps;
        let upper = field.bit(4);
        let between = !upper | top;
        self.field1.d.next = cat!(upper, between, between, between, field.trunc(4));
        let nan = top & (high | middle | low);
        self.kind1.d.next = cat!(!normal, nan, value.bit(15) & !nan);

        // 2: the leading one leaves as the hidden bit.
        let kind = self.kind1.q.val();
        let digits = self.digits1.q.val();
        let mut ones = Word::new(2, 3);
        for j in 0..3usize {
            if digits.bit(7 + j) {
                ones = Word::new(2, 2 - j as u128);
            }
        }
        let mut shifted = digits.clone();
        for j in 0..4usize {
            if kind.bit(2) & (ones == Word::new(2, j as u128)) {
                shifted = cat!(digits.trunc(9 - j), Word::zero(1 + j));
            }
        }
        if kind.bit(1) {
            shifted = Word::new(10, 0x200);
        }
        self.digits2.d.next = shifted;
        // 112 less the places shifted.
        let places = cat!(self.steps1.q.val(), ones);
        let mut field = self.field1.q.val();
        if kind.bit(2) {
            field = cat!(Word::new(3, 3), !places.any(), -places);
            if !digits.slice(6, 4).any() {
                field = Word::zero(8);
            }
        }
        self.field2.d.next = field;
        self.sign2.d.next = kind.slice(0, 1);
        self.result.next = cat!(self.sign2.q.val(), self.field2.q.val(), self.digits2.q.val());
    }
}
