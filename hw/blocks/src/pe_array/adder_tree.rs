//! [`AdderTree`]: the sum of a vector's integers, in LUTs.

use crate::parameter::ParameterError;
use crate::primitives::TernaryAdder;
use skipopu_hdl::prelude::*;

/// A node: three values, each with a carry owed, to one, in a cycle.
///
/// The adder takes in the carries of `b` and `c`; that of `a` stays owed.
#[derive(LogicBlock, Ports)]
pub struct TreeNode {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First value, two's complement.
    pub a: Wire<In>,
    /// Second.
    pub b: Wire<In>,
    /// Third.
    pub c: Wire<In>,
    /// Carries of `c`, `b` and `a`.
    pub owed: Wire<In>,
    /// The sum.
    pub sum: Wire<Out>,
    /// The carry still owed.
    pub owes: Signal<Out, Bit>,
    adder: TernaryAdder,
    total: Reg,
    carry: Reg,
    _width: usize,
}

impl TreeNode {
    /// Cycles from values to sum.
    pub const LATENCY: usize = 1;

    /// Values of `width` bits, a sum of `wide` bits.
    fn new(width: usize, wide: usize) -> Result<TreeNode, ParameterError> {
        Ok(TreeNode {
            clock: Default::default(),
            a: Wire::new(width),
            b: Wire::new(width),
            c: Wire::new(width),
            owed: Wire::new(3),
            sum: Wire::new(wide),
            owes: Default::default(),
            adder: TernaryAdder::new(wide)?,
            total: Reg::new(wide),
            carry: Reg::new(1),
            _width: width,
        })
    }
}

impl Logic for TreeNode {
    #[hdl(width = self._width, wide = self.sum.width(), latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, total, carry);
        let wide = self.sum.width();
        self.adder.a.next = self.a.val().sext(wide);
        self.adder.b.next = self.b.val().sext(wide);
        self.adder.c.next = self.c.val().sext(wide);
        self.adder.carry0.next = self.owed.val().bit(1);
        self.adder.carry1.next = self.owed.val().bit(2);
        self.total.d.next = self.adder.sum.val();
        self.carry.d.next = Word::from(self.owed.val().bit(0));
        self.sum.next = self.total.q.val();
        self.owes.next = self.carry.q.val().bit(0);
    }
}

/// Sums the integers of `lanes` lanes exactly; a new vector every cycle.
///
/// - Does: a tree of ternary adders, a third of the values left after each; two values left over are added, one
///   waits.
/// - Does not: round; `sum + carry` is the exact integer.
#[derive(LogicBlock, Ports)]
pub struct AdderTree {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Signed value of every lane, one's complement if negative, lane 0 lowest.
    pub values: Wire<In>,
    /// What is to be added to each.
    pub owed: Wire<In>,
    /// Two's complement sum.
    pub sum: Wire<Out>,
    /// To be added to it.
    pub carry: Signal<Out, Bit>,
    nodes: Vec<TreeNode>,
    waiting: Vec<Reg>,
    level: Vec<Wire<Local>>,
    owing: Vec<Wire<Local>>,
    _width: usize,
    _lanes: usize,
}

/// Values left at a level of the tree.
fn values(lanes: usize, level: usize) -> usize {
    (0..level).fold(lanes, |n, _| n.div_ceil(3))
}

/// Levels of adders.
fn levels(lanes: usize) -> usize {
    (0..).find(|level| values(lanes, *level) == 1).unwrap_or(0)
}

/// Bits of a value at a level; values of `width` bits go in.
fn bits(width: usize, lanes: usize, level: usize) -> usize {
    (width + 2 * level).min(width + lanes.ilog2() as usize)
}

/// Number of the first node of a level. A single value left over has none.
fn first(lanes: usize, level: usize) -> usize {
    (0..level).map(|l| (values(lanes, l) + 1) / 3).sum()
}

/// Number of the first register of a level for a value left over.
fn first_waiting(lanes: usize, level: usize) -> usize {
    (0..level).filter(|l| values(lanes, *l) % 3 == 1).count()
}

impl AdderTree {
    /// For `lanes` values of `width` bits, sign included; `lanes` is a power of two.
    pub(super) fn new(width: usize, lanes: usize) -> Result<AdderTree, ParameterError> {
        let all = || 0..levels(lanes);
        let node = |l: usize| TreeNode::new(bits(width, lanes, l), bits(width, lanes, l + 1));
        Ok(AdderTree {
            clock: Default::default(),
            values: Wire::new(lanes * width),
            owed: Wire::new(lanes),
            sum: Wire::new(bits(width, lanes, levels(lanes))),
            carry: Default::default(),
            nodes: all()
                .flat_map(|l| (0..(values(lanes, l) + 1) / 3).map(move |_| l))
                .map(node)
                .collect::<Result<_, _>>()?,
            waiting: all()
                .filter(|l| values(lanes, *l) % 3 == 1)
                .map(|l| Reg::new(bits(width, lanes, l) + 1))
                .collect(),
            level: (0..=levels(lanes))
                .map(|l| Wire::new(values(lanes, l) * bits(width, lanes, l)))
                .collect(),
            owing: (0..=levels(lanes)).map(|l| Wire::new(values(lanes, l))).collect(),
            _width: width,
            _lanes: lanes,
        })
    }

    /// Cycles from values to sum.
    pub(super) fn latency(lanes: usize) -> usize {
        levels(lanes) * TreeNode::LATENCY
    }
}

impl Logic for AdderTree {
    #[hdl(width = self._width, lanes = self._lanes, latency = AdderTree::latency(self._lanes))]
    fn update(&mut self) {
        let lanes = self._lanes;
        self.level[0].next = self.values.val();
        self.owing[0].next = self.owed.val();
        for l in 0..levels(lanes) {
            let count = values(lanes, l);
            let width = bits(self._width, lanes, l);
            let wide = bits(self._width, lanes, l + 1);
            for g in 0..count.div_ceil(3) {
                let (n, from, left) = (first(lanes, l) + g, 3 * g, count - 3 * g);
                let w = first_waiting(lanes, l);
                if left == 1 {
                    let value = self.level[l].val().slice(from * width, width);
                    self.waiting[w].clock.next = self.clock.val();
                    self.waiting[w].d.next = cat!(self.owing[l].val().bit(from), value);
                    let waited = self.waiting[w].q.val();
                    self.level[l + 1]
                        .next
                        .set_slice(g * wide, &waited.clone().slice(0, width).sext(wide));
                    self.owing[l + 1].next.set_slice(g, &Word::from(waited.bit(width)));
                } else {
                    self.nodes[n].clock.next = self.clock.val();
                    self.nodes[n].a.next = self.level[l].val().slice(from * width, width);
                    self.nodes[n].b.next = self.level[l].val().slice((from + 1) * width, width);
                    if left == 2 {
                        self.nodes[n].c.next = Word::zero(width);
                        self.nodes[n].owed.next = self.owing[l].val().slice(from, 2).zext(3);
                    } else {
                        self.nodes[n].c.next = self.level[l].val().slice((from + 2) * width, width);
                        self.nodes[n].owed.next = self.owing[l].val().slice(from, 3);
                    }
                    self.level[l + 1].next.set_slice(g * wide, &self.nodes[n].sum.val());
                    self.owing[l + 1].next.set_slice(g, &Word::from(self.nodes[n].owes.val()));
                }
            }
        }
        self.sum.next = self.level[levels(lanes)].val();
        self.carry.next = self.owing[levels(lanes)].val().bit(0);
    }
}
