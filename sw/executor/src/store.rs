//! The store unit.

use crate::kv::layout;
use crate::machine::VALUE_BYTES;
use crate::run::{Executor, Stop};
use skipopu_isa::value::{Repeat, Rows};
use skipopu_isa::Register;
use skipopu_kv::layout::{HEADS_PER_PASS, WORD_BYTES};

impl Executor {
    pub(crate) fn store_data(
        &mut self,
        word: usize,
        at: usize,
        slices: usize,
        repeat: Repeat,
    ) -> Result<(), Stop> {
        for (r, to) in self.ddr_rows(word, slices, repeat).into_iter().enumerate() {
            let values = self.state.scratchpad.read(at + r * slices, slices)?;
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.memory.ddr.write(to, &bytes)?;
            self.counters.ddr_words_written += self.ddr_words(slices) as u64;
        }
        Ok(())
    }

    /// Writes, pass by pass, the heads that there are and zeros up to a whole word.
    pub(crate) fn append_kv(
        &mut self,
        layer: usize,
        rows: Rows,
        keys: usize,
        values: usize,
        stride: usize,
    ) -> Result<(), Stop> {
        let layout = layout(&self.machine, &self.state);
        let (head, heads) = (self.head_slices(), self.state.size(Register::KvHeads));
        for row in self.state.rows(rows) {
            let place = self.kv.append(&self.machine, &self.state, layer, row)?;
            for pass in 0..layout.passes {
                let first = HEADS_PER_PASS * (pass / 2);
                let slices = HEADS_PER_PASS.min(heads - first) * head;
                let from = if pass % 2 == 0 { keys } else { values };
                let from = from + row * stride + first * head;
                let values = self.state.scratchpad.read(from, slices)?;
                let mut bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                debug_assert_eq!(bytes.len(), slices * self.machine.lanes * VALUE_BYTES);
                bytes.resize(bytes.len().next_multiple_of(WORD_BYTES), 0);
                self.counters.kv_words_written += (bytes.len() / WORD_BYTES) as u64;
                let at = layout.address(layer, pass, place.slot);
                self.memory.hbm[place.port].write(at, &bytes)?;
            }
        }
        Ok(())
    }
}
