//! [`LargestExponent`]: the maximum over the lanes, digit by digit.

use super::lane::PRODUCT_EXPONENT_BITS;
use skipopu_hdl::prelude::*;

/// Bits of a digit: three digits to an exponent.
const DIGIT: usize = 2;

/// The largest of `lanes` digits from 0 to 3, without a register.
///
/// The upper bit of the maximum is the OR of the upper bits; the lower bit is the OR of the lower bits
/// of the lanes that have the upper bit, or of all lanes if none has. A tree of comparators takes three
/// times the LUTs.
#[derive(LogicBlock, Ports)]
pub struct LargestDigit {
    /// 2 bits a lane.
    pub digits: Wire<In>,
    /// The largest.
    pub largest: Wire<Out>,
    upper: Wire<Local>,
    lower: Wire<Local>,
    both: Wire<Local>,
    _lanes: usize,
}

impl LargestDigit {
    fn new(lanes: usize) -> LargestDigit {
        LargestDigit {
            digits: Wire::new(lanes * DIGIT),
            largest: Wire::new(DIGIT),
            upper: Wire::new(lanes),
            lower: Wire::new(lanes),
            both: Wire::new(lanes),
            _lanes: lanes,
        }
    }
}

impl Logic for LargestDigit {
    #[hdl(lanes = self._lanes)]
    fn update(&mut self) {
        for i in 0..self._lanes {
            let digit = self.digits.val().slice(i * DIGIT, DIGIT);
            self.upper.next.set_slice(i, &Word::from(digit.clone().bit(1)));
            self.lower.next.set_slice(i, &Word::from(digit.clone().bit(0)));
            self.both.next.set_slice(i, &Word::from(digit.clone().bit(1) & digit.bit(0)));
        }
        let upper = self.upper.val().any();
        let lower = (upper & self.both.val().any()) | (!upper & self.lower.val().any());
        self.largest.next = cat!(upper, lower);
    }
}

/// The largest of `lanes` exponents of 6 bits; a new vector every cycle.
///
/// - Does: finds the digits from the top; a lane whose digit is below the maximum has its lower digits
///   reset to 0, so that it no longer counts.
/// - Does not: say which lane it was.
#[derive(LogicBlock, Ports)]
pub struct LargestExponent {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// 6 bits a lane, lane 0 lowest.
    pub exponents: Wire<In>,
    /// The largest.
    pub largest: Wire<Out>,
    digits: Vec<LargestDigit>,
    middle: Vec<Reg>,
    low: Vec<Reg>,
    first: Reg,
    second: Reg,
    third: Reg,
    _lanes: usize,
}

impl LargestExponent {
    /// Cycles from exponents to the largest: one a digit.
    pub const LATENCY: usize = 3;

    pub(super) fn new(lanes: usize) -> LargestExponent {
        LargestExponent {
            clock: Default::default(),
            exponents: Wire::new(lanes * PRODUCT_EXPONENT_BITS),
            largest: Wire::new(PRODUCT_EXPONENT_BITS),
            digits: (0..LargestExponent::LATENCY).map(|_| LargestDigit::new(lanes)).collect(),
            middle: (0..lanes).map(|_| Reg::new(2 * DIGIT)).collect(),
            low: (0..lanes).map(|_| Reg::new(DIGIT)).collect(),
            first: Reg::new(DIGIT),
            second: Reg::new(2 * DIGIT),
            third: Reg::new(3 * DIGIT),
            _lanes: lanes,
        }
    }
}

impl Logic for LargestExponent {
    #[hdl(lanes = self._lanes, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, first, second, third);
        for i in 0..self._lanes {
            self.middle[i].clock.next = self.clock.val();
            self.low[i].clock.next = self.clock.val();
            let exponent =
                self.exponents.val().slice(i * PRODUCT_EXPONENT_BITS, PRODUCT_EXPONENT_BITS);
            let top = exponent.clone().slice(2 * DIGIT, DIGIT);
            self.digits[0].digits.next.set_slice(i * DIGIT, &top);
            self.middle[i].d.next = exponent.slice(0, 2 * DIGIT);
            if top != self.digits[0].largest.val() {
                self.middle[i].d.next = Word::zero(2 * DIGIT);
            }
            let held = self.middle[i].q.val();
            let middle = held.clone().slice(DIGIT, DIGIT);
            self.digits[1].digits.next.set_slice(i * DIGIT, &middle);
            self.low[i].d.next = held.slice(0, DIGIT);
            if middle != self.digits[1].largest.val() {
                self.low[i].d.next = Word::zero(DIGIT);
            }
            self.digits[2].digits.next.set_slice(i * DIGIT, &self.low[i].q.val());
        }
        self.first.d.next = self.digits[0].largest.val();
        self.second.d.next = cat!(self.first.q.val(), self.digits[1].largest.val());
        self.third.d.next = cat!(self.second.q.val(), self.digits[2].largest.val());
        self.largest.next = self.third.q.val();
    }
}
