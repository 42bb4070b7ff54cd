//! [`Fp16Function`]: a function of FP16 values.

use super::{log2_e, Exp2, LogProduct, Reciprocal, Rsqrt, Silu};
use crate::npe::float::{Narrow, Widen, E8M10, E8M16, E8M23};
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// e^x.
    Exp,
    /// 1 / x.
    Reciprocal,
    /// 1 / sqrt(x).
    Rsqrt,
    /// x / (1 + e^-x).
    Silu,
}

impl Function {
    /// All of them.
    pub const ALL: [Function; 4] =
        [Function::Exp, Function::Reciprocal, Function::Rsqrt, Function::Silu];

    /// Short name.
    pub fn name(self) -> &'static str {
        match self {
            Function::Exp => "exp",
            Function::Reciprocal => "reciprocal",
            Function::Rsqrt => "rsqrt",
            Function::Silu => "silu",
        }
    }

    /// Cycles of the function itself.
    const fn latency(self) -> usize {
        match self {
            Function::Exp => LogProduct::LATENCY + Exp2::LATENCY,
            Function::Reciprocal => Reciprocal::LATENCY,
            Function::Rsqrt => Rsqrt::LATENCY,
            Function::Silu => Silu::LATENCY,
        }
    }

    /// Fraction bits of what it gives.
    const fn fraction(self) -> usize {
        match self {
            Function::Silu => E8M23,
            _ => E8M16,
        }
    }
}

/// A function, FP16 to FP16, within one unit in the last place; one a cycle.
///
/// - Does: [`Widen`], the function, [`Narrow`].
/// - Does not: suit longer chains. Stay in the wide formats there and round once, at the end.
#[derive(LogicBlock, Ports)]
pub struct Fp16Function {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16.
    pub value: Wire<In>,
    /// FP16.
    pub result: Wire<Out>,
    widen: Widen,
    // The one function, as its blocks.
    log: Vec<LogProduct>,
    exp2: Vec<Exp2>,
    reciprocal: Vec<Reciprocal>,
    rsqrt: Vec<Rsqrt>,
    silu: Vec<Silu>,
    narrow: Narrow,
    _function: Function,
}

impl Fp16Function {
    /// The function.
    ///
    /// # Errors
    /// Never; its widths are fixed.
    pub fn new(function: Function) -> Result<Fp16Function, ParameterError> {
        let mut block = Fp16Function {
            clock: Default::default(),
            value: Wire::new(16),
            result: Wire::new(16),
            widen: Widen::new(),
            log: Vec::new(),
            exp2: Vec::new(),
            reciprocal: Vec::new(),
            rsqrt: Vec::new(),
            silu: Vec::new(),
            narrow: Narrow::new(function.fraction())?,
            _function: function,
        };
        match function {
            Function::Exp => {
                block.log.push(LogProduct::new(E8M10)?);
                block.exp2.push(Exp2::new());
            }
            Function::Reciprocal => block.reciprocal.push(Reciprocal::new(E8M10)?),
            Function::Rsqrt => block.rsqrt.push(Rsqrt::new(E8M10)?),
            Function::Silu => block.silu.push(Silu::new(E8M10)?),
        }
        Ok(block)
    }

    /// Cycles from value to result.
    pub const fn latency_of(function: Function) -> usize {
        Widen::LATENCY + function.latency() + Narrow::LATENCY
    }
}

impl Logic for Fp16Function {
    #[hdl(
        function = self._function.name(),
        latency = Fp16Function::latency_of(self._function)
    )]
    fn update(&mut self) {
        clock!(self, clock, widen, narrow);
        self.widen.value.next = self.value.val();
        for i in 0..self.log.len() {
            self.log[i].clock.next = self.clock.val();
            self.log[i].a.next = self.widen.result.val();
            self.log[i].b.next = log2_e();
            self.exp2[i].clock.next = self.clock.val();
            self.exp2[i].fixed.next = self.log[i].fixed.val();
            self.exp2[i].nan.next = self.log[i].nan.val();
            self.narrow.value.next = self.exp2[i].result.val();
        }
        for i in 0..self.reciprocal.len() {
            self.reciprocal[i].clock.next = self.clock.val();
            self.reciprocal[i].value.next = self.widen.result.val();
            self.narrow.value.next = self.reciprocal[i].result.val();
        }
        for i in 0..self.rsqrt.len() {
            self.rsqrt[i].clock.next = self.clock.val();
            self.rsqrt[i].value.next = self.widen.result.val();
            self.narrow.value.next = self.rsqrt[i].result.val();
        }
        for i in 0..self.silu.len() {
            self.silu[i].clock.next = self.clock.val();
            self.silu[i].value.next = self.widen.result.val();
            self.narrow.value.next = self.silu[i].result.val();
        }
        self.result.next = self.narrow.result.val();
    }
}
