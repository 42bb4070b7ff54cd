//! [`OverpackedMultiplier`]: two exact products per DSP.

use crate::pe_array::operand::SIGNIFICAND_BITS;
use crate::primitives::dsp48e2::{Dsp48e2, DspError, DspMode, PreAdder, Z};
use skipopu_hdl::prelude::*;

/// Bits of a product of two significands.
pub const PRODUCT_BITS: usize = 22;
/// Product bits that cross into the lower product's field, and are therefore made in LUTs.
const LOW: usize = 6;

/// `u0 * v` and `u1 * v` of 11-bit significands in one DSP48E2, exact, a pair every cycle.
///
/// `P = (u0[10:1] - (u1 << 15)) * v + C` with `C = { 27 ones, low6, 5'b0, v[10:1] & {10{u0[0]}} }` and
/// `low6 = (u1[5:0] * v[5:0]) mod 64`.
///
/// - The lower field is `u0 * v` without its last bit, never negative, below 2^21.
/// - Adding `low6 << 15` to the subtracted `u1 * v << 15` leaves a multiple of 2^21, and the ones
///   subtract 1 there: `P[47:21] = -1 - (u1 * v >> 6) = ~(u1 * v >> 6)`.
///
/// This is docs/numerics.md, section 5.1, with all of `u1` on the pre-adder (a shift of 15, which still fits
/// 27 bits) for one more bit of product in LUTs: the AND gates of `u1[10]` are gone. The AND gates of
/// `u0[0]` are resets of flip-flops.
#[derive(LogicBlock, Ports)]
pub struct OverpackedMultiplier {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Significand of the lower column's operand, 11 bits.
    pub u0: Wire<In>,
    /// Significand of the upper column's operand.
    pub u1: Wire<In>,
    /// Significand of the operand both share.
    pub v: Wire<In>,
    /// `u0 * v`, its upper bits kept.
    pub p0: Wire<Out>,
    /// Complement of `u1 * v`, its upper bits kept: as the DSP has it, so that its reader's LUTs take the inversion.
    pub p1_not: Wire<Out>,
    dsp: Dsp48e2,
    parts: Reg,
    low: Vec<Reg>,
    half: Vec<Reg>,
    last: Vec<Reg>,
    _kept: usize,
}

impl OverpackedMultiplier {
    /// Cycles from significands to products.
    pub const LATENCY: usize = 4;
    /// Cycles from significands to the DSP's port C.
    const TO_C: usize = 2;

    /// Gives the upper `kept` bits of both products: 22, or 16, which saves the delay of the rest.
    ///
    /// # Errors
    /// Never; the DSP's mode is fixed.
    pub fn new(kept: Kept) -> Result<OverpackedMultiplier, DspError> {
        let whole = kept == Kept::All;
        // The low bits bypass the DSP where they are wanted at all.
        let delay = if whole { OverpackedMultiplier::LATENCY } else { OverpackedMultiplier::TO_C };
        let mode = DspMode::new().b_regs(2).pre_adder(PreAdder::DMinusA).product().z(Z::C);
        Ok(OverpackedMultiplier {
            clock: Default::default(),
            u0: Wire::new(SIGNIFICAND_BITS),
            u1: Wire::new(SIGNIFICAND_BITS),
            v: Wire::new(SIGNIFICAND_BITS),
            p0: Wire::new(kept.bits()),
            p1_not: Wire::new(kept.bits()),
            dsp: mode.build()?,
            parts: Reg::new(2 * LOW),
            low: (1..delay).map(|_| Reg::new(LOW)).collect(),
            half: (0..OverpackedMultiplier::TO_C).map(|_| Reg::new(SIGNIFICAND_BITS - 1)).collect(),
            last: (0..if whole { delay } else { 0 }).map(|_| Reg::new(1)).collect(),
            _kept: kept.bits(),
        })
    }
}

/// Which bits of the products are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All 22.
    All,
    /// The upper 16: all that 15 bits and a rounding bit depend on.
    Upper16,
}

impl Kept {
    /// Bits of a product.
    pub fn bits(self) -> usize {
        match self {
            Kept::All => PRODUCT_BITS,
            Kept::Upper16 => PRODUCT_BITS - LOW,
        }
    }
}

impl Logic for OverpackedMultiplier {
    #[hdl(kept = self._kept, latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, dsp);
        dff_setup!(self, clock, parts);
        let u0 = self.u0.val();
        let u1 = self.u1.val();
        let v = self.v.val();
        self.dsp.a.next = cat!(Word::zero(4), u1.clone(), Word::zero(15));
        self.dsp.b.next = v.clone().zext(18);
        self.dsp.d.next = u0.clone().slice(1, SIGNIFICAND_BITS - 1).zext(27);
        self.dsp.pcin.next = Word::zero(48);
        self.dsp.carryin.next = false;
        self.dsp.use_d.next = false;

        // u1[2:0] * v[2:0]: six functions of six inputs.
        let b00 = u1.clone().bit(0) & v.clone().bit(0);
        let b10 = u1.clone().bit(1) & v.clone().bit(0);
        let b01 = u1.clone().bit(0) & v.clone().bit(1);
        let carry1 = b10 & b01;
        let b20 = u1.clone().bit(2) & v.clone().bit(0);
        let b11 = u1.clone().bit(1) & v.clone().bit(1);
        let b02 = u1.clone().bit(0) & v.clone().bit(2);
        let sum2 = b20 ^ b11 ^ b02;
        let carry2a = (b20 & b11) | (b20 & b02) | (b11 & b02);
        let carry2b = sum2 & carry1;
        let b21 = u1.clone().bit(2) & v.clone().bit(1);
        let b12 = u1.clone().bit(1) & v.clone().bit(2);
        let sum3 = b21 ^ b12 ^ carry2a;
        let carry3a = (b21 & b12) | (b21 & carry2a) | (b12 & carry2a);
        let carry3b = sum3 & carry2b;
        let b22 = u1.clone().bit(2) & v.clone().bit(2);
        let m3 = sum3 ^ carry2b;
        let m4 = b22 ^ carry3a ^ carry3b;
        let m5 = (b22 & carry3a) | (b22 & carry3b) | (carry3a & carry3b);
        // u1[5:3] * v[2:0] and u1[2:0] * v[5:3], three bits of each.
        let x0 = u1.clone().bit(3) & v.clone().bit(0);
        let x10 = u1.clone().bit(4) & v.clone().bit(0);
        let x01 = u1.clone().bit(3) & v.clone().bit(1);
        let x1 = x10 ^ x01;
        let x2 = (u1.clone().bit(5) & v.clone().bit(0))
            ^ (u1.clone().bit(4) & v.clone().bit(1))
            ^ (u1.clone().bit(3) & v.clone().bit(2))
            ^ (x10 & x01);
        let y0 = u1.clone().bit(0) & v.clone().bit(3);
        let y10 = u1.clone().bit(0) & v.clone().bit(4);
        let y01 = u1.clone().bit(1) & v.clone().bit(3);
        let y1 = y10 ^ y01;
        let y2 = (u1.clone().bit(0) & v.clone().bit(5))
            ^ (u1.clone().bit(1) & v.clone().bit(4))
            ^ (u1.clone().bit(2) & v.clone().bit(3))
            ^ (y10 & y01);
        // Registered here, so that each function of six inputs stays one LUT.
        self.parts.d.next = cat!(x2, y2, m5, x1, y1, m4, x0, y0, m3, sum2 ^ carry1, b10 ^ b01, b00);
        let parts = self.parts.q.val();
        let ones = parts.clone().slice(3, 3);
        let twos = parts.clone().slice(6, 3);
        let fours = parts.clone().slice(9, 3);
        let carry = (ones.clone().bit(0) & ones.clone().bit(1))
            | (ones.clone().bit(0) & ones.clone().bit(2))
            | (ones.clone().bit(1) & ones.clone().bit(2));
        let carries = ((twos.clone().bit(0) & twos.clone().bit(1))
            | (twos.clone().bit(0) & twos.clone().bit(2))
            | (twos.clone().bit(1) & twos.clone().bit(2)))
            ^ (twos.clone().xor() & carry);
        let low6 =
            cat!(fours.xor() ^ carries, twos.xor() ^ carry, ones.xor(), parts.clone().slice(0, 3));

        for i in 0..self.low.len() {
            self.low[i].clock.next = self.clock.val();
            if i == 0 {
                self.low[i].d.next = low6.clone();
            } else {
                self.low[i].d.next = self.low[i - 1].q.val();
            }
        }
        for i in 0..self.half.len() {
            self.half[i].clock.next = self.clock.val();
            if i == 0 {
                self.half[i].d.next = v.clone().slice(1, SIGNIFICAND_BITS - 1);
                if !u0.clone().bit(0) {
                    self.half[i].d.next = Word::zero(SIGNIFICAND_BITS - 1);
                }
            } else {
                self.half[i].d.next = self.half[i - 1].q.val();
            }
        }
        for i in 0..self.last.len() {
            self.last[i].clock.next = self.clock.val();
            if i == 0 {
                self.last[i].d.next = Word::from(u0.clone().bit(0) & v.clone().bit(0));
            } else {
                self.last[i].d.next = self.last[i - 1].q.val();
            }
        }
        self.dsp.c.next =
            cat!(Word::ones(27), self.low[0].q.val(), Word::zero(5), self.half[1].q.val());
        if self._kept == PRODUCT_BITS {
            self.p0.next =
                cat!(self.dsp.p.val().slice(0, 21), self.last[Self::LATENCY - 1].q.val());
            self.p1_not.next =
                cat!(self.dsp.p.val().slice(21, 16), !self.low[Self::LATENCY - 2].q.val());
        } else {
            self.p0.next = self.dsp.p.val().slice(5, 16);
            self.p1_not.next = self.dsp.p.val().slice(21, 16);
        }
    }
}
