//! [`Counters`]: what a run did.

use serde::Serialize;

/// Counts of a run; the hardware's counters must show the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Instructions executed, control's included.
    pub instructions: u64,
    /// Branches that went elsewhere.
    pub branches_taken: u64,
    /// Bytes of weights and scales read from HBM.
    pub weight_bytes: u64,
    /// Bytes of keys and values read, whether from HBM or from the invariance buffer.
    pub kv_bytes_read: u64,
    /// Bytes of keys and values written.
    pub kv_bytes_written: u64,
    /// Bytes read from DDR, the program not counted.
    pub ddr_bytes_read: u64,
    /// Bytes written to DDR.
    pub ddr_bytes_written: u64,
    /// Tiles of weights times rows that met them: cycles of the array in products with INT4 weights.
    pub int4_passes: u64,
    /// Products of FP16 values: lanes that held some.
    pub fp16_products: u64,
}
