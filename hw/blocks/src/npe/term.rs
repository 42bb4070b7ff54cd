//! [`TermOf`]: what a value contributes to its row's sum.

use crate::parameter::ParameterError;
use crate::primitives::dsp48e2::{Dsp48e2, DspMode};
use crate::primitives::Delay;
use skipopu_hdl::prelude::*;

/// Bits of a term's significand; the lowest counts `2^(exponent - 25)`.
pub const SIGNIFICAND_BITS: usize = 26;
/// Bits of a term's exponent, biased by 2^17.
pub const EXPONENT_BITS: usize = 18;
/// The bias: the integer part of a logarithm of zero, and the exponent of what contributes nothing is 0.
pub const EXPONENT_BIAS: i64 = 1 << 17;
/// Fraction bits of an exponential's significand.
const FRACTION_BITS: usize = 16;
/// Bits of an FP16 significand.
const HALF_BITS: usize = 11;

/// The square of an FP16 result, or an exponential that is already there, as a term.
///
/// - Does: squares exactly in a DSP, subnormals included; masked values and zeros give significand 0
///   and exponent 0.
/// - Guarantee: a value a cycle. The result and `visible` come first; `squares`, `exponentials` and the
///   exponential [`TermOf::LATENCY`] - 1 cycles later; the term a cycle after those.
#[derive(LogicBlock, Ports)]
pub struct TermOf {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16 result without its sign.
    pub magnitude: Wire<In>,
    /// Does the value count?
    pub visible: Signal<In, Bit>,
    /// Take the square?
    pub squares: Signal<In, Bit>,
    /// Take the exponential?
    pub exponentials: Signal<In, Bit>,
    /// Fraction of the exponential's significand.
    pub fraction: Wire<In>,
    /// Its exponent, biased.
    pub integer: Wire<In>,
    /// It is not zero.
    pub present: Signal<In, Bit>,
    /// It is not a number.
    pub nan: Signal<In, Bit>,
    /// The term.
    pub significand: Wire<Out>,
    /// Its exponent, biased.
    pub exponent: Wire<Out>,
    /// The row's sum has no meaning.
    pub invalid: Signal<Out, Bit>,
    dsp: Dsp48e2,
    tag: Delay,
    term: Reg,
    scale: Reg,
    bad: Reg,
}

impl TermOf {
    /// Cycles from result to term.
    pub const LATENCY: usize = 4;

    /// For one way.
    ///
    /// # Errors
    /// None; as the other blocks.
    pub fn new() -> Result<TermOf, ParameterError> {
        let mode = DspMode::new().ad_reg(false).product();
        Ok(TermOf {
            clock: Default::default(),
            magnitude: Wire::new(15),
            visible: Default::default(),
            squares: Default::default(),
            exponentials: Default::default(),
            fraction: Wire::new(FRACTION_BITS),
            integer: Wire::new(EXPONENT_BITS),
            present: Default::default(),
            nan: Default::default(),
            significand: Wire::new(SIGNIFICAND_BITS),
            exponent: Wire::new(EXPONENT_BITS),
            invalid: Default::default(),
            dsp: mode.build().expect("a plain product is a legal mode"),
            tag: Delay::new(7, TermOf::LATENCY - 1)?,
            term: Reg::new(SIGNIFICAND_BITS),
            scale: Reg::new(EXPONENT_BITS),
            bad: Reg::new(1),
        })
    }
}

impl Logic for TermOf {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, dsp, tag);
        dff_setup!(self, clock, term, scale, bad);
        let field = self.magnitude.val().slice(10, 5);
        let normal = field.any();
        let digits = cat!(normal, self.magnitude.val().trunc(10));
        self.dsp.a.next = digits.clone().zext(30);
        self.dsp.b.next = digits.clone().zext(18);
        self.dsp.c.next = Word::zero(48);
        self.dsp.d.next = Word::zero(27);
        self.dsp.pcin.next = Word::zero(48);
        self.dsp.carryin.next = false;
        self.dsp.use_d.next = false;
        // Subnormals have the exponent of the least normals.
        let own = cat!(field.slice(1, 4), field.bit(0) | !normal);
        self.tag.enable.next = true;
        self.tag.d.next = cat!(digits.any(), self.visible.val(), own);

        let nonzero = self.tag.q.val().bit(6);
        let visible = self.tag.q.val().bit(5);
        let own = self.tag.q.val().trunc(5);
        let square = self.squares.val() & visible;
        let power = self.exponentials.val() & visible;
        self.bad.d.next = Word::from((square & own.all()) | (power & self.nan.val()));
        self.term.d.next = Word::zero(SIGNIFICAND_BITS);
        self.scale.d.next = Word::zero(EXPONENT_BITS);
        if square & nonzero {
            self.term.d.next = cat!(self.dsp.p.val().trunc(2 * HALF_BITS), Word::zero(4));
            self.scale.d.next = cat!(Word::zero(EXPONENT_BITS - 6), own, false)
                + Word::from_i128(EXPONENT_BITS, i128::from(EXPONENT_BIAS - 29));
        }
        if power & self.present.val() {
            let low = SIGNIFICAND_BITS - 1 - FRACTION_BITS;
            self.term.d.next = cat!(Word::ones(1), self.fraction.val(), Word::zero(low));
            self.scale.d.next = self.integer.val();
        }
        self.significand.next = self.term.q.val();
        self.exponent.next = self.scale.q.val();
        self.invalid.next = self.bad.q.val().any();
    }
}
