//! From memory formats to operands.

use super::{OPERAND_BITS, SIGN, SIGNIFICAND_BITS};
use crate::pe_array::error::{lanes_in_range, PeArrayError};
use skipopu_hdl::prelude::*;

/// Exponent of an INT4 weight, whose magnitude stands in the top bits of the significand.
const INT4_EXPONENT: u128 = 18;

/// One FP16 value to an operand, in a cycle.
///
/// - Does: subnormals as they are, with exponent 1; an absent lane becomes +0, whatever its value.
/// - Does not: normalise.
#[derive(LogicBlock, Ports)]
pub struct UnpackFp16 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16.
    pub value: Wire<In>,
    /// Is there a value?
    pub present: Signal<In, Bit>,
    /// The operand.
    pub operand: Wire<Out>,
    held: Reg,
}

impl Default for UnpackFp16 {
    fn default() -> UnpackFp16 {
        UnpackFp16 {
            clock: Default::default(),
            value: Wire::new(16),
            present: Default::default(),
            operand: Wire::new(OPERAND_BITS),
            held: Reg::new(OPERAND_BITS),
        }
    }
}

impl UnpackFp16 {
    /// Cycles from value to operand.
    pub const LATENCY: usize = 1;
}

impl Logic for UnpackFp16 {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, held);
        let field = self.value.val().slice(10, 5);
        let fraction = self.value.val().slice(0, 10);
        let present = self.present.val();
        let subnormal = !field.clone().any();
        let special = field.clone().all();
        let digits = fraction.clone().any();
        let tag = present & (digits | !(subnormal | special));
        let finite = tag & !special;
        let exponent = cat!(field.slice(1, 4), field.bit(0) | subnormal);
        let magnitude = cat!(exponent, !subnormal, fraction);
        self.held.d.next = cat!(
            present & special,
            tag,
            present & self.value.val().bit(15),
            mux(finite, magnitude, Word::zero(SIGN))
        );
        self.operand.next = self.held.q.val();
    }
}

/// One INT4 weight, -8 to 7, to an operand, in a cycle: its magnitude times 2^7, exponent 18.
///
/// - Does: weight 0 and an absent lane become +0.
/// - Does not: apply a scale.
#[derive(LogicBlock, Ports)]
pub struct UnpackInt4 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Two's complement weight.
    pub value: Wire<In>,
    /// Is there a value?
    pub present: Signal<In, Bit>,
    /// The operand.
    pub operand: Wire<Out>,
    held: Reg,
}

impl Default for UnpackInt4 {
    fn default() -> UnpackInt4 {
        UnpackInt4 {
            clock: Default::default(),
            value: Wire::new(4),
            present: Default::default(),
            operand: Wire::new(OPERAND_BITS),
            held: Reg::new(OPERAND_BITS),
        }
    }
}

impl UnpackInt4 {
    /// Cycles from value to operand.
    pub const LATENCY: usize = 1;
}

impl Logic for UnpackInt4 {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, held);
        let value = self.value.val();
        let negative = value.clone().bit(3);
        let magnitude = mux(negative, Word::zero(4) - value.clone(), value.clone());
        let finite = self.present.val() & value.any();
        let exponent = Word::new(SIGN - SIGNIFICAND_BITS, INT4_EXPONENT);
        let operand = cat!(
            Word::zero(1),
            Word::ones(1),
            negative,
            exponent,
            magnitude,
            Word::zero(SIGNIFICAND_BITS - 4)
        );
        self.held.d.next = mux(finite, operand, Word::zero(OPERAND_BITS));
        self.operand.next = self.held.q.val();
    }
}

/// What a vector of values holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandFormat {
    /// FP16, 16 bits a lane.
    Fp16,
    /// INT4, 4 bits a lane.
    Int4,
}

impl OperandFormat {
    /// Bits of a value.
    pub fn bits(self) -> usize {
        match self {
            OperandFormat::Fp16 => 16,
            OperandFormat::Int4 => 4,
        }
    }

    fn name(self) -> &'static str {
        match self {
            OperandFormat::Fp16 => "fp16",
            OperandFormat::Int4 => "int4",
        }
    }
}

/// A vector of values of one format to operands, in a cycle; lane 0 lowest.
#[derive(LogicBlock, Ports)]
pub struct UnpackVector {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The values, 16 or 4 bits a lane.
    pub values: Wire<In>,
    /// Which lanes hold a value, one bit a lane.
    pub present: Wire<In>,
    /// The operands, 19 bits a lane.
    pub operands: Wire<Out>,
    fp16: Vec<UnpackFp16>,
    int4: Vec<UnpackInt4>,
    _format: OperandFormat,
    _lanes: usize,
}

impl UnpackVector {
    /// Cycles from values to operands.
    pub const LATENCY: usize = 1;

    /// `lanes` values of a format.
    ///
    /// # Errors
    /// Unless `lanes` is a power of two from 2 to 128.
    pub fn new(format: OperandFormat, lanes: usize) -> Result<UnpackVector, PeArrayError> {
        lanes_in_range("unpacking", lanes)?;
        let of = |wanted| if format == wanted { lanes } else { 0 };
        Ok(UnpackVector {
            clock: Default::default(),
            values: Wire::new(lanes * format.bits()),
            present: Wire::new(lanes),
            operands: Wire::new(lanes * OPERAND_BITS),
            fp16: (0..of(OperandFormat::Fp16)).map(|_| UnpackFp16::default()).collect(),
            int4: (0..of(OperandFormat::Int4)).map(|_| UnpackInt4::default()).collect(),
            _format: format,
            _lanes: lanes,
        })
    }
}

impl Logic for UnpackVector {
    #[hdl(format = self._format.name(), lanes = self._lanes, latency = Self::LATENCY)]
    fn update(&mut self) {
        let bits = self._format.bits();
        for i in 0..self.fp16.len() {
            self.fp16[i].clock.next = self.clock.val();
            self.fp16[i].value.next = self.values.val().slice(i * bits, bits);
            self.fp16[i].present.next = self.present.val().bit(i);
            self.operands.next.set_slice(i * OPERAND_BITS, &self.fp16[i].operand.val());
        }
        for i in 0..self.int4.len() {
            self.int4[i].clock.next = self.clock.val();
            self.int4[i].value.next = self.values.val().slice(i * bits, bits);
            self.int4[i].present.next = self.present.val().bit(i);
            self.operands.next.set_slice(i * OPERAND_BITS, &self.int4[i].operand.val());
        }
    }
}
