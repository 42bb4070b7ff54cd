//! [`Aligner`]: one FP16 value to an integer of its block's unit.

use super::shape::{AlignedShape, EXPONENT_BITS, FIELD_BITS, VALUE_BITS};
use crate::pe_array::error::PeArrayError;
use skipopu_hdl::prelude::*;

/// Which operand a converter makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Activations: `act_bits` wide; `int4` narrows a vector to `int4_bits`.
    Activations,
    /// A column's FP16 operand: `kv_bits` wide; with `int4` the value is four INT4 weights, which
    /// pass to the places of [`AlignedShape::weight_bit`], those of
    /// [`AlignedShape::inverted`] inverted.
    Weights,
}

impl Role {
    /// Magnitude bits of the integers.
    pub fn width(self, shape: &AlignedShape) -> usize {
        match self {
            Role::Activations => shape.act_bits,
            Role::Weights => shape.kv_bits,
        }
    }

    /// Bits of a lane's result, sign included.
    pub fn lane_bits(self, shape: &AlignedShape) -> usize {
        match self {
            Role::Activations => shape.x_bits(),
            Role::Weights => shape.word_bits(),
        }
    }

    /// Bits of a vector's exponent; that of activations may be raised.
    pub fn exponent_bits(self) -> usize {
        match self {
            Role::Activations => EXPONENT_BITS,
            Role::Weights => FIELD_BITS,
        }
    }

    /// For module names.
    pub fn name(self) -> &'static str {
        match self {
            Role::Activations => "activations",
            Role::Weights => "weights",
        }
    }
}

/// Shifts a significand right by its distance from the block's exponent, rounds half away from zero
/// and signs (numerics 8.1).
///
/// - Does: any FP16 value, subnormals included; exact at distances up to `width - 11`.
/// - Does not: give Inf and NaN a meaning; the block's flag overrules the sums they are in.
/// - Guarantee: a value a cycle, latency [`Aligner::LATENCY`].
///
/// The significand is shifted by 0 to 3, then by multiples of four in the LUTs that negate and round:
/// places of the result that three or fewer multiples reach share the LUT of the adder.
#[derive(LogicBlock, Ports)]
pub struct Aligner {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16, or four INT4 weights.
    pub value: Wire<In>,
    /// The block's exponent, 1 to 34; not less than the value's.
    pub exponent: Wire<In>,
    /// The value is four INT4 weights; not used by [`Role::Activations`].
    pub int4: Signal<In, Bit>,
    /// Two's complement integer; for weights with the padding below.
    pub integer: Wire<Out>,
    distance4: Reg,
    significand4: Reg,
    sign4: Reg,
    negate4: Reg,
    invert4: Vec<Reg>,
    spare4: Vec<Reg>,
    shifted5: Reg,
    far5: Reg,
    upper5: Reg,
    lower5: Reg,
    sign5: Reg,
    negate5: Reg,
    invert5: Vec<Reg>,
    spare5: Vec<Reg>,
    integer6: Reg,
    near: Wire<Local>,
    window: Wire<Local>,
    signed: Wire<Local>,
    _shape: AlignedShape,
    _role: Role,
}

impl Aligner {
    /// Cycles from value to integer.
    pub const LATENCY: usize = 3;

    /// One lane of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: AlignedShape, role: Role) -> Result<Aligner, PeArrayError> {
        shape.check()?;
        let width = role.width(&shape);
        let padding = role.lane_bits(&shape) - (width + 1);
        Ok(Aligner {
            clock: Default::default(),
            value: Wire::new(VALUE_BITS),
            exponent: Wire::new(EXPONENT_BITS),
            int4: Default::default(),
            integer: Wire::new(role.lane_bits(&shape)),
            distance4: Reg::new(EXPONENT_BITS),
            significand4: Reg::new(11),
            sign4: Reg::new(1),
            negate4: Reg::new(1),
            invert4: (role == Role::Weights).then(|| Reg::new(1)).into_iter().collect(),
            spare4: (role == Role::Weights).then(|| Reg::new(4)).into_iter().collect(),
            shifted5: Reg::new(width + 1),
            far5: Reg::new(3),
            upper5: Reg::new(2),
            lower5: Reg::new(2),
            sign5: Reg::new(1),
            negate5: Reg::new(1),
            invert5: (role == Role::Weights).then(|| Reg::new(1)).into_iter().collect(),
            spare5: (padding > 0).then(|| Reg::new(padding)).into_iter().collect(),
            integer6: Reg::new(role.lane_bits(&shape)),
            near: Wire::new(width + 1),
            window: Wire::new(width + 1),
            signed: Wire::new(width),
            _shape: shape,
            _role: role,
        })
    }
}

impl Logic for Aligner {
    #[hdl(role = self._role.name(), width = self._role.width(&self._shape), latency = Self::LATENCY, no_inline)]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            distance4,
            significand4,
            sign4,
            negate4,
            shifted5,
            far5,
            upper5,
            lower5,
            sign5,
            negate5,
            integer6
        );
        let width = self._role.width(&self._shape);
        let weights = self._role == Role::Weights;

        // Distance and significand. Subnormals have exponent 1 and no hidden bit.
        let value = self.value.val();
        let field = value.slice(10, 5);
        let normal = field.any();
        let own = cat!(field.slice(1, 4), field.bit(0) | !normal);
        self.distance4.d.next = self.exponent.val() - own.zext(6);
        let mut hidden = normal;
        self.sign4.d.next = value.slice(15, 1);
        self.negate4.d.next = value.slice(15, 1);
        if weights {
            self.spare4[0].clock.next = self.clock.val();
            self.spare4[0].d.next = value.slice(10, 4);
            self.invert4[0].clock.next = self.clock.val();
            self.invert4[0].d.next = value.slice(15, 1);
            self.invert5[0].clock.next = self.clock.val();
            self.invert5[0].d.next = self.invert4[0].q.val();
            if self.int4.val() {
                self.invert4[0].d.next = Word::ones(1);
                hidden = value.bit(14);
                self.distance4.d.next = 0.into();
                self.negate4.d.next = 0.into();
            } else {
                self.spare4[0].d.next = 0.into();
            }
        }
        self.significand4.d.next = cat!(hidden, value.trunc(10));

        // Shift by 0 to 3, and how many fours remain, for three kinds of places.
        let significand = self.significand4.q.val();
        let distance = self.distance4.q.val();
        for p in 0..width + 1 {
            let mut bit = false;
            for step in 0..4usize {
                if (p + step >= width - 10) & (p + step <= width) {
                    if distance.trunc(2) == Word::new(2, step as u128) {
                        bit = significand.bit(p + step - (width - 10));
                    }
                }
            }
            if weights & (p + 14 >= width) & (p + 11 <= width) & (p > 0) {
                // Zero but for INT4 weights, which are not shifted.
                bit = bit | self.spare4[0].q.val().bit(p + 14 - width);
            }
            self.near.next.set_slice(p, &Word::from(bit));
        }
        self.shifted5.d.next = self.near.val();
        let mut fours = distance.slice(2, 3);
        if distance.bit(5) {
            fours = Word::ones(3);
        }
        self.far5.d.next = fours.clone();
        self.upper5.d.next = fours.trunc(2);
        self.lower5.d.next = fours.trunc(2);
        if fours.bit(2) {
            self.upper5.d.next = Word::ones(2);
            self.lower5.d.next = Word::zero(2);
        }
        self.sign5.d.next = self.sign4.q.val();
        self.negate5.d.next = self.negate4.q.val();

        // Shift by fours, negate, round.
        let shifted = self.shifted5.q.val();
        let lowest = width.saturating_sub(if weights { 14 } else { 13 });
        for p in 0..width + 1 {
            let least = if p < lowest { (lowest - p).div_ceil(4) } else { 0 };
            let most = (width - p) / 4;
            let mut bit = false;
            for four in least..most + 1 {
                if most < 3 {
                    if self.upper5.q.val() == Word::new(2, four as u128) {
                        bit = shifted.bit(p + 4 * four);
                    }
                } else if (least > 0) & (most < 4) {
                    if self.lower5.q.val() == Word::new(2, four as u128) {
                        bit = shifted.bit(p + 4 * four);
                    }
                } else {
                    if self.far5.q.val() == Word::new(3, four as u128) {
                        bit = shifted.bit(p + 4 * four);
                    }
                }
            }
            self.window.next.set_slice(p, &Word::from(bit));
        }
        let cut = self.window.val().slice(1, width);
        let negate = self.negate5.q.val().any();
        let padding = self._role.lane_bits(&self._shape) - (width + 1);
        self.signed.next = mux(negate, !cut.clone(), cut.clone());
        for p in 0..width {
            if weights & self._shape.inverted(p + padding) {
                let invert = self.invert5[0].q.val().any();
                self.signed.next.set_slice(p, &Word::from(cut.bit(p) ^ invert));
            }
        }
        let ones = cat!(self.sign5.q.val(), self.signed.val());
        let carry = self.window.val().bit(0) ^ negate;
        let rounded = ones + Word::from(carry).zext(width + 1);
        if padding == 0 {
            self.integer6.d.next = rounded;
        } else {
            self.spare5[0].clock.next = self.clock.val();
            for p in 0..padding {
                let bit = self.spare4[0].q.val().bit(p);
                self.spare5[0].d.next.set_slice(p, &Word::from(bit ^ self._shape.inverted(p)));
            }
            self.integer6.d.next = cat!(rounded, self.spare5[0].q.val());
        }
        self.integer.next = self.integer6.q.val();
    }
}
