//! [`BlockConverter`]: a vector of FP16 values to one exponent and signed integers.

use super::aligner::{Aligner, Role};
use super::maximum::Maximum;
use super::shape::{AlignedShape, EXPONENT_BITS, FIELD_BITS, VALUE_BITS};
use crate::pe_array::error::PeArrayError;
use skipopu_hdl::prelude::*;

/// The block converter of numerics 8.1, for either operand ([`Role`]).
///
/// - Does: integers of the block's unit, its exponent, and the flag "holds an Inf or a NaN". With
///   `int4`, activations are narrowed by raising the exponent; weights pass unconverted, with the
///   exponent [`AlignedShape::int4_exponent`] and no flag.
/// - Does not: mask lanes; an absent lane is a zero. The integers of a flagged vector mean nothing.
/// - Guarantee: a vector a cycle, any mix of modes, latency [`BlockConverter::LATENCY`]. The exponent
///   is that of the reference, but 1 where all values are zero: no result depends on it.
#[derive(LogicBlock, Ports)]
pub struct BlockConverter {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// 16 bits a lane, lane 0 lowest.
    pub values: Wire<In>,
    /// The vector meets INT4 weights, or holds them.
    pub int4: Signal<In, Bit>,
    /// [`Role::lane_bits`] a lane.
    pub integers: Wire<Out>,
    /// The block's exponent.
    pub exponent: Wire<Out>,
    /// Some value is Inf or NaN.
    pub nonfinite: Signal<Out, Bit>,
    maximum: Maximum,
    aligner: Vec<Aligner>,
    values1: Reg,
    values2: Reg,
    values3: Reg,
    int4s: Reg,
    exponent4: Reg,
    exponent5: Reg,
    exponent6: Reg,
    flags: Reg,
    raised: Wire<Local>,
    _shape: AlignedShape,
    _role: Role,
}

impl BlockConverter {
    /// Cycles from values to integers, exponent and flag.
    pub const LATENCY: usize = Maximum::LATENCY + Aligner::LATENCY;

    /// A converter of one operand of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape, role: Role) -> Result<BlockConverter, PeArrayError> {
        shape.check()?;
        let values = VALUE_BITS * shape.lanes;
        let aligner = (0..shape.lanes).map(|_| Aligner::new(shape, role));
        Ok(BlockConverter {
            clock: Default::default(),
            values: Wire::new(values),
            int4: Default::default(),
            integers: Wire::new(role.lane_bits(&shape) * shape.lanes),
            exponent: Wire::new(role.exponent_bits()),
            nonfinite: Default::default(),
            maximum: Maximum::new(shape.lanes)?,
            aligner: aligner.collect::<Result<_, _>>()?,
            values1: Reg::new(values),
            values2: Reg::new(values),
            values3: Reg::new(values),
            int4s: Reg::new(Maximum::LATENCY),
            exponent4: Reg::new(role.exponent_bits()),
            exponent5: Reg::new(role.exponent_bits()),
            exponent6: Reg::new(role.exponent_bits()),
            flags: Reg::new(Aligner::LATENCY),
            raised: Wire::new(EXPONENT_BITS),
            _shape: shape,
            _role: role,
        })
    }
}

impl Logic for BlockConverter {
    #[hdl(
        role = self._role.name(),
        lanes = self._shape.lanes,
        width = self._role.width(&self._shape),
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(
            self, clock, values1, values2, values3, int4s, exponent4, exponent5, exponent6, flags
        );
        let lanes = self._shape.lanes;
        let lane_bits = self._role.lane_bits(&self._shape);
        let weights = self._role == Role::Weights;

        // The largest exponent; the values wait for it.
        self.maximum.clock.next = self.clock.val();
        for i in 0..lanes {
            let field = self.values.val().slice(16 * i + 10, FIELD_BITS);
            self.maximum.fields.next.set_slice(FIELD_BITS * i, &field);
        }
        self.values1.d.next = self.values.val();
        self.values2.d.next = self.values1.q.val();
        self.values3.d.next = self.values2.q.val();
        self.int4s.d.next = cat!(self.int4s.q.val().trunc(2), self.int4.val());
        let int4 = self.int4s.q.val().bit(2);

        // Subnormals have exponent 1. The field of Inf and NaN is the largest there is.
        let largest = self.maximum.largest.val();
        let least = cat!(largest.slice(1, 4), largest.bit(0) | !largest.any());
        self.raised.next = least.clone().zext(6);
        let mut flag = largest.all();
        if weights {
            self.exponent4.d.next = least;
            if int4 {
                self.exponent4.d.next = Word::new(FIELD_BITS, self._shape.int4_exponent() as u128);
                flag = false;
            }
        } else {
            if int4 {
                self.raised.next = least.zext(6) + Word::new(6, self._shape.narrowed() as u128);
            }
            self.exponent4.d.next = self.raised.val();
        }
        self.exponent5.d.next = self.exponent4.q.val();
        self.exponent6.d.next = self.exponent5.q.val();
        self.flags.d.next = cat!(self.flags.q.val().trunc(2), flag);

        for i in 0..lanes {
            self.aligner[i].clock.next = self.clock.val();
            self.aligner[i].value.next = self.values3.q.val().slice(16 * i, 16);
            self.aligner[i].exponent.next = self.raised.val();
            self.aligner[i].int4.next = int4;
            self.integers.next.set_slice(lane_bits * i, &self.aligner[i].integer.val());
        }
        self.exponent.next = self.exponent6.q.val();
        self.nonfinite.next = self.flags.q.val().bit(2);
    }
}
