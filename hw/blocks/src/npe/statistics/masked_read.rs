//! [`MaskedRead`]: the rows of a bitmask, one after the other.

use super::FACTOR_BITS;
use crate::npe::term::EXPONENT_BITS;
use crate::parameter::{index_bits, require, ParameterError};
use crate::stream::{StreamSink, StreamSource};
use skipopu_hdl::prelude::*;

/// The statistics of the rows of a bitmask, lowest first, each when its row is closed.
///
/// - Does: takes a beat of one bit a row and, above them, the kind; gives for each set row its factor and, above
///   that, exponent, number and kind; `last` with the last of a mask. A row that is not closed yet is waited
///   for. A mask without rows gives nothing.
/// - Guarantee: a row a cycle, latency [`MaskedRead::LATENCY`].
#[derive(LogicBlock, Ports)]
pub struct MaskedRead {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the mask.
    pub reset: Signal<In, Bit>,
    /// Masks come in.
    pub r#in: StreamSink,
    /// Kind and number of the row that is next.
    pub row: Wire<Out>,
    /// Is it closed?
    pub closed: Signal<In, Bit>,
    /// Its factor.
    pub factor: Wire<In>,
    /// Its exponent.
    pub exponent: Wire<In>,
    /// Rows go out.
    pub out: StreamSource,
    pending: Reg,
    kind: Reg,
    entry: Reg,
    offered: DFF<Bit>,
    ended: DFF<Bit>,
    lowest: Wire<Local>,
    encoded: Wire<Local>,
    _rows: usize,
}

impl MaskedRead {
    /// Cycles from mask to the first row.
    pub const LATENCY: usize = 2;

    /// Bits of what is given for a row.
    pub fn entry_bits(rows: usize) -> usize {
        FACTOR_BITS + EXPONENT_BITS + index_bits(rows) + 1
    }

    /// For `rows` rows.
    ///
    /// # Errors
    /// Unless `rows` is from 2 to 512.
    pub fn new(rows: usize) -> Result<MaskedRead, ParameterError> {
        require((2..=512).contains(&rows), "masked read", "rows", rows, "must be 2 to 512")?;
        let bits = index_bits(rows);
        Ok(MaskedRead {
            clock: Default::default(),
            reset: Default::default(),
            r#in: StreamSink::new(rows + 1),
            row: Wire::new(bits + 1),
            closed: Default::default(),
            factor: Wire::new(FACTOR_BITS),
            exponent: Wire::new(EXPONENT_BITS),
            out: StreamSource::new(MaskedRead::entry_bits(rows)),
            pending: Reg::new(rows),
            kind: Reg::new(1),
            entry: Reg::new(MaskedRead::entry_bits(rows)),
            offered: Default::default(),
            ended: Default::default(),
            lowest: Wire::new(rows),
            encoded: Wire::new(bits),
            _rows: rows,
        })
    }
}

impl Logic for MaskedRead {
    #[hdl(rows = self._rows, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, pending, kind, entry, offered, ended);
        let (rows, bits) = (self._rows, index_bits(self._rows));
        let pending = self.pending.q.val();
        let rest = pending.clone() & (pending.clone() - Word::new(rows, 1));
        self.lowest.next = pending.clone() & !rest.clone();
        for b in 0..bits {
            let mut bit = false;
            for i in 0..rows {
                if (i >> b) & 1 == 1 {
                    bit = bit | self.lowest.val().bit(i);
                }
            }
            self.encoded.next.set_slice(b, &Word::from(bit));
        }
        let next = cat!(self.kind.q.val(), self.encoded.val());
        self.row.next = next.clone();

        let free = !self.offered.q.val() || self.out.ready.val();
        let any = pending.any();
        let takes = any && self.closed.val() && free;
        if free {
            self.offered.d.next = takes;
            self.entry.d.next = cat!(next, self.exponent.val(), self.factor.val());
            self.ended.d.next = !rest.any();
        }
        if takes {
            self.pending.d.next = rest;
        }
        let ready = !any;
        if self.r#in.valid.val() && ready {
            self.pending.d.next = self.r#in.data.val().trunc(rows);
            self.kind.d.next = self.r#in.data.val().slice(rows, 1);
        }
        if self.reset.val() {
            self.pending.d.next = Word::zero(rows);
            self.offered.d.next = false;
        }
        self.r#in.ready.next = ready;
        self.out.valid.next = self.offered.q.val();
        self.out.data.next = self.entry.q.val();
        self.out.last.next = self.ended.q.val();
    }
}
