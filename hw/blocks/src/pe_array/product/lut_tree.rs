//! [`AdderTree`]: the sum of a column's aligned products, in LUTs.

use super::Cut;
use skipopu_hdl::prelude::*;

/// A node of the tree: `a + b` of two signed values with a carry owed.
///
/// A value is `(-1)^negative * (sum + owed)`. With `x` the exclusive or of both signs,
/// `(-1)^x * (b + owed_b) = (b ^ x) + (owed_b ^ x)`: one's complement and the carry input do the sign of
/// `b` relative to `a`, in the adder's own LUTs, and `a` passes its sign and its owed carry on.
#[derive(LogicBlock, Ports)]
pub struct SignedAdder {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First value, two's complement.
    pub a: Wire<In>,
    /// Its sign.
    pub a_negative: Signal<In, Bit>,
    /// Its carry.
    pub a_owed: Signal<In, Bit>,
    /// Second value.
    pub b: Wire<In>,
    /// Its sign.
    pub b_negative: Signal<In, Bit>,
    /// Its carry.
    pub b_owed: Signal<In, Bit>,
    /// The sum, one bit more.
    pub sum: Wire<Out>,
    /// Its sign.
    pub negative: Signal<Out, Bit>,
    /// Its carry.
    pub owed: Signal<Out, Bit>,
    total: Reg,
    tags: Reg,
    _width: usize,
}

impl SignedAdder {
    /// Cycles from values to sum.
    pub const LATENCY: usize = 1;

    fn new(width: usize) -> SignedAdder {
        SignedAdder {
            clock: Default::default(),
            a: Wire::new(width),
            a_negative: Default::default(),
            a_owed: Default::default(),
            b: Wire::new(width),
            b_negative: Default::default(),
            b_owed: Default::default(),
            sum: Wire::new(width + 1),
            negative: Default::default(),
            owed: Default::default(),
            total: Reg::new(width + 1),
            tags: Reg::new(2),
            _width: width,
        }
    }
}

impl Logic for SignedAdder {
    #[hdl(width = self._width, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, total, tags);
        let wide = self._width + 1;
        let opposed = self.a_negative.val() ^ self.b_negative.val();
        let turned = mux(opposed, !self.b.val(), self.b.val());
        let left = cat!(self.a.val().sext(wide), Word::ones(1));
        let right = cat!(turned.sext(wide), self.b_owed.val() ^ opposed);
        let carried = left + right;
        self.total.d.next = carried.slice(1, wide);
        self.tags.d.next = cat!(self.a_owed.val(), self.a_negative.val());
        self.sum.next = self.total.q.val();
        self.negative.next = self.tags.q.val().bit(0);
        self.owed.next = self.tags.q.val().bit(1);
    }
}

/// Sums the aligned products of `lanes` lanes exactly; a new vector every cycle.
///
/// - Does: a binary tree of [`SignedAdder`]s and a last stage that applies the sign of lane 0.
/// - Does not: round; `sum + carry` is the exact integer.
#[derive(LogicBlock, Ports)]
pub struct AdderTree {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// `t` of every lane, lane 0 lowest.
    pub magnitudes: Wire<In>,
    /// `r` of every lane.
    pub halves: Wire<In>,
    /// Sign of every lane.
    pub negatives: Wire<In>,
    /// Two's complement sum.
    pub sum: Wire<Out>,
    /// To be added to it.
    pub carry: Signal<Out, Bit>,
    nodes: Vec<SignedAdder>,
    whole: Reg,
    last: Reg,
    _cut: Cut,
    _lanes: usize,
}

/// Number of the first node of a level of a tree over `lanes` lanes, leaves first.
pub(super) fn first_node(lanes: usize, level: usize) -> usize {
    lanes - (lanes >> level)
}

impl AdderTree {
    pub(super) fn new(cut: Cut, lanes: usize) -> AdderTree {
        let levels = lanes.ilog2() as usize;
        // One's complement takes a sign bit.
        let leaf = cut.bits() + 1;
        AdderTree {
            clock: Default::default(),
            magnitudes: Wire::new(lanes * cut.bits()),
            halves: Wire::new(lanes),
            negatives: Wire::new(lanes),
            sum: Wire::new(leaf + levels),
            carry: Default::default(),
            nodes: (0..levels)
                .flat_map(|level| (0..lanes >> (level + 1)).map(move |_| level))
                .map(|level| SignedAdder::new(leaf + level))
                .collect(),
            whole: Reg::new(leaf + levels),
            last: Reg::new(1),
            _cut: cut,
            _lanes: lanes,
        }
    }

    /// Cycles from magnitudes to sum.
    pub(super) fn latency(lanes: usize) -> usize {
        lanes.ilog2() as usize * SignedAdder::LATENCY + 1
    }
}

impl Logic for AdderTree {
    #[hdl(bits = self._cut.bits(), lanes = self._lanes, latency = AdderTree::latency(self._lanes))]
    fn update(&mut self) {
        dff_setup!(self, clock, whole, last);
        let (bits, lanes) = (self._cut.bits(), self._lanes);
        let levels = lanes.ilog2() as usize;
        for i in 0..lanes / 2 {
            let (a, b) = (2 * i, 2 * i + 1);
            self.nodes[i].clock.next = self.clock.val();
            self.nodes[i].a.next = self.magnitudes.val().slice(a * bits, bits).zext(bits + 1);
            self.nodes[i].a_owed.next = self.halves.val().bit(a);
            self.nodes[i].a_negative.next = self.negatives.val().bit(a);
            self.nodes[i].b.next = self.magnitudes.val().slice(b * bits, bits).zext(bits + 1);
            self.nodes[i].b_owed.next = self.halves.val().bit(b);
            self.nodes[i].b_negative.next = self.negatives.val().bit(b);
        }
        for level in 1..levels {
            for i in 0..lanes >> (level + 1) {
                let (n, from) = (first_node(lanes, level) + i, first_node(lanes, level - 1));
                let (a, b) = (from + 2 * i, from + 2 * i + 1);
                self.nodes[n].clock.next = self.clock.val();
                self.nodes[n].a.next = self.nodes[a].sum.val();
                self.nodes[n].a_owed.next = self.nodes[a].owed.val();
                self.nodes[n].a_negative.next = self.nodes[a].negative.val();
                self.nodes[n].b.next = self.nodes[b].sum.val();
                self.nodes[n].b_owed.next = self.nodes[b].owed.val();
                self.nodes[n].b_negative.next = self.nodes[b].negative.val();
            }
        }
        let negative = self.nodes[lanes - 2].negative.val();
        let total = self.nodes[lanes - 2].sum.val();
        self.whole.d.next = mux(negative, !total.clone(), total);
        self.last.d.next = Word::from(self.nodes[lanes - 2].owed.val() ^ negative);
        self.sum.next = self.whole.q.val();
        self.carry.next = self.last.q.val().bit(0);
    }
}
