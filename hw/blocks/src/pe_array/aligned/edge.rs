//! What a whole array shares: [`ActivationEdge`] and [`WeightEdge`].

use super::aligner::Role;
use super::block_converter::BlockConverter;
use super::column::TAIL_BITS;
use super::correction::Correction;
use super::shape::{AlignedShape, EXPONENT_BITS, SUM_EXPONENT_BITS, VALUE_BITS};
use super::skew::Skew;
use crate::pe_array::error::PeArrayError;
use crate::primitives::Delay;
use skipopu_hdl::prelude::*;

/// FP16 activations to what the columns of a group take, each at its time.
///
/// - Does: conversion, skew, the correction of FP16xINT4, and the tail: exponents and flag.
/// - Guarantee: a vector a cycle; lane 0 leaves [`BlockConverter::LATENCY`] cycles after the vector came,
///   lane `i` its [`lane_delay`](super::lane_delay) later, the tail [`AlignedShape::cascade_latency`] cycles after lane 0.
#[derive(LogicBlock, Ports)]
pub struct ActivationEdge {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16 values, lane 0 lowest.
    pub values: Wire<In>,
    /// They meet INT4 weights.
    pub int4: Signal<In, Bit>,
    /// Integers, skewed.
    pub x: Wire<Out>,
    /// `~x[0]` of each lane.
    pub even: Wire<Out>,
    /// For the last DSP of the columns' first cascades.
    pub correction: Wire<Out>,
    /// Exponent of the upper sum (tail).
    pub upper_exponent: Wire<Out>,
    /// Exponent of the lower sum (tail).
    pub lower_exponent: Wire<Out>,
    /// The vector holds an Inf or a NaN (tail).
    pub nonfinite: Signal<Out, Bit>,
    converter: BlockConverter,
    sum: Correction,
    skew: Skew,
    tail: Delay,
    wait: Delay,
    upper: Reg,
    lower: Reg,
    flag: Reg,
    int4s: Reg,
    _shape: AlignedShape,
}

impl ActivationEdge {
    /// For columns of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape) -> Result<ActivationEdge, PeArrayError> {
        shape.check()?;
        let lanes = shape.lanes;
        let wait = shape.correction_due() - Correction::latency(&shape);
        Ok(ActivationEdge {
            clock: Default::default(),
            values: Wire::new(lanes * VALUE_BITS),
            int4: Default::default(),
            x: Wire::new(lanes * shape.x_bits()),
            even: Wire::new(lanes),
            correction: Wire::new(shape.correction_bits()),
            upper_exponent: Wire::new(SUM_EXPONENT_BITS),
            lower_exponent: Wire::new(SUM_EXPONENT_BITS),
            nonfinite: Default::default(),
            converter: BlockConverter::new(shape, Role::Activations)?,
            sum: Correction::new(shape)?,
            skew: Skew::new(lanes, shape.x_bits())?,
            tail: Delay::new(EXPONENT_BITS + 1, shape.cascade_latency() - 1)?,
            wait: Delay::new(shape.correction_bits(), wait)?,
            upper: Reg::new(SUM_EXPONENT_BITS),
            lower: Reg::new(SUM_EXPONENT_BITS),
            flag: Reg::new(1),
            int4s: Reg::new(BlockConverter::LATENCY),
            _shape: shape,
        })
    }
}

impl Logic for ActivationEdge {
    #[hdl(lanes = self._shape.lanes, act = self._shape.act_bits, int4 = self._shape.int4_bits, no_inline)]
    fn update(&mut self) {
        clock!(self, clock, converter, sum, skew, tail, wait);
        dff_setup!(self, clock, upper, lower, flag, int4s);
        let latency = self.int4s.width();
        self.converter.values.next = self.values.val();
        self.converter.int4.next = self.int4.val();
        self.int4s.d.next = cat!(self.int4s.q.val().trunc(latency - 1), self.int4.val());

        self.skew.d.next = self.converter.integers.val();
        self.x.next = self.skew.q.val();
        for i in 0..self._shape.lanes {
            let odd = self.skew.q.val().bit(i * self._shape.x_bits());
            self.even.next.set_slice(i, &Word::from(!odd));
        }

        let narrow = self._shape.int4_bits + 1;
        for i in 0..self._shape.lanes {
            let low = self.converter.integers.val().slice(i * self._shape.x_bits(), narrow);
            self.sum.integers.next.set_slice(i * narrow, &low);
        }
        self.sum.int4.next = self.int4s.q.val().bit(latency - 1);
        self.wait.enable.next = true;
        self.wait.d.next = self.sum.correction.val();
        self.correction.next = self.wait.q.val();

        self.tail.enable.next = true;
        self.tail.d.next = cat!(self.converter.nonfinite.val(), self.converter.exponent.val());
        let exponent = self.tail.q.val().trunc(EXPONENT_BITS).zext(SUM_EXPONENT_BITS);
        self.upper.d.next =
            exponent.clone() + Word::new(SUM_EXPONENT_BITS, self._shape.upper_bias() as u128);
        self.lower.d.next =
            exponent + Word::new(SUM_EXPONENT_BITS, self._shape.lower_bias() as u128);
        self.flag.d.next = self.tail.q.val().slice(EXPONENT_BITS, 1);
        self.upper_exponent.next = self.upper.q.val();
        self.lower_exponent.next = self.lower.q.val();
        self.nonfinite.next = self.flag.q.val().any();
    }
}

/// Values from memory to weight words, each lane at its time: one position of the load port.
///
/// - Does: conversion of FP16 values, passage of INT4 weights, skew, and the tail: flag and exponent.
/// - Guarantee: as [`ActivationEdge`].
#[derive(LogicBlock, Ports)]
pub struct WeightEdge {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// An FP16 value or four INT4 weights a lane, lane 0 lowest.
    pub values: Wire<In>,
    /// They are INT4 weights.
    pub int4: Signal<In, Bit>,
    /// Weight words, skewed.
    pub words: Wire<Out>,
    /// Flag and exponent (tail).
    pub words_tail: Wire<Out>,
    converter: BlockConverter,
    skew: Skew,
    tail: Delay,
    _shape: AlignedShape,
}

impl WeightEdge {
    /// For columns of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape) -> Result<WeightEdge, PeArrayError> {
        shape.check()?;
        let lanes = shape.lanes;
        Ok(WeightEdge {
            clock: Default::default(),
            values: Wire::new(lanes * VALUE_BITS),
            int4: Default::default(),
            words: Wire::new(lanes * shape.word_bits()),
            words_tail: Wire::new(TAIL_BITS),
            converter: BlockConverter::new(shape, Role::Weights)?,
            skew: Skew::new(lanes, shape.word_bits())?,
            tail: Delay::new(TAIL_BITS, shape.cascade_latency())?,
            _shape: shape,
        })
    }
}

impl Logic for WeightEdge {
    #[hdl(lanes = self._shape.lanes, kv = self._shape.kv_bits, no_inline)]
    fn update(&mut self) {
        clock!(self, clock, converter, skew, tail);
        self.converter.values.next = self.values.val();
        self.converter.int4.next = self.int4.val();
        self.skew.d.next = self.converter.integers.val();
        self.words.next = self.skew.q.val();
        self.tail.enable.next = true;
        self.tail.d.next = cat!(self.converter.nonfinite.val(), self.converter.exponent.val());
        self.words_tail.next = self.tail.q.val();
    }
}
