//! [`Narrow`]: the formats with 8 exponent bits to FP16.

use super::{bits, require_fraction};
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;

/// E8M10, E8M16 or FP32 to FP16, to nearest even; one a cycle.
///
/// - Does: FP16's subnormals to their last bit, overflow to Inf, the one NaN.
/// - Does not: round twice; what comes in is the exact value or was rounded to odd.
///
/// Stages: how far right, the exponent field less the hidden bit; shift; round.
#[derive(LogicBlock, Ports)]
pub struct Narrow {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The value.
    pub value: Wire<In>,
    /// FP16.
    pub result: Wire<Out>,
    // Hidden bit, ten fraction bits, guard bit.
    digits1: Reg,
    below1: Reg,
    distance1: Reg,
    field1: Reg,
    // NaN, sign.
    kind1: Reg,
    digits2: Reg,
    below2: Reg,
    field2: Reg,
    kind2: Reg,
    result3: Reg,
    _fraction: usize,
}

impl Narrow {
    /// Cycles from value to result.
    pub const LATENCY: usize = 3;

    /// From the format of `fraction` bits.
    ///
    /// # Errors
    /// Unless they are 10 to 23.
    pub fn new(fraction: usize) -> Result<Narrow, ParameterError> {
        require_fraction("narrow", fraction)?;
        Ok(Narrow {
            clock: Default::default(),
            value: Wire::new(bits(fraction)),
            result: Wire::new(16),
            digits1: Reg::new(12),
            below1: Reg::new(1),
            distance1: Reg::new(4),
            field1: Reg::new(5),
            kind1: Reg::new(2),
            digits2: Reg::new(12),
            below2: Reg::new(1),
            field2: Reg::new(5),
            kind2: Reg::new(2),
            result3: Reg::new(16),
            _fraction: fraction,
        })
    }
}

impl Logic for Narrow {
    #[hdl(fraction = self._fraction, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(
            self, clock, digits1, below1, distance1, field1, kind1, digits2, below2, field2, kind2,
            result3
        );
        let f = self._fraction;

        // 1: 113 is FP16's least normal exponent, 143 the first beyond. What leaves nothing, Inf and NaN
        // included, goes right by 15.
        let value = self.value.val();
        let field = value.slice(f, 8);
        let fraction = value.trunc(f);
        let upper = field.bit(7);
        let three = field.slice(4, 3);
        let normal = upper | (three.all() & field.trunc(4).any());
        let over = upper & (three.any() | field.trunc(4).all());
        // From 98 up the distance 113 - field fits four bits.
        let close = field.slice(5, 2).all() & (field.bit(4) | field.slice(1, 3).any());
        let mut distance = Word::ones(4);
        if normal & !over {
            distance = Word::zero(4);
        }
        if !normal & close {
            distance = Word::new(4, 1) - field.trunc(4);
        }
        self.distance1.d.next = distance;
        let mut less = Word::zero(5);
        if normal {
            less = field.trunc(5) + Word::new(5, 15);
        }
        if over {
            less = Word::ones(5);
        }
        self.field1.d.next = less;
        if f == 10 {
            self.digits1.d.next = cat!(true, fraction.clone(), false);
            self.below1.d.next = Word::zero(1);
        } else if f == 11 {
            self.digits1.d.next = cat!(true, fraction.clone());
            self.below1.d.next = Word::zero(1);
        } else {
            self.digits1.d.next = cat!(true, fraction.slice(f - 11, 11));
            self.below1.d.next = Word::from(fraction.trunc(f - 11).any());
        }
        let nan = field.all() & fraction.any();
        self.kind1.d.next = cat!(nan, value.bit(f + 8) & !nan);

        // 2: right, by ones and by fours.
        let distance = self.distance1.q.val();
        let digits = self.digits1.q.val();
        let mut by_ones = digits.clone();
        let mut lost = false;
        for j in 1..4usize {
            if distance.trunc(2) == Word::new(2, j as u128) {
                by_ones = cat!(Word::zero(j), digits.slice(j, 12 - j));
                lost = digits.trunc(j).any();
            }
        }
        let mut by_fours = by_ones.clone();
        let mut dropped = false;
        for j in 1..3usize {
            if distance.slice(2, 2) == Word::new(2, j as u128) {
                by_fours = cat!(Word::zero(4 * j), by_ones.slice(4 * j, 12 - 4 * j));
                dropped = by_ones.trunc(4 * j).any();
            }
        }
        if distance.slice(2, 2) == Word::new(2, 3) {
            by_fours = Word::zero(12);
        }
        self.digits2.d.next = by_fours;
        self.below2.d.next = Word::from(self.below1.q.val().any() | lost | dropped);
        self.field2.d.next = self.field1.q.val();
        self.kind2.d.next = self.kind1.q.val();

        // 3: round; the hidden bit adds one to the field.
        let kept = self.digits2.q.val().slice(1, 11);
        let up = self.digits2.q.val().bit(0) & (self.below2.q.val().any() | kept.bit(0));
        let kind = self.kind2.q.val();
        let left = cat!(self.field2.q.val(), kind.bit(1), Word::zero(9), Word::ones(1));
        let carried = left + cat!(Word::zero(4), kept, up);
        self.result3.d.next = cat!(kind.bit(0), carried.slice(1, 15));
        self.result.next = self.result3.q.val();
    }
}
