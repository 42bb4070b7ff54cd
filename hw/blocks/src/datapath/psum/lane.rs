//! [`SumLane`]: one output's scale and partial sum.

use super::super::shape::{SINGLE_BITS, VALUE_BITS};
use crate::npe::float::{Add, Multiply, Widen};
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;

/// Fraction bits of FP32, and of a widened FP16 value.
const SINGLE: usize = 23;
const HALF: usize = 10;
/// 1 as a widened FP16 value.
const ONE: u128 = 127 << HALF;
/// -0 in FP32: what changes nothing when added.
pub(in crate::datapath) const MINUS_ZERO: u128 = 1 << 31;

/// `sum = partial + scale * result`, both operations rounded to FP32; `scale * result` alone where sums start.
///
/// - Guarantee: a result a cycle; `scale` comes [`SumLane::SCALE_LEAD`] cycles before its result, `partial` and `first`
///   [`SumLane::partial_due`] cycles after it, the sum [`SumLane::latency`] cycles after it.
#[derive(LogicBlock, Ports)]
pub struct SumLane {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The array's result, FP32.
    pub result: Wire<In>,
    /// Its scale, FP16.
    pub scale: Wire<In>,
    /// Is there a scale? With the result.
    pub scaled: Signal<In, Bit>,
    /// The sum so far, FP32.
    pub partial: Wire<In>,
    /// There is none.
    pub first: Signal<In, Bit>,
    /// The new sum, FP32.
    pub sum: Wire<Out>,
    widen: Widen,
    multiply: Multiply,
    add: Add,
    // Cleared to -0 where sums start, which takes no logic.
    before: Reg,
}

impl SumLane {
    /// Cycles by which a scale comes before its result.
    pub const SCALE_LEAD: usize = Widen::LATENCY;

    /// Cycles from a result to its product.
    fn product() -> usize {
        Multiply::latency_of(SINGLE, HALF)
    }

    /// Cycles from a result to when the partial sum is due.
    pub fn partial_due() -> usize {
        SumLane::product() - 1
    }

    /// Cycles from a result to the sum.
    pub fn latency() -> usize {
        SumLane::product() + Add::LATENCY
    }

    /// A lane.
    ///
    /// # Errors
    /// None with the widths used here.
    pub fn new() -> Result<SumLane, ParameterError> {
        Ok(SumLane {
            clock: Default::default(),
            result: Wire::new(SINGLE_BITS),
            scale: Wire::new(VALUE_BITS),
            scaled: Default::default(),
            partial: Wire::new(SINGLE_BITS),
            first: Default::default(),
            sum: Wire::new(SINGLE_BITS),
            widen: Widen::new(),
            multiply: Multiply::new(SINGLE, HALF, SINGLE)?,
            add: Add::new(),
            before: Reg::new(SINGLE_BITS),
        })
    }
}

impl Logic for SumLane {
    #[hdl(latency = SumLane::latency())]
    fn update(&mut self) {
        dff_setup!(self, clock, before);
        clock!(self, clock, widen, multiply, add);
        self.widen.value.next = self.scale.val();
        self.multiply.a.next = self.result.val();
        let one = Word::new(1 + 8 + HALF, ONE);
        self.multiply.b.next = mux(self.scaled.val(), self.widen.result.val(), one);
        self.add.a.next = self.multiply.product.val();
        self.before.d.next = self.partial.val();
        if self.first.val() {
            self.before.d.next = Word::new(SINGLE_BITS, MINUS_ZERO);
        }
        self.add.b.next = self.before.q.val();
        self.add.odd.next = false;
        self.sum.next = self.add.sum.val();
    }
}
