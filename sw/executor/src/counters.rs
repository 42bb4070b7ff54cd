//! [`Counters`]: what a run did.

use serde::Serialize;
use skipopu_isa::host::Counter;

/// Counts of all runs; the hardware's counters must show the same. A word has 64 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Instructions that control executed or handed out.
    pub instructions: u64,
    /// Branches that went elsewhere.
    pub branches_taken: u64,
    /// Load beats of weights and scales.
    pub weight_beats: u64,
    /// Words of keys and values read from HBM.
    pub kv_words_hbm: u64,
    /// Words of keys and values read from the invariance buffer.
    pub kv_words_buffer: u64,
    /// Words of keys and values written.
    pub kv_words_written: u64,
    /// Words read from DDR by `load.data`.
    pub ddr_words_read: u64,
    /// Words written to DDR by `store.data`.
    pub ddr_words_written: u64,
    /// Vectors that met a tile of INT4 weights: cycles of the array.
    pub int4_cycles: u64,
    /// Vectors that met a tile of FP16 values: cycles of the array.
    pub fp16_cycles: u64,
}

impl Counters {
    /// What was counted after `before`.
    #[must_use]
    pub fn since(&self, before: &Counters) -> Counters {
        Counters {
            instructions: self.instructions - before.instructions,
            branches_taken: self.branches_taken - before.branches_taken,
            weight_beats: self.weight_beats - before.weight_beats,
            kv_words_hbm: self.kv_words_hbm - before.kv_words_hbm,
            kv_words_buffer: self.kv_words_buffer - before.kv_words_buffer,
            kv_words_written: self.kv_words_written - before.kv_words_written,
            ddr_words_read: self.ddr_words_read - before.ddr_words_read,
            ddr_words_written: self.ddr_words_written - before.ddr_words_written,
            int4_cycles: self.int4_cycles - before.int4_cycles,
            fp16_cycles: self.fp16_cycles - before.fp16_cycles,
        }
    }

    /// That of the core's register; none where the executor does not count it.
    pub fn get(&self, counter: Counter) -> Option<u64> {
        Some(match counter {
            Counter::Instructions => self.instructions,
            Counter::Branches => self.branches_taken,
            Counter::WeightBeats => self.weight_beats,
            Counter::KvWordsHbm => self.kv_words_hbm,
            Counter::KvWordsBuffer => self.kv_words_buffer,
            Counter::KvWordsWritten => self.kv_words_written,
            Counter::DdrWordsRead => self.ddr_words_read,
            Counter::DdrWordsWritten => self.ddr_words_written,
            Counter::Int4Cycles => self.int4_cycles,
            Counter::Fp16Cycles => self.fp16_cycles,
            _ => return None,
        })
    }
}
