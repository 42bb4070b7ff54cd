//! [`AlignedArray`]: columns and what they share.

use super::cascade::Half;
use super::column::AlignedColumn;
use super::edge::{ActivationEdge, WeightEdge};
use super::shape::{AlignedShape, VALUE_BITS};
use super::skew::Ripple;
use super::BlockConverter;
use crate::parameter::index_bits;
use crate::pe_array::error::{within, PeArrayError};
use crate::pe_array::layout::ArrayLayout;
use crate::primitives::Delay;
use skipopu_hdl::prelude::*;

/// The array of the variant `aligned`; [`ArrayLayout`] says how its ports are divided.
///
/// - Does: takes a vector per group, a load beat and a swap every cycle; converts, skews and multiplies.
///   A swap and its vector meet what was loaded [`AlignedArray::AHEAD`] or more cycles before. Each
///   vector has its mode, which must be that of the weights it meets.
/// - Does not: mask lanes (absent lanes are zeros in both operands), stall, or sum over several vectors.
/// - Guarantee: a result per column and cycle in FP16xFP16 (`upper`), two in FP16xINT4 (`upper` for the
///   odd weights of a load, `lower` for the even ones), [`AlignedArray::latency`] cycles later.
#[derive(LogicBlock, Ports)]
pub struct AlignedArray {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16 activations of every group, group 0 lowest.
    pub act: Wire<In>,
    /// There are activations.
    pub valid: Signal<In, Bit>,
    /// They meet INT4 weights.
    pub int4: Signal<In, Bit>,
    /// They and the ones after them meet the weights loaded.
    pub swap: Signal<In, Bit>,
    /// A load beat: all lanes of position 0 lowest.
    pub load: Wire<In>,
    /// There is a load beat.
    pub load_valid: Signal<In, Bit>,
    /// It holds INT4 weights.
    pub load_int4: Signal<In, Bit>,
    /// The slot it fills; with INT4 weights the even one of two.
    pub load_slot: Wire<In>,
    /// Results: of FP16xFP16, or of the upper INT4 weights.
    pub upper: Wire<Out>,
    /// Results of the lower INT4 weights.
    pub lower: Wire<Out>,
    /// There are results.
    pub out_valid: Signal<Out, Bit>,
    /// They are of FP16xINT4.
    pub out_int4: Signal<Out, Bit>,
    activations: Vec<ActivationEdge>,
    weights: Vec<WeightEdge>,
    column: Vec<AlignedColumn>,
    write: Vec<Ripple>,
    swaps: Ripple,
    modes: Ripple,
    swap_wait: Delay,
    control_wait: Delay,
    write_wait: Delay,
    out_wait: Delay,
    chosen: Wire<Local>,
    _shape: AlignedShape,
    _layout: ArrayLayout,
}

impl AlignedArray {
    /// An array of `layout.columns` columns.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape, layout: ArrayLayout) -> Result<AlignedArray, PeArrayError> {
        within("array", "columns", layout.columns, 1, 256)?;
        within("array", "lanes", layout.lanes, shape.lanes, shape.lanes)?;
        let ripple = || Ripple::new(shape.lanes, shape.cascade_latency());
        let columns = 0..layout.columns;
        let column = |c| AlignedColumn::new(shape, Half::of_slot(layout.slot(c)));
        let activations = (0..layout.groups()).map(|_| ActivationEdge::new(shape));
        let weights = (0..layout.positions()).map(|_| WeightEdge::new(shape));
        let enter = BlockConverter::LATENCY;
        Ok(AlignedArray {
            clock: Default::default(),
            act: Wire::new(layout.groups() * layout.lanes * VALUE_BITS),
            valid: Default::default(),
            int4: Default::default(),
            swap: Default::default(),
            load: Wire::new(layout.positions() * layout.lanes * VALUE_BITS),
            load_valid: Default::default(),
            load_int4: Default::default(),
            load_slot: Wire::new(index_bits(layout.slots())),
            upper: Wire::new(layout.columns * shape.result_bits()),
            lower: Wire::new(layout.columns * shape.result_bits()),
            out_valid: Default::default(),
            out_int4: Default::default(),
            activations: activations.collect::<Result<_, _>>()?,
            weights: weights.collect::<Result<_, _>>()?,
            column: columns.map(column).collect::<Result<_, _>>()?,
            write: (0..layout.slots()).map(|_| ripple()).collect(),
            swaps: ripple(),
            modes: ripple(),
            // New weights are active a cycle after their swap.
            swap_wait: Delay::new(1, enter - 1)?,
            control_wait: Delay::new(2, enter)?,
            write_wait: Delay::new(layout.slots(), enter)?,
            out_wait: Delay::new(2, shape.cascade_latency() + AlignedColumn::BEHIND)?,
            chosen: Wire::new(layout.slots()),
            _shape: shape,
            _layout: layout,
        })
    }

    /// Cycles by which a load must precede the swap that takes it.
    pub const AHEAD: usize = 2;

    /// Cycles from activations to results.
    pub fn latency(&self) -> usize {
        BlockConverter::LATENCY + self._shape.cascade_latency() + AlignedColumn::BEHIND
    }
}

impl Logic for AlignedArray {
    #[hdl(
        lanes = self._shape.lanes,
        columns = self._layout.columns,
        act = self._shape.act_bits,
        kv = self._shape.kv_bits,
        int4 = self._shape.int4_bits,
        latency = self.latency()
    )]
    fn update(&mut self) {
        clock!(self, clock, swaps, modes, swap_wait, control_wait, write_wait, out_wait);
        let lanes = self._shape.lanes;
        let vector = lanes * VALUE_BITS;
        let slots = self._layout.slots();
        let result = self._shape.result_bits();

        // Control enters with the converted vectors and ripples along the lanes with them.
        self.swap_wait.enable.next = true;
        self.swap_wait.d.next = Word::from(self.swap.val());
        self.swaps.d.next = self.swap_wait.q.val().any();
        self.control_wait.enable.next = true;
        self.control_wait.d.next = cat!(self.valid.val(), self.int4.val());
        self.modes.d.next = self.control_wait.q.val().bit(0);
        self.out_wait.enable.next = true;
        self.out_wait.d.next = self.control_wait.q.val();
        self.out_int4.next = self.out_wait.q.val().bit(0);
        self.out_valid.next = self.out_wait.q.val().bit(1);

        // The slots that a beat fills.
        for k in 0..slots {
            let slot = self.load_slot.val();
            let same = slot == Word::new(index_bits(slots), k as u128);
            let pair = (slot >> 1) == Word::new(index_bits(slots), k as u128 / 2);
            let chosen = self.load_valid.val() & (same | (self.load_int4.val() & pair));
            self.chosen.next.set_slice(k, &Word::from(chosen));
        }
        self.write_wait.enable.next = true;
        self.write_wait.d.next = self.chosen.val();
        for k in 0..slots {
            self.write[k].clock.next = self.clock.val();
            self.write[k].d.next = self.write_wait.q.val().bit(k);
        }

        for g in 0..self._layout.groups() {
            self.activations[g].clock.next = self.clock.val();
            self.activations[g].values.next = self.act.val().slice(g * vector, vector);
            self.activations[g].int4.next = self.int4.val();
        }
        for p in 0..self._layout.positions() {
            self.weights[p].clock.next = self.clock.val();
            self.weights[p].values.next = self.load.val().slice(p * vector, vector);
            self.weights[p].int4.next = self.load_int4.val();
        }
        for c in 0..self._layout.columns {
            let g = self._layout.group(c);
            let p = self._layout.position(c);
            let k = self._layout.slot(c);
            self.column[c].clock.next = self.clock.val();
            self.column[c].x.next = self.activations[g].x.val();
            self.column[c].even.next = self.activations[g].even.val();
            self.column[c].correction.next = self.activations[g].correction.val();
            self.column[c].upper_exponent.next = self.activations[g].upper_exponent.val();
            self.column[c].lower_exponent.next = self.activations[g].lower_exponent.val();
            self.column[c].nonfinite.next = self.activations[g].nonfinite.val();
            self.column[c].int4.next = self.modes.taps.val();
            self.column[c].int4_tail.next = self.modes.tail.val();
            self.column[c].words.next = self.weights[p].words.val();
            self.column[c].words_tail.next = self.weights[p].words_tail.val();
            self.column[c].write.next = self.write[k].taps.val();
            self.column[c].write_tail.next = self.write[k].tail.val();
            self.column[c].swap.next = self.swaps.taps.val();
            self.column[c].swap_tail.next = self.swaps.tail.val();
            self.upper.next.set_slice(c * result, &self.column[c].upper.val());
            self.lower.next.set_slice(c * result, &self.column[c].lower.val());
        }
    }
}
