//! [`TileOp`]: what goes with a tile from the walker to the memory that its result is written to.

use super::super::shape::DatapathShape;
use super::walker::Walker;
use crate::npe::tile::PLACE_BITS;

/// Memories that results are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The scratchpad.
    Scratchpad = 0,
    /// The first operand memory.
    Operand0 = 1,
    /// The second operand memory.
    Operand1 = 2,
    /// The attention banks.
    Banks = 3,
}

/// Bits of a [`Space`].
pub const SPACE_BITS: usize = 2;

/// Fields of what goes with a tile, from the lowest bit on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileOp {
    /// Tile of the target.
    pub target: usize,
    /// Bits of `target`.
    pub target_bits: usize,
    /// Its memory.
    pub space: usize,
    /// It is dropped instead.
    pub discard: usize,
    /// It is FP32, of two places.
    pub wide: usize,
    /// Bits up to here go on to the target.
    pub sink_bits: usize,
    /// A result is written.
    pub emits: usize,
    /// Values are those of the partial sums.
    pub from_sums: usize,
    /// They are routers' logits.
    pub logits: usize,
    /// They are scores, to be kept.
    pub scores: usize,
    /// The second operand is an addend, else a factor.
    pub addend: usize,
    /// Number of the tile.
    pub first: usize,
    /// Last tile of its row.
    pub end: usize,
    /// Last of the walk.
    pub last: usize,
    /// Row of the block.
    pub row: usize,
    /// Row of the NPE.
    pub label: usize,
    /// Place in the row.
    pub place: usize,
    /// Ways whose value is replaced by minus infinity.
    pub hide: usize,
    /// All bits.
    pub bits: usize,
}

impl TileOp {
    /// The fields for a shape.
    pub fn of(shape: &DatapathShape) -> TileOp {
        let target_bits = Walker::address_bits(shape);
        let space = target_bits;
        let discard = space + SPACE_BITS;
        let sink_bits = discard + 2;
        let row = sink_bits + 8;
        let label = row + shape.row_bits();
        let place = label + shape.label_bits();
        let hide = place + PLACE_BITS;
        TileOp {
            target: 0,
            target_bits,
            space,
            discard,
            wide: discard + 1,
            sink_bits,
            emits: sink_bits,
            from_sums: sink_bits + 1,
            logits: sink_bits + 2,
            scores: sink_bits + 3,
            addend: sink_bits + 4,
            first: sink_bits + 5,
            end: sink_bits + 6,
            last: sink_bits + 7,
            row,
            label,
            place,
            hide,
            bits: hide + shape.ways,
        }
    }
}
