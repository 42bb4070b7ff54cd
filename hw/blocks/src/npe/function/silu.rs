//! [`Silu`]: x / (1 + e^-x).

use super::{log2_e, Exp2, LogProduct, Sigmoid};
use crate::npe::float::{bits, Multiply, E8M16, E8M23};
use crate::parameter::ParameterError;
use crate::primitives::Delay;
use skipopu_hdl::prelude::*;

/// x / (1 + e^-x), FP32; one a cycle.
///
/// - Does: -0 for minus infinity, the limit.
/// - Guarantee: five DSP slices.
#[derive(LogicBlock, Ports)]
pub struct Silu {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// x.
    pub value: Wire<In>,
    /// FP32.
    pub result: Wire<Out>,
    log: LogProduct,
    exp2: Exp2,
    sigmoid: Sigmoid,
    sign: Delay,
    factor: Delay,
    multiply: Multiply,
    _fraction: usize,
}

/// Cycles to the exponential.
const TO_SIGMOID: usize = LogProduct::LATENCY + Exp2::LATENCY;

impl Silu {
    /// Cycles from x to result.
    pub const LATENCY: usize = TO_SIGMOID + Sigmoid::LATENCY + Multiply::latency_of(E8M23, E8M16);

    /// Of values with `fraction` fraction bits.
    ///
    /// # Errors
    /// Unless they are 10 to 23.
    pub fn new(fraction: usize) -> Result<Silu, ParameterError> {
        Ok(Silu {
            clock: Default::default(),
            value: Wire::new(bits(fraction)),
            result: Wire::new(bits(E8M23)),
            log: LogProduct::new(fraction)?,
            exp2: Exp2::new(),
            sigmoid: Sigmoid::new()?,
            sign: Delay::new(1, TO_SIGMOID)?,
            factor: Delay::new(bits(fraction), TO_SIGMOID + Sigmoid::LATENCY)?,
            multiply: Multiply::new(fraction, E8M16, E8M23)?,
            _fraction: fraction,
        })
    }
}

impl Logic for Silu {
    #[hdl(fraction = self._fraction, latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, log, exp2, sigmoid, sign, factor, multiply);
        let f = self._fraction;
        let value = self.value.val();
        // e^-|x|.
        self.log.a.next = cat!(true, value.trunc(f + 8));
        self.log.b.next = log2_e();
        self.exp2.fixed.next = self.log.fixed.val();
        self.exp2.nan.next = self.log.nan.val();
        self.sign.enable.next = true;
        self.sign.d.next = value.slice(f + 8, 1);
        self.sigmoid.exponential.next = self.exp2.result.val();
        self.sigmoid.negative.next = self.sign.q.val().any();
        // Minus infinity times zero shall be zero: a finite number stands in for it.
        let bottom = value.slice(f, 9).all() & !value.trunc(f).any();
        self.factor.enable.next = true;
        self.factor.d.next = cat!(value.slice(f + 1, 8), value.bit(f) & !bottom, value.trunc(f));
        self.multiply.a.next = self.factor.q.val();
        self.multiply.b.next = self.sigmoid.result.val();
        self.result.next = self.multiply.product.val();
    }
}
