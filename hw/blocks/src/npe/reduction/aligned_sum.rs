//! [`AlignedSum`]: terms shifted to one exponent and added.

use crate::npe::term::{EXPONENT_BITS, SIGNIFICAND_BITS};
use crate::parameter::{require, ParameterError};
use skipopu_hdl::prelude::*;

/// The terms of a tile shifted to the largest exponent, what falls below the last bit dropped, and their
/// exact sum.
///
/// - Does not: check that no exponent is above `largest`.
/// - Guarantee: a tile a cycle, latency [`AlignedSum::latency`].
#[derive(LogicBlock, Ports)]
pub struct AlignedSum {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Significands, way 0 lowest.
    pub significands: Wire<In>,
    /// Their exponents, biased.
    pub exponents: Wire<In>,
    /// The largest of them.
    pub largest: Wire<In>,
    /// The sum.
    pub sum: Wire<Out>,
    waiting: Reg,
    distance: Reg,
    coarse: Reg,
    fine: Reg,
    shifted: Reg,
    tree: Vec<Reg>,
    _ways: usize,
}

/// Bits of a distance: all from 26 up shift everything out.
const DISTANCE_BITS: usize = 5;

impl AlignedSum {
    /// For `ways` terms.
    ///
    /// # Errors
    /// Unless `ways` is a power of two from 2 to 64.
    pub fn new(ways: usize) -> Result<AlignedSum, ParameterError> {
        let ok = ways.is_power_of_two() && (2..=64).contains(&ways);
        require(ok, "aligned sum", "ways", ways, "must be a power of two, 2 to 64")?;
        let levels = ways.ilog2() as usize;
        Ok(AlignedSum {
            clock: Default::default(),
            significands: Wire::new(ways * SIGNIFICAND_BITS),
            exponents: Wire::new(ways * EXPONENT_BITS),
            largest: Wire::new(EXPONENT_BITS),
            sum: Wire::new(SIGNIFICAND_BITS + levels),
            waiting: Reg::new(ways * SIGNIFICAND_BITS),
            distance: Reg::new(ways * DISTANCE_BITS),
            coarse: Reg::new(ways * SIGNIFICAND_BITS),
            fine: Reg::new(ways * 3),
            shifted: Reg::new(ways * SIGNIFICAND_BITS),
            tree: (1..=levels).map(|l| Reg::new((ways >> l) * (SIGNIFICAND_BITS + l))).collect(),
            _ways: ways,
        })
    }

    /// Cycles from terms to sum.
    pub fn latency(ways: usize) -> usize {
        3 + ways.ilog2() as usize
    }
}

impl Logic for AlignedSum {
    #[hdl(ways = self._ways, latency = AlignedSum::latency(self._ways))]
    fn update(&mut self) {
        dff_setup!(self, clock, waiting, distance, coarse, fine, shifted);
        let (bits, ways) = (SIGNIFICAND_BITS, self._ways);
        self.waiting.d.next = self.significands.val();
        for i in 0..ways {
            // Distance.
            let own = self.exponents.val().slice(i * EXPONENT_BITS, EXPONENT_BITS);
            let away = self.largest.val() - own;
            let mut short = away.trunc(DISTANCE_BITS);
            if away.slice(DISTANCE_BITS, EXPONENT_BITS - DISTANCE_BITS).any() {
                short = Word::ones(DISTANCE_BITS);
            }
            self.distance.d.next.set_slice(i * DISTANCE_BITS, &short);

            // By multiples of eight; 24 and more leave two bits or none.
            let whole = self.waiting.q.val().slice(i * bits, bits);
            let eights = self.distance.q.val().slice(i * DISTANCE_BITS + 3, 2);
            let mut part = whole.clone();
            if eights == Word::new(2, 1) {
                part = whole.clone() >> 8;
            }
            if eights == Word::new(2, 2) {
                part = whole.clone() >> 16;
            }
            if eights == Word::new(2, 3) {
                part = whole >> 24;
            }
            self.coarse.d.next.set_slice(i * bits, &part);
            self.fine.d.next.set_slice(3 * i, &self.distance.q.val().slice(i * DISTANCE_BITS, 3));

            // By up to seven.
            let mut value = self.coarse.q.val().slice(i * bits, bits);
            for step in 0..3usize {
                if self.fine.q.val().bit(3 * i + step) {
                    value = value.clone() >> (1usize << step);
                }
            }
            self.shifted.d.next.set_slice(i * bits, &value);
        }
        for l in 0..self.tree.len() {
            self.tree[l].clock.next = self.clock.val();
            let (from, to) = (bits + l, bits + l + 1);
            for i in 0..ways >> (l + 1) {
                let (even, odd) = (2 * i * from, (2 * i + 1) * from);
                if l == 0 {
                    let a = self.shifted.q.val().slice(even, from).zext(to);
                    let b = self.shifted.q.val().slice(odd, from).zext(to);
                    self.tree[l].d.next.set_slice(i * to, &(a + b));
                } else {
                    let a = self.tree[l - 1].q.val().slice(even, from).zext(to);
                    let b = self.tree[l - 1].q.val().slice(odd, from).zext(to);
                    self.tree[l].d.next.set_slice(i * to, &(a + b));
                }
            }
        }
        self.sum.next = self.tree[ways.ilog2() as usize - 1].q.val();
    }
}
