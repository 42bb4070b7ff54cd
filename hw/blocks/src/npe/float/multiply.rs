//! [`Multiply`]: product of two values with 8 exponent bits.

use super::operand::Kinds;
use super::tail::{Tail, EXPONENT_BITS};
use super::{bits, multiplier, require_fraction};
use crate::npe::pipe::Pipe;
use crate::parameter::ParameterError;
use crate::primitives::dsp48e2::{Dsp48e2, DspMode, Z};
use skipopu_hdl::prelude::*;

/// Most fraction bits of an operand that one DSP slice multiplies by an FP32 significand.
const NARROW: usize = 16;

/// Product, rounded once to nearest even; one a cycle.
///
/// - Does: Inf and NaN as IEEE 754; subnormals read as zeros, and what is below 2^-126 once rounded is zero.
/// - Does not: take FP16. Put [`Widen`](super::Widen) before it.
/// - Guarantee: one DSP slice unless both operands have more than 16 fraction bits, then two.
///
/// Stages: multiply, three cycles of the slice, or four of two; [`Tail`].
#[derive(LogicBlock, Ports)]
pub struct Multiply {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A factor.
    pub a: Wire<In>,
    /// The other.
    pub b: Wire<In>,
    /// The product.
    pub product: Wire<Out>,
    dsp: Dsp48e2,
    dsp_low: Vec<Dsp48e2>,
    below: Vec<Reg>,
    sum1: Reg,
    exponent2: Reg,
    exponents: Pipe,
    kinds: Kinds,
    kind: Pipe,
    tail: Tail,
    significand_a: Wire<Local>,
    significand_b: Wire<Local>,
    _a: usize,
    _b: usize,
    _fraction: usize,
}

impl Multiply {
    /// Of operands with `a` and `b` fraction bits, to a product of `fraction`.
    ///
    /// # Errors
    /// Unless each is 10 to 23.
    pub fn new(a: usize, b: usize, fraction: usize) -> Result<Multiply, ParameterError> {
        for f in [a, b, fraction] {
            require_fraction("multiply", f)?;
        }
        let double = a.min(b) > NARROW;
        let mode = DspMode::new().ad_reg(false).product();
        let dsp = match double {
            false => multiplier(mode),
            true => multiplier(mode.a_regs(2).b_regs(2).z(Z::PcinShift17)),
        };
        Ok(Multiply {
            clock: Default::default(),
            a: Wire::new(bits(a)),
            b: Wire::new(bits(b)),
            product: Wire::new(bits(fraction)),
            dsp,
            dsp_low: double.then(|| multiplier(mode)).into_iter().collect(),
            below: double.then(|| Reg::new(17)).into_iter().collect(),
            sum1: Reg::new(9),
            exponent2: Reg::new(EXPONENT_BITS),
            exponents: Pipe::new(EXPONENT_BITS, Multiply::digits(a, b) - 2),
            kinds: Kinds::new(a, b),
            kind: Pipe::new(4, Multiply::digits(a, b) - Kinds::LATENCY),
            tail: Tail::new(a + b + 2, fraction, false),
            significand_a: Wire::new(a + 1),
            significand_b: Wire::new(b + 1),
            _a: a,
            _b: b,
            _fraction: fraction,
        })
    }

    /// Cycles until the exact product is there.
    const fn digits(a: usize, b: usize) -> usize {
        if a > NARROW && b > NARROW {
            4
        } else {
            3
        }
    }

    /// Cycles from operands of the given fraction bits to product.
    pub const fn latency_of(a: usize, b: usize) -> usize {
        Multiply::digits(a, b) + Tail::LATENCY
    }

    /// Cycles from operands to product.
    pub fn latency(&self) -> usize {
        Multiply::latency_of(self._a, self._b)
    }
}

impl Logic for Multiply {
    #[hdl(
        a = self._a,
        b = self._b,
        fraction = self._fraction,
        latency = Multiply::latency_of(self._a, self._b)
    )]
    fn update(&mut self) {
        clock!(self, clock, dsp, kinds, kind, exponents, tail);
        dff_setup!(self, clock, sum1, exponent2);
        let (a, b) = (self._a, self._b);

        // Significands; a zero's does not matter.
        self.significand_a.next = cat!(true, self.a.val().trunc(a));
        self.significand_b.next = cat!(true, self.b.val().trunc(b));
        self.dsp.c.next = Word::zero(48);
        self.dsp.d.next = Word::zero(27);
        self.dsp.carryin.next = false;
        self.dsp.use_d.next = false;
        if self.dsp_low.is_empty() {
            // The narrower one to port B.
            if b <= a {
                self.dsp.a.next = self.significand_a.val().zext(30);
                self.dsp.b.next = self.significand_b.val().zext(18);
            } else {
                self.dsp.a.next = self.significand_b.val().zext(30);
                self.dsp.b.next = self.significand_a.val().zext(18);
            }
            self.dsp.pcin.next = Word::zero(48);
            self.tail.digits.next = self.dsp.p.val().trunc(a + b + 2);
        } else {
            for i in 0..self.dsp_low.len() {
                self.dsp_low[i].clock.next = self.clock.val();
                self.dsp_low[i].a.next = self.significand_a.val().zext(30);
                self.dsp_low[i].b.next = self.significand_b.val().trunc(17).zext(18);
                self.dsp_low[i].c.next = Word::zero(48);
                self.dsp_low[i].d.next = Word::zero(27);
                self.dsp_low[i].pcin.next = Word::zero(48);
                self.dsp_low[i].carryin.next = false;
                self.dsp_low[i].use_d.next = false;
                self.dsp.pcin.next = self.dsp_low[i].pcout.val();
                self.below[i].clock.next = self.clock.val();
                self.below[i].d.next = self.dsp_low[i].p.val().trunc(17);
                self.tail.digits.next =
                    cat!(self.dsp.p.val().trunc(a + b + 2 - 17), self.below[i].q.val());
            }
            self.dsp.a.next = self.significand_a.val().zext(30);
            self.dsp.b.next = self.significand_b.val().slice(17, b + 1 - 17).zext(18);
        }

        // Sum of the fields less the bias 127: plus one, less 128.
        let a_field = self.a.val().slice(a, 8);
        let b_field = self.b.val().slice(b, 8);
        let left = cat!(Word::zero(1), a_field, Word::ones(1));
        let carried = left + cat!(Word::zero(1), b_field, Word::ones(1));
        self.sum1.d.next = carried.slice(1, 9);
        let sum = self.sum1.q.val();
        let low = !sum.bit(8) & !sum.bit(7);
        let both = sum.bit(8) & sum.bit(7);
        self.exponent2.d.next = cat!(low, low | both, !sum.bit(7), sum.trunc(7));
        self.exponents.d.next = self.exponent2.q.val();
        self.tail.exponent.next = self.exponents.q.val();

        self.kinds.a.next = self.a.val();
        self.kinds.b.next = self.b.val();
        self.kind.d.next = self.kinds.kind.val();
        self.tail.nan.next = self.kind.q.val().bit(3);
        self.tail.infinite.next = self.kind.q.val().bit(2);
        self.tail.zero.next = self.kind.q.val().bit(1);
        self.tail.negative.next = self.kind.q.val().bit(0);
        self.tail.odd.next = false;
        self.product.next = self.tail.result.val();
    }
}
