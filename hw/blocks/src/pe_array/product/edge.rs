//! [`KerEdge`]: what the memory brings, as operands of the columns.

use crate::pe_array::error::PeArrayError;
use crate::pe_array::operand::{OperandFormat, UnpackVector, OPERAND_BITS};
use skipopu_hdl::prelude::*;

/// Values in the 16 bits of a lane: one FP16 value or this many INT4 weights.
pub const WEIGHTS: usize = 4;

/// One position of the load port: FP16 values or INT4 weights to operands.
///
/// - Does: `operands` holds four vectors. Of FP16 values all four are the same; of INT4 weights vector `n`
///   holds weight `n` of every lane, which stands in its bits `4n` to `4n + 3`.
/// - Guarantee: a beat a cycle, [`KerEdge::LATENCY`] cycles later.
#[derive(LogicBlock, Ports)]
pub struct KerEdge {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// 16 bits a lane, lane 0 lowest.
    pub values: Wire<In>,
    /// They are INT4 weights.
    pub int4: Signal<In, Bit>,
    /// The four vectors, 19 bits a lane, vector 0 lowest.
    pub operands: Wire<Out>,
    fp16: UnpackVector,
    weights: Vec<UnpackVector>,
    mode: Reg,
    _lanes: usize,
}

impl KerEdge {
    /// Cycles from values to operands.
    pub const LATENCY: usize = UnpackVector::LATENCY;

    /// For `lanes` lanes.
    ///
    /// # Errors
    /// Unless `lanes` is a power of two from 2 to 128.
    pub fn new(lanes: usize) -> Result<KerEdge, PeArrayError> {
        let weights = (0..WEIGHTS).map(|_| UnpackVector::new(OperandFormat::Int4, lanes));
        Ok(KerEdge {
            clock: Default::default(),
            values: Wire::new(lanes * OperandFormat::Fp16.bits()),
            int4: Default::default(),
            operands: Wire::new(WEIGHTS * lanes * OPERAND_BITS),
            fp16: UnpackVector::new(OperandFormat::Fp16, lanes)?,
            weights: weights.collect::<Result<_, _>>()?,
            mode: Reg::new(1),
            _lanes: lanes,
        })
    }
}

impl Logic for KerEdge {
    #[hdl(lanes = self._lanes, latency = Self::LATENCY, no_inline)]
    fn update(&mut self) {
        clock!(self, clock, fp16);
        dff_setup!(self, clock, mode);
        let lanes = self._lanes;
        let (value, weight) = (OperandFormat::Fp16.bits(), OperandFormat::Int4.bits());
        let vector = lanes * OPERAND_BITS;
        self.mode.d.next = Word::from(self.int4.val());
        self.fp16.values.next = self.values.val();
        self.fp16.present.next = Word::ones(lanes);
        for n in 0..WEIGHTS {
            self.weights[n].clock.next = self.clock.val();
            self.weights[n].present.next = Word::ones(lanes);
            for i in 0..lanes {
                let w = self.values.val().slice(i * value + n * weight, weight);
                self.weights[n].values.next.set_slice(i * weight, &w);
            }
            let fp16 = self.fp16.operands.val();
            let chosen = mux(self.mode.q.val().any(), self.weights[n].operands.val(), fp16);
            self.operands.next.set_slice(n * vector, &chosen);
        }
    }
}
