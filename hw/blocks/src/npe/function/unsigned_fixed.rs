//! [`UnsignedFixed`]: a fraction of one as an integer.

use crate::npe::float::{bits, E8M16};
use crate::parameter::{require, ParameterError};
use skipopu_hdl::prelude::*;

/// What 1 and more become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// 1.
    One,
    /// The last fraction below 1.
    Below,
}

impl Ceiling {
    /// Short name.
    pub fn name(self) -> &'static str {
        match self {
            Ceiling::One => "one",
            Ceiling::Below => "below",
        }
    }
}

/// An E8M16 value from 0 to 1 as a multiple of 2^-n, cut; one a cycle.
///
/// - Does: saturate from 1 up, Inf and NaN included. Integers add exactly and in any order.
/// - Does not: look at the sign.
///
/// Stages: right by eights; by ones.
#[derive(LogicBlock, Ports)]
pub struct UnsignedFixed {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// E8M16.
    pub value: Wire<In>,
    /// The integer; with [`Ceiling::One`] a bit more than the fraction.
    pub fixed: Wire<Out>,
    coarse1: Reg,
    distance1: Reg,
    full1: Reg,
    fixed2: Reg,
    window: Wire<Local>,
    _fraction: usize,
    _ceiling: Ceiling,
}

impl UnsignedFixed {
    /// Cycles from value to integer.
    pub const LATENCY: usize = 2;

    /// With `fraction` fraction bits.
    ///
    /// # Errors
    /// Unless they are 16 to 31.
    pub fn new(fraction: usize, ceiling: Ceiling) -> Result<UnsignedFixed, ParameterError> {
        let ok = (E8M16..=31).contains(&fraction);
        require(ok, "fraction as an integer", "fraction bits", fraction, "must be 16 to 31")?;
        let width = fraction + usize::from(ceiling == Ceiling::One);
        Ok(UnsignedFixed {
            clock: Default::default(),
            value: Wire::new(bits(E8M16)),
            fixed: Wire::new(width),
            coarse1: Reg::new(fraction),
            distance1: Reg::new(3),
            full1: Reg::new(1),
            fixed2: Reg::new(width),
            window: Wire::new(fraction),
            _fraction: fraction,
            _ceiling: ceiling,
        })
    }
}

impl Logic for UnsignedFixed {
    #[hdl(fraction = self._fraction, ceiling = self._ceiling.name(), latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, coarse1, distance1, full1, fixed2);
        let f = self._fraction;

        // 1: a field of 126 leaves the leading one in the first place; 127 - field is its complement.
        let value = self.value.val();
        let field = value.slice(E8M16, 8);
        let distance = Word::new(7, 126) - field.trunc(7);
        if f == E8M16 {
            self.window.next = cat!(true, value.slice(1, E8M16 - 1));
        } else if f == E8M16 + 1 {
            self.window.next = cat!(true, value.trunc(E8M16));
        } else {
            self.window.next = cat!(true, value.trunc(E8M16), Word::zero(f - E8M16 - 1));
        }
        let window = self.window.val();
        let mut coarse = window.clone();
        for j in 1..4usize {
            if 8 * j < f {
                if distance.slice(3, 2) == Word::new(2, j as u128) {
                    coarse = cat!(Word::zero(8 * j), window.slice(8 * j, f - 8 * j));
                }
            } else {
                if distance.slice(3, 2) == Word::new(2, j as u128) {
                    coarse = Word::zero(f);
                }
            }
        }
        if distance.slice(5, 2).any() {
            coarse = Word::zero(f);
        }
        self.coarse1.d.next = coarse;
        self.distance1.d.next = distance.trunc(3);
        self.full1.d.next = Word::from(field.bit(7) | field.trunc(7).all());

        // 2: right by ones.
        let distance = self.distance1.q.val();
        let window = self.coarse1.q.val();
        let mut by_twos = window.clone();
        for j in 1..4usize {
            if distance.slice(1, 2) == Word::new(2, j as u128) {
                by_twos = cat!(Word::zero(2 * j), window.slice(2 * j, f - 2 * j));
            }
        }
        let mut fine = by_twos.clone();
        if distance.bit(0) {
            fine = cat!(false, by_twos.slice(1, f - 1));
        }
        let full = self.full1.q.val().any();
        if self._ceiling == Ceiling::One {
            self.fixed2.d.next = cat!(false, fine);
            if full {
                self.fixed2.d.next = cat!(true, Word::zero(f));
            }
        } else {
            self.fixed2.d.next = fine;
            if full {
                self.fixed2.d.next = Word::ones(f);
            }
        }
        self.fixed.next = self.fixed2.q.val();
    }
}
