//! [`Ledger`]: bytes moved, by what for.

use crate::counts::Counts;
use serde::{Deserialize, Serialize};
use skipopu_compiler::{Compiled, Geometry, Matrix};
use skipopu_forward::{Ran, Skipping};
use skipopu_isa::host::Counter;
use skipopu_isa::set::INTERLEAVE;
use skipopu_kv::layout::WORD_BYTES;
use std::ops::AddAssign;

/// Bytes that a block of tokens moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Weights, from HBM.
    pub weights: u64,
    /// Scales, from HBM.
    pub scales: u64,
    /// Routers, from DDR; they are part of `ddr_read`.
    pub routers: u64,
    /// Keys and values, from HBM.
    pub kv_hbm: u64,
    /// Keys and values, from the invariance buffer.
    pub kv_buffer: u64,
    /// Keys and values, to HBM.
    pub kv_written: u64,
    /// Everything read from DDR, the program apart.
    pub ddr_read: u64,
    /// Everything written to DDR.
    pub ddr_written: u64,
}

impl Ledger {
    /// Bytes over the HBM's ports.
    pub fn hbm(&self) -> u64 {
        self.weights + self.scales + self.kv_hbm + self.kv_written
    }

    /// Bytes over the pins of all memories.
    pub fn external(&self) -> u64 {
        self.hbm() + self.ddr_read + self.ddr_written
    }

    /// Its rows, for tables.
    pub fn rows(&self) -> [(&'static str, u64); 8] {
        [
            ("weights", self.weights),
            ("scales", self.scales),
            ("K and V read from HBM", self.kv_hbm),
            ("K and V from the buffer", self.kv_buffer),
            ("K and V written", self.kv_written),
            ("DDR read", self.ddr_read),
            ("  of it routers", self.routers),
            ("DDR written", self.ddr_written),
        ]
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, o: Ledger) {
        self.weights += o.weights;
        self.scales += o.scales;
        self.routers += o.routers;
        self.kv_hbm += o.kv_hbm;
        self.kv_buffer += o.kv_buffer;
        self.kv_written += o.kv_written;
        self.ddr_read += o.ddr_read;
        self.ddr_written += o.ddr_written;
    }
}

/// Bytes of the parts of a compiled model.
#[derive(Clone, Debug)]
pub struct Costs {
    /// By layer: keys and values, queries and output, feed-forward.
    layers: Vec<[Bytes; 3]>,
    classifier: Bytes,
    routers: u64,
    beat: u64,
    skipping: Skipping,
}

/// Bytes of matrices.
#[derive(Clone, Copy, Debug, Default)]
struct Bytes {
    all: u64,
    scales: u64,
}

impl Bytes {
    fn of(matrices: &[Matrix], geometry: &Geometry) -> Bytes {
        let beat = geometry.beat_bytes() as u64;
        let one = |m: &Matrix| {
            let groups = match m.group {
                0 => 1,
                g => m.slices.div_ceil(g),
            };
            let blocks = (0..m.tiles).step_by(INTERLEAVE);
            let scales: usize =
                blocks.map(|t| geometry.scale_beats(INTERLEAVE.min(m.tiles - t), groups)).sum();
            Bytes { all: m.beats as u64 * beat, scales: scales as u64 * beat }
        };
        matrices.iter().map(one).fold(Bytes::default(), |mut sum, b| {
            sum += b;
            sum
        })
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, o: Bytes) {
        self.all += o.all;
        self.scales += o.scales;
    }
}

impl Costs {
    /// Those of a model compiled for a configuration of this geometry.
    pub fn new(compiled: &Compiled, geometry: &Geometry, skipping: Skipping) -> Costs {
        let bytes = |m: &[Matrix]| Bytes::of(m, geometry);
        let layers = compiled.map.layers.iter().map(|l| {
            [bytes(&[l.key, l.value]), bytes(&[l.query, l.output]), bytes(&[l.gate_up, l.down])]
        });
        // Two routers a layer, two outputs each.
        let router = 4 * compiled.sizes.x.slices * geometry.slice_bytes();
        let routed = if skipping == Skipping::Dense { 0 } else { compiled.map.layers.len() };
        Costs {
            layers: layers.collect(),
            classifier: bytes(&[compiled.map.classifier]),
            routers: (routed * router) as u64,
            beat: geometry.beat_bytes() as u64,
            skipping,
        }
    }

    /// Weights and scales that a block needs whose tokens ran this, by layer.
    fn needed(&self, ran: &[Vec<Ran>]) -> Bytes {
        let mut sum = self.classifier;
        for (l, (layer, tokens)) in self.layers.iter().zip(ran).enumerate() {
            let attends = tokens.iter().any(|t| t.attention);
            let stores = match self.skipping {
                Skipping::Dense | Skipping::Partial => true,
                Skipping::KvReuse => l == 0 || attends,
            };
            let forwards = tokens.iter().any(|t| t.ffn);
            for (part, runs) in layer.iter().zip([stores, attends, forwards]) {
                if runs {
                    sum += *part;
                }
            }
        }
        sum
    }

    /// Bytes of weights and scales that a block needs whose tokens ran this, by layer.
    pub fn weight_bytes(&self, ran: &[Vec<Ran>]) -> u64 {
        self.needed(ran).all
    }

    /// What a block moved. Without what its tokens ran, scales count as weights.
    pub fn ledger(&self, counts: &Counts, ran: Option<&[Vec<Ran>]>) -> Ledger {
        let words = |c: Counter| counts.get(c).unwrap_or(0) * WORD_BYTES as u64;
        let read = counts.get(Counter::WeightBeats).unwrap_or(0) * self.beat;
        let scales = ran.map_or(0, |r| self.needed(r).scales.min(read));
        Ledger {
            weights: read - scales,
            scales,
            routers: self.routers,
            kv_hbm: words(Counter::KvWordsHbm),
            kv_buffer: words(Counter::KvWordsBuffer),
            kv_written: words(Counter::KvWordsWritten),
            ddr_read: words(Counter::DdrWordsRead),
            ddr_written: words(Counter::DdrWordsWritten),
        }
    }
}
