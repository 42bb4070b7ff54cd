//! [`Compact`]: two tiles of pairs' results to one tile.

use super::tile::VALUE_BITS;
use crate::parameter::{require, ParameterError};
use skipopu_hdl::prelude::*;

/// Passes tiles on, or gathers the odd ways of two tiles into one.
///
/// - Does: with `gather`, keeps a tile's odd ways; with `second`, puts this tile's odd ways above those kept.
///   A tile that is gathered but not second has zeros above.
/// - Guarantee: a tile a cycle, latency [`Compact::LATENCY`].
#[derive(LogicBlock, Ports)]
pub struct Compact {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Values, way 0 lowest.
    pub values: Wire<In>,
    /// They count in this cycle.
    pub valid: Signal<In, Bit>,
    /// Their odd ways are gathered.
    pub gather: Signal<In, Bit>,
    /// They go above those of the tile before.
    pub second: Signal<In, Bit>,
    /// A tile.
    pub tile: Wire<Out>,
    odd: Wire<Local>,
    kept: Reg,
    out: Reg,
    _ways: usize,
}

impl Compact {
    /// Cycles from values to tile.
    pub const LATENCY: usize = 1;

    /// Of `ways` values.
    ///
    /// # Errors
    /// Unless `ways` is even and from 2 to 64.
    pub fn new(ways: usize) -> Result<Compact, ParameterError> {
        let ok = ways % 2 == 0 && (2..=64).contains(&ways);
        require(ok, "compact", "ways", ways, "must be even, 2 to 64")?;
        let half = ways / 2 * VALUE_BITS;
        Ok(Compact {
            clock: Default::default(),
            values: Wire::new(ways * VALUE_BITS),
            valid: Default::default(),
            gather: Default::default(),
            second: Default::default(),
            tile: Wire::new(ways * VALUE_BITS),
            odd: Wire::new(half),
            kept: Reg::new(half),
            out: Reg::new(ways * VALUE_BITS),
            _ways: ways,
        })
    }
}

impl Logic for Compact {
    #[hdl(ways = self._ways, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, kept, out);
        let half = self._ways / 2 * VALUE_BITS;
        for i in 0..self._ways / 2 {
            let value = self.values.val().slice((2 * i + 1) * VALUE_BITS, VALUE_BITS);
            self.odd.next.set_slice(i * VALUE_BITS, &value);
        }
        if self.valid.val() {
            self.kept.d.next = self.odd.val();
        }
        self.out.d.next = self.values.val();
        if self.gather.val() {
            if self.second.val() {
                self.out.d.next = cat!(self.odd.val(), self.kept.q.val());
            } else {
                self.out.d.next = cat!(Word::zero(half), self.odd.val());
            }
        }
        self.tile.next = self.out.q.val();
    }
}
