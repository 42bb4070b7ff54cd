//! [`RowAccumulator`]: sums of tiles to sums of rows.

use crate::npe::term::{EXPONENT_BITS, SIGNIFICAND_BITS};
use crate::npe::tile::TileShape;
use crate::parameter::{index_bits, ParameterError};
use crate::primitives::Lutram;
use skipopu_hdl::prelude::*;

/// Bits of a row's sum: 2^14 terms fit.
pub const SUM_BITS: usize = 40;
/// Bits of a distance: all from 40 up shift everything out.
const DISTANCE_BITS: usize = 6;

/// Adds tiles to the sums of their rows.
///
/// The larger of the row's and the tile's exponent is kept and the other sum is shifted to it. As exponents are
/// integers that is all there is to rescaling. Exponents run a cycle ahead of sums, each in a memory read and
/// written in one cycle, so that consecutive tiles may belong to one row or to any others.
///
/// - Does: rows of two kinds beside each other, `kind` being the top bit of the address; the tile marked
///   `first` begins its row anew, the one marked `last` gives it out.
/// - Guarantee: a tile a cycle, latency [`RowAccumulator::LATENCY`]; up to 2^14 values a row.
#[derive(LogicBlock, Ports)]
pub struct RowAccumulator {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// There is a tile.
    pub valid: Signal<In, Bit>,
    /// Its row begins.
    pub first: Signal<In, Bit>,
    /// Its row ends.
    pub last: Signal<In, Bit>,
    /// Kind and number of its row.
    pub address: Wire<In>,
    /// Sum of the tile.
    pub sum: Wire<In>,
    /// Its exponent, biased.
    pub exponent: Wire<In>,
    /// It makes the row invalid.
    pub invalid: Signal<In, Bit>,
    /// A row has ended.
    pub done: Signal<Out, Bit>,
    /// Kind and number of the row.
    pub row: Wire<Out>,
    /// Its sum.
    pub total: Wire<Out>,
    /// Its exponent, biased.
    pub scale: Wire<Out>,
    /// It is invalid.
    pub spoilt: Signal<Out, Bit>,
    exponents: Lutram,
    sums: Lutram,
    /// Behind the exponents: the sum of the tile, both distances, the new exponent, control.
    sum1: Reg,
    rise1: Reg,
    fall1: Reg,
    scale1: Reg,
    control1: Reg,
    /// Behind the tile's shift.
    sum2: Reg,
    rise2: Reg,
    scale2: Reg,
    control2: Reg,
    /// The row's sum.
    sum3: Reg,
    scale3: Reg,
    control3: Reg,
    _shape: TileShape,
}

impl RowAccumulator {
    /// Cycles from a row's last tile to its sum.
    pub const LATENCY: usize = 3;

    /// For tiles of `shape`.
    ///
    /// # Errors
    /// A shape out of range.
    pub fn new(shape: TileShape) -> Result<RowAccumulator, ParameterError> {
        shape.check()?;
        let rows = 2 * shape.rows;
        let address = index_bits(rows);
        let sum = SIGNIFICAND_BITS + shape.levels();
        Ok(RowAccumulator {
            clock: Default::default(),
            valid: Default::default(),
            first: Default::default(),
            last: Default::default(),
            address: Wire::new(address),
            sum: Wire::new(sum),
            exponent: Wire::new(EXPONENT_BITS),
            invalid: Default::default(),
            done: Default::default(),
            row: Wire::new(address),
            total: Wire::new(SUM_BITS),
            scale: Wire::new(EXPONENT_BITS),
            spoilt: Default::default(),
            exponents: Lutram::new(EXPONENT_BITS + 1, rows)?,
            sums: Lutram::new(SUM_BITS, rows)?,
            sum1: Reg::new(sum),
            rise1: Reg::new(DISTANCE_BITS),
            fall1: Reg::new(DISTANCE_BITS),
            scale1: Reg::new(EXPONENT_BITS + 1),
            control1: Reg::new(3 + address),
            sum2: Reg::new(sum),
            rise2: Reg::new(DISTANCE_BITS),
            scale2: Reg::new(EXPONENT_BITS + 1),
            control2: Reg::new(3 + address),
            sum3: Reg::new(SUM_BITS),
            scale3: Reg::new(EXPONENT_BITS + 1),
            control3: Reg::new(1 + address),
            _shape: shape,
        })
    }
}

impl Logic for RowAccumulator {
    #[hdl(ways = self._shape.ways, rows = self._shape.rows, latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, exponents, sums);
        dff_setup!(
            self, clock, sum1, rise1, fall1, scale1, control1, sum2, rise2, scale2, control2, sum3,
            scale3, control3
        );
        let address_bits = index_bits(2 * self._shape.rows);

        // Exponents: the row's before, the distances to the new one.
        self.exponents.read_address.next = self.address.val();
        let before = self.exponents.read_data.val();
        let fresh = self.first.val();
        let mut old = before.trunc(EXPONENT_BITS);
        let mut bad = self.invalid.val() | before.bit(EXPONENT_BITS);
        if fresh {
            old = Word::zero(EXPONENT_BITS);
            bad = self.invalid.val();
        }
        let tile = self.exponent.val();
        let rises = old < tile;
        let up = tile.clone() - old.clone();
        let down = old.clone() - tile.clone();
        let high = EXPONENT_BITS - DISTANCE_BITS;
        let mut rise = up.trunc(DISTANCE_BITS);
        if up.slice(DISTANCE_BITS, high).any() {
            rise = Word::ones(DISTANCE_BITS);
        }
        let mut fall = down.trunc(DISTANCE_BITS);
        if down.slice(DISTANCE_BITS, high).any() {
            fall = Word::ones(DISTANCE_BITS);
        }
        if rises {
            fall = Word::zero(DISTANCE_BITS);
        } else {
            rise = Word::zero(DISTANCE_BITS);
        }
        let scale = cat!(bad, mux(rises, tile, old));
        self.exponents.write_enable.next = self.valid.val();
        self.exponents.write_address.next = self.address.val();
        self.exponents.write_data.next = scale.clone();
        self.sum1.d.next = self.sum.val();
        self.rise1.d.next = rise;
        self.fall1.d.next = fall;
        self.scale1.d.next = scale;
        self.control1.d.next = cat!(self.address.val(), fresh, self.last.val(), self.valid.val());

        // The tile's sum to the new exponent.
        let mut lowered = self.sum1.q.val();
        for step in 0..DISTANCE_BITS {
            if self.fall1.q.val().bit(step) {
                lowered = lowered.clone() >> (1usize << step);
            }
        }
        self.sum2.d.next = lowered;
        self.rise2.d.next = self.rise1.q.val();
        self.scale2.d.next = self.scale1.q.val();
        self.control2.d.next = self.control1.q.val();

        // The row's sum to the new exponent, and the tile's added.
        let control = self.control2.q.val();
        let address = control.slice(3, address_bits);
        self.sums.read_address.next = address.clone();
        let mut held = self.sums.read_data.val();
        if control.bit(2) {
            held = Word::zero(SUM_BITS);
        }
        for step in 0..DISTANCE_BITS {
            if self.rise2.q.val().bit(step) {
                held = held.clone() >> (1usize << step);
            }
        }
        let total = held + self.sum2.q.val().zext(SUM_BITS);
        self.sums.write_enable.next = control.bit(0);
        self.sums.write_address.next = address.clone();
        self.sums.write_data.next = total.clone();
        self.sum3.d.next = total;
        self.scale3.d.next = self.scale2.q.val();
        self.control3.d.next = cat!(address, control.bit(0) & control.bit(1));

        self.done.next = self.control3.q.val().bit(0);
        self.row.next = self.control3.q.val().slice(1, address_bits);
        self.total.next = self.sum3.q.val();
        self.scale.next = self.scale3.q.val().trunc(EXPONENT_BITS);
        self.spoilt.next = self.scale3.q.val().bit(EXPONENT_BITS);
    }
}
