//! [`Parity`]: whether the upper of two INT4 sums is odd.

use super::shape::{lane_delay, AlignedShape};
use crate::pe_array::error::PeArrayError;
use skipopu_hdl::prelude::*;

/// Lanes per exclusive or: five and the carry of the lanes before fill a LUT6.
const GROUP: usize = 5;

/// The exclusive or over the lanes of `x[0] & w[0]` (numerics 8.3), along a skewed vector.
///
/// - Does: the ANDs as synchronous resets of flip-flops, the exclusive ors in groups of five lanes in
///   the order in which they come, each with that of the group before: 13 LUTs at 64 lanes.
/// - Guarantee: a parity a cycle, [`AlignedShape::cascade_latency`] cycles after lane 0's bits, with the
///   cascade's sum.
#[derive(LogicBlock, Ports)]
pub struct Parity {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// `~x[0]` of each lane, lane `i` its [`lane_delay`] after lane 0.
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
    _order: Vec<usize>,
    _latency: usize,
}

/// Lanes in the order in which they come.
fn arrivals(lanes: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lanes).collect();
    order.sort_by_key(|lane| (lane_delay(*lane), *lane));
    order
}

/// For each group the cycle, counted from lane 0's bits, in which its lanes and the group before meet.
fn meetings(lanes: usize) -> Vec<usize> {
    let mut meetings: Vec<usize> = Vec::new();
    for group in arrivals(lanes).chunks(GROUP) {
        let complete = group.iter().map(|lane| lane_delay(*lane) + 1).max().unwrap_or(0);
        meetings.push(complete.max(meetings.last().map_or(0, |m| m + 1)));
    }
    meetings
}

impl Parity {
    /// For columns of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape) -> Result<Parity, PeArrayError> {
        shape.check()?;
        let lanes = shape.lanes;
        let (order, meetings) = (arrivals(lanes), meetings(lanes));
        // A lane's product waits for the last lane of its group, in order of arrival; a group's result
        // for the next meeting; the last one for the sum.
        let wait = |(n, lane): (usize, &usize)| Reg::new(meetings[n / GROUP] - lane_delay(*lane));
        let end = meetings[meetings.len() - 1] + 1;
        let group = meetings.windows(2).map(|m| Reg::new(m[1] - m[0])).chain([Reg::new(1)]);
        Ok(Parity {
            clock: Default::default(),
            even: Wire::new(lanes),
            weights: Wire::new(lanes),
            odd: Default::default(),
            product: order.iter().enumerate().map(wait).collect(),
            group: group.collect(),
            result: Reg::new(shape.cascade_latency() - end),
            gather: Wire::new(lanes),
            _lanes: lanes,
            _order: order,
            _latency: shape.cascade_latency(),
        })
    }
}

impl Logic for Parity {
    #[hdl(lanes = self._lanes, latency = self._latency)]
    fn update(&mut self) {
        dff_setup!(self, clock, result);
        let lanes = self._lanes;
        for i in 0..lanes {
            let lane = self._order[i];
            self.product[i].clock.next = self.clock.val();
            let wait = self.product[i].width();
            if wait == 1 {
                self.product[i].d.next = self.weights.val().slice(lane, 1);
                if self.even.val().bit(lane) {
                    self.product[i].d.next = Word::zero(1);
                }
            } else {
                let past = self.product[i].q.val().trunc(wait - 1);
                self.product[i].d.next = cat!(past.clone(), self.weights.val().bit(lane));
                if self.even.val().bit(lane) {
                    self.product[i].d.next = cat!(past, Word::zero(1));
                }
            }
            self.gather.next.set_slice(i, &self.product[i].q.val().slice(wait - 1, 1));
        }
        for g in 0..self.group.len() {
            self.group[g].clock.next = self.clock.val();
            let first = g * GROUP;
            let size = GROUP.min(lanes - first);
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
        let waits = self.result.width();
        if waits == 1 {
            self.result.d.next = last;
        } else {
            self.result.d.next = cat!(self.result.q.val().trunc(waits - 1), last);
        }
        self.odd.next = self.result.q.val().bit(waits - 1);
    }
}
