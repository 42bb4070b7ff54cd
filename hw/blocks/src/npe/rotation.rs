//! [`RotationBuffer`]: RoPE factors by token.

use super::tile::{TileShape, INDEX_BITS, PLACE_BITS};
use crate::parameter::{index_bits, require, ParameterError};
use crate::primitives::Bram;
use crate::stream::StreamSink;
use skipopu_config::Config;
use skipopu_hdl::prelude::*;

/// Bits of one pair's factors: cosine, above it sine, both FP16.
pub const TURN_BITS: usize = 32;

/// Sizes of a rotation buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationShape {
    /// Values of a tile.
    pub ways: usize,
    /// Tokens held, a power of two.
    pub tokens: usize,
    /// Tiles of the largest head, a power of two.
    pub tiles: usize,
}

impl RotationShape {
    /// The shape of a configuration.
    pub fn of(config: &Config) -> RotationShape {
        let ways = TileShape::of(config).ways;
        RotationShape {
            ways,
            tokens: config.npe.rotation_tokens as usize,
            tiles: (config.npe.head_size as usize).div_ceil(ways),
        }
    }

    /// Words in all.
    pub fn words(&self) -> usize {
        self.tokens * self.tiles
    }

    /// Bits of a word.
    pub fn word_bits(&self) -> usize {
        self.ways / 2 * TURN_BITS
    }

    /// Bits of a word's address.
    pub fn address_bits(&self) -> usize {
        index_bits(self.words())
    }

    /// Bits of a beat that fills a word: the word, above it its address.
    pub fn fill_bits(&self) -> usize {
        self.word_bits() + self.address_bits()
    }

    /// Address of the factors of a token's tile.
    pub fn address(&self, index: usize, place: usize) -> usize {
        index % self.tokens * self.tiles + place % self.tiles
    }

    fn check(&self) -> Result<(), ParameterError> {
        let ok = self.tokens.is_power_of_two() && self.tiles.is_power_of_two() && self.words() >= 2;
        require(ok, "rotation buffer", "tokens", self.tokens, "must be a power of two")
    }
}

/// The factors of RoPE, computed by the host, by the low bits of a token's index and the tile's place
/// in its head. Tokens need not be consecutive; those of one window of `tokens` indices have places of their own.
///
/// - Does: a word a beat in, always ready; the word of `index` and `place` a cycle later.
/// - Guarantee: a tile a cycle, latency [`RotationBuffer::LATENCY`].
#[derive(LogicBlock, Ports)]
pub struct RotationBuffer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Words come in.
    pub r#in: StreamSink,
    /// Index of the token.
    pub index: Wire<In>,
    /// Place of the tile in its head.
    pub place: Wire<In>,
    /// Factors of each pair.
    pub turns: Wire<Out>,
    memory: Bram,
    _shape: RotationShape,
}

impl RotationBuffer {
    /// Cycles from token to factors.
    pub const LATENCY: usize = 1;

    /// Of this shape.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: RotationShape) -> Result<RotationBuffer, ParameterError> {
        shape.check()?;
        Ok(RotationBuffer {
            clock: Default::default(),
            r#in: StreamSink::new(shape.fill_bits()),
            index: Wire::new(INDEX_BITS),
            place: Wire::new(PLACE_BITS),
            turns: Wire::new(shape.word_bits()),
            memory: Bram::new(shape.word_bits(), shape.words(), RotationBuffer::LATENCY)?,
            _shape: shape,
        })
    }
}

impl Logic for RotationBuffer {
    #[hdl(
        ways = self._shape.ways,
        tokens = self._shape.tokens,
        tiles = self._shape.tiles,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        clock!(self, clock, memory);
        let shape = self._shape;
        let (tokens, tiles) = (shape.tokens.ilog2() as usize, shape.tiles.ilog2() as usize);
        self.r#in.ready.next = true;
        self.memory.write_enable.next = self.r#in.valid.val();
        self.memory.write_address.next =
            self.r#in.data.val().slice(shape.word_bits(), shape.address_bits());
        self.memory.write_data.next = self.r#in.data.val().trunc(shape.word_bits());
        self.memory.read_enable.next = true;
        if tiles == 0 {
            self.memory.read_address.next = self.index.val().trunc(tokens);
        } else {
            self.memory.read_address.next =
                cat!(self.index.val().trunc(tokens), self.place.val().trunc(tiles));
        }
        self.turns.next = self.memory.read_data.val();
    }
}
