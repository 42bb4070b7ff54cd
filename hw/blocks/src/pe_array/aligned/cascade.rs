//! [`Cascade`]: one DSP48E2 a lane, summed down P cascades.

use super::shape::{AlignedShape, FIELD, SEGMENT, SUM_BITS};
use crate::pe_array::error::PeArrayError;
use crate::primitives::dsp48e2::{Dsp48e2, DspMode, PreAdder, W, Z};
use skipopu_hdl::prelude::*;

/// Which two of the four INT4 weights in a weight word a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The first two of the 16 bits loaded: weights 0 and 1.
    Low,
    /// Weights 2 and 3.
    High,
}

impl Half {
    /// Of the column in a slot of the load port.
    pub fn of_slot(slot: usize) -> Half {
        [Half::Low, Half::High][slot % 2]
    }

    /// The loaded bit that is bit `bit` of the column's weight `upper`.
    pub fn loaded_bit(self, upper: bool, bit: usize) -> usize {
        usize::from(self == Half::High) * 8 + usize::from(upper) * 4 + bit
    }
}

/// The exact integer dot product of a column (numerics 8.2 and 8.3).
///
/// - Does: lane `i` multiplies its activation, port B, by its weight: on port A the FP16 operand's
///   integer; on port D two INT4 weights, `{w1, 19'b0, ~w0[3], w0[2:0]}`. INMODE selects lane by lane.
///   Cascades of [`SEGMENT`] DSPs, the sum of one on port C of the last DSP of the next.
/// - Does not: delay anything: lane `i` expects its operands [`lane_delay`](super::lane_delay) of `i`
///   cycles after lane 0.
/// - Guarantee: a sum a cycle, [`AlignedShape::cascade_latency`] cycles after lane 0's operands.
#[derive(LogicBlock, Ports)]
pub struct Cascade {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Activations, [`AlignedShape::x_bits`] a lane.
    pub x: Wire<In>,
    /// Weight words; bits of [`AlignedShape::inverted`] inverted if they are of INT4.
    pub words: Wire<In>,
    /// Take the INT4 weights? One bit a lane.
    pub int4: Wire<In>,
    /// Added to the sum; due [`AlignedShape::correction_due`] cycles after lane 0's operands.
    pub correction: Wire<In>,
    /// The sum, 48 bits.
    pub sum: Wire<Out>,
    dsp: Vec<Dsp48e2>,
    packed: Wire<Local>,
    _shape: AlignedShape,
    _half: Half,
}

/// Is a lane the last one of a cascade?
fn ends(lanes: usize, lane: usize) -> bool {
    lane + 1 == lanes || (lane + 1) % SEGMENT == 0
}

impl Cascade {
    /// `shape.lanes` DSPs.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape, half: Half) -> Result<Cascade, PeArrayError> {
        shape.check()?;
        let mode = DspMode::new().b_regs(2).pre_adder(PreAdder::Select).product();
        let dsp = (0..shape.lanes).map(|i| match i {
            i if i % SEGMENT == 0 => mode.build(),
            i if ends(shape.lanes, i) => mode.z(Z::Pcin).w(W::C).build(),
            _ => mode.z(Z::Pcin).build(),
        });
        Ok(Cascade {
            clock: Default::default(),
            x: Wire::new(shape.lanes * shape.x_bits()),
            words: Wire::new(shape.lanes * shape.word_bits()),
            int4: Wire::new(shape.lanes),
            correction: Wire::new(shape.correction_bits()),
            sum: Wire::new(SUM_BITS),
            dsp: dsp.map(|d| d.expect("the device has these modes")).collect(),
            packed: Wire::new(8 * shape.lanes),
            _shape: shape,
            _half: half,
        })
    }
}

impl Logic for Cascade {
    #[hdl(
        lanes = self._shape.lanes,
        word = self._shape.word_bits(),
        high = self._half == Half::High,
        latency = self._shape.cascade_latency()
    )]
    fn update(&mut self) {
        let lanes = self._shape.lanes;
        let (x_bits, word_bits) = (self._shape.x_bits(), self._shape.word_bits());
        let padding = self._shape.word_padding();
        for i in 0..lanes {
            for b in 0..8usize {
                let at = self._shape.weight_bit(self._half.loaded_bit(b > 3, b % 4));
                let bit = self.words.val().slice(i * word_bits + at, 1);
                self.packed.next.set_slice(8 * i + b, &bit);
            }
        }
        for i in 0..lanes {
            let w0 = self.packed.val().slice(8 * i, 4);
            let w1 = self.packed.val().slice(8 * i + 4, 4);
            let integer = self.words.val().slice(i * word_bits + padding, word_bits - padding);
            self.dsp[i].clock.next = self.clock.val();
            self.dsp[i].a.next = integer.sext(30);
            self.dsp[i].b.next = self.x.val().slice(i * x_bits, x_bits).sext(18);
            self.dsp[i].d.next = cat!(w1, Word::zero(FIELD - 4), w0);
            self.dsp[i].use_d.next = self.int4.val().bit(i);
            self.dsp[i].carryin.next = false;
            if i % SEGMENT == 0 {
                self.dsp[i].pcin.next = Word::zero(SUM_BITS);
            } else {
                self.dsp[i].pcin.next = self.dsp[i - 1].pcout.val();
            }
            if !ends(lanes, i) {
                self.dsp[i].c.next = Word::zero(SUM_BITS);
            } else if i < SEGMENT {
                self.dsp[i].c.next = self.correction.val().sext(SUM_BITS);
            } else {
                self.dsp[i].c.next = self.dsp[i - SEGMENT].p.val();
            }
        }
        self.sum.next = self.dsp[lanes - 1].p.val();
    }
}
