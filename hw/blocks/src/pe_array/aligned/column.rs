//! [`AlignedColumn`]: one physical column of the operand-aligned array.

use super::cascade::{Cascade, Half};
use super::parity::Parity;
use super::shape::{AlignedShape, FIELD, FIELD_BITS, SUM_BITS, SUM_EXPONENT_BITS};
use crate::pe_array::error::PeArrayError;
use crate::pe_array::ker_buffer::KerBuffer;
use crate::pe_array::reconstruct::Reconstruct;
use skipopu_hdl::prelude::*;

/// Bits of what is known of a weight vector as a whole: its flag over its exponent.
pub const TAIL_BITS: usize = FIELD_BITS + 1;

/// A column: weights, cascade, parity, one reconstruction per sum.
///
/// - Does: in FP16xFP16 one dot product a cycle, on `upper`; in FP16xINT4 two, of weights 1 and 0 of its
///   [`Half`], on `upper` and `lower`. The mode belongs to the activations and may change every cycle;
///   it must be that of the weights they meet.
/// - Does not: convert or delay operands. Lane `i` of everything that has lanes comes its
///   [`lane_delay`](super::lane_delay) after lane 0; what belongs to a whole vector (the *tail*) comes
///   [`AlignedShape::cascade_latency`] cycles after lane 0. A swap comes one cycle before the first
///   activation that meets the new weights.
/// - Guarantee: results [`AlignedColumn::BEHIND`] cycles after the tail.
#[derive(LogicBlock, Ports)]
pub struct AlignedColumn {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activations, [`AlignedShape::x_bits`] a lane.
    pub x: Wire<In>,
    /// `~x[0]` of each lane.
    pub even: Wire<In>,
    /// Activations meet INT4 weights: one bit a lane.
    pub int4: Wire<In>,
    /// Minus eight times the sum of the activations; [`AlignedShape::correction_due`] cycles after lane 0.
    pub correction: Wire<In>,
    /// The vector's exponent and [`AlignedShape::upper_bias`] (tail).
    pub upper_exponent: Wire<In>,
    /// The vector's exponent and [`AlignedShape::lower_bias`] (tail).
    pub lower_exponent: Wire<In>,
    /// The vector holds an Inf or a NaN (tail).
    pub nonfinite: Signal<In, Bit>,
    /// The vector meets INT4 weights (tail).
    pub int4_tail: Signal<In, Bit>,
    /// Weight words to load.
    pub words: Wire<In>,
    /// Flag and exponent to load (tail).
    pub words_tail: Wire<In>,
    /// Load a lane's word?
    pub write: Wire<In>,
    /// Load the tail?
    pub write_tail: Signal<In, Bit>,
    /// Make a lane's loaded word the one that multiplies?
    pub swap: Wire<In>,
    /// The same for the tail.
    pub swap_tail: Signal<In, Bit>,
    /// Result: FP16xFP16, or the sum of weights 1.
    pub upper: Wire<Out>,
    /// Result: the sum of weights 0 in FP16xINT4, else without meaning.
    pub lower: Wire<Out>,
    weights: KerBuffer,
    tail: KerBuffer,
    cascade: Cascade,
    parity: Vec<Parity>,
    wide: Reconstruct,
    narrow: Reconstruct,
    upper_sum: Reg,
    lower_sum: Reg,
    upper_unit: Reg,
    lower_unit: Reg,
    flags: Reg,
    borrow: Signal<Local, Bit>,
    _shape: AlignedShape,
    _half: Half,
}

impl AlignedColumn {
    /// Cycles from the tail of a vector to its results.
    pub const BEHIND: usize = 1 + Reconstruct::LATENCY;

    /// A column of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape, half: Half) -> Result<AlignedColumn, PeArrayError> {
        shape.check()?;
        let lanes = shape.lanes;
        let parity = shape.parity().then(|| Parity::new(shape)).transpose()?;
        Ok(AlignedColumn {
            clock: Default::default(),
            x: Wire::new(lanes * shape.x_bits()),
            even: Wire::new(lanes),
            int4: Wire::new(lanes),
            correction: Wire::new(shape.correction_bits()),
            upper_exponent: Wire::new(SUM_EXPONENT_BITS),
            lower_exponent: Wire::new(SUM_EXPONENT_BITS),
            nonfinite: Default::default(),
            int4_tail: Default::default(),
            words: Wire::new(lanes * shape.word_bits()),
            words_tail: Wire::new(TAIL_BITS),
            write: Wire::new(lanes),
            write_tail: Default::default(),
            swap: Wire::new(lanes),
            swap_tail: Default::default(),
            upper: Wire::new(shape.result_bits()),
            lower: Wire::new(shape.result_bits()),
            weights: KerBuffer::new(lanes, shape.word_bits())?,
            tail: KerBuffer::new(1, TAIL_BITS)?,
            cascade: Cascade::new(shape, half)?,
            parity: parity.into_iter().collect(),
            wide: Reconstruct::new(shape.upper())?,
            narrow: Reconstruct::new(shape.lower())?,
            upper_sum: Reg::new(SUM_BITS + 1),
            lower_sum: Reg::new(shape.lower().width),
            upper_unit: Reg::new(SUM_EXPONENT_BITS),
            lower_unit: Reg::new(SUM_EXPONENT_BITS),
            flags: Reg::new(2),
            borrow: Default::default(),
            _shape: shape,
            _half: half,
        })
    }
}

impl Logic for AlignedColumn {
    #[hdl(
        lanes = self._shape.lanes,
        act = self._shape.act_bits,
        kv = self._shape.kv_bits,
        int4 = self._shape.int4_bits,
        result = self._shape.result_bits(),
        high = self._half == Half::High,
        latency = self._shape.cascade_latency() + Self::BEHIND,
        no_inline
    )]
    fn update(&mut self) {
        clock!(self, clock, weights, tail, cascade, wide, narrow);
        dff_setup!(self, clock, upper_sum, lower_sum, upper_unit, lower_unit, flags);
        let word_bits = self._shape.word_bits();

        self.weights.data.next = self.words.val();
        self.weights.write.next = self.write.val();
        self.weights.swap.next = self.swap.val();
        self.tail.data.next = self.words_tail.val();
        self.tail.write.next = Word::from(self.write_tail.val());
        self.tail.swap.next = Word::from(self.swap_tail.val());

        self.cascade.x.next = self.x.val();
        self.cascade.words.next = self.weights.active.val();
        self.cascade.int4.next = self.int4.val();
        self.cascade.correction.next = self.correction.val();

        // The sign of the lower sum, which the upper one lacks (numerics 8.3).
        let sum = self.cascade.sum.val();
        let low = sum.trunc(FIELD);
        self.borrow.next = sum.bit(FIELD - 1);
        for p in 0..self.parity.len() {
            self.parity[p].clock.next = self.clock.val();
            self.parity[p].even.next = self.even.val();
            let odd_weight = self._shape.weight_bit(self._half.loaded_bit(true, 0));
            for i in 0..self._shape.lanes {
                let odd = self.weights.active.val().slice(i * word_bits + odd_weight, 1);
                self.parity[p].weights.next.set_slice(i, &odd);
            }
            self.borrow.next = sum.bit(FIELD) ^ self.parity[p].odd.val();
        }

        // The upper sum stays in place; the borrow in all places below and as carry adds one to it.
        let int4 = self.int4_tail.val();
        let borrow = self.borrow.val();
        let filled = mux(borrow, Word::ones(FIELD), Word::zero(FIELD));
        let upper = sum.slice(FIELD, SUM_BITS - FIELD);
        self.upper_sum.d.next = cat!(upper, mux(int4, filled, low.clone()), int4 & borrow);
        if self._shape.parity() {
            self.lower_sum.d.next = cat!(borrow, low);
        } else {
            self.lower_sum.d.next = low;
        }
        let tail = self.tail.active.val();
        let exponent = tail.trunc(FIELD_BITS).zext(SUM_EXPONENT_BITS);
        let flag = self.nonfinite.val();
        self.upper_unit.d.next = self.upper_exponent.val() + exponent;
        self.lower_unit.d.next = self.lower_exponent.val();
        self.flags.d.next = cat!(flag, flag | tail.bit(FIELD_BITS));

        self.wide.sum.next = self.upper_sum.q.val().slice(1, SUM_BITS);
        self.wide.carry.next = self.upper_sum.q.val().bit(0);
        self.wide.exponent.next = self.upper_unit.q.val();
        self.wide.positive.next = self.flags.q.val().bit(0);
        self.wide.negative.next = self.flags.q.val().bit(0);
        self.upper.next = self.wide.result.val();
        self.narrow.sum.next = self.lower_sum.q.val();
        self.narrow.carry.next = false;
        self.narrow.exponent.next = self.lower_unit.q.val();
        self.narrow.positive.next = self.flags.q.val().bit(1);
        self.narrow.negative.next = self.flags.q.val().bit(1);
        self.lower.next = self.narrow.result.val();
    }
}
