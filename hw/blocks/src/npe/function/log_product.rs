//! [`LogProduct`]: a product as a fixed-point logarithm.

use super::LOG_BITS;
use crate::npe::float::{bits, multiplier, require_fraction, Kinds, E8M16};
use crate::npe::pipe::Pipe;
use crate::parameter::ParameterError;
use crate::primitives::dsp48e2::{Dsp48e2, DspMode};
use skipopu_hdl::prelude::*;

/// Magnitude of a logarithm and the place below it, with which it is rounded.
const WINDOW: usize = LOG_BITS + 1;
/// Sum of the exponent fields at which the product's upper bits need no shift.
const LEVEL: u128 = 270;

/// `a * b`, rounded once to 14 fraction bits; one a cycle.
///
/// - Does: round halves away from zero; saturate finite products and plus infinity at the largest magnitude; keep minus
///   infinity apart, so that a masked score is below every other.
/// - Does not: round the product before it is shifted.
///
/// Stages: multiply, three cycles of the slice; right by eights; by twos; by one, negate, round.
#[derive(LogicBlock, Ports)]
pub struct LogProduct {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A factor.
    pub a: Wire<In>,
    /// The other, E8M16.
    pub b: Wire<In>,
    /// Two's complement, 14 fraction bits.
    pub fixed: Wire<Out>,
    /// The product is minus infinity; `fixed` is then its least value.
    pub minus_infinity: Signal<Out, Bit>,
    /// The product is not a number; `fixed` is then its largest value.
    pub nan: Signal<Out, Bit>,
    dsp: Dsp48e2,
    sum1: Reg,
    distance2: Reg,
    distance3: Reg,
    // The product is too large, too small.
    range3: Reg,
    kinds: Kinds,
    kind: Pipe,
    coarse4: Reg,
    ones4: Reg,
    over4: Reg,
    distance4: Reg,
    kind4: Reg,
    fine5: Reg,
    one5: Reg,
    full5: Reg,
    // NaN, minus infinity, sign.
    kind5: Reg,
    fixed6: Reg,
    kind6: Reg,
    product: Wire<Local>,
    _fraction: usize,
}

impl LogProduct {
    /// Cycles from factors to logarithm.
    pub const LATENCY: usize = 6;

    /// Of a factor `a` with `fraction` fraction bits.
    ///
    /// # Errors
    /// Unless they are 10 to 23.
    pub fn new(fraction: usize) -> Result<LogProduct, ParameterError> {
        require_fraction("product as a logarithm", fraction)?;
        Ok(LogProduct {
            clock: Default::default(),
            a: Wire::new(bits(fraction)),
            b: Wire::new(bits(E8M16)),
            fixed: Wire::new(LOG_BITS),
            minus_infinity: Default::default(),
            nan: Default::default(),
            dsp: multiplier(DspMode::new().ad_reg(false).product()),
            sum1: Reg::new(9),
            distance2: Reg::new(10),
            distance3: Reg::new(6),
            range3: Reg::new(2),
            kinds: Kinds::new(fraction, E8M16),
            kind: Pipe::new(4, 2),
            coarse4: Reg::new(WINDOW),
            ones4: Reg::new(1),
            over4: Reg::new(1),
            distance4: Reg::new(4),
            kind4: Reg::new(4),
            fine5: Reg::new(WINDOW),
            one5: Reg::new(1),
            full5: Reg::new(1),
            kind5: Reg::new(3),
            fixed6: Reg::new(LOG_BITS),
            kind6: Reg::new(2),
            product: Wire::new(WINDOW),
            _fraction: fraction,
        })
    }
}

impl Logic for LogProduct {
    #[hdl(fraction = self._fraction, latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, dsp, kinds, kind);
        dff_setup!(
            self, clock, sum1, distance2, distance3, range3, coarse4, ones4, over4, distance4,
            kind4, fine5, one5, full5, kind5, fixed6, kind6
        );
        let f = self._fraction;

        // 1 to 3: product, and how far right its upper bits go.
        let a = cat!(true, self.a.val().trunc(f));
        let b = cat!(true, self.b.val().trunc(E8M16));
        if f >= E8M16 {
            self.dsp.a.next = a.zext(30);
            self.dsp.b.next = b.zext(18);
        } else {
            self.dsp.a.next = b.zext(30);
            self.dsp.b.next = a.zext(18);
        }
        self.dsp.c.next = Word::zero(48);
        self.dsp.d.next = Word::zero(27);
        self.dsp.pcin.next = Word::zero(48);
        self.dsp.carryin.next = false;
        self.dsp.use_d.next = false;
        let digits = f + E8M16 + 2;
        if digits >= WINDOW {
            self.product.next = self.dsp.p.val().slice(digits - WINDOW, WINDOW);
        } else {
            self.product.next = cat!(self.dsp.p.val().trunc(digits), Word::zero(WINDOW - digits));
        }
        let a_field = self.a.val().slice(f, 8);
        let b_field = self.b.val().slice(E8M16, 8);
        self.sum1.d.next = a_field.zext(9) + b_field.zext(9);
        self.distance2.d.next = Word::new(10, LEVEL) - self.sum1.q.val().zext(10);
        let distance = self.distance2.q.val();
        self.distance3.d.next = distance.trunc(6);
        let far = distance.slice(6, 3).any() | (distance.bit(5) & distance.slice(3, 2).any());
        self.range3.d.next = cat!(distance.bit(9), !distance.bit(9) & far);
        self.kinds.a.next = self.a.val();
        self.kinds.b.next = self.b.val();
        self.kind.d.next = self.kinds.kind.val();

        // 4: right by eights.
        let distance = self.distance3.q.val();
        let window = self.product.val();
        let mut coarse = window.clone();
        for j in 1..4usize {
            if distance.slice(3, 2) == Word::new(2, j as u128) {
                coarse = cat!(Word::zero(8 * j), window.slice(8 * j, WINDOW - 8 * j));
            }
        }
        let kind = self.kind.q.val();
        let none = self.range3.q.val().bit(0) | kind.bit(1);
        // By 32 only the leading bit remains, in the lowest place, where the others are cleared.
        let far = distance.bit(5);
        let low = mux(far, window.slice(WINDOW - 1, 1), coarse.trunc(1));
        let mut upper = coarse.slice(1, WINDOW - 1);
        if far | none {
            upper = Word::zero(WINDOW - 1);
        }
        self.coarse4.d.next = cat!(upper, low & Word::from(!none));
        self.ones4.d.next = Word::from(window.slice(2, WINDOW - 3).all());
        self.over4.d.next = self.range3.q.val().slice(1, 1);
        self.distance4.d.next = cat!(distance.slice(3, 3).any(), distance.trunc(3));
        self.kind4.d.next = kind;

        // 5: right by twos; does the magnitude fill or exceed its places?
        let distance = self.distance4.q.val();
        let window = self.coarse4.q.val();
        let mut fine = window.clone();
        for j in 1..4usize {
            if distance.slice(1, 2) == Word::new(2, j as u128) {
                fine = cat!(Word::zero(2 * j), window.slice(2 * j, WINDOW - 2 * j));
            }
        }
        self.fine5.d.next = fine;
        self.one5.d.next = distance.trunc(1);
        let ones = self.ones4.q.val().any();
        let leading = window.bit(WINDOW - 1);
        let mut full = leading | (ones & window.bit(1));
        if distance.bit(0) {
            full = leading & ones;
        }
        let kind = self.kind4.q.val();
        let exceeds = self.over4.q.val().any() | (full & !distance.slice(1, 3).any());
        self.full5.d.next = Word::from((exceeds & !kind.bit(1)) | kind.bit(2) | kind.bit(3));
        let negative = kind.bit(0) & !kind.bit(3);
        self.kind5.d.next = cat!(kind.bit(3), negative & kind.bit(2), negative);

        // 6: right by one, negate, round: the one that negates is the half that is left away.
        let window = self.fine5.q.val();
        let shifted =
            mux(self.one5.q.val().any(), window.slice(1, WINDOW - 1), window.trunc(WINDOW - 1));
        let kind = self.kind5.q.val();
        let full = self.full5.q.val().any();
        let magnitude = mux(full, Word::ones(LOG_BITS - 1), shifted.slice(1, LOG_BITS - 1));
        let half = shifted.bit(0) & !full;
        let negative = kind.bit(0);
        let turned = mux(negative, !magnitude.clone(), magnitude);
        let up = (half ^ negative) & !kind.bit(1);
        let left = cat!(Word::zero(LOG_BITS), true);
        let carried = left + cat!(negative, turned, up);
        self.fixed6.d.next = carried.slice(1, LOG_BITS);
        self.kind6.d.next = kind.slice(1, 2);
        self.fixed.next = self.fixed6.q.val();
        self.nan.next = self.kind6.q.val().bit(1);
        self.minus_infinity.next = self.kind6.q.val().bit(0);
    }
}
