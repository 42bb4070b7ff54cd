//! [`ProductArray`]: column pairs and what they share.

use super::edge::{KerEdge, WEIGHTS};
use super::pair::{ColumnPair, ProductSum};
use crate::parameter::index_bits;
use crate::pe_array::error::{within, PeArrayError};
use crate::pe_array::ker_buffer::KerBuffer;
use crate::pe_array::layout::ArrayLayout;
use crate::pe_array::operand::{OperandFormat, UnpackVector, OPERAND_BITS};
use crate::primitives::Delay;
use skipopu_config::WideFormat;
use skipopu_hdl::prelude::*;

/// The array of the variants `bits22`, `bits15` and `dsp15`; [`ArrayLayout`] says how its ports are divided.
///
/// - Does: takes a vector per group, a load beat and a swap every cycle; unpacks and multiplies. A swap
///   and its vector meet what was loaded [`ProductArray::AHEAD`] or more cycles before. A load beat fills
///   a slot with FP16 values, or four slots with INT4 weights: weight `n` of a lane goes to slot
///   `4k + n`. Activations meet whatever their column holds, so modes mix freely.
/// - Does not: mask lanes (absent lanes are zeros in both operands), stall, or sum over several vectors.
/// - Guarantee: a result per column and cycle in both modes, [`ProductArray::latency`] cycles later.
#[derive(LogicBlock, Ports)]
pub struct ProductArray {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16 activations of every group, group 0 lowest.
    pub act: Wire<In>,
    /// There are activations.
    pub valid: Signal<In, Bit>,
    /// They and the ones after them meet the weights loaded.
    pub swap: Signal<In, Bit>,
    /// A load beat: all lanes of position 0 lowest.
    pub load: Wire<In>,
    /// There is a load beat.
    pub load_valid: Signal<In, Bit>,
    /// It holds INT4 weights.
    pub load_int4: Signal<In, Bit>,
    /// The slot it fills; with INT4 weights the first of four.
    pub load_slot: Wire<In>,
    /// Results, column 0 lowest.
    pub sums: Wire<Out>,
    /// There are results.
    pub out_valid: Signal<Out, Bit>,
    activations: Vec<UnpackVector>,
    weights: Vec<KerEdge>,
    kers: Vec<KerBuffer>,
    pairs: Vec<ColumnPair>,
    act_wait: Vec<Delay>,
    swap_wait: Delay,
    valid_wait: Delay,
    write_wait: Delay,
    chosen: Wire<Local>,
    _layout: ArrayLayout,
    _seats: Vec<[usize; 2]>,
    _sum: ProductSum,
}

impl ProductArray {
    /// Cycles by which a load must precede the swap that takes it.
    pub const AHEAD: usize = 1;

    /// An array of `layout.columns` columns.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(
        sum: ProductSum,
        format: WideFormat,
        layout: ArrayLayout,
    ) -> Result<ProductArray, PeArrayError> {
        within("array", "columns", layout.columns, 1, 256)?;
        let lanes = layout.lanes;
        let legal = "single bits and slots of at most 256 columns have a legal width";
        let seats = layout.pairs();
        let pairs = seats.iter().map(|_| ColumnPair::new(sum, format, lanes));
        let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
        let result = pairs.first().map_or(1, |p| p.sum0.width());
        let ker = |_| KerBuffer::new(lanes, OPERAND_BITS).expect("lanes are in range");
        let vector = lanes * OperandFormat::Fp16.bits();
        let activations =
            (0..layout.groups()).map(|_| UnpackVector::new(OperandFormat::Fp16, lanes));
        let weights = (0..layout.positions()).map(|_| KerEdge::new(lanes));
        let act_wait = (0..layout.groups()).map(|_| {
            let stages = Self::ENTER - UnpackVector::LATENCY;
            Delay::new(lanes * OPERAND_BITS, stages).expect("lanes are in range")
        });
        Ok(ProductArray {
            clock: Default::default(),
            act: Wire::new(layout.groups() * vector),
            valid: Default::default(),
            swap: Default::default(),
            load: Wire::new(layout.positions() * vector),
            load_valid: Default::default(),
            load_int4: Default::default(),
            load_slot: Wire::new(index_bits(layout.slots())),
            sums: Wire::new(layout.columns * result),
            out_valid: Default::default(),
            activations: activations.collect::<Result<_, _>>()?,
            weights: weights.collect::<Result<_, _>>()?,
            kers: (0..layout.columns).map(ker).collect(),
            pairs,
            act_wait: act_wait.collect(),
            // New weights are active a cycle after their swap.
            swap_wait: Delay::new(1, Self::ENTER - KerBuffer::LATENCY).expect(legal),
            valid_wait: Delay::new(1, Self::ENTER).expect(legal),
            write_wait: Delay::new(layout.slots(), KerEdge::LATENCY).expect(legal),
            chosen: Wire::new(layout.slots()),
            _layout: layout,
            _seats: seats,
            _sum: sum,
        })
    }

    /// Cycles from activations to the columns: unpacking, and a register that keeps the swap, which every
    /// lane of every column sees, off the path from the port.
    const ENTER: usize = UnpackVector::LATENCY + 1;

    /// Cycles from activations to results.
    pub fn latency(&self) -> usize {
        Self::ENTER + ColumnPair::latency(self._sum, self._layout.lanes)
    }
}

impl Logic for ProductArray {
    #[hdl(
        accumulation = self._sum.name(),
        lanes = self._layout.lanes,
        columns = self._layout.columns,
        result = self.pairs[0].sum0.width(),
        latency = self.latency()
    )]
    fn update(&mut self) {
        clock!(self, clock, swap_wait, valid_wait, write_wait);
        let lanes = self._layout.lanes;
        let vector = lanes * OperandFormat::Fp16.bits();
        let operands = lanes * OPERAND_BITS;
        let slots = self._layout.slots();
        let slot_bits = self.load_slot.width();
        let result = self.pairs[0].sum0.width();

        self.swap_wait.enable.next = true;
        self.swap_wait.d.next = Word::from(self.swap.val());
        self.valid_wait.enable.next = true;
        self.valid_wait.d.next = Word::from(self.valid.val());
        self.out_valid.next = self.pairs[0].valid_out.val();

        // The slots that a beat fills.
        for k in 0..slots {
            let slot = self.load_slot.val();
            let same = slot == Word::new(slot_bits, k as u128);
            let four =
                (slot >> WEIGHTS.ilog2() as usize) == Word::new(slot_bits, (k / WEIGHTS) as u128);
            let chosen = self.load_valid.val() & (same | (self.load_int4.val() & four));
            self.chosen.next.set_slice(k, &Word::from(chosen));
        }
        self.write_wait.enable.next = true;
        self.write_wait.d.next = self.chosen.val();

        for g in 0..self._layout.groups() {
            self.activations[g].clock.next = self.clock.val();
            self.activations[g].values.next = self.act.val().slice(g * vector, vector);
            self.activations[g].present.next = Word::ones(lanes);
            self.act_wait[g].clock.next = self.clock.val();
            self.act_wait[g].enable.next = true;
            self.act_wait[g].d.next = self.activations[g].operands.val();
        }
        for p in 0..self._layout.positions() {
            self.weights[p].clock.next = self.clock.val();
            self.weights[p].values.next = self.load.val().slice(p * vector, vector);
            self.weights[p].int4.next = self.load_int4.val();
        }
        for c in 0..self._layout.columns {
            let p = self._layout.position(c);
            let k = self._layout.slot(c);
            let n = k % WEIGHTS;
            let write = self.write_wait.q.val().bit(k);
            self.kers[c].clock.next = self.clock.val();
            self.kers[c].data.next = self.weights[p].operands.val().slice(n * operands, operands);
            self.kers[c].write.next = Word::from(write).sext(lanes);
            self.kers[c].swap.next = self.swap_wait.q.val().sext(lanes);
        }
        for j in 0..self.pairs.len() {
            let [c0, c1] = self._seats[j];
            let g = self._layout.group(c0);
            self.pairs[j].clock.next = self.clock.val();
            self.pairs[j].valid.next = self.valid_wait.q.val().any();
            self.pairs[j].act.next = self.act_wait[g].q.val();
            self.pairs[j].ker0.next = self.kers[c0].active.val();
            self.sums.next.set_slice(c0 * result, &self.pairs[j].sum0.val());
            if c1 != c0 {
                self.pairs[j].ker1.next = self.kers[c1].active.val();
                self.sums.next.set_slice(c1 * result, &self.pairs[j].sum1.val());
            } else {
                self.pairs[j].ker1.next = Word::zero(operands);
            }
        }
    }
}
