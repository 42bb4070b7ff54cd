//! [`Parity`]: whether the upper of two INT4 sums is odd.

use super::shape::AlignedShape;
use crate::pe_array::error::PeArrayError;
use skipopu_hdl::prelude::*;

/// Lanes per exclusive or: five and the carry of the lanes before fill a LUT6.
const GROUP: usize = 5;

/// The exclusive or over the lanes of `x[0] & w[0]` (numerics 8.3), along a skewed vector.
///
/// - Does: the ANDs as synchronous resets of flip-flops, the exclusive ors in groups of five lanes that
///   wait for the group before: 13 LUTs at 64 lanes.
/// - Guarantee: a parity a cycle, [`AlignedShape::cascade_latency`] cycles after lane 0's bits, with the
///   cascade's sum.
#[derive(LogicBlock, Ports)]
pub struct Parity {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// `~x[0]` of each lane, lane `i` `i` cycles after lane 0.
    pub even: Wire<In>,
    /// `w[0]` of each lane, at the same times.
    pub weights: Wire<In>,
    /// The exclusive or.
    pub odd: Signal<Out, Bit>,
    product: Vec<Reg>,
    group: Vec<Reg>,
    result: Reg,
    gather: Wire<Local>,
    _lanes: usize,
}

/// First lane and lanes of group `g`.
fn group(lanes: usize, g: usize) -> (usize, usize) {
    (g * GROUP, GROUP.min(lanes - g * GROUP))
}

impl Parity {
    /// For columns of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape) -> Result<Parity, PeArrayError> {
        shape.check()?;
        let lanes = shape.lanes;
        let groups = lanes.div_ceil(GROUP);
        // A lane's product waits for the last lane of its group.
        let wait = |i: usize| {
            let (first, size) = group(lanes, i / GROUP);
            first + size - i
        };
        // A group's result waits until the next group's last lane.
        let stages = |g: usize| if g + 1 < groups { group(lanes, g + 1).1 } else { 1 };
        Ok(Parity {
            clock: Default::default(),
            even: Wire::new(lanes),
            weights: Wire::new(lanes),
            odd: Default::default(),
            product: (0..lanes).map(|i| Reg::new(wait(i))).collect(),
            group: (0..groups).map(|g| Reg::new(stages(g))).collect(),
            result: Reg::new(2),
            gather: Wire::new(lanes),
            _lanes: lanes,
        })
    }
}

impl Logic for Parity {
    #[hdl(lanes = self._lanes, latency = self._lanes + 3)]
    fn update(&mut self) {
        dff_setup!(self, clock, result);
        let lanes = self._lanes;
        for i in 0..lanes {
            self.product[i].clock.next = self.clock.val();
            let wait = self.product[i].width();
            if wait == 1 {
                self.product[i].d.next = self.weights.val().slice(i, 1);
                if self.even.val().bit(i) {
                    self.product[i].d.next = Word::zero(1);
                }
            } else {
                let past = self.product[i].q.val().trunc(wait - 1);
                self.product[i].d.next = cat!(past.clone(), self.weights.val().bit(i));
                if self.even.val().bit(i) {
                    self.product[i].d.next = cat!(past, Word::zero(1));
                }
            }
            self.gather.next.set_slice(i, &self.product[i].q.val().slice(wait - 1, 1));
        }
        for g in 0..self.group.len() {
            self.group[g].clock.next = self.clock.val();
            let (first, size) = group(lanes, g);
            let stages = self.group[g].width();
            let own = self.gather.val().slice(first, size).xor();
            let mut odd = own;
            if g > 0 {
                let before = self.group[g - 1].width();
                odd = own ^ self.group[g - 1].q.val().bit(before - 1);
            }
            if stages == 1 {
                self.group[g].d.next = Word::from(odd);
            } else {
                self.group[g].d.next = cat!(self.group[g].q.val().trunc(stages - 1), odd);
            }
        }
        let last = self.group[self.group.len() - 1].q.val();
        self.result.d.next = cat!(self.result.q.val().trunc(1), last);
        self.odd.next = self.result.q.val().bit(1);
    }
}
