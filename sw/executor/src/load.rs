//! The load unit.

use crate::machine::VALUE_BYTES;
use crate::run::{Executor, Stop};
use skipopu_isa::value::{Repeat, Space};
use skipopu_isa::Register;
use skipopu_kv::layout::WORD_BYTES;

/// FP16 values of bytes.
pub(crate) fn values(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(VALUE_BYTES).map(|b| u16::from_le_bytes([b[0], b[1]])).collect()
}

impl Executor {
    pub(crate) fn load_weights(&mut self, unit: usize, beats: usize) -> Result<(), Stop> {
        let bytes = self.memory.striped(unit, beats * self.machine.beat_bytes())?;
        self.counters.weight_beats += beats as u64;
        self.state.weights.push(&bytes);
        Ok(())
    }

    /// Words that slices take in DDR.
    pub(crate) fn ddr_words(&self, slices: usize) -> usize {
        (slices * self.machine.lanes * VALUE_BYTES).div_ceil(WORD_BYTES)
    }

    /// First words in DDR of everything that `repeat` moves.
    pub(crate) fn ddr_rows(&self, word: usize, slices: usize, repeat: Repeat) -> Vec<u64> {
        let words = self.ddr_words(slices);
        let rows = self.state.size(Register::Rows);
        let (first, count) = match repeat {
            Repeat::Once => (0, 1),
            Repeat::Rows => (0, rows),
            Repeat::Positions => (self.state.size(Register::Position), rows),
        };
        (first..first + count).map(|r| ((word + r * words) * WORD_BYTES) as u64).collect()
    }

    pub(crate) fn load_data(
        &mut self,
        word: usize,
        space: Space,
        at: usize,
        slices: usize,
        repeat: Repeat,
    ) -> Result<(), Stop> {
        let mut bytes = vec![0; slices * self.machine.lanes * VALUE_BYTES];
        for (r, from) in self.ddr_rows(word, slices, repeat).into_iter().enumerate() {
            self.memory.ddr.read(from, &mut bytes)?;
            self.counters.ddr_words_read += self.ddr_words(slices) as u64;
            let to = at + r * slices;
            match space {
                Space::Scratchpad => self.state.scratchpad.write(to, &values(&bytes))?,
                Space::Constants => self.state.constants.write(to, &values(&bytes))?,
                Space::Rotation => self.state.rotation.write(r, values(&bytes))?,
            }
        }
        Ok(())
    }

    pub(crate) fn load_kv(&mut self, layer: usize) -> Result<(), Stop> {
        let (hbm, buffer) = self.kv.play(&self.machine, &self.state, &self.memory, layer)?;
        self.counters.kv_words_hbm += hbm;
        self.counters.kv_words_buffer += buffer;
        Ok(())
    }
}
