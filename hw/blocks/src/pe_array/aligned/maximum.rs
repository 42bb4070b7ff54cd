//! [`Maximum`]: the largest exponent of a vector.

use super::shape::FIELD_BITS;
use crate::pe_array::error::{within, PeArrayError};
use skipopu_hdl::prelude::*;

/// The largest of `lanes` FP16 exponent fields.
///
/// - Does: two bits of the result a cycle from the top, by ORs over the lanes instead of comparators;
///   lanes that disagree with the bits known drop out, by the reset of their flip-flops.
/// - Does not: tell zeros from subnormals; both have the field 0.
/// - Guarantee: a vector a cycle, latency [`Maximum::LATENCY`].
#[derive(LogicBlock, Ports)]
pub struct Maximum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// 5 bits a lane, lane 0 lowest.
    pub fields: Wire<In>,
    /// The largest.
    pub largest: Wire<Out>,
    first: Wire<Local>,
    second: Wire<Local>,
    both: Wire<Local>,
    next_first: Wire<Local>,
    next_second: Wire<Local>,
    next_both: Wire<Local>,
    rest1: Reg,
    rest2: Reg,
    top1: Reg,
    top2: Reg,
    top3: Reg,
    _lanes: usize,
}

impl Maximum {
    /// Cycles from fields to result.
    pub const LATENCY: usize = 3;

    /// For `lanes` lanes.
    ///
    /// # Errors
    /// Unless there are 2 to 128 lanes.
    pub fn new(lanes: usize) -> Result<Maximum, PeArrayError> {
        within("maximum", "lanes", lanes, 2, 128)?;
        Ok(Maximum {
            clock: Default::default(),
            fields: Wire::new(FIELD_BITS * lanes),
            largest: Wire::new(FIELD_BITS),
            first: Wire::new(lanes),
            second: Wire::new(lanes),
            both: Wire::new(lanes),
            next_first: Wire::new(lanes),
            next_second: Wire::new(lanes),
            next_both: Wire::new(lanes),
            rest1: Reg::new(3 * lanes),
            rest2: Reg::new(lanes),
            top1: Reg::new(2),
            top2: Reg::new(4),
            top3: Reg::new(FIELD_BITS),
            _lanes: lanes,
        })
    }
}

impl Logic for Maximum {
    #[hdl(lanes = self._lanes, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, rest1, rest2, top1, top2, top3);
        // Bits 4 and 3.
        for i in 0..self._lanes {
            let high = self.fields.val().bit(5 * i + 4);
            let low = self.fields.val().bit(5 * i + 3);
            self.first.next.set_slice(i, &Word::from(high));
            self.second.next.set_slice(i, &Word::from(low));
            self.both.next.set_slice(i, &Word::from(high & low));
        }
        let first = self.first.val().any();
        let mut second = self.second.val().any();
        if first {
            second = self.both.val().any();
        }
        let upper = cat!(first, second);
        self.top1.d.next = upper.clone();
        for i in 0..self._lanes {
            let field = self.fields.val().slice(5 * i, 5);
            let kept = mux(field.slice(3, 2) == upper.clone(), field.trunc(3), Word::zero(3));
            self.rest1.d.next.set_slice(3 * i, &kept);
        }

        // Bits 2 and 1.
        for i in 0..self._lanes {
            let high = self.rest1.q.val().bit(3 * i + 2);
            let low = self.rest1.q.val().bit(3 * i + 1);
            self.next_first.next.set_slice(i, &Word::from(high));
            self.next_second.next.set_slice(i, &Word::from(low));
            self.next_both.next.set_slice(i, &Word::from(high & low));
        }
        let next_first = self.next_first.val().any();
        let mut next_second = self.next_second.val().any();
        if next_first {
            next_second = self.next_both.val().any();
        }
        let middle = cat!(next_first, next_second);
        self.top2.d.next = cat!(self.top1.q.val(), middle.clone());
        for i in 0..self._lanes {
            let rest = self.rest1.q.val().slice(3 * i, 3);
            let kept = mux(rest.slice(1, 2) == middle.clone(), rest.trunc(1), Word::zero(1));
            self.rest2.d.next.set_slice(i, &kept);
        }

        // Bit 0.
        self.top3.d.next = cat!(self.top2.q.val(), self.rest2.q.val().any());
        self.largest.next = self.top3.q.val();
    }
}
