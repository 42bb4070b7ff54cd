//! [`Images`]: what stands in memory before the program runs.

use crate::map::layer_cut;
use crate::weights::Cut;
use crate::{CompileError, Geometry, MemoryMap, Sizes};
use half::f16;
use skipopu_isa::Program;
use skipopu_kv::layout::WORD_BYTES;
use skipopu_model::{Model, Placement, Projection, Tensor};

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
        images.constants(model, geometry, sizes, map);
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

    fn constants(&mut self, model: &Model, geometry: &Geometry, sizes: &Sizes, map: &MemoryMap) {
        for (l, (layer, places)) in model.layers.iter().zip(&map.layers).enumerate() {
            let mut slices = padded(geometry, &encode(&layer.attention_norm));
            slices.extend(padded(geometry, &encode(&layer.ffn_norm)));
            // A dense program has no place for routers.
            if let Some(routers) = model.routers.as_ref().filter(|_| map.has_routers(sizes)) {
                let rows = |t: &Tensor| (0..2).map(|r| encode(&t.row(r))).collect::<Vec<_>>();
                let (attention, forward) = (rows(&routers.attention[l]), rows(&routers.ffn[l]));
                slices.extend(match routers.placement {
                    Placement::PreAttention => by_slice(geometry, &[attention, forward].concat()),
                    Placement::OwnInput => {
                        [by_slice(geometry, &attention), by_slice(geometry, &forward)].concat()
                    }
                });
            }
            let bytes = slices.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.ddr.push(((places.constants * WORD_BYTES) as u64, bytes));
        }
        let mut rows = |word: usize, values: &[f32], words: usize, row: usize| {
            let at = ((word + row * words) * WORD_BYTES) as u64;
            self.ddr.push((at, fp16_bytes(values)));
        };
        let x_words = geometry.words(geometry.slices(model.spec.dim));
        rows(map.ddr.final_gain, &model.final_norm, x_words, 0);
        let frequencies = model.spec.rope.frequencies(model.spec.head_dim);
        let words = geometry.words(geometry.slices(model.spec.head_dim));
        for position in 0..model.spec.context {
            rows(map.ddr.rope, &rotation(&frequencies, position), words, position);
        }
    }
}

/// A vector's encodings, filled up to whole slices.
fn padded(geometry: &Geometry, values: &[u16]) -> Vec<u16> {
    let mut values = values.to_vec();
    values.resize(geometry.slices(values.len()) * geometry.lanes, 0);
    values
}

/// Rows of FP16 weights as `route` reads them: by slice, then row.
fn by_slice(geometry: &Geometry, rows: &[Vec<u16>]) -> Vec<u16> {
    let rows: Vec<Vec<u16>> = rows.iter().map(|r| padded(geometry, r)).collect();
    let slices = rows.first().map_or(0, |r| r.len() / geometry.lanes);
    let slice =
        |s: usize| rows.iter().flat_map(move |r| &r[s * geometry.lanes..][..geometry.lanes]);
    (0..slices).flat_map(slice).copied().collect()
}

/// FP16 encodings, rounded to nearest even.
fn encode(values: &[f32]) -> Vec<u16> {
    values.iter().map(|v| f16::from_f32(*v).to_bits()).collect()
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
    encode(values).into_iter().flat_map(u16::to_le_bytes).collect()
}
