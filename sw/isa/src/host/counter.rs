//! [`Counter`]: what the core counts while a program runs.

use super::table::{Access, RegisterSpec};

/// Offset of the first counter; each takes 64 bits.
pub const COUNTERS_AT: u32 = 0x100;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $step:literal;)*) => {
        /// A counter of 64 bits, cleared at the start of a program.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Counter { $($(#[doc = $doc])+ $name,)* }

        impl Counter {
            /// All of them, in the order of their offsets.
            pub const ALL: &'static [Counter] = &[$(Counter::$name),*];

            /// Name.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$name => $text,)* }
            }

            /// What it counts.
            pub const fn doc(self) -> &'static str {
                match self { $(Counter::$name => concat!($($doc),+),)* }
            }

            /// Bits of what is added to it in a cycle.
            pub const fn step_bits(self) -> usize {
                match self { $(Counter::$name => $step,)* }
            }
        }
    };
}

counters! {
    /// Instructions that control executed or handed out.
    Instructions = "instructions", 1;
    /// Branches that went elsewhere.
    Branches = "branches", 1;
    /// Cycles from start to end.
    Cycles = "cycles", 1;
    /// Load beats of weights and scales that left the weight queue.
    WeightBeats = "weight_beats", 1;
    /// Words of 64 bytes of keys and values read from HBM.
    KvWordsHbm = "kv_words_hbm", 8;
    /// Words of 64 bytes of keys and values served by the invariance buffer.
    KvWordsBuffer = "kv_words_buffer", 8;
    /// Words of 64 bytes of keys and values written to HBM.
    KvWordsWritten = "kv_words_written", 8;
    /// Words of 64 bytes read from DDR by `load.data`.
    DdrWordsRead = "ddr_words_read", 18;
    /// Words of 64 bytes written to DDR by `store.data`.
    DdrWordsWritten = "ddr_words_written", 18;
    /// Cycles in which the array multiplied a vector with INT4 weights.
    Int4Cycles = "int4_cycles", 1;
    /// Cycles in which the array multiplied a vector with FP16 values.
    Fp16Cycles = "fp16_cycles", 1;
    /// Tiles that the nonlinear engine took.
    NpeTiles = "npe_tiles", 1;
    /// Cycles in which the load unit executed an instruction.
    LoadBusy = "load_busy", 1;
    /// Cycles in which the compute unit executed an instruction.
    ComputeBusy = "compute_busy", 1;
    /// Cycles in which the store unit executed an instruction.
    StoreBusy = "store_busy", 1;
    /// Cycles in which the compute unit had no instruction whose tokens were there.
    WaitInstruction = "wait_instruction", 1;
    /// Cycles in which the array waited for weights.
    WaitWeights = "wait_weights", 1;
    /// Cycles in which the array waited for keys or values.
    WaitKv = "wait_kv", 1;
    /// Cycles in which the array waited for a free half of the partial sums.
    WaitPsum = "wait_psum", 1;
    /// Cycles in which the compute unit waited for the nonlinear engine alone.
    WaitNpe = "wait_npe", 1;
    /// Cycles in which the compute unit executed a `matmul`.
    MatmulBusy = "matmul_busy", 1;
    /// Cycles in which the compute unit executed an `attend`.
    AttendBusy = "attend_busy", 1;
}

impl Counter {
    /// First byte of the register.
    pub const fn offset(self) -> u32 {
        COUNTERS_AT + 8 * self as u32
    }

    /// Its row of the table.
    pub const fn spec(self) -> RegisterSpec {
        RegisterSpec {
            name: self.name(),
            offset: self.offset(),
            words: 2,
            access: Access::Read,
            doc: self.doc(),
        }
    }
}
