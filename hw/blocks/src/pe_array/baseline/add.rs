//! [`Fp16Add`]: FP16 sum.

use super::Subnormals;
use skipopu_hdl::prelude::*;

/// Fraction and exponent field of FP16.
const MAGNITUDE: usize = 15;
/// Significand, guard, round and sticky bit, and the carry on top.
const TOTAL: usize = 15;

/// FP16 sum to nearest even, one a cycle.
///
/// - Does: Inf and NaN; the sign of zeros as IEEE 754; subnormals kept or flushed (docs/numerics.md, section 9).
/// - Does not: fuse with a product.
///
/// Stages: order by magnitude; align the smaller; add or subtract; find the leading one and shift by
/// fours; shift by ones; round; pack.
#[derive(LogicBlock, Ports)]
pub struct Fp16Add {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// FP16.
    pub a: Wire<In>,
    /// FP16.
    pub b: Wire<In>,
    /// FP16 sum.
    pub sum: Wire<Out>,
    big: Reg,
    small: Reg,
    signs: Vec<Reg>,
    aligned: Reg,
    kept: Reg,
    special: Vec<Reg>,
    exponent: Vec<Reg>,
    total: Reg,
    coarse: Reg,
    steps: Reg,
    free: Vec<Reg>,
    fine: Reg,
    shifted: Reg,
    nothing: Vec<Reg>,
    rounded: Reg,
    fraction: Reg,
    field: Reg,
    sign: Reg,
    _subnormals: Subnormals,
}

impl Fp16Add {
    /// Cycles from operands to sum.
    pub const LATENCY: usize = 7;

    pub(super) fn new(subnormals: Subnormals) -> Fp16Add {
        let stages = |width: usize, n: usize| (0..n).map(|_| Reg::new(width)).collect();
        Fp16Add {
            clock: Default::default(),
            a: Wire::new(16),
            b: Wire::new(16),
            sum: Wire::new(16),
            big: Reg::new(MAGNITUDE),
            small: Reg::new(MAGNITUDE),
            // Sign of the larger, and do the signs differ?
            signs: stages(2, 6),
            aligned: Reg::new(TOTAL - 1),
            kept: Reg::new(11),
            // NaN, and Inf or NaN.
            special: stages(2, 5),
            exponent: stages(5, 3),
            total: Reg::new(TOTAL),
            coarse: Reg::new(TOTAL),
            steps: Reg::new(2),
            // What the shift by ones may still do; only subnormals bound it.
            free: stages(2, usize::from(subnormals == Subnormals::Keep)),
            fine: Reg::new(6),
            shifted: Reg::new(TOTAL),
            nothing: stages(1, 3),
            rounded: Reg::new(16),
            fraction: Reg::new(10),
            field: Reg::new(5),
            sign: Reg::new(1),
            _subnormals: subnormals,
        }
    }
}

impl Logic for Fp16Add {
    #[hdl(subnormals = self._subnormals.name(), latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(
            self, clock, big, small, aligned, kept, total, coarse, steps, fine, shifted, rounded,
            fraction, field, sign
        );
        let keep = self._subnormals == Subnormals::Keep;

        // 1: the larger magnitude first.
        let a = self.a.val().slice(0, MAGNITUDE);
        let b = self.b.val().slice(0, MAGNITUDE);
        let swap = a.clone() < b.clone();
        self.big.d.next = mux(swap, b.clone(), a.clone());
        self.small.d.next = mux(swap, a, b);
        let opposed = self.a.val().bit(15) ^ self.b.val().bit(15);
        let negative =
            mux(swap, Word::from(self.b.val().bit(15)), Word::from(self.a.val().bit(15)));
        for i in 0..self.signs.len() {
            self.signs[i].clock.next = self.clock.val();
            if i == 0 {
                self.signs[i].d.next = cat!(opposed, negative.clone());
            } else {
                self.signs[i].d.next = self.signs[i - 1].q.val();
            }
        }

        // 2: the smaller one shifted right, with guard, round and sticky bit.
        let big_field = self.big.q.val().slice(10, 5);
        let small_field = self.small.q.val().slice(10, 5);
        let big_normal = big_field.clone().any();
        let small_normal = small_field.clone().any();
        let mut distance = big_field.clone() - small_field.clone();
        if keep {
            // A subnormal's exponent is 1.
            let left = cat!(big_field.clone(), Word::ones(1));
            let right = cat!(!small_field.clone(), !(big_normal & !small_normal));
            let carried = left + right;
            distance = carried.slice(1, 5);
        }
        let window = cat!(small_normal, self.small.q.val().slice(0, 10), Word::zero(2));
        let mut coarse = window.clone();
        let mut lost = false;
        for j in 1..4usize {
            if distance.clone().slice(2, 2) == Word::new(2, j as u128) {
                coarse = window.clone().slice(4 * j, 13);
                lost = window.clone().trunc(4 * j).any();
            }
        }
        let mut fine = coarse.clone();
        let mut dropped = false;
        for j in 1..4usize {
            if distance.clone().slice(0, 2) == Word::new(2, j as u128) {
                fine = coarse.clone().slice(j, 13);
                dropped = coarse.clone().trunc(j).any();
            }
        }
        self.aligned.d.next = cat!(fine, lost | dropped);
        if distance.bit(4) {
            self.aligned.d.next = Word::new(TOTAL - 1, 1);
        }
        self.kept.d.next = cat!(big_normal, self.big.q.val().slice(0, 10));
        if !keep {
            if !small_normal {
                self.aligned.d.next = Word::zero(TOTAL - 1);
            }
            if !big_normal {
                self.kept.d.next = Word::zero(11);
            }
        }
        let nan = (big_field.clone().all() & self.big.q.val().slice(0, 10).any())
            | (small_field.all() & self.signs[0].q.val().bit(1));
        for i in 0..self.special.len() {
            self.special[i].clock.next = self.clock.val();
            if i == 0 {
                self.special[i].d.next = cat!(nan, big_field.clone().all());
            } else {
                self.special[i].d.next = self.special[i - 1].q.val();
            }
        }
        for i in 0..self.exponent.len() {
            self.exponent[i].clock.next = self.clock.val();
            if i == 0 {
                self.exponent[i].d.next =
                    cat!(big_field.clone().slice(1, 4), big_field.clone().bit(0) | !big_normal);
            } else {
                self.exponent[i].d.next = self.exponent[i - 1].q.val();
            }
        }

        // 3: add or subtract; never negative.
        let minus = self.signs[1].q.val().bit(1);
        let addend = self.aligned.q.val();
        let turned = mux(minus, !addend.clone(), addend);
        let left = cat!(Word::zero(1), self.kept.q.val(), Word::zero(3), Word::ones(1));
        let right = cat!(minus, turned, minus);
        let carried = left + right;
        self.total.d.next = carried.slice(1, TOTAL);

        // 4: left by fours, in Keep not beyond the least exponent.
        let total = self.total.q.val();
        let mut lead = Word::new(2, 3);
        for j in 0..3usize {
            if total.clone().slice(3 + 4 * j, 4).any() {
                lead = Word::new(2, 2 - j as u128);
            }
        }
        if keep {
            let mut free = Word::new(2, 3);
            let most = self.exponent[1].q.val().slice(2, 3);
            if cat!(Word::zero(1), lead.clone()) >= most.clone() {
                lead = most.trunc(2);
                free = self.exponent[1].q.val().slice(0, 2);
            }
            self.free[0].clock.next = self.clock.val();
            self.free[0].d.next = free;
        }
        let mut by_fours = total.clone();
        for j in 1..4usize {
            if lead == Word::new(2, j as u128) {
                by_fours = cat!(total.clone().trunc(TOTAL - 4 * j), Word::zero(4 * j));
            }
        }
        self.coarse.d.next = by_fours;
        self.steps.d.next = lead;
        for i in 0..self.nothing.len() {
            self.nothing[i].clock.next = self.clock.val();
            if i == 0 {
                self.nothing[i].d.next = Word::from(!total.clone().any());
            } else {
                self.nothing[i].d.next = self.nothing[i - 1].q.val();
            }
        }

        // 5: left by ones; the exponent without what the hidden bit adds.
        let top = self.coarse.q.val();
        let mut last = Word::new(2, 3);
        for j in 0..3usize {
            if top.clone().bit(12 + j) {
                last = Word::new(2, 2 - j as u128);
            }
        }
        if keep {
            let bound = self.free[0].q.val();
            if last >= bound.clone() {
                last = bound;
            }
        }
        let mut by_ones = top.clone();
        for j in 1..4usize {
            if last == Word::new(2, j as u128) {
                by_ones = cat!(top.clone().trunc(TOTAL - j), Word::zero(j));
            }
        }
        self.shifted.d.next = by_ones;
        self.fine.d.next =
            self.exponent[2].q.val().zext(6) - cat!(Word::zero(2), self.steps.q.val(), last);

        // 6: round.
        let shifted = self.shifted.q.val();
        let up = shifted.clone().bit(3) & (shifted.clone().trunc(3).any() | shifted.clone().bit(4));
        let left = cat!(self.fine.q.val(), shifted.clone().slice(4, 10), Word::ones(1));
        let right = cat!(Word::zero(5), shifted.bit(14), Word::zero(10), up);
        let carried = left + right;
        self.rounded.d.next = carried.slice(1, 16);

        // 7: pack.
        let rounded = self.rounded.q.val();
        let special = self.special[4].q.val();
        let nothing = self.nothing[2].q.val().any();
        let mut empty = nothing & !special.clone().bit(0);
        if !keep {
            let small = rounded.clone().bit(15) | !rounded.clone().slice(10, 5).any();
            empty = (nothing | small) & !special.clone().bit(0);
        }
        let large = rounded.clone().slice(10, 5).all() & !rounded.clone().bit(15);
        let infinite = special.clone().bit(0) | (large & !nothing);
        self.fraction.d.next = rounded.clone().slice(0, 10);
        if infinite | empty {
            self.fraction.d.next = cat!(special.clone().bit(1), Word::zero(9));
        }
        self.field.d.next = rounded.slice(10, 5);
        if infinite {
            self.field.d.next = Word::ones(5);
        }
        if empty {
            self.field.d.next = Word::zero(5);
        }
        // A difference of equals is +0.
        let signs = self.signs[5].q.val();
        let equal = nothing & signs.clone().bit(1) & !special.clone().bit(0);
        self.sign.d.next = Word::from(signs.bit(0) & !equal & !special.bit(1));
        self.sum.next = cat!(self.sign.q.val(), self.field.q.val(), self.fraction.q.val());
    }
}
