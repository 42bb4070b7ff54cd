//! [`DspTree`]: the sums of two columns in split DSP adders.

use super::Cut;
use crate::primitives::dsp48e2::{Dsp48e2, DspError, DspMode, Simd, X, Z};
use skipopu_hdl::prelude::*;

/// Number of the first node of a level, leaves first.
fn first_node(lanes: usize, level: usize) -> usize {
    lanes - (lanes >> level)
}

/// Bits of one half of a split adder.
const HALF: usize = 24;

/// Sums the aligned products of two columns exactly, one column in each half of its DSPs.
///
/// - Does: docs/numerics.md, section 7: a half holds `{integer, g}`, and both addends of a node have the
///   carry of a lane in `g`, so that it carries into the integer.
/// - Does not: round; `sum + carry` is the exact integer of each column.
///
/// Lane `i > 0` gives its carry at level `trailing zeros of i`, lane 0 at the end.
#[derive(LogicBlock, Ports)]
pub struct DspTree {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Signed value of every lane of the lower and then of the upper column, one's complement if negative.
    pub values: Wire<In>,
    /// What is to be added to each.
    pub owed: Wire<In>,
    /// Two's complement sum of the lower column.
    pub sum0: Wire<Out>,
    /// To be added to it.
    pub carry0: Signal<Out, Bit>,
    /// Two's complement sum of the upper column.
    pub sum1: Wire<Out>,
    /// To be added to it.
    pub carry1: Signal<Out, Bit>,
    dsps: Vec<Dsp48e2>,
    carries: Vec<Reg>,
    owing: Vec<Wire<Local>>,
    _cut: Cut,
    _lanes: usize,
}

impl DspTree {
    /// Cycles of a node: its input registers and P.
    const NODE: usize = 2;

    pub(super) fn new(cut: Cut, lanes: usize) -> Result<DspTree, DspError> {
        let levels = lanes.ilog2() as usize;
        let width = cut.sum_bits(lanes);
        let mode = DspMode::new().simd(Simd::Two24).x(X::Ab).z(Z::C);
        Ok(DspTree {
            clock: Default::default(),
            values: Wire::new(2 * lanes * (cut.bits() + 1)),
            owed: Wire::new(2 * lanes),
            sum0: Wire::new(width),
            carry0: Default::default(),
            sum1: Wire::new(width),
            carry1: Default::default(),
            dsps: (1..lanes).map(|_| mode.build()).collect::<Result<_, _>>()?,
            carries: (0..levels * DspTree::NODE)
                .map(|stage| Reg::new(lanes >> (stage / DspTree::NODE)))
                .collect(),
            owing: (0..=levels).map(|level| Wire::new((2 * lanes) >> level)).collect(),
            _cut: cut,
            _lanes: lanes,
        })
    }

    /// Cycles from values to sums.
    pub(super) fn latency(lanes: usize) -> usize {
        lanes.ilog2() as usize * DspTree::NODE
    }
}

impl Logic for DspTree {
    #[hdl(bits = self._cut.bits(), lanes = self._lanes, latency = DspTree::latency(self._lanes))]
    fn update(&mut self) {
        let (bits, lanes) = (self._cut.bits() + 1, self._lanes);
        let levels = lanes.ilog2() as usize;
        let width = self._cut.sum_bits(lanes);
        self.owing[0].next = self.owed.val();
        for level in 0..levels {
            // A lane of every two gives its carry, the other keeps it.
            let (first, second) = (level * Self::NODE, level * Self::NODE + 1);
            self.carries[first].clock.next = self.clock.val();
            self.carries[second].clock.next = self.clock.val();
            for i in 0..lanes >> level {
                let kept = Word::from(self.owing[level].val().bit(2 * i));
                self.carries[first].d.next.set_slice(i, &kept);
            }
            self.carries[second].d.next = self.carries[first].q.val();
            self.owing[level + 1].next = self.carries[second].q.val();
        }
        for level in 0..levels {
            let nodes = lanes >> (level + 1);
            for i in 0..nodes {
                let n = first_node(lanes, level) + i;
                self.dsps[n].clock.next = self.clock.val();
                self.dsps[n].d.next = Word::zero(27);
                self.dsps[n].pcin.next = Word::zero(48);
                self.dsps[n].carryin.next = false;
                self.dsps[n].use_d.next = false;
                let low_carry = self.owing[level].val().bit(2 * i + 1);
                let high_carry = self.owing[level].val().bit(2 * nodes + 2 * i + 1);
                for side in 0..2usize {
                    if level == 0 {
                        let (low, high) = (2 * i + side, lanes + 2 * i + side);
                        let word = cat!(
                            self.values.val().slice(high * bits, bits).sext(HALF - 1),
                            high_carry,
                            self.values.val().slice(low * bits, bits).sext(HALF - 1),
                            low_carry
                        );
                        if side == 0 {
                            self.dsps[n].a.next = word.clone().slice(18, 30);
                            self.dsps[n].b.next = word.trunc(18);
                        } else {
                            self.dsps[n].c.next = word;
                        }
                    } else {
                        let from = first_node(lanes, level - 1) + 2 * i + side;
                        let word = cat!(
                            self.dsps[from].p.val().slice(HALF + 1, HALF - 1),
                            high_carry,
                            self.dsps[from].p.val().slice(1, HALF - 1),
                            low_carry
                        );
                        if side == 0 {
                            self.dsps[n].a.next = word.clone().slice(18, 30);
                            self.dsps[n].b.next = word.trunc(18);
                        } else {
                            self.dsps[n].c.next = word;
                        }
                    }
                }
            }
        }
        self.sum0.next = self.dsps[lanes - 2].p.val().slice(1, width);
        self.carry0.next = self.owing[levels].val().bit(0);
        self.sum1.next = self.dsps[lanes - 2].p.val().slice(HALF + 1, width);
        self.carry1.next = self.owing[levels].val().bit(1);
    }
}
