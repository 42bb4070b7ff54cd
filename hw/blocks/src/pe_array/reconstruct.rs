//! Reconstruction: an exact integer times a power of two, to FP16 or FP32.

use super::error::{within, PeArrayError};
use skipopu_config::WideFormat;
use skipopu_hdl::prelude::*;

/// What a [`Reconstruct`] is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumShape {
    /// Bits of the sum, two's complement, 2 to 48; for FP32 17 to 48.
    pub width: usize,
    /// Bits of the exponent, unsigned, 1 to 8.
    pub exponent_bits: usize,
    /// The value is `(sum + carry) * 2^(exponent + unit)`.
    pub unit: i32,
    /// Least exponent that comes with a sum other than zero. The closer to the truth, the smaller
    /// the shifter.
    pub least_exponent: u32,
    /// Format of the result.
    pub format: WideFormat,
}

impl SumShape {
    /// Fraction bits of the result.
    pub fn fraction_bits(&self) -> usize {
        match self.format {
            WideFormat::Fp16 => 10,
            WideFormat::Fp32 => 23,
        }
    }

    /// Exponent bits of the result.
    pub fn field_bits(&self) -> usize {
        match self.format {
            WideFormat::Fp16 => 5,
            WideFormat::Fp32 => 8,
        }
    }

    /// Bits of the result.
    pub fn result_bits(&self) -> usize {
        1 + self.field_bits() + self.fraction_bits()
    }

    /// Exponent of the least normal result.
    fn least_normal(&self) -> i32 {
        2 - (1 << (self.field_bits() - 1))
    }

    /// How far the leading bit of `width` bits, half units included, may go left when the exponent
    /// is 0, before the result's last bit falls below the least subnormal.
    fn allowance(&self, width: usize) -> i32 {
        self.unit + width as i32 - 2 - self.least_normal()
    }

    /// Copies of the sign on top, so that the allowance is never negative for a sum other than zero.
    fn guard(&self) -> usize {
        (-(self.least_exponent as i32 + self.allowance(self.width))).max(0) as usize
    }

    /// May a result be subnormal, or overflow? FP32 holds every sum of this design as a normal number.
    fn limited(&self) -> bool {
        self.format == WideFormat::Fp16
    }

    /// The FP32 unit with which a 7-bit exponent needs next to no logic: for parents that can add the
    /// difference to another unit once for many columns.
    pub fn cheapest_unit(width: usize) -> i32 {
        let shape = SumShape {
            width,
            exponent_bits: 1,
            unit: 0,
            least_exponent: 0,
            format: WideFormat::Fp32,
        };
        // What is added to the exponent is then one bit, above most of it.
        64 - shape.allowance(width)
    }

    /// Bits of the exponent arithmetic.
    fn room_bits(&self) -> usize {
        if self.limited() {
            9
        } else {
            self.field_bits()
        }
    }

    fn check(&self) -> Result<(), PeArrayError> {
        let block = "reconstruction";
        within(block, "width", self.width, if self.limited() { 2 } else { 17 }, 48)?;
        within(block, "exponent_bits", self.exponent_bits, 1, 8)?;
        let guarded = self.width + self.guard();
        let greatest = self.allowance(guarded) + (1 << self.exponent_bits) - 1;
        let fits = guarded <= 64 && greatest < 1 << self.room_bits();
        let normal = self.limited()
            || (greatest < (1 << self.field_bits()) - 2
                && self.least_exponent as i32 + self.allowance(guarded) >= guarded as i32);
        if fits && normal {
            return Ok(());
        }
        Err(PeArrayError {
            block,
            parameter: "unit",
            value: self.unit.into(),
            range: "a unit with which no FP32 result overflows or underflows and an FP16 result is less than 2^16 times subnormal".into(),
        })
    }
}

/// Rounds `(sum + carry) * 2^(exponent + unit)` to nearest even.
///
/// *Does*: FP16 with overflow to Inf and exact subnormals, or FP32; a zero sum is +0; both flags give
/// NaN, one flag the Inf of its sign, whatever the sum. *Does not* keep the sign of a zero.
/// A new sum every cycle, result [`Reconstruct::LATENCY`] cycles later.
///
/// The magnitude is never formed. With sign `s`, one's complement `sum ^ s` and `i = s ^ carry`,
/// `|sum + carry| = (sum ^ s) + i`; writing `i` half a unit below the sum and into every
/// place that shifting left frees makes the increment part of the rounding.
#[derive(LogicBlock, Ports)]
pub struct Reconstruct {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Two's complement sum.
    pub sum: Wire<In>,
    /// Added to the sum, weight one.
    pub carry: Signal<In, Bit>,
    /// Exponent, unsigned.
    pub exponent: Wire<In>,
    /// A product is +Inf or NaN.
    pub positive: Signal<In, Bit>,
    /// A product is -Inf or NaN.
    pub negative: Signal<In, Bit>,
    /// The encoding: 16 or 32 bits.
    pub result: Wire<Out>,
    sum1: Reg,
    sum2: Reg,
    sum3: Reg,
    sum4: Reg,
    used1: Reg,
    zero2: Reg,
    zero3: Reg,
    below2: Reg,
    below3: Reg,
    below4: Reg,
    room1: Reg,
    room2: Reg,
    room3: Reg,
    steps2: Reg,
    steps3: Reg,
    field4: Reg,
    side1: Reg,
    side2: Reg,
    side3: Reg,
    side4: Reg,
    packed: Reg,
    ahead: Vec<Reg>,
    whole: Wire<Local>,
    used: Wire<Local>,
    _shape: SumShape,
}

impl Reconstruct {
    /// Cycles from sum to result.
    pub const LATENCY: usize = 5;

    /// A reconstruction of the given shape.
    ///
    /// # Errors
    /// A width or unit out of range.
    pub fn new(shape: SumShape) -> Result<Reconstruct, PeArrayError> {
        shape.check()?;
        let w = Windows::of(&shape);
        let limited = shape.limited();
        let room = shape.room_bits();
        Ok(Reconstruct {
            clock: Default::default(),
            sum: Wire::new(shape.width),
            carry: Default::default(),
            exponent: Wire::new(shape.exponent_bits),
            positive: Default::default(),
            negative: Default::default(),
            result: Wire::new(shape.result_bits()),
            sum1: Reg::new(w.whole),
            sum2: Reg::new(w.after16),
            sum3: Reg::new(w.after4),
            sum4: Reg::new(w.kept),
            used1: Reg::new(w.groups),
            zero2: Reg::new(1),
            zero3: Reg::new(1),
            below2: Reg::new(1),
            below3: Reg::new(1),
            below4: Reg::new(1),
            room1: Reg::new(room),
            room2: Reg::new(room),
            room3: Reg::new(room),
            steps2: Reg::new(2),
            steps3: Reg::new(4),
            field4: Reg::new(shape.field_bits()),
            side1: Reg::new(4),
            side2: Reg::new(if limited { 8 } else { 4 }),
            side3: Reg::new(if limited { 6 } else { 4 }),
            side4: Reg::new(5),
            packed: Reg::new(shape.result_bits()),
            ahead: (0..if limited { 0 } else { 2 }).map(|_| Reg::new(2)).collect(),
            whole: Wire::new(w.whole),
            used: Wire::new(w.groups),
            _shape: shape,
        })
    }
}

/// Widths of the sum on its way through the shifter.
struct Windows {
    /// The sum with its guard, half-unit bit and at least 16 bits.
    whole: usize,
    /// Bits below the half unit, to reach 16.
    padding: usize,
    /// Groups of 16.
    groups: usize,
    /// Bits that can still be among the kept ones after shifting by multiples of 16.
    after16: usize,
    /// The same after multiples of 4.
    after4: usize,
    /// Hidden bit, fraction, rounding bit.
    kept: usize,
}

impl Windows {
    fn of(shape: &SumShape) -> Windows {
        let sum = shape.width + shape.guard();
        let whole = sum.max(16);
        let kept = shape.fraction_bits() + 2;
        let after16 = whole.min(kept + 15);
        let after4 = after16.min(kept + 3);
        let groups = whole.div_ceil(16);
        Windows { whole, padding: whole - sum, groups, after16, after4, kept }
    }
}

impl Logic for Reconstruct {
    #[hdl(
        width = self._shape.width,
        exponent = self._shape.exponent_bits,
        unit = self._shape.unit,
        least = self._shape.least_exponent,
        result = self._shape.result_bits(),
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(
            self, clock, sum1, sum2, sum3, sum4, used1, zero2, zero3, below2, below3, below4,
            room1, room2, room3, steps2, steps3, field4, side1, side2, side3, side4, packed
        );
        let shape = self._shape;
        let w = Windows::of(&shape);
        let fraction = shape.fraction_bits();
        let field = shape.field_bits();
        let limited = shape.limited();
        let room_bits = shape.room_bits();

        // Stage 1: the whole sum, which groups of 16 hold its leading bit, how far it may go left.
        let sum_bits = shape.width + shape.guard();
        let sign = self.sum.val().bit(shape.width - 1);
        let carry = self.carry.val();
        let doubled = cat!(self.sum.val().sext(sum_bits).trunc(sum_bits - 1), carry);
        if w.padding == 0 {
            self.whole.next = doubled;
        } else {
            let filled = mux(carry, Word::ones(w.padding), Word::zero(w.padding));
            self.whole.next = cat!(doubled, filled);
        }
        for j in 0..w.groups {
            let low = (w.whole - 16 * j).saturating_sub(16);
            let group = self.whole.val().slice(low, w.whole - 16 * j - low);
            let differs = mux(sign, !group.clone(), group).any();
            self.used.next.set_slice(j, &Word::from(differs));
        }
        self.used1.d.next = self.used.val();
        self.sum1.d.next = self.whole.val();
        let offset = Word::from_i128(room_bits, shape.allowance(sum_bits).into());
        self.room1.d.next = self.exponent.val().zext(room_bits) + offset;
        self.side1.d.next = cat!(self.positive.val(), self.negative.val(), sign, carry);

        // Stage 2: left by multiples of 16, not beyond the allowance.
        let fill2 = self.side1.q.val().bit(0);
        let sum2 = self.sum1.q.val();
        let room2 = self.room1.q.val();
        let mut lead2 = Word::new(2, w.groups as u128 - 1);
        for j in 1..w.groups {
            let group = w.groups - 1 - j;
            if self.used1.q.val().bit(group) {
                lead2 = Word::new(2, group as u128);
            }
        }
        if !limited {
            self.side2.d.next = self.side1.q.val();
        } else {
            // Once a digit is below the allowance's, the lower digits are free.
            let most = room2.slice(4, room_bits - 4);
            let mut free = Word::new(4, 15);
            if lead2.zext(room_bits - 4) >= most {
                lead2 = most.trunc(2);
                free = room2.trunc(4);
            }
            self.side2.d.next = cat!(free, self.side1.q.val());
        }
        let mut next2 = sum2.slice(w.whole - w.after16, w.after16);
        let mut below2 = false;
        for j in 0..w.groups {
            let free = (16 * j).saturating_sub(w.whole - w.after16);
            let mut moved = mux(fill2, Word::ones(w.after16), Word::zero(w.after16));
            if free == 0 {
                moved = sum2.slice(w.whole - w.after16 - 16 * j, w.after16);
            } else {
                moved = cat!(sum2.trunc(w.after16 - free), moved.trunc(free));
            }
            if lead2 == Word::new(2, j as u128) {
                next2 = moved;
            }
            if w.whole > w.after16 + 16 * j {
                if lead2 == Word::new(2, j as u128) {
                    let rest = sum2.trunc(w.whole - w.after16 - 16 * j);
                    below2 = mux(fill2, !rest.clone(), rest).any();
                }
            }
        }
        self.sum2.d.next = next2.clone();
        self.below2.d.next = Word::from(below2);
        self.zero2.d.next = Word::from(!self.used1.q.val().any());
        self.steps2.d.next = lead2;
        self.room2.d.next = room2;

        // Stage 3: left by multiples of 4.
        let sign3 = self.side2.q.val().bit(1);
        let fill3 = self.side2.q.val().bit(0);
        let sum3 = self.sum2.q.val();
        // Where nothing limits the shift, its digit is found a stage ahead, beside the shift before.
        let mut source3 = sum3.slice(w.after16 - 12, 12);
        let mut source3_sign = sign3;
        if !limited {
            source3 = next2.slice(w.after16 - 12, 12);
            source3_sign = self.side1.q.val().bit(1);
        }
        let mut lead3 = Word::new(2, 3);
        for j in 0..3usize {
            let group = source3.slice(4 * j, 4);
            if mux(source3_sign, !group.clone(), group).any() {
                lead3 = Word::new(2, 2 - j as u128);
            }
        }
        if !limited {
            self.ahead[0].clock.next = self.clock.val();
            self.ahead[0].d.next = lead3;
            lead3 = self.ahead[0].q.val();
        }
        if !limited {
            self.side3.d.next = self.side2.q.val();
        } else {
            let most = self.side2.q.val().slice(6, 2);
            let mut free = Word::new(2, 3);
            if lead3 >= most {
                lead3 = most;
                free = self.side2.q.val().slice(4, 2);
            }
            self.side3.d.next = cat!(free, self.side2.q.val().trunc(4));
        }
        let mut next3 = sum3.slice(w.after16 - w.after4, w.after4);
        let mut below3 = self.below2.q.val().any();
        for j in 0..4usize {
            let free = (4 * j).saturating_sub(w.after16 - w.after4);
            let mut moved = mux(fill3, Word::ones(w.after4), Word::zero(w.after4));
            if free == 0 {
                moved = sum3.slice(w.after16 - w.after4 - 4 * j, w.after4);
            } else {
                moved = cat!(sum3.trunc(w.after4 - free), moved.trunc(free));
            }
            if lead3 == Word::new(2, j as u128) {
                next3 = moved;
            }
            if w.after16 > w.after4 + 4 * j {
                if lead3 == Word::new(2, j as u128) {
                    let rest = sum3.trunc(w.after16 - w.after4 - 4 * j);
                    below3 = self.below2.q.val().any() | mux(fill3, !rest.clone(), rest).any();
                }
            }
        }
        self.sum3.d.next = next3.clone();
        self.below3.d.next = Word::from(below3);
        self.zero3.d.next = self.zero2.q.val();
        self.steps3.d.next = cat!(self.steps2.q.val(), lead3);
        self.room3.d.next = self.room2.q.val();

        // Stage 4: left by up to 3; the exponent field, without the one that the hidden bit adds.
        let sign4 = self.side3.q.val().bit(1);
        let fill4 = self.side3.q.val().bit(0);
        let zero4 = self.zero3.q.val().any();
        let sum4 = self.sum3.q.val();
        let mut source4 = sum4.slice(w.after4 - 3, 3);
        let mut source4_sign = sign4;
        if !limited {
            source4 = next3.slice(w.after4 - 3, 3);
            source4_sign = sign3;
        }
        let mut lead4 = Word::new(2, 3);
        for j in 0..3usize {
            if source4.bit(j) != source4_sign {
                lead4 = Word::new(2, 2 - j as u128);
            }
        }
        if !limited {
            self.ahead[1].clock.next = self.clock.val();
            self.ahead[1].d.next = lead4;
            lead4 = self.ahead[1].q.val();
        }
        if limited {
            let most = self.side3.q.val().slice(4, 2);
            if lead4 >= most {
                lead4 = most;
            }
        }
        let mut next4 = Word::zero(w.kept);
        let mut below4 = self.below3.q.val().any();
        for j in 0..4usize {
            let free = (w.kept + j).saturating_sub(w.after4);
            let mut moved = mux(fill4, Word::ones(w.kept), Word::zero(w.kept));
            if free == 0 {
                moved = sum4.slice(w.after4 - w.kept - j, w.kept);
            } else {
                moved = cat!(sum4.trunc(w.kept - free), moved.trunc(free));
            }
            if lead4 == Word::new(2, j as u128) {
                next4 = moved;
            }
            if w.after4 > w.kept + j {
                if lead4 == Word::new(2, j as u128) {
                    let rest = sum4.trunc(w.after4 - w.kept - j);
                    below4 = self.below3.q.val().any() | mux(fill4, !rest.clone(), rest).any();
                }
            }
        }
        let steps = cat!(self.steps3.q.val(), lead4);
        let exponent = self.room3.q.val() - steps.zext(room_bits);
        let mut over = false;
        if limited {
            over = !zero4 & (exponent >= Word::new(room_bits, (1 << field) - 2));
        }
        let infinity = self.side3.q.val().slice(2, 2);
        let mut negative = sign4 & !zero4;
        if infinity.any() {
            negative = !infinity.bit(1);
        }
        self.sum4.d.next = next4;
        self.below4.d.next = Word::from(below4);
        self.field4.d.next = exponent.trunc(field);
        if zero4 {
            self.field4.d.next = Word::zero(field);
        }
        self.side4.d.next =
            cat!(over | infinity.any(), infinity.all(), negative, sign4, fill4 != sign4);

        // Stage 5: round to nearest even and pack. The hidden bit adds one to the field.
        let special = self.side4.q.val().bit(4);
        let quiet = self.side4.q.val().bit(3);
        let sign5 = self.side4.q.val().bit(1);
        let fill5 = self.side4.q.val().bit(0);
        let kept = mux(sign5, !self.sum4.q.val(), self.sum4.q.val());
        let below5 = self.below4.q.val().any();
        let odd = kept.bit(1);
        let mut up = kept.bit(0) & (odd | below5);
        if fill5 {
            up = kept.bit(0) | (odd & !below5);
        }
        // One adder: the lowest place only makes `up` its carry input.
        let left = cat!(self.field4.q.val(), kept.slice(1, fraction), Word::ones(1));
        let hidden = cat!(kept.bit(fraction + 1), Word::zero(fraction), up);
        let carried = left + hidden.zext(field + fraction + 1);
        self.packed.d.next = cat!(self.side4.q.val().bit(2), carried.slice(1, field + fraction));
        if special {
            self.packed.d.next =
                cat!(self.side4.q.val().bit(2), Word::ones(field), quiet, Word::zero(fraction - 1));
        }
        self.result.next = self.packed.q.val();
    }
}
