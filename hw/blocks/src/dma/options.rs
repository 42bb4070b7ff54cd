//! [`DmaOptions`]: what DMA port to build.

use crate::axi::AxiShape;
use crate::parameter::{index_bits, require, ParameterError};

/// What DMA port to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmaOptions {
    /// The AXI port.
    pub axi: AxiShape,
    /// AXI beats that make one word of the core's read stream: 1, or 2 where the AXI port runs at twice the
    /// core's clock and is half as wide.
    pub beats_per_word: usize,
    /// AXI beats that make one word of the core's write stream: as `beats_per_word`. One costs least and
    /// halves the rate of writes where the AXI port runs at twice the core's clock.
    pub write_beats: usize,
    /// Longest burst in beats: a power of two from 2 to the port's limit, of at most 4 KiB. Bursts end
    /// where the address is a multiple of it, and so never cross 4 KiB.
    pub burst_beats: usize,
    /// Bits of a command's tag, 1 to 16.
    pub tag_bits: usize,
    /// Words of the read buffer, a power of two: space for a burst is reserved before it is asked for,
    /// so this bounds the bytes in flight.
    pub read_words: usize,
    /// Words of the write buffer, a power of two; it takes two bursts to keep the rate.
    pub write_words: usize,
    /// Read bursts in flight at most, 2 to 1024.
    pub reads: usize,
    /// Write bursts in flight at most, 2 to 1024.
    pub writes: usize,
}

impl DmaOptions {
    /// A port of the HBM at twice the core's clock: read words of 64 bytes, write words of 32, bursts of 512 bytes, which lie
    /// in one pair of open rows, and up to 32 KiB of reads in flight.
    ///
    /// A port gives 14.4 GB/s at up to 300 ns (docs/memory-model.md), so 4.3 KiB in flight keep it
    /// busy; 32 KiB is what the block RAM of one word a cycle holds anyway.
    pub const fn hbm() -> DmaOptions {
        DmaOptions {
            axi: AxiShape::hbm(),
            beats_per_word: 2,
            write_beats: 1,
            burst_beats: 16,
            tag_bits: 8,
            read_words: 512,
            write_words: 32,
            reads: 64,
            writes: 16,
        }
    }

    /// A port of a DDR4 controller at 4/3 of the core's clock: read words of 128 bytes, of which the core
    /// takes more than the 19.2 GB/s that there are, write words of 64, bursts of 1 KiB.
    pub const fn ddr() -> DmaOptions {
        DmaOptions { axi: AxiShape::ddr(), reads: 32, ..DmaOptions::hbm() }
    }

    /// Bits of a word of the core's read stream.
    pub const fn word_bits(&self) -> usize {
        self.axi.data_bits * self.beats_per_word
    }

    /// Bits of a word of the core's write stream.
    pub const fn write_bits(&self) -> usize {
        self.axi.data_bits * self.write_beats
    }

    /// Bits of the address of a beat.
    pub const fn beat_address_bits(&self) -> usize {
        self.axi.address_bits - self.axi.offset_bits()
    }

    /// Bits that count the words of the read buffer.
    pub(super) fn read_level_bits(&self) -> usize {
        index_bits(self.read_words + 1)
    }

    /// Bits that count the words of the write buffer and of its output registers.
    pub(super) fn write_level_bits(&self) -> usize {
        index_bits(self.write_words + 3)
    }

    /// Most words of so many beats that a burst can end, half a word of its predecessor and the padding
    /// of its own end included.
    const fn most_words(&self, beats: usize) -> usize {
        if beats == 1 {
            self.burst_beats
        } else {
            (self.burst_beats + 2) / 2
        }
    }

    /// Most words that a burst can fill in the read buffer.
    pub(super) const fn burst_words(&self) -> usize {
        self.most_words(self.beats_per_word)
    }

    /// # Errors
    /// A value outside its range.
    pub(super) fn check(&self) -> Result<(), ParameterError> {
        self.axi.check()?;
        let block = "dma port";
        for (name, beats) in
            [("beats_per_word", self.beats_per_word), ("write_beats", self.write_beats)]
        {
            require((1..=2).contains(&beats), block, name, beats, "must be 1 or 2")?;
        }
        let bytes = self.burst_beats * self.axi.beat_bytes();
        let ok = self.burst_beats.is_power_of_two()
            && (2..=self.axi.max_beats()).contains(&self.burst_beats)
            && bytes <= 4096;
        let legal = "must be a power of two from 2 to the port's limit, of at most 4 KiB";
        require(ok, block, "burst_beats", self.burst_beats, legal)?;
        require(
            (1..=32).contains(&self.tag_bits),
            block,
            "tag_bits",
            self.tag_bits,
            "must be 1 to 32",
        )?;
        for (name, words, beats) in [
            ("read_words", self.read_words, self.beats_per_word),
            ("write_words", self.write_words, self.write_beats),
        ] {
            let least = 2 * self.most_words(beats);
            let ok = words.is_power_of_two() && (least..=65_536).contains(&words);
            let legal = "must be a power of two of at least two bursts, up to 65536";
            require(ok, block, name, words, legal)?;
        }
        for (name, bursts) in [("reads", self.reads), ("writes", self.writes)] {
            let ok = (2..=1024).contains(&bursts);
            require(ok, block, name, bursts, "must be 2 to 1024")?;
        }
        Ok(())
    }
}
