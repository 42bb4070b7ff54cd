//! [`Correction`]: what two INT4 weights per DSP take from a column's sum.

use super::shape::AlignedShape;
use crate::pe_array::adder_tree::AdderTree;
use crate::pe_array::error::PeArrayError;
use skipopu_hdl::prelude::*;

/// Minus eight times the sum of a vector's integers in FP16xINT4, 0 in FP16xFP16 (numerics 8.3).
///
/// - Does: one tree of ternary adders, a level a cycle, then the negation.
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
    tree: AdderTree,
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
        Ok(Correction {
            clock: Default::default(),
            integers: Wire::new((shape.int4_bits + 1) * shape.lanes),
            int4: Default::default(),
            correction: Wire::new(shape.correction_bits()),
            tree: AdderTree::new(shape.int4_bits + 1, shape.lanes)?,
            int4s: Reg::new(AdderTree::latency(shape.lanes)),
            result: Reg::new(shape.correction_bits()),
            _shape: shape,
        })
    }

    /// Cycles from integers to correction.
    pub fn latency(shape: &AlignedShape) -> usize {
        AdderTree::latency(shape.lanes) + 1
    }
}

impl Logic for Correction {
    #[hdl(
        lanes = self._shape.lanes,
        int4 = self._shape.int4_bits,
        latency = Correction::latency(&self._shape)
    )]
    fn update(&mut self) {
        clock!(self, clock, tree);
        dff_setup!(self, clock, int4s, result);
        let levels = self.int4s.width();
        self.tree.values.next = self.integers.val();
        // Nothing is owed: the integers are two's complement.
        self.tree.owed.next = Word::zero(self._shape.lanes);
        if levels == 1 {
            self.int4s.d.next = Word::from(self.int4.val());
        } else {
            self.int4s.d.next = cat!(self.int4s.q.val().trunc(levels - 1), self.int4.val());
        }
        self.result.d.next = cat!(-self.tree.sum.val(), Word::zero(3));
        if !self.int4s.q.val().bit(levels - 1) {
            self.result.d.next = Word::zero(self._shape.correction_bits());
        }
        self.correction.next = self.result.q.val();
    }
}
