//! [`Correction`]: what two INT4 weights per DSP take from a column's sum.

use super::shape::AlignedShape;
use crate::pe_array::error::PeArrayError;
use skipopu_hdl::prelude::*;

/// Minus eight times the sum of a vector's integers in FP16xINT4, 0 in FP16xFP16 (numerics 8.3).
///
/// - Does: one adder tree, a level a cycle.
/// - Guarantee: a vector a cycle, latency [`Correction::latency`].
#[derive(LogicBlock, Ports)]
pub struct Correction {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The low `int4_bits + 1` bits of each lane, which hold the whole integer of a narrowed vector.
    pub integers: Wire<In>,
    /// The vector is narrowed.
    pub int4: Signal<In, Bit>,
    /// Two's complement.
    pub correction: Wire<Out>,
    level: Vec<Reg>,
    int4s: Reg,
    result: Reg,
    _shape: AlignedShape,
}

impl Correction {
    /// For the vectors of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape) -> Result<Correction, PeArrayError> {
        shape.check()?;
        let sums = |l: usize| Reg::new((shape.lanes >> l) * (shape.int4_bits + 1 + l));
        Ok(Correction {
            clock: Default::default(),
            integers: Wire::new((shape.int4_bits + 1) * shape.lanes),
            int4: Default::default(),
            correction: Wire::new(shape.correction_bits()),
            level: (1..=shape.carry_bits()).map(sums).collect(),
            int4s: Reg::new(shape.carry_bits()),
            result: Reg::new(shape.correction_bits()),
            _shape: shape,
        })
    }

    /// Cycles from integers to correction.
    pub fn latency(&self) -> usize {
        self._shape.carry_bits() + 1
    }
}

impl Logic for Correction {
    #[hdl(
        lanes = self._shape.lanes,
        int4 = self._shape.int4_bits,
        latency = self._shape.carry_bits() + 1
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, int4s, result);
        let levels = self._shape.carry_bits();
        let lane_bits = self._shape.int4_bits + 1;
        for l in 0..levels {
            self.level[l].clock.next = self.clock.val();
            let bits = self._shape.int4_bits + 1 + l;
            for i in 0..self._shape.lanes >> (l + 1) {
                if l == 0 {
                    let left = self.integers.val().slice(2 * i * lane_bits, bits);
                    let right = self.integers.val().slice((2 * i + 1) * lane_bits, bits);
                    let sum = left.sext(bits + 1) + right.sext(bits + 1);
                    self.level[l].d.next.set_slice(i * (bits + 1), &sum);
                } else {
                    let left = self.level[l - 1].q.val().slice(2 * i * bits, bits);
                    let right = self.level[l - 1].q.val().slice((2 * i + 1) * bits, bits);
                    let sum = left.sext(bits + 1) + right.sext(bits + 1);
                    self.level[l].d.next.set_slice(i * (bits + 1), &sum);
                }
            }
        }
        if levels == 1 {
            self.int4s.d.next = Word::from(self.int4.val());
        } else {
            self.int4s.d.next = cat!(self.int4s.q.val().trunc(levels - 1), self.int4.val());
        }
        let sum = self.level[levels - 1].q.val();
        self.result.d.next = cat!(-sum, Word::zero(3));
        if !self.int4s.q.val().bit(levels - 1) {
            self.result.d.next = Word::zero(self._shape.correction_bits());
        }
        self.correction.next = self.result.q.val();
    }
}
