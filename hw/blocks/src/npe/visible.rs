//! [`Visible`]: how many values of a tile count.

use super::command::LENGTH;
use super::tile::{TileShape, INDEX_BITS, PLACE_BITS};
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;

/// The values of a tile before the row's end and, in a causal row, not beyond the token itself.
///
/// - Does: `count = min(length, index + 1 if causal) - place * ways`, clamped to 0 and `ways`.
/// - Guarantee: a tile a cycle, latency [`Visible::LATENCY`].
#[derive(LogicBlock, Ports)]
pub struct Visible {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Values of the row.
    pub length: Wire<In>,
    /// Only up to the token itself?
    pub causal: Signal<In, Bit>,
    /// Index of the token.
    pub index: Wire<In>,
    /// Place of the tile in its row.
    pub place: Wire<In>,
    /// Values that count, the lowest ways.
    pub count: Wire<Out>,
    limit: Reg,
    start: Reg,
    counted: Reg,
    _shape: TileShape,
}

impl Visible {
    /// Cycles from tile to count.
    pub const LATENCY: usize = 2;

    /// For tiles of `shape`.
    ///
    /// # Errors
    /// A shape out of range.
    pub fn new(shape: TileShape) -> Result<Visible, ParameterError> {
        shape.check()?;
        Ok(Visible {
            clock: Default::default(),
            length: Wire::new(LENGTH.1),
            causal: Default::default(),
            index: Wire::new(INDEX_BITS),
            place: Wire::new(PLACE_BITS),
            count: Wire::new(shape.levels() + 1),
            limit: Reg::new(INDEX_BITS + 1),
            start: Reg::new(PLACE_BITS + shape.levels()),
            counted: Reg::new(shape.levels() + 1),
            _shape: shape,
        })
    }
}

impl Logic for Visible {
    #[hdl(ways = self._shape.ways, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, limit, start, counted);
        let levels = self._shape.levels();
        let wide = PLACE_BITS + levels + 1;
        let length = self.length.val().zext(INDEX_BITS + 1);
        let upto = self.index.val().zext(INDEX_BITS + 1) + 1;
        self.limit.d.next = length.clone();
        if self.causal.val() {
            if upto < length {
                self.limit.d.next = upto;
            }
        }
        self.start.d.next = cat!(self.place.val(), Word::zero(levels));

        // Both fit: `wide` is at least 15 bits and one for the sign.
        let left = self.limit.q.val().zext(wide.max(INDEX_BITS + 2))
            - self.start.q.val().zext(wide.max(INDEX_BITS + 2));
        let most = Word::new(levels + 1, self._shape.ways as u128);
        self.counted.d.next = left.trunc(levels + 1);
        if left.slice(levels, wide.max(INDEX_BITS + 2) - levels).any() {
            self.counted.d.next = most;
        }
        if left.bit(wide.max(INDEX_BITS + 2) - 1) {
            self.counted.d.next = Word::zero(levels + 1);
        }
        self.count.next = self.counted.q.val();
    }
}
