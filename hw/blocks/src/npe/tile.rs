//! The stream of tiles: what a beat of every stream between the boxes carries.

use crate::parameter::{index_bits, require, ParameterError};
use skipopu_config::Config;
use skipopu_hdl::Word;

/// Bits of a value: FP32, or FP16 in the lower half.
pub const VALUE_BITS: usize = 32;
/// Bits of a token's index in the text.
pub const INDEX_BITS: usize = 16;
/// Bits of a tile's place in its row.
pub const PLACE_BITS: usize = 12;

/// Sizes of a tile and of what goes with it.
///
/// A tile is `ways` consecutive values of one row. The beat's `data` holds, from the lowest bit up: the
/// values, way 0 lowest; the row's number; the token's index; the tile's place in its row, 0 for the
/// first; and whether it is the row's last tile. `last` ends a packet, which is what one command is
/// for; a packet may hold tiles of several rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileShape {
    /// Values of a tile, a power of two, 4 to 64.
    pub ways: usize,
    /// Rows that are told apart, a power of two, 16 to 512.
    pub rows: usize,
}

/// A tile as numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// FP32 or FP16 encodings, one a way.
    pub values: Vec<u32>,
    /// Number of the row: where its statistics are kept.
    pub row: usize,
    /// Index of the row's token in the text.
    pub index: usize,
    /// Place in the row, counted in tiles.
    pub place: usize,
    /// Is it the last of its row?
    pub end: bool,
}

impl TileShape {
    /// The shape of a configuration.
    pub fn of(config: &Config) -> TileShape {
        TileShape { ways: config.npe.ways as usize, rows: config.npe.rows as usize }
    }

    pub(crate) fn check(&self) -> Result<(), ParameterError> {
        let ok = self.ways.is_power_of_two() && (4..=64).contains(&self.ways);
        require(ok, "tile", "ways", self.ways, "must be a power of two, 4 to 64")?;
        let ok = self.rows.is_power_of_two() && (16..=512).contains(&self.rows);
        require(ok, "tile", "rows", self.rows, "must be a power of two, 16 to 512")
    }

    /// Bits of the values.
    pub fn value_bits(&self) -> usize {
        self.ways * VALUE_BITS
    }

    /// Bits of a row's number.
    pub fn row_bits(&self) -> usize {
        index_bits(self.rows)
    }

    /// Levels of a tree over the ways.
    pub fn levels(&self) -> usize {
        self.ways.ilog2() as usize
    }

    /// Where the row's number begins.
    pub fn row_at(&self) -> usize {
        self.value_bits()
    }

    /// Where the token's index begins.
    pub fn index_at(&self) -> usize {
        self.row_at() + self.row_bits()
    }

    /// Where the place begins.
    pub fn place_at(&self) -> usize {
        self.index_at() + INDEX_BITS
    }

    /// Where the mark of a row's last tile is.
    pub fn end_at(&self) -> usize {
        self.place_at() + PLACE_BITS
    }

    /// Bits of what goes with the values.
    pub fn label_bits(&self) -> usize {
        self.bits() - self.value_bits()
    }

    /// Bits of a beat's data.
    pub fn bits(&self) -> usize {
        self.end_at() + 1
    }

    /// A tile as a beat's data. Panics when a number does not fit its field.
    pub fn pack(&self, tile: &Tile) -> Word {
        let mut word = Word::zero(self.bits());
        for (i, value) in tile.values.iter().enumerate() {
            word.set_slice(i * VALUE_BITS, &Word::new(VALUE_BITS, (*value).into()));
        }
        word.set_slice(self.row_at(), &Word::new(self.row_bits(), tile.row as u128));
        word.set_slice(self.index_at(), &Word::new(INDEX_BITS, tile.index as u128));
        word.set_slice(self.place_at(), &Word::new(PLACE_BITS, tile.place as u128));
        word.set_slice(self.end_at(), &Word::from(tile.end));
        word
    }
}
