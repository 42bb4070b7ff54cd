//! [`StatisticsBuffer`]: factors and exponents by row.

use super::FACTOR_BITS;
use crate::npe::term::EXPONENT_BITS;
use crate::parameter::{index_bits, require, ParameterError};
use crate::primitives::Lutram;
use skipopu_hdl::prelude::*;

/// The statistics of the rows that have ended, of both kinds: 0 for RMSNorm, 1 for softmax.
///
/// - Does: keeps a factor for each row and kind, and the exponent of softmax; remembers which rows are
///   `closed`: written, and not opened again since. Two readers, `read` for the normalisers and `look` for
///   selective reading.
/// - Guarantee: a read in [`StatisticsBuffer::LATENCY`] cycle; `closed` in the same cycle.
#[derive(LogicBlock, Ports)]
pub struct StatisticsBuffer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// No row is closed.
    pub reset: Signal<In, Bit>,
    /// Write a softmax row?
    pub softmax_write: Signal<In, Bit>,
    /// Its number.
    pub softmax_row: Wire<In>,
    /// Its factor.
    pub softmax_factor: Wire<In>,
    /// Its exponent.
    pub softmax_exponent: Wire<In>,
    /// Write an RMSNorm row?
    pub square_write: Signal<In, Bit>,
    /// Its number.
    pub square_row: Wire<In>,
    /// Its factor.
    pub square_factor: Wire<In>,
    /// A row begins anew?
    pub open: Signal<In, Bit>,
    /// Kind and number of that row.
    pub open_row: Wire<In>,
    /// Kind and number of a row asked for.
    pub ask_row: Wire<In>,
    /// Are its statistics there?
    pub closed: Signal<Out, Bit>,
    /// Kind and number of the row read.
    pub read_row: Wire<In>,
    /// Its factor, a cycle later.
    pub factor: Wire<Out>,
    /// Its exponent, a cycle later.
    pub exponent: Wire<Out>,
    /// Kind and number of the row that the second reader reads.
    pub look_row: Wire<In>,
    /// Are its statistics there, in the same cycle?
    pub look_closed: Signal<Out, Bit>,
    /// Its factor, in the same cycle.
    pub look_factor: Wire<Out>,
    /// Its exponent, in the same cycle.
    pub look_exponent: Wire<Out>,
    softmax: Vec<Lutram>,
    square: Vec<Lutram>,
    held_factor: Reg,
    held_exponent: Reg,
    held: Reg,
    _rows: usize,
}

impl StatisticsBuffer {
    /// Cycles from a row's number to its statistics.
    pub const LATENCY: usize = 1;

    /// For `rows` rows of each kind.
    ///
    /// # Errors
    /// Unless `rows` is a power of two from 16 to 512.
    pub fn new(rows: usize) -> Result<StatisticsBuffer, ParameterError> {
        let ok = rows.is_power_of_two() && (16..=512).contains(&rows);
        require(ok, "statistics buffer", "rows", rows, "must be a power of two, 16 to 512")?;
        let (bits, both) = (index_bits(rows), index_bits(rows) + 1);
        let softmax = || Lutram::new(FACTOR_BITS + EXPONENT_BITS, rows);
        let square = || Lutram::new(FACTOR_BITS, rows);
        Ok(StatisticsBuffer {
            clock: Default::default(),
            reset: Default::default(),
            softmax_write: Default::default(),
            softmax_row: Wire::new(bits),
            softmax_factor: Wire::new(FACTOR_BITS),
            softmax_exponent: Wire::new(EXPONENT_BITS),
            square_write: Default::default(),
            square_row: Wire::new(bits),
            square_factor: Wire::new(FACTOR_BITS),
            open: Default::default(),
            open_row: Wire::new(both),
            ask_row: Wire::new(both),
            closed: Default::default(),
            read_row: Wire::new(both),
            factor: Wire::new(FACTOR_BITS),
            exponent: Wire::new(EXPONENT_BITS),
            look_row: Wire::new(both),
            look_closed: Default::default(),
            look_factor: Wire::new(FACTOR_BITS),
            look_exponent: Wire::new(EXPONENT_BITS),
            softmax: vec![softmax()?, softmax()?],
            square: vec![square()?, square()?],
            held_factor: Reg::new(FACTOR_BITS),
            held_exponent: Reg::new(EXPONENT_BITS),
            held: Reg::new(2 * rows),
            _rows: rows,
        })
    }
}

impl Logic for StatisticsBuffer {
    #[hdl(rows = self._rows, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, held, held_factor, held_exponent);
        let bits = index_bits(self._rows);
        for i in 0..2 * self._rows {
            let row = Word::new(bits, (i % self._rows) as u128);
            let mut here = self.held.q.val().bit(i);
            if self.open.val() & (self.open_row.val() == Word::new(bits + 1, i as u128)) {
                here = false;
            }
            if i < self._rows {
                if self.square_write.val() & (self.square_row.val() == row) {
                    here = true;
                }
            } else {
                if self.softmax_write.val() & (self.softmax_row.val() == row) {
                    here = true;
                }
            }
            self.held.d.next.set_slice(i, &Word::from(here & !self.reset.val()));
        }
        self.closed.next = self.held.q.val().get_bit(self.ask_row.val().index());
        self.look_closed.next = self.held.q.val().get_bit(self.look_row.val().index());
        for r in 0..2usize {
            self.softmax[r].clock.next = self.clock.val();
            self.square[r].clock.next = self.clock.val();
            self.softmax[r].write_enable.next = self.softmax_write.val();
            self.softmax[r].write_address.next = self.softmax_row.val();
            self.softmax[r].write_data.next =
                cat!(self.softmax_exponent.val(), self.softmax_factor.val());
            self.square[r].write_enable.next = self.square_write.val();
            self.square[r].write_address.next = self.square_row.val();
            self.square[r].write_data.next = self.square_factor.val();
        }
        let row = self.read_row.val();
        let look = self.look_row.val();
        self.softmax[0].read_address.next = row.trunc(bits);
        self.square[0].read_address.next = row.trunc(bits);
        self.softmax[1].read_address.next = look.trunc(bits);
        self.square[1].read_address.next = look.trunc(bits);
        let first = self.softmax[0].read_data.val();
        let second = self.softmax[1].read_data.val();
        self.held_factor.d.next =
            mux(row.bit(bits), first.trunc(FACTOR_BITS), self.square[0].read_data.val());
        self.held_exponent.d.next = first.slice(FACTOR_BITS, EXPONENT_BITS);
        self.factor.next = self.held_factor.q.val();
        self.exponent.next = self.held_exponent.q.val();
        self.look_factor.next =
            mux(look.bit(bits), second.trunc(FACTOR_BITS), self.square[1].read_data.val());
        self.look_exponent.next = second.slice(FACTOR_BITS, EXPONENT_BITS);
    }
}
