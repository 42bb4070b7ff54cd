//! [`Images`]: what stands in memory before the program runs.

use crate::map::layer_cut;
use crate::weights::{narrow_stream, Cut};
use crate::{CompileError, Geometry, MemoryMap, Sizes};
use half::f16;
use skipopu_isa::Program;
use skipopu_kv::layout::WORD_BYTES;
use skipopu_model::{Model, Placement, Projection};

/// The contents of the memories. Bytes that are not mentioned do not matter.
#[derive(Clone, Debug)]
pub struct Images {
    /// Of every HBM port, from byte 0 on.
    pub hbm: Vec<Vec<u8>>,
    /// Of DDR: first byte and bytes.
    pub ddr: Vec<(u64, Vec<u8>)>,
}

impl Images {
    /// Those of a model.
    ///
    /// # Errors
    /// As [`MemoryMap::new`].
    pub fn new(
        model: &Model,
        geometry: &Geometry,
        sizes: &Sizes,
        map: &MemoryMap,
        program: &Program,
    ) -> Result<Images, CompileError> {
        let mut images = Images { hbm: vec![Vec::new(); geometry.ports], ddr: Vec::new() };
        for (l, layer) in map.layers.iter().enumerate() {
            let matrices = [
                (Projection::Key, layer.key),
                (Projection::Value, layer.value),
                (Projection::Query, layer.query),
                (Projection::Output, layer.output),
                (Projection::Gate, layer.gate_up),
                (Projection::Down, layer.down),
            ];
            for (projection, matrix) in matrices {
                let cut = layer_cut(model, l, projection, geometry, sizes)?;
                images.stripe(matrix.unit, &cut.stream(geometry));
            }
        }
        let classifier = model.classifier();
        let cut = Cut::new(&["classifier"], &[&classifier], None, geometry, sizes)?;
        images.stripe(map.classifier.unit, &cut.stream(geometry));
        images.constants(model, geometry, map);
        images.ddr.push(((map.ddr.program * WORD_BYTES) as u64, program.to_bytes()));
        Ok(images)
    }

    /// Bytes of HBM and of DDR.
    pub fn bytes(&self) -> (usize, usize) {
        (self.hbm.iter().map(Vec::len).sum(), self.ddr.iter().map(|(_, b)| b.len()).sum())
    }

    /// Writes a stream of load beats over all ports, 64 bytes each in turn, from a unit on.
    fn stripe(&mut self, unit: usize, bytes: &[u8]) {
        let ports = self.hbm.len();
        for (i, word) in bytes.chunks(WORD_BYTES).enumerate() {
            let (port, at) = (&mut self.hbm[i % ports], (unit + i / ports) * WORD_BYTES);
            port.resize(port.len().max(at + WORD_BYTES), 0);
            port[at..at + word.len()].copy_from_slice(word);
        }
    }

    fn constants(&mut self, model: &Model, geometry: &Geometry, map: &MemoryMap) {
        let mut rows = |word: usize, values: &[f32], words: usize, row: usize| {
            let at = ((word + row * words) * WORD_BYTES) as u64;
            self.ddr.push((at, fp16_bytes(values)));
        };
        let x_words = geometry.words(geometry.slices(model.spec.dim));
        rows(map.ddr.final_gain, &model.final_norm, x_words, 0);
        for (layer, places) in model.layers.iter().zip(&map.layers) {
            let mut gains = layer.attention_norm.clone();
            gains.resize(geometry.slices(gains.len()) * geometry.lanes, 0.0);
            gains.extend(&layer.ffn_norm);
            rows(places.gains, &gains, 0, 0);
        }
        let frequencies = model.spec.rope.frequencies(model.spec.head_dim);
        let words = geometry.words(geometry.slices(model.spec.head_dim));
        for position in 0..model.spec.context {
            rows(map.ddr.rope, &rotation(&frequencies, position), words, position);
        }
        let Some(routers) = &model.routers else { return };
        let encode = |t: &skipopu_model::Tensor| -> Vec<Vec<u16>> {
            (0..2).map(|r| t.row(r).iter().map(|v| f16::from_f32(*v).to_bits()).collect()).collect()
        };
        for (l, places) in map.layers.iter().enumerate() {
            let (attention, forward) = (encode(&routers.attention[l]), encode(&routers.ffn[l]));
            let mut push = |word: usize, rows: &[Vec<u16>]| {
                self.ddr.push(((word * WORD_BYTES) as u64, narrow_stream(geometry, rows)));
            };
            match (routers.placement, places.own_router) {
                (Placement::PreAttention, _) => {
                    push(places.router, &[attention, forward].concat());
                }
                (Placement::OwnInput, Some(own)) => {
                    push(places.router, &attention);
                    push(own, &forward);
                }
                // A dense program has no place for routers.
                (Placement::OwnInput, None) => {}
            }
        }
    }
}

/// Cosine and sine of every pair of a head at a position, in turn.
pub fn rotation(frequencies: &[f64], position: usize) -> Vec<f32> {
    frequencies
        .iter()
        .flat_map(|f| {
            let (sin, cos) = (f * position as f64).sin_cos();
            [cos as f32, sin as f32]
        })
        .collect()
}

/// FP16 encodings, rounded to nearest even.
pub fn fp16_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect()
}
