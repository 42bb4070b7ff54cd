//! [`WayPair`]: the engine's datapath for two neighbouring values.

use super::float::{Add, Multiply, Narrow, Widen};
use super::function::{Exp2, LogProduct, Sigmoid};
use super::term::{TermOf, EXPONENT_BITS, SIGNIFICAND_BITS};
use super::timing::{self, EXPONENTIAL, FACTOR, FIRST, LOGARITHM, POWER, SECOND, SINGLE, WIDENED};
use super::{NpeError, Pipe};
use skipopu_hdl::prelude::*;

/// Bits of an FP32 value.
const VALUE: usize = 32;
/// Bits of a factor, E8M16.
pub(super) const FACTOR_BITS: usize = 9 + FACTOR;
/// Bits of a widened FP16 value, E8M10.
const WIDENED_BITS: usize = 19;
/// Bits of an operand beat's way: FP16 factor, FP32 or FP16 addend above it.
pub const OPERAND_BITS: usize = 48;
/// Fraction bits of a logarithm.
const LOG_FRACTION: usize = 14;
/// Bits of an exponential on its way to the terms: fraction, integer part, present, NaN.
const POWER_BITS: usize = FACTOR + EXPONENT_BITS + 2;

/// Two values through the engine: widening, a product, an exponential, a second product, a sum, rounding,
/// masking, terms. What a value meets in each step is chosen by control that comes when the step does, so that
/// consecutive tiles may be of different functions.
///
/// | function | first product | second product | addend |
/// |---|---|---|---|
/// | linear | x * factor | that * 1 | addend or -0 |
/// | RMSNorm | x * gain | that * statistic | -0 |
/// | softmax | | 2^(t - exponent) * statistic | -0 |
/// | SwiGLU, odd way | up * gate | that * sigmoid(gate) | -0 |
/// | RoPE | x * cos | partner * (-sin, sin) | first product |
///
/// - Does not: stall. A pair of values enters every cycle; [`timing`](super::timing) says when each port is
///   read, as its comment does.
#[derive(LogicBlock, Ports)]
pub struct WayPair {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Entry: the values, FP32 or FP16.
    pub values: Wire<In>,
    /// Entry: factor and addend of each.
    pub operands: Wire<In>,
    /// Entry: cosine, above it sine, FP16.
    pub turn: Wire<In>,
    /// Entry: the pair is turned.
    pub rotate: Signal<In, Bit>,
    /// WIDENED: the values are FP16.
    pub half_in: Signal<In, Bit>,
    /// WIDENED: the factor is the way's own.
    pub own_factor: Signal<In, Bit>,
    /// WIDENED: the factor of all ways, if it is not.
    pub factor: Wire<In>,
    /// WIDENED: the pair is gate and up.
    pub gated: Signal<In, Bit>,
    /// WIDENED: there is an FP16 addend.
    pub half_addend: Signal<In, Bit>,
    /// WIDENED: there is an FP32 addend.
    pub single_addend: Signal<In, Bit>,
    /// FIRST: factor of the logarithms.
    pub log_factor: Wire<In>,
    /// FIRST: the logarithm is that of -|gate|.
    pub gated_log: Signal<In, Bit>,
    /// First product: the pair is turned.
    pub rotate_product: Signal<In, Bit>,
    /// LOGARITHM: the whole logarithm is the exponent; else its fraction.
    pub gated_power: Signal<In, Bit>,
    /// EXPONENTIAL: the row's exponent, biased, less 127, 20 bits.
    pub row_exponent: Wire<In>,
    /// SECOND - 1: the second product's first factor is the power.
    pub power: Signal<In, Bit>,
    /// SECOND - 1: the pair is turned.
    pub rotate_second: Signal<In, Bit>,
    /// SECOND - 1: the pair is gate and up.
    pub gated_second: Signal<In, Bit>,
    /// SECOND - 1: the row's factor, or 1.
    pub row_factor: Wire<In>,
    /// Sum's operands: round to odd, for an FP16 result.
    pub odd: Signal<In, Bit>,
    /// Result - 1: the result is FP16.
    pub half_out: Signal<In, Bit>,
    /// Result - 1: values that count.
    pub visible: Wire<In>,
    /// Term - 1: squares are summed.
    pub squares: Signal<In, Bit>,
    /// Term - 1: exponentials are summed.
    pub exponentials: Signal<In, Bit>,
    /// Result: both values.
    pub results: Wire<Out>,
    /// Term: significands.
    pub significands: Wire<Out>,
    /// Term: biased exponents.
    pub exponents: Wire<Out>,
    /// Term: values that make the row invalid.
    pub invalid: Wire<Out>,
    widen: Vec<Widen>,
    widen_factor: Vec<Widen>,
    widen_addend: Vec<Widen>,
    widen_sine: Widen,
    raw: Vec<Pipe>,
    raw_addend: Vec<Pipe>,
    value: Vec<Reg>,
    first_factor: Vec<Reg>,
    multiply: Vec<Multiply>,
    log: Vec<LogProduct>,
    exponential: Vec<Exp2>,
    sigmoid: Sigmoid,
    gate_sign: Pipe,
    partner: Vec<Pipe>,
    added: Vec<Pipe>,
    chosen: Vec<Pipe>,
    addend: Vec<Pipe>,
    integer: Vec<Pipe>,
    raised: Vec<Reg>,
    raised_wait: Vec<Pipe>,
    sine: Pipe,
    left: Vec<Reg>,
    right: Vec<Reg>,
    second: Vec<Multiply>,
    add: Vec<Add>,
    narrow: Vec<Narrow>,
    whole: Vec<Pipe>,
    result: Vec<Reg>,
    half: Vec<Reg>,
    seen: Reg,
    to_term: Vec<Pipe>,
    term: Vec<TermOf>,
}

/// Minus zero, which added to anything leaves it.
const NOTHING: u128 = 1 << 31;

fn two<T>(make: impl Fn() -> Result<T, NpeError>) -> Result<Vec<T>, NpeError> {
    Ok(vec![make()?, make()?])
}

fn delays(width: usize, stages: usize) -> Vec<Pipe> {
    vec![Pipe::new(width, stages), Pipe::new(width, stages)]
}

fn registers(width: usize) -> Vec<Reg> {
    vec![Reg::new(width), Reg::new(width)]
}

impl WayPair {
    /// Cycles from entry to results.
    pub fn latency() -> usize {
        timing::result()
    }

    /// Two ways.
    ///
    /// # Errors
    /// None; as the other blocks.
    pub fn new() -> Result<WayPair, NpeError> {
        Ok(WayPair {
            clock: Default::default(),
            values: Wire::new(2 * VALUE),
            operands: Wire::new(2 * OPERAND_BITS),
            turn: Wire::new(32),
            rotate: Default::default(),
            half_in: Default::default(),
            own_factor: Default::default(),
            factor: Wire::new(FACTOR_BITS),
            gated: Default::default(),
            half_addend: Default::default(),
            single_addend: Default::default(),
            log_factor: Wire::new(FACTOR_BITS),
            gated_log: Default::default(),
            rotate_product: Default::default(),
            gated_power: Default::default(),
            row_exponent: Wire::new(EXPONENT_BITS + 2),
            power: Default::default(),
            rotate_second: Default::default(),
            gated_second: Default::default(),
            row_factor: Wire::new(FACTOR_BITS),
            odd: Default::default(),
            half_out: Default::default(),
            visible: Wire::new(2),
            squares: Default::default(),
            exponentials: Default::default(),
            results: Wire::new(2 * VALUE),
            significands: Wire::new(2 * SIGNIFICAND_BITS),
            exponents: Wire::new(2 * EXPONENT_BITS),
            invalid: Wire::new(2),
            widen: two(|| Ok(Widen::new()))?,
            widen_factor: two(|| Ok(Widen::new()))?,
            widen_addend: two(|| Ok(Widen::new()))?,
            widen_sine: Widen::new(),
            raw: delays(VALUE, WIDENED),
            raw_addend: delays(VALUE, WIDENED),
            value: registers(VALUE),
            first_factor: registers(FACTOR_BITS),
            multiply: two(|| Ok(Multiply::new(SINGLE, FACTOR, SINGLE)?))?,
            log: two(|| Ok(LogProduct::new(SINGLE)?))?,
            exponential: two(|| Ok(Exp2::new()))?,
            sigmoid: Sigmoid::new()?,
            gate_sign: Pipe::new(1, EXPONENTIAL - FIRST),
            partner: delays(VALUE, timing::first_product() - FIRST),
            added: delays(VALUE, timing::first_product() - WIDENED),
            chosen: delays(VALUE, SECOND - 1 - timing::first_product()),
            addend: delays(VALUE, timing::addend() - timing::first_product()),
            integer: delays(EXPONENT_BITS + 2, EXPONENTIAL - LOGARITHM),
            raised: registers(FACTOR_BITS),
            raised_wait: delays(FACTOR_BITS, SECOND - 1 - POWER),
            sine: Pipe::new(WIDENED_BITS, SECOND - 1 - WIDENED),
            left: registers(VALUE),
            right: registers(FACTOR_BITS),
            second: two(|| Ok(Multiply::new(SINGLE, FACTOR, SINGLE)?))?,
            add: two(|| Ok(Add::new()))?,
            narrow: two(|| Ok(Narrow::new(SINGLE)?))?,
            whole: delays(VALUE, timing::result() - 1 - timing::sum()),
            result: registers(VALUE),
            half: registers(15),
            seen: Reg::new(2),
            to_term: delays(POWER_BITS, timing::term() - 1 - EXPONENTIAL),
            term: two(|| Ok(TermOf::new()?))?,
        })
    }
}

impl Logic for WayPair {
    #[hdl(latency = WayPair::latency(), no_inline)]
    fn update(&mut self) {
        clock!(self, clock, widen_sine, sigmoid, gate_sign, sine);
        dff_setup!(self, clock, seen);
        let above = VALUE - FACTOR_BITS;

        // Once for both: the sine, the sigmoid of the gate.
        self.widen_sine.value.next = self.turn.val().slice(16, 16);
        self.sine.d.next = self.widen_sine.result.val();
        self.gate_sign.d.next = self.value[0].q.val().slice(VALUE - 1, 1);
        self.sigmoid.exponential.next = self.exponential[0].result.val();
        self.sigmoid.negative.next = self.gate_sign.q.val().any();
        self.seen.d.next = self.visible.val();

        for i in 0..2usize {
            self.widen[i].clock.next = self.clock.val();
            self.widen_factor[i].clock.next = self.clock.val();
            self.widen_addend[i].clock.next = self.clock.val();
            self.raw[i].clock.next = self.clock.val();
            self.raw_addend[i].clock.next = self.clock.val();
            self.value[i].clock.next = self.clock.val();
            self.first_factor[i].clock.next = self.clock.val();
            self.multiply[i].clock.next = self.clock.val();
            self.log[i].clock.next = self.clock.val();
            self.exponential[i].clock.next = self.clock.val();
            self.partner[i].clock.next = self.clock.val();
            self.added[i].clock.next = self.clock.val();
            self.chosen[i].clock.next = self.clock.val();
            self.addend[i].clock.next = self.clock.val();
            self.integer[i].clock.next = self.clock.val();
            self.raised[i].clock.next = self.clock.val();
            self.raised_wait[i].clock.next = self.clock.val();
            self.left[i].clock.next = self.clock.val();
            self.right[i].clock.next = self.clock.val();
            self.second[i].clock.next = self.clock.val();
            self.add[i].clock.next = self.clock.val();
            self.narrow[i].clock.next = self.clock.val();
            self.whole[i].clock.next = self.clock.val();
            self.result[i].clock.next = self.clock.val();
            self.half[i].clock.next = self.clock.val();
            self.to_term[i].clock.next = self.clock.val();
            self.term[i].clock.next = self.clock.val();

            // Entry: to FP32.
            let value = self.values.val().slice(i * VALUE, VALUE);
            let operand = self.operands.val().slice(i * OPERAND_BITS, OPERAND_BITS);
            let addend = operand.slice(16, VALUE);
            self.widen[i].value.next = value.trunc(16);
            self.raw[i].d.next = value;
            self.widen_factor[i].value.next =
                mux(self.rotate.val(), self.turn.val().trunc(16), operand.trunc(16));
            self.widen_addend[i].value.next = addend.trunc(16);
            self.raw_addend[i].d.next = addend;

            // WIDENED: operands of the first product, the addend.
            let wide = cat!(self.widen[i].result.val(), Word::zero(VALUE - WIDENED_BITS));
            self.value[i].d.next = mux(self.half_in.val(), wide, self.raw[i].q.val());
            let own =
                cat!(self.widen_factor[i].result.val(), Word::zero(FACTOR_BITS - WIDENED_BITS));
            self.first_factor[i].d.next = mux(self.own_factor.val(), own, self.factor.val());
            if i == 1 {
                if self.gated.val() {
                    let half =
                        cat!(self.widen[0].result.val(), Word::zero(FACTOR_BITS - WIDENED_BITS));
                    let single = self.raw[0].q.val().slice(above, FACTOR_BITS);
                    self.first_factor[1].d.next = mux(self.half_in.val(), half, single);
                }
            }
            let wide = cat!(self.widen_addend[i].result.val(), Word::zero(VALUE - WIDENED_BITS));
            self.added[i].d.next = Word::new(VALUE, NOTHING);
            if self.half_addend.val() {
                self.added[i].d.next = wide;
            }
            if self.single_addend.val() {
                self.added[i].d.next = self.raw_addend[i].q.val();
            }

            // FIRST: product and logarithm.
            let value = self.value[i].q.val();
            self.multiply[i].a.next = value.clone();
            self.multiply[i].b.next = self.first_factor[i].q.val();
            self.partner[1 - i].d.next = value.clone();
            let sign = value.bit(VALUE - 1) | self.gated_log.val();
            self.log[i].a.next = cat!(sign, value.trunc(VALUE - 1));
            self.log[i].b.next = self.log_factor.val();

            // First product: what goes on, what is added.
            let product = self.multiply[i].product.val();
            let turned = self.rotate_product.val();
            self.chosen[i].d.next = mux(turned, self.partner[i].q.val(), product.clone());
            self.addend[i].d.next = mux(turned, product, self.added[i].q.val());

            // LOGARITHM: the power, and its integer part beside it.
            let log = self.log[i].fixed.val();
            let high = log.slice(LOG_FRACTION, EXPONENT_BITS);
            let finite = !self.log[i].minus_infinity.val();
            let nan = self.log[i].nan.val();
            self.exponential[i].nan.next = nan & self.gated_power.val();
            self.exponential[i].fixed.next = cat!(
                mux(self.gated_power.val(), high.clone(), Word::zero(EXPONENT_BITS)),
                log.trunc(LOG_FRACTION)
            );
            // Biased: the sign inverted.
            let biased = cat!(!high.bit(EXPONENT_BITS - 1), high.trunc(EXPONENT_BITS - 1));
            self.integer[i].d.next = cat!(nan, finite & !nan, biased);

            // EXPONENTIAL: against the row's exponent.
            let fraction = self.exponential[i].result.val().trunc(FACTOR);
            let integer = self.integer[i].q.val().trunc(EXPONENT_BITS);
            let present = self.integer[i].q.val().bit(EXPONENT_BITS);
            let away = integer.zext(EXPONENT_BITS + 2) - self.row_exponent.val();
            let below = away.bit(EXPONENT_BITS + 1) | !away.any();
            let mut raised = cat!(away.trunc(8), fraction.clone());
            if away.slice(8, EXPONENT_BITS - 7).any() | away.trunc(8).all() {
                raised = cat!(Word::ones(8), Word::zero(FACTOR));
            }
            if below | !present {
                raised = Word::zero(FACTOR_BITS - 1);
            }
            self.raised[i].d.next = cat!(false, raised);
            self.raised_wait[i].d.next = self.raised[i].q.val();
            self.to_term[i].d.next = cat!(self.integer[i].q.val(), fraction);

            // SECOND - 1: operands of the second product.
            let power = cat!(self.raised_wait[i].q.val(), Word::zero(above));
            self.left[i].d.next = mux(self.power.val(), power, self.chosen[i].q.val());
            self.right[i].d.next = self.row_factor.val();
            let sine = self.sine.q.val();
            // The even way is turned by -sin.
            let signed = cat!(sine.bit(WIDENED_BITS - 1) ^ (i == 0), sine.trunc(WIDENED_BITS - 1));
            if self.rotate_second.val() {
                self.right[i].d.next = cat!(signed, Word::zero(FACTOR_BITS - WIDENED_BITS));
            }
            if i == 1 {
                if self.gated_second.val() {
                    self.right[1].d.next = self.sigmoid.result.val();
                }
            }
            self.second[i].a.next = self.left[i].q.val();
            self.second[i].b.next = self.right[i].q.val();

            // Sum, rounding, mask.
            self.add[i].a.next = self.second[i].product.val();
            self.add[i].b.next = self.addend[i].q.val();
            self.add[i].odd.next = self.odd.val();
            self.narrow[i].value.next = self.add[i].sum.val();
            self.whole[i].d.next = self.add[i].sum.val();
            let narrow = self.narrow[i].result.val();
            self.half[i].d.next = narrow.trunc(15);
            self.result[i].d.next =
                mux(self.half_out.val(), narrow.zext(VALUE), self.whole[i].q.val());
            if !self.visible.val().bit(i) {
                self.result[i].d.next = Word::zero(VALUE);
            }
            self.results.next.set_slice(i * VALUE, &self.result[i].q.val());

            // Terms.
            let power = self.to_term[i].q.val();
            self.term[i].magnitude.next = self.half[i].q.val();
            self.term[i].visible.next = self.seen.q.val().bit(i);
            self.term[i].squares.next = self.squares.val();
            self.term[i].exponentials.next = self.exponentials.val();
            self.term[i].fraction.next = power.trunc(FACTOR);
            self.term[i].integer.next = power.slice(FACTOR, EXPONENT_BITS);
            self.term[i].present.next = power.bit(FACTOR + EXPONENT_BITS);
            self.term[i].nan.next = power.bit(FACTOR + EXPONENT_BITS + 1);
            self.significands.next.set_slice(i * SIGNIFICAND_BITS, &self.term[i].significand.val());
            self.exponents.next.set_slice(i * EXPONENT_BITS, &self.term[i].exponent.val());
            self.invalid.next.set_slice(i, &Word::from(self.term[i].invalid.val()));
        }
    }
}
