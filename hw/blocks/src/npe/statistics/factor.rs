//! [`RowFactor`]: a row's sum to its factor.

use super::FACTOR_BITS;
use crate::npe::float::{Add, Multiply};
use crate::npe::function::{Reciprocal, Rsqrt};
use crate::npe::reduction::SUM_BITS;
use crate::npe::term::EXPONENT_BITS;
use crate::npe::NpeError;
use crate::pe_array::reconstruct::{Reconstruct, SumShape};
use crate::primitives::{Delay, DelayReset};
use skipopu_config::WideFormat;
use skipopu_hdl::prelude::*;

/// Bits of FP32's fraction and of a factor's.
const SINGLE: usize = 23;
const NARROW: usize = 16;
/// What brings the exponent of a sum of squares (at least -27) to 0 or more.
const LIFT: i64 = 27;
/// Bits of the exponent with which sums are rounded.
const UNIT_BITS: usize = 6;
/// The NaN that a spoilt row gets, as E8M16.
const NAN: u128 = 0xFF << 16 | 1 << 15;

/// The factor of a row that has ended.
///
/// - Softmax: `1 / sum`, 0 where nothing was summed; the exponent goes along.
/// - RMSNorm: `1 / sqrt(sum * inverse + epsilon)`.
/// - Guarantee: a row a cycle; [`RowFactor::softmax_latency`] and [`RowFactor::square_latency`].
#[derive(LogicBlock, Ports)]
pub struct RowFactor {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets rows under way.
    pub reset: Signal<In, Bit>,
    /// A row has ended.
    pub done: Signal<In, Bit>,
    /// Its number; above it the kind, 1 for softmax.
    pub row: Wire<In>,
    /// Its sum.
    pub total: Wire<In>,
    /// Its exponent, biased.
    pub scale: Wire<In>,
    /// It is invalid.
    pub spoilt: Signal<In, Bit>,
    /// E8M16: 1 / D.
    pub inverse: Wire<In>,
    /// FP32: what is added to the mean square; constant while anything is under way.
    pub epsilon: Wire<In>,
    /// A softmax factor is ready.
    pub softmax_done: Signal<Out, Bit>,
    /// Its row.
    pub softmax_row: Wire<Out>,
    /// The factor, E8M16.
    pub softmax_factor: Wire<Out>,
    /// The row's exponent, biased.
    pub softmax_exponent: Wire<Out>,
    /// An RMSNorm factor is ready.
    pub square_done: Signal<Out, Bit>,
    /// Its row.
    pub square_row: Wire<Out>,
    /// The factor, E8M16.
    pub square_factor: Wire<Out>,
    round: Reconstruct,
    reciprocal: Reciprocal,
    mean: Multiply,
    add: Add,
    root: Rsqrt,
    inverse_wait: Delay,
    softmax_wait: Delay,
    square_wait: Delay,
    softmax_valid: DelayReset,
    square_valid: DelayReset,
    softmax_held: Reg,
    softmax_label: Reg,
    softmax_ready: DFF<Bit>,
    square_held: Reg,
    square_label: Reg,
    square_ready: DFF<Bit>,
    _row_bits: usize,
}

impl RowFactor {
    /// Cycles from a softmax row's sum to its factor.
    pub fn softmax_latency() -> usize {
        Reconstruct::LATENCY + Reciprocal::LATENCY + 1
    }

    /// Cycles from an RMSNorm row's sum to its factor.
    pub fn square_latency() -> usize {
        Reconstruct::LATENCY
            + Multiply::latency_of(SINGLE, NARROW)
            + Add::LATENCY
            + Rsqrt::LATENCY
            + 1
    }

    /// For rows numbered with `row_bits` bits.
    ///
    /// # Errors
    /// Unless `row_bits` is from 1 to 16.
    pub fn new(row_bits: usize) -> Result<RowFactor, NpeError> {
        let ok = (1..=16).contains(&row_bits);
        crate::parameter::require(ok, "row factor", "row_bits", row_bits, "must be 1 to 16")?;
        let shape = SumShape {
            width: SUM_BITS + 1,
            exponent_bits: UNIT_BITS,
            unit: -25 - LIFT as i32,
            least_exponent: 0,
            format: WideFormat::Fp32,
        };
        let softmax = RowFactor::softmax_latency() - 1;
        let square = RowFactor::square_latency() - 1;
        Ok(RowFactor {
            clock: Default::default(),
            reset: Default::default(),
            done: Default::default(),
            row: Wire::new(row_bits + 1),
            total: Wire::new(SUM_BITS),
            scale: Wire::new(EXPONENT_BITS),
            spoilt: Default::default(),
            inverse: Wire::new(FACTOR_BITS),
            epsilon: Wire::new(32),
            softmax_done: Default::default(),
            softmax_row: Wire::new(row_bits),
            softmax_factor: Wire::new(FACTOR_BITS),
            softmax_exponent: Wire::new(EXPONENT_BITS),
            square_done: Default::default(),
            square_row: Wire::new(row_bits),
            square_factor: Wire::new(FACTOR_BITS),
            round: Reconstruct::new(shape)?,
            reciprocal: Reciprocal::new(SINGLE)?,
            mean: Multiply::new(SINGLE, NARROW, SINGLE)?,
            add: Add::new(),
            root: Rsqrt::new(SINGLE)?,
            inverse_wait: Delay::new(FACTOR_BITS, Reconstruct::LATENCY)?,
            softmax_wait: Delay::new(EXPONENT_BITS + row_bits + 2, softmax)?,
            square_wait: Delay::new(row_bits + 1, square)?,
            softmax_valid: DelayReset::new(1, softmax)?,
            square_valid: DelayReset::new(1, square)?,
            softmax_held: Reg::new(FACTOR_BITS),
            softmax_label: Reg::new(EXPONENT_BITS + row_bits),
            softmax_ready: Default::default(),
            square_held: Reg::new(FACTOR_BITS),
            square_label: Reg::new(row_bits),
            square_ready: Default::default(),
            _row_bits: row_bits,
        })
    }
}

impl Logic for RowFactor {
    #[hdl(row_bits = self._row_bits, latency = RowFactor::square_latency())]
    fn update(&mut self) {
        clock!(
            self,
            clock,
            round,
            reciprocal,
            mean,
            add,
            root,
            inverse_wait,
            softmax_wait,
            square_wait,
            softmax_valid,
            square_valid
        );
        dff_setup!(
            self,
            clock,
            softmax_held,
            softmax_label,
            softmax_ready,
            square_held,
            square_label,
            square_ready
        );
        self.inverse_wait.enable.next = true;
        self.softmax_wait.enable.next = true;
        self.square_wait.enable.next = true;
        self.softmax_valid.enable.next = true;
        self.square_valid.enable.next = true;
        self.softmax_valid.reset.next = self.reset.val();
        self.square_valid.reset.next = self.reset.val();
        let row_bits = self._row_bits;
        let softmax = self.row.val().bit(row_bits);
        let row = self.row.val().trunc(row_bits);

        // A softmax sum counts from the row's exponent; the factor leaves that out.
        self.round.sum.next = cat!(false, self.total.val());
        self.round.carry.next = false;
        let lift = Word::new(UNIT_BITS, LIFT as u128);
        let own = self.scale.val().trunc(UNIT_BITS) + lift.clone();
        self.round.exponent.next = mux(softmax, lift, own);
        self.round.positive.next = false;
        self.round.negative.next = false;
        self.reciprocal.value.next = self.round.result.val();
        self.inverse_wait.d.next = self.inverse.val();
        self.mean.a.next = self.round.result.val();
        self.mean.b.next = self.inverse_wait.q.val();
        self.add.a.next = self.mean.product.val();
        self.add.b.next = self.epsilon.val();
        self.add.odd.next = false;
        self.root.value.next = self.add.sum.val();

        self.softmax_wait.d.next =
            cat!(self.scale.val(), row.clone(), !self.total.val().any(), self.spoilt.val());
        self.softmax_valid.d.next = Word::from(self.done.val() & softmax);
        self.square_wait.d.next = cat!(row, self.spoilt.val());
        self.square_valid.d.next = Word::from(self.done.val() & !softmax);

        self.softmax_held.d.next = self.reciprocal.result.val();
        if self.softmax_wait.q.val().bit(1) {
            self.softmax_held.d.next = Word::zero(FACTOR_BITS);
        }
        if self.softmax_wait.q.val().bit(0) {
            self.softmax_held.d.next = Word::new(FACTOR_BITS, NAN);
        }
        self.softmax_label.d.next = self.softmax_wait.q.val().slice(2, EXPONENT_BITS + row_bits);
        self.softmax_ready.d.next = self.softmax_valid.q.val().any() & !self.reset.val();
        self.square_held.d.next = self.root.result.val();
        if self.square_wait.q.val().bit(0) {
            self.square_held.d.next = Word::new(FACTOR_BITS, NAN);
        }
        self.square_label.d.next = self.square_wait.q.val().slice(1, row_bits);
        self.square_ready.d.next = self.square_valid.q.val().any() & !self.reset.val();

        self.softmax_done.next = self.softmax_ready.q.val();
        self.softmax_row.next = self.softmax_label.q.val().trunc(row_bits);
        self.softmax_exponent.next = self.softmax_label.q.val().slice(row_bits, EXPONENT_BITS);
        self.softmax_factor.next = self.softmax_held.q.val();
        self.square_done.next = self.square_ready.q.val();
        self.square_row.next = self.square_label.q.val();
        self.square_factor.next = self.square_held.q.val();
    }
}
