//! The load unit.

use crate::kv::layout;
use crate::machine::VALUE_BYTES;
use crate::run::{Executor, Stop};
use crate::weights::KvStream;
use skipopu_isa::value::{Part, Repeat, Space};
use skipopu_isa::Register;
use skipopu_kv::layout::{HEADS_PER_PASS, WORD_BYTES};

/// FP16 values of bytes.
fn values(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(VALUE_BYTES).map(|b| u16::from_le_bytes([b[0], b[1]])).collect()
}

impl Executor {
    pub(crate) fn load_weights(&mut self, unit: usize, beats: usize) -> Result<(), Stop> {
        let bytes = self.memory.striped(unit, beats * self.machine.beat_bytes())?;
        self.counters.weight_bytes += bytes.len() as u64;
        self.state.weights.push(&bytes);
        Ok(())
    }

    /// First words in DDR of everything that `repeat` moves.
    pub(crate) fn ddr_rows(&self, word: usize, slices: usize, repeat: Repeat) -> Vec<u64> {
        let bytes = slices * self.machine.lanes * VALUE_BYTES;
        let words = bytes.div_ceil(WORD_BYTES);
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
            self.counters.ddr_bytes_read += bytes.len() as u64;
            let to = at + r * slices;
            match space {
                Space::Scratchpad => self.state.scratchpad.write(to, &values(&bytes))?,
                Space::Constants => self.state.constants.write(to, &values(&bytes))?,
                Space::Weights => self.state.weights.push(&bytes),
            }
        }
        Ok(())
    }

    pub(crate) fn load_kv(&mut self, layer: usize, pair: usize, part: Part) -> Result<(), Stop> {
        let layout = layout(&self.machine, &self.state);
        let head = self.state.size(Register::Head);
        let heads = self.state.size(Register::KvHeads);
        let count = self.state.size(Register::Position) + self.state.size(Register::Rows);
        let mut tokens = Vec::with_capacity(count);
        for token in self.kv.order(layer, count) {
            let (owner, place) = self.kv.owner(layer, token).ok_or(Stop::NoKv { layer, token })?;
            let mut both = [Vec::new(), Vec::new()];
            let pair = HEADS_PER_PASS * pair..heads.min(HEADS_PER_PASS * (pair + 1));
            for (values_of, h) in both.iter_mut().zip(pair) {
                let v = part == Part::Values;
                let (port, at) = layout.locate(owner, place, h, v, 0);
                let mut bytes = vec![0; head * VALUE_BYTES];
                self.memory.hbm[port].read(at, &mut bytes)?;
                *values_of = values(&bytes);
            }
            self.counters.kv_bytes_read += (layout.words * WORD_BYTES) as u64;
            tokens.push((token, both));
        }
        self.state.weights.push_kv(KvStream { tokens });
        Ok(())
    }
}
