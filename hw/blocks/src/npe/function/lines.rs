//! [`Lines`]: a function as straight lines, from a table.

use crate::npe::float::{multiplier, E8M16};
use crate::primitives::dsp48e2::{Alu, Dsp48e2, DspMode, Z};
use skipopu_hdl::prelude::*;
use skipopu_tables::{Segments, OFFSET_BITS, OFFSET_FRACTION, SLOPE_BITS};

/// A function of [`skipopu_tables`]; one a cycle.
///
/// - Does: results from 2^16 to 2^17, significands of 17 bits: look up offset and slope by the argument's upper bits, multiply the slope by the lower ones and add in
///   one DSP slice, cut.
/// - Guarantee: latency [`Lines::LATENCY`]; the tables are LUTs, one level and the multiplexers behind them.
#[derive(LogicBlock, Ports)]
pub struct Lines {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The argument: number of the segment, place in it.
    pub argument: Wire<In>,
    /// The result less 2^16, modulo 2^16: the fraction of its significand.
    pub digits: Wire<Out>,
    /// The result is 2^17.
    pub carry: Signal<Out, Bit>,
    dsp: Dsp48e2,
    offset1: Reg,
    slope: Wire<Local>,
    offset: Wire<Local>,
    // The tables' bits, a word of all entries each.
    _offsets: Vec<Word>,
    _slopes: Vec<Word>,
    _table: Segments,
}

/// Bits of an offset with the half unit that rounds.
const ROUNDED_BITS: u32 = OFFSET_BITS + 1;

/// Bit `n` of every entry.
fn column(entries: &[u32], n: u32) -> Word {
    let set = |(i, e): (usize, &u32)| u128::from(e >> n & 1) << i;
    Word::new(entries.len(), entries.iter().enumerate().map(set).sum())
}

impl Lines {
    /// Cycles from argument to result.
    pub const LATENCY: usize = 3;

    /// For a table of at most 128 segments.
    pub(super) fn new(table: Segments) -> Lines {
        let alu = if table.falling { Alu::Subtract } else { Alu::Add };
        let mode = DspMode::new().ad_reg(false).product().z(Z::C).alu(alu);
        let half = 1 << (OFFSET_FRACTION - 1);
        let rounded: Vec<u32> = table.offset.iter().map(|o| o + half).collect();
        Lines {
            clock: Default::default(),
            argument: Wire::new((table.index_bits + table.rest_bits) as usize),
            digits: Wire::new(E8M16),
            carry: Default::default(),
            dsp: multiplier(mode),
            offset1: Reg::new(ROUNDED_BITS as usize),
            slope: Wire::new(SLOPE_BITS as usize),
            offset: Wire::new(ROUNDED_BITS as usize),
            _offsets: (0..ROUNDED_BITS).map(|n| column(&rounded, n)).collect(),
            _slopes: (0..SLOPE_BITS).map(|n| column(table.slope, n)).collect(),
            _table: table,
        }
    }
}

impl Logic for Lines {
    #[hdl(table = self._table.name, latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, dsp);
        dff_setup!(self, clock, offset1);
        let rest_bits = self._table.rest_bits as usize;
        let index_bits = self._table.index_bits as usize;
        let places = (self._table.shift - OFFSET_FRACTION) as usize;
        let index = self.argument.val().slice(rest_bits, index_bits);
        for n in 0..self._slopes.len() {
            let bit = self._slopes[n].clone().bit(index.index());
            self.slope.next.set_slice(n, &Word::from(bit));
        }
        for n in 0..self._offsets.len() {
            let bit = self._offsets[n].clone().bit(index.index());
            self.offset.next.set_slice(n, &Word::from(bit));
        }
        // The offset enters the slice a cycle after the factors.
        self.offset1.d.next = self.offset.val();
        self.dsp.a.next = self.slope.val().zext(30);
        self.dsp.b.next = self.argument.val().trunc(rest_bits).zext(18);
        self.dsp.c.next = cat!(self.offset1.q.val(), Word::zero(places)).zext(48);
        self.dsp.d.next = Word::zero(27);
        self.dsp.pcin.next = Word::zero(48);
        self.dsp.carryin.next = false;
        self.dsp.use_d.next = false;
        let shift = self._table.shift as usize;
        self.digits.next = self.dsp.p.val().slice(shift, E8M16);
        self.carry.next = self.dsp.p.val().bit(shift + E8M16 + 1);
    }
}
