//! What is published of KV bandwidth on the U280 (arXiv 2603.14785).

use skipopu_system::kv::Mapping;

/// Share of the cores' LUTs that buffer and crossbar take.
pub const LUTS: f64 = 106_704.0;
/// UltraRAM blocks of the buffer.
pub const URAMS: f64 = 512.0;
/// Bandwidth by mapping, GB/s.
pub fn gbs(mapping: Mapping) -> f64 {
    match mapping {
        Mapping::Dense => 408.7,
        // The worst case: 55.8 % of 460.8.
        Mapping::Interleaved => 0.558 * 460.8,
        Mapping::TokenMap => 360.2,
        Mapping::Buffer => 467.8,
    }
}

/// Bytes from HBM by mapping, in percent of 460.8 GB/s: with the buffer less than attention takes.
pub fn hbm_percent(mapping: Mapping) -> f64 {
    match mapping {
        Mapping::Buffer => 83.1,
        other => 100.0 * gbs(other) / 460.8,
    }
}
