//! [`ColumnPair`]: two columns of products, from operands to rounded sums.

use super::column::ProductColumn;
use super::dsp_tree::DspTree;
use super::lane::PRODUCT_EXPONENT_BITS;
use super::multiplier::OverpackedMultiplier;
use super::Cut;
use crate::pe_array::adder_tree::AdderTree;
use crate::pe_array::error::{lanes_in_range, PeArrayError};
use crate::pe_array::operand::{HEAD_BITS, OPERAND_BITS, SIGNIFICAND_BITS};
use crate::pe_array::reconstruct::{Reconstruct, SumShape};
use crate::primitives::Delay;
use skipopu_config::WideFormat;
use skipopu_hdl::prelude::*;

/// How the columns of a pair sum their products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductSum {
    /// 22 bits, adders in LUTs.
    Bits22,
    /// 15 bits, adders in LUTs.
    Bits15,
    /// 15 bits, adders in DSPs that both columns share.
    Dsp15,
}

impl ProductSum {
    /// All of them.
    pub const ALL: [ProductSum; 3] = [ProductSum::Bits22, ProductSum::Bits15, ProductSum::Dsp15];

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            ProductSum::Bits22 => "bits22",
            ProductSum::Bits15 => "bits15",
            ProductSum::Dsp15 => "dsp15",
        }
    }

    /// How the products are cut.
    pub fn cut(self) -> Cut {
        match self {
            ProductSum::Bits22 => Cut::Bits22,
            ProductSum::Bits15 | ProductSum::Dsp15 => Cut::Bits15,
        }
    }

    fn tree_latency(self, lanes: usize) -> usize {
        match self {
            ProductSum::Dsp15 => DspTree::latency(lanes),
            _ => AdderTree::latency(lanes),
        }
    }
}

/// Two dot products of a shared vector a cycle.
///
/// - Does: `sum0 = act . ker0` and `sum1 = act . ker1` as docs/numerics.md, sections 3 to 7, bit for bit. Operands are
///   unpacked values ([`operand`](crate::pe_array::operand)), so that FP16 and INT4 may alternate every cycle.
/// - Does not: stall. `valid` goes along and holds nothing up.
/// - Guarantee: one pair of sums a cycle, [`ColumnPair::latency`] cycles after the operands.
#[derive(LogicBlock, Ports)]
pub struct ColumnPair {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Shared operands, 19 bits a lane, lane 0 lowest.
    pub act: Wire<In>,
    /// Operands of column 0.
    pub ker0: Wire<In>,
    /// Operands of column 1.
    pub ker1: Wire<In>,
    /// Are there operands?
    pub valid: Signal<In, Bit>,
    /// Sum of column 0: 16 or 32 bits.
    pub sum0: Wire<Out>,
    /// Sum of column 1.
    pub sum1: Wire<Out>,
    /// Are there sums?
    pub valid_out: Signal<Out, Bit>,
    shared: Vec<Reg>,
    own0: Vec<Reg>,
    own1: Vec<Reg>,
    multipliers: Vec<OverpackedMultiplier>,
    column0: ProductColumn,
    column1: ProductColumn,
    lut0: Vec<AdderTree>,
    lut1: Vec<AdderTree>,
    dsp: Vec<DspTree>,
    side0: Delay,
    side1: Delay,
    valids: Delay,
    result0: Reconstruct,
    result1: Reconstruct,
    _sum: ProductSum,
    _format: WideFormat,
    _lanes: usize,
}

impl ColumnPair {
    /// A pair of columns.
    ///
    /// # Errors
    /// Unless `lanes` is a power of two from 2 to 128.
    pub fn new(
        sum: ProductSum,
        format: WideFormat,
        lanes: usize,
    ) -> Result<ColumnPair, PeArrayError> {
        lanes_in_range("column pair", lanes)?;
        let cut = sum.cut();
        let shape = SumShape {
            width: cut.sum_bits(lanes),
            exponent_bits: PRODUCT_EXPONENT_BITS,
            unit: cut.unit(),
            least_exponent: 2,
            format,
        };
        // The largest exponent and the flags wait for the sum.
        let wait = ProductColumn::LATENCY - ProductColumn::TO_LARGEST + sum.tree_latency(lanes);
        let legal = "the widths of a column are legal";
        let side = || Delay::new(PRODUCT_EXPONENT_BITS + 2, wait).expect(legal);
        let significands = || (0..lanes).map(|_| Reg::new(SIGNIFICAND_BITS)).collect();
        let trees = if sum == ProductSum::Dsp15 { 0 } else { 1 };
        let tree =
            || (0..trees).map(|_| AdderTree::new(cut.bits() + 1, lanes).expect(legal)).collect();
        Ok(ColumnPair {
            clock: Default::default(),
            act: Wire::new(lanes * OPERAND_BITS),
            ker0: Wire::new(lanes * OPERAND_BITS),
            ker1: Wire::new(lanes * OPERAND_BITS),
            valid: Default::default(),
            sum0: Wire::new(shape.result_bits()),
            sum1: Wire::new(shape.result_bits()),
            valid_out: Default::default(),
            shared: significands(),
            own0: significands(),
            own1: significands(),
            multipliers: (0..lanes)
                .map(|_| OverpackedMultiplier::new(cut.kept()).expect(legal))
                .collect(),
            column0: ProductColumn::new(cut, lanes, false).expect(legal),
            column1: ProductColumn::new(cut, lanes, true).expect(legal),
            lut0: tree(),
            lut1: tree(),
            dsp: (trees..1).map(|_| DspTree::new(cut, lanes).expect(legal)).collect(),
            side0: side(),
            side1: side(),
            valids: Delay::new(1, ColumnPair::latency(sum, lanes)).expect(legal),
            result0: Reconstruct::new(shape)?,
            result1: Reconstruct::new(shape)?,
            _sum: sum,
            _format: format,
            _lanes: lanes,
        })
    }

    /// Cycles from operands to sums.
    pub fn latency(sum: ProductSum, lanes: usize) -> usize {
        ProductColumn::LATENCY + sum.tree_latency(lanes) + Reconstruct::LATENCY
    }
}

// The multipliers' operands wait one cycle, so that their products come when the distances do.
const _: () = assert!(ProductColumn::TO_PRODUCT == OverpackedMultiplier::LATENCY + 1);

impl Logic for ColumnPair {
    #[hdl(
        accumulation = self._sum.name(),
        result = self.sum0.width(),
        lanes = self._lanes,
        latency = ColumnPair::latency(self._sum, self._lanes)
    )]
    fn update(&mut self) {
        clock!(self, clock, column0, column1, side0, side1, valids, result0, result1);
        let lanes = self._lanes;
        let kept = self._sum.cut().kept().bits();
        // Multiply.
        for i in 0..lanes {
            let at = i * OPERAND_BITS;
            self.shared[i].clock.next = self.clock.val();
            self.own0[i].clock.next = self.clock.val();
            self.own1[i].clock.next = self.clock.val();
            self.shared[i].d.next = self.act.val().slice(at, SIGNIFICAND_BITS);
            self.own0[i].d.next = self.ker0.val().slice(at, SIGNIFICAND_BITS);
            self.own1[i].d.next = self.ker1.val().slice(at, SIGNIFICAND_BITS);
            self.multipliers[i].clock.next = self.clock.val();
            self.multipliers[i].v.next = self.shared[i].q.val();
            self.multipliers[i].u0.next = self.own0[i].q.val();
            self.multipliers[i].u1.next = self.own1[i].q.val();
            self.column0.products.next.set_slice(i * kept, &self.multipliers[i].p0.val());
            self.column1.products.next.set_slice(i * kept, &self.multipliers[i].p1_not.val());
        }
        // Align.
        for i in 0..lanes {
            let (from, to) = (i * OPERAND_BITS + SIGNIFICAND_BITS, i * HEAD_BITS);
            self.column0.a.next.set_slice(to, &self.act.val().slice(from, HEAD_BITS));
            self.column0.b.next.set_slice(to, &self.ker0.val().slice(from, HEAD_BITS));
            self.column1.a.next.set_slice(to, &self.act.val().slice(from, HEAD_BITS));
            self.column1.b.next.set_slice(to, &self.ker1.val().slice(from, HEAD_BITS));
        }
        // Sum.
        for i in 0..self.lut0.len() {
            self.lut0[i].clock.next = self.clock.val();
            self.lut0[i].values.next = self.column0.values.val();
            self.lut0[i].owed.next = self.column0.owed.val();
            self.result0.sum.next = self.lut0[i].sum.val();
            self.result0.carry.next = self.lut0[i].carry.val();
            self.lut1[i].clock.next = self.clock.val();
            self.lut1[i].values.next = self.column1.values.val();
            self.lut1[i].owed.next = self.column1.owed.val();
            self.result1.sum.next = self.lut1[i].sum.val();
            self.result1.carry.next = self.lut1[i].carry.val();
        }
        for i in 0..self.dsp.len() {
            self.dsp[i].clock.next = self.clock.val();
            self.dsp[i].values.next = cat!(self.column1.values.val(), self.column0.values.val());
            self.dsp[i].owed.next = cat!(self.column1.owed.val(), self.column0.owed.val());
            self.result0.sum.next = self.dsp[i].sum0.val();
            self.result0.carry.next = self.dsp[i].carry0.val();
            self.result1.sum.next = self.dsp[i].sum1.val();
            self.result1.carry.next = self.dsp[i].carry1.val();
        }
        // Round.
        self.side0.enable.next = true;
        self.side0.d.next = cat!(
            self.column0.negative.val(),
            self.column0.positive.val(),
            self.column0.largest.val()
        );
        self.side1.enable.next = true;
        self.side1.d.next = cat!(
            self.column1.negative.val(),
            self.column1.positive.val(),
            self.column1.largest.val()
        );
        self.result0.exponent.next = self.side0.q.val().slice(0, PRODUCT_EXPONENT_BITS);
        self.result0.positive.next = self.side0.q.val().bit(PRODUCT_EXPONENT_BITS);
        self.result0.negative.next = self.side0.q.val().bit(PRODUCT_EXPONENT_BITS + 1);
        self.result1.exponent.next = self.side1.q.val().slice(0, PRODUCT_EXPONENT_BITS);
        self.result1.positive.next = self.side1.q.val().bit(PRODUCT_EXPONENT_BITS);
        self.result1.negative.next = self.side1.q.val().bit(PRODUCT_EXPONENT_BITS + 1);
        self.sum0.next = self.result0.result.val();
        self.sum1.next = self.result1.result.val();
        self.valids.enable.next = true;
        self.valids.d.next = Word::from(self.valid.val());
        self.valid_out.next = self.valids.q.val().bit(0);
    }
}
