//! [`Add`]: FP32 sum.

use super::tail::{Tail, EXPONENT_BITS};
use crate::npe::pipe::Pipe;
use crate::primitives::Exchange;
use skipopu_hdl::prelude::*;

/// Exponent field and fraction of FP32.
const MAGNITUDE: usize = 31;
/// Significand and two places below it.
const WINDOW: usize = 26;
/// Carry, window, and one place for all that is below.
const TOTAL: usize = WINDOW + 2;

/// FP32 sum, rounded once, to nearest even or to odd; one a cycle.
///
/// - Does: Inf and NaN; the sign of zeros as IEEE 754. A sum rounded to odd may be rounded again, to FP16, as if
///   it were exact.
/// - Does not: keep subnormals, which read as zeros; a result below 2^-126 is zero.
///
/// Stages: order by magnitude; distance; align by eights; by twos; by one and add; normalise by eights; by
/// twos; [`Tail`].
#[derive(LogicBlock, Ports)]
pub struct Add {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP32.
    pub a: Wire<In>,
    /// FP32.
    pub b: Wire<In>,
    /// Round to odd; else to nearest even.
    pub odd: Signal<In, Bit>,
    /// FP32.
    pub sum: Wire<Out>,
    exchange: Exchange,
    big1: Reg,
    small1: Reg,
    // Sign of the larger one.
    signs: Pipe,
    // Do the signs differ?
    opposed1: Reg,
    opposed4: Pipe,
    opposed7: Pipe,
    odds: Pipe,
    big2: Reg,
    small2: Reg,
    distance2: Reg,
    far2: Reg,
    exponent2: Reg,
    // NaN, Inf.
    special2: Reg,
    specials: Pipe,
    kept: Pipe,
    exponents: Pipe,
    coarse3: Reg,
    below3: Reg,
    distance3: Reg,
    fine4: Reg,
    below4: Reg,
    distance4: Reg,
    total5: Reg,
    coarse6: Reg,
    steps6: Reg,
    nothing6: Reg,
    exponent6: Reg,
    fine7: Reg,
    nothing7: Reg,
    exponent7: Reg,
    tail: Tail,
}

impl Default for Add {
    fn default() -> Add {
        Add::new()
    }
}

impl Add {
    /// Cycles from operands to sum.
    pub const LATENCY: usize = 7 + Tail::LATENCY;

    /// An adder.
    pub fn new() -> Add {
        Add {
            clock: Default::default(),
            a: Wire::new(32),
            b: Wire::new(32),
            odd: Default::default(),
            sum: Wire::new(32),
            exchange: Exchange::new(MAGNITUDE).expect("the width is legal"),
            big1: Reg::new(MAGNITUDE),
            small1: Reg::new(MAGNITUDE),
            signs: Pipe::new(1, 7),
            opposed1: Reg::new(1),
            opposed4: Pipe::new(1, 3),
            opposed7: Pipe::new(1, 3),
            odds: Pipe::new(1, 7),
            big2: Reg::new(24),
            small2: Reg::new(24),
            distance2: Reg::new(5),
            far2: Reg::new(1),
            exponent2: Reg::new(8),
            special2: Reg::new(2),
            specials: Pipe::new(2, 5),
            kept: Pipe::new(24, 2),
            exponents: Pipe::new(8, 3),
            coarse3: Reg::new(WINDOW),
            below3: Reg::new(1),
            distance3: Reg::new(3),
            fine4: Reg::new(WINDOW),
            below4: Reg::new(1),
            distance4: Reg::new(1),
            total5: Reg::new(TOTAL),
            coarse6: Reg::new(TOTAL),
            steps6: Reg::new(2),
            nothing6: Reg::new(1),
            exponent6: Reg::new(8),
            fine7: Reg::new(TOTAL),
            nothing7: Reg::new(1),
            exponent7: Reg::new(EXPONENT_BITS),
            tail: Tail::new(TOTAL, 23, true),
        }
    }
}

impl Logic for Add {
    #[hdl(latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, signs, opposed4, opposed7, odds, specials, kept, exponents, tail);
        dff_setup!(
            self, clock, opposed1, big1, small1, big2, small2, distance2, far2, exponent2,
            special2, coarse3, below3, distance3, fine4, below4, distance4, total5, coarse6,
            steps6, nothing6, exponent6, fine7, nothing7, exponent7
        );

        // 1: the larger magnitude first.
        let a = self.a.val().trunc(MAGNITUDE);
        let b = self.b.val().trunc(MAGNITUDE);
        let swap = a < b;
        self.exchange.cross.next = swap;
        self.exchange.a.next = a;
        self.exchange.b.next = b;
        self.big1.d.next = self.exchange.first.val();
        self.small1.d.next = self.exchange.second.val();
        self.signs.d.next = mux(swap, self.b.val().slice(31, 1), self.a.val().slice(31, 1));
        self.opposed1.d.next = self.a.val().slice(31, 1) ^ self.b.val().slice(31, 1);
        self.odds.d.next = Word::from(self.odd.val());

        // 2: distance; zeros have no digits.
        let big_field = self.big1.q.val().slice(23, 8);
        let small_field = self.small1.q.val().slice(23, 8);
        let distance = big_field.clone() - small_field.clone();
        self.distance2.d.next = distance.trunc(5);
        self.far2.d.next = Word::from(distance.slice(5, 3).any());
        self.big2.d.next = cat!(true, self.big1.q.val().trunc(23));
        if !big_field.any() {
            self.big2.d.next = Word::zero(24);
        }
        self.small2.d.next = cat!(true, self.small1.q.val().trunc(23));
        if !small_field.any() {
            self.small2.d.next = Word::zero(24);
        }
        self.exponent2.d.next = big_field.clone();
        let infinite = big_field.all();
        let minus = self.opposed1.q.val().any();
        let nan = infinite & (self.big1.q.val().trunc(23).any() | (small_field.all() & minus));
        self.special2.d.next = cat!(nan, infinite);
        self.opposed4.d.next = self.opposed1.q.val();
        self.opposed7.d.next = self.opposed4.q.val();
        self.specials.d.next = self.special2.q.val();
        self.kept.d.next = self.big2.q.val();
        self.exponents.d.next = self.exponent2.q.val();

        // 3: right by eights.
        let distance = self.distance2.q.val();
        let window = cat!(self.small2.q.val(), Word::zero(2));
        let mut coarse = window.clone();
        let mut lost = false;
        for j in 1..4usize {
            if distance.slice(3, 2) == Word::new(2, j as u128) {
                coarse = cat!(Word::zero(8 * j), window.slice(8 * j, WINDOW - 8 * j));
                lost = window.trunc(8 * j).any();
            }
        }
        if self.far2.q.val().any() {
            coarse = Word::zero(WINDOW);
            lost = self.small2.q.val().bit(23);
        }
        self.coarse3.d.next = coarse;
        self.below3.d.next = Word::from(lost);
        self.distance3.d.next = distance.trunc(3);

        // 4: right by twos.
        let distance = self.distance3.q.val();
        let window = self.coarse3.q.val();
        let mut fine = window.clone();
        let mut lost = false;
        for j in 1..4usize {
            if distance.slice(1, 2) == Word::new(2, j as u128) {
                fine = cat!(Word::zero(2 * j), window.slice(2 * j, WINDOW - 2 * j));
                lost = window.trunc(2 * j).any();
            }
        }
        self.fine4.d.next = fine;
        self.below4.d.next = Word::from(self.below3.q.val().any() | lost);
        self.distance4.d.next = distance.trunc(1);

        // 5: right by one, add or subtract; never negative.
        let window = self.fine4.q.val();
        let one = self.distance4.q.val().any();
        let shifted = mux(one, cat!(false, window.slice(1, WINDOW - 1)), window.clone());
        let below = self.below4.q.val().any() | (one & window.bit(0));
        let minus = self.opposed4.q.val().any();
        let addend = cat!(false, shifted, below);
        let turned = mux(minus, !addend.clone(), addend);
        let left = cat!(false, self.kept.q.val(), Word::zero(3), true);
        let carried = left + cat!(turned, minus);
        self.total5.d.next = carried.slice(1, TOTAL);

        // 6: left by eights.
        let total = self.total5.q.val();
        let mut lead = Word::new(2, 3);
        for j in 0..3usize {
            if total.slice(4 + 8 * j, 8).any() {
                lead = Word::new(2, 2 - j as u128);
            }
        }
        let mut coarse = total.clone();
        for j in 1..4usize {
            if lead == Word::new(2, j as u128) {
                coarse = cat!(total.trunc(TOTAL - 8 * j), Word::zero(8 * j));
            }
        }
        self.coarse6.d.next = coarse;
        self.steps6.d.next = lead;
        self.nothing6.d.next = Word::from(!total.any());
        self.exponent6.d.next = self.exponents.q.val();

        // 7: left by twos.
        let total = self.coarse6.q.val();
        let mut twos = Word::new(2, 3);
        for j in 0..3usize {
            if total.slice(TOTAL - 6 + 2 * j, 2).any() {
                twos = Word::new(2, 2 - j as u128);
            }
        }
        let mut fine = total.clone();
        for j in 1..4usize {
            if twos == Word::new(2, j as u128) {
                fine = cat!(total.trunc(TOTAL - 2 * j), Word::zero(2 * j));
            }
        }
        self.fine7.d.next = fine;
        let places = cat!(self.steps6.q.val(), twos, false);
        self.exponent7.d.next =
            self.exponent6.q.val().zext(EXPONENT_BITS) - places.zext(EXPONENT_BITS);
        self.nothing7.d.next = self.nothing6.q.val();

        self.tail.digits.next = self.fine7.q.val();
        self.tail.exponent.next = self.exponent7.q.val();
        self.tail.nan.next = self.specials.q.val().bit(1);
        self.tail.infinite.next = self.specials.q.val().bit(0);
        // A difference of equals is +0.
        let nothing = self.nothing7.q.val().any();
        self.tail.zero.next = nothing;
        self.tail.negative.next =
            self.signs.q.val().any() & !(nothing & self.opposed7.q.val().any());
        self.tail.odd.next = self.odds.q.val().any();
        self.sum.next = self.tail.result.val();
    }
}
