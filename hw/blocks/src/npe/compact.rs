//! [`Compact`]: two tiles of pairs' results to one tile.

use super::tile::VALUE_BITS;
use crate::parameter::{require, ParameterError};
use skipopu_hdl::prelude::*;

/// Bits of a gathered value, FP16.
const HALF_BITS: usize = 16;

/// Passes tiles on, or gathers the odd ways of two tiles into one.
///
/// - Does: with `gather`, keeps a tile's odd ways, which are FP16; with `second`, puts this tile's odd ways above those kept.
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
        let half = ways / 2 * HALF_BITS;
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
        let pairs = self._ways / 2;
        for i in 0..pairs {
            let value = self.values.val().slice((2 * i + 1) * VALUE_BITS, HALF_BITS);
            self.odd.next.set_slice(i * HALF_BITS, &value);
        }
        if self.valid.val() {
            self.kept.d.next = self.odd.val();
        }
        let gather = self.gather.val();
        let second = self.second.val();
        let above = Word::zero(VALUE_BITS - HALF_BITS);
        for i in 0..pairs {
            let odd = self.odd.val().slice(i * HALF_BITS, HALF_BITS);
            let kept = self.kept.q.val().slice(i * HALF_BITS, HALF_BITS);
            let lower = mux(second, kept, odd.clone());
            let upper = mux(second, odd, Word::zero(HALF_BITS));
            let low = self.values.val().slice(i * VALUE_BITS, VALUE_BITS);
            let high = self.values.val().slice((pairs + i) * VALUE_BITS, VALUE_BITS);
            let low = mux(gather, cat!(above.clone(), lower), low);
            let high = mux(gather, cat!(above.clone(), upper), high);
            self.out.d.next.set_slice(i * VALUE_BITS, &low);
            self.out.d.next.set_slice((pairs + i) * VALUE_BITS, &high);
        }
        self.tile.next = self.out.q.val();
    }
}
