//! [`MemoryMap`]: where everything lies.

use crate::error::fits;
use crate::weights::Cut;
use crate::{CompileError, Geometry, Sizes};
use serde::Serialize;
use skipopu_config::Config;
use skipopu_forward::Skipping;
use skipopu_isa::program::HEADER_BYTES;
use skipopu_isa::set::DDR_BYTES;
use skipopu_isa::BYTES;
use skipopu_kv::layout::{CHANNEL_BYTES, WORD_BYTES};
use skipopu_kv::{KvLayout, KvMachine, KvModel};
use skipopu_model::{Model, Projection};

/// A matrix of the program: a projection, gate and up as one, or the classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// First unit of 64 bytes in each HBM port.
    pub unit: usize,
    /// Load beats.
    pub beats: usize,
    /// Tiles.
    pub tiles: usize,
    /// Slices of the reduction.
    pub slices: usize,
    /// Slices that share a scale; 0 for all.
    pub group: usize,
    /// Slices of the result.
    pub outputs: usize,
}

/// Matrices of a layer, in the order of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LayerMap {
    /// Keys.
    pub key: Matrix,
    /// Values.
    pub value: Matrix,
    /// Queries.
    pub query: Matrix,
    /// Attention's output.
    pub output: Matrix,
    /// Gate and up, alternating.
    pub gate_up: Matrix,
    /// Back to the residual stream.
    pub down: Matrix,
    /// Gains and routers in DDR, first word: gains of both norms, attention's first; then the routers, by slice and output, both in
    /// one where both decide at once, else attention's first.
    pub constants: usize,
}

/// Words of 64 bytes in DDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DdrMap {
    /// The program.
    pub program: usize,
    /// The block's rows of the residual stream.
    pub block: usize,
    /// Logits of the last row.
    pub logits: usize,
    /// RoPE factors, by position.
    pub rope: usize,
    /// Gains of the final norm.
    pub final_gain: usize,
    /// Words in all.
    pub end: usize,
}

/// One region, for reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// `hbm` (bytes are per port) or `ddr`.
    pub memory: &'static str,
    /// What it holds.
    pub name: String,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Where everything lies in HBM and DDR.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemoryMap {
    /// The layers' matrices.
    pub layers: Vec<LayerMap>,
    /// The classifier.
    pub classifier: Matrix,
    /// Slices of a layer's gains and routers.
    pub constants: usize,
    /// The KV region of each port.
    pub kv: KvLayout,
    /// Slots of each bank of the KV buffer that hold a token.
    pub kv_slots: usize,
    /// DDR.
    pub ddr: DdrMap,
    /// All regions, by memory and address.
    pub regions: Vec<Region>,
}

struct Builder<'a> {
    geometry: &'a Geometry,
    unit: usize,
    word: usize,
    regions: Vec<Region>,
}

impl Builder<'_> {
    fn matrix(&mut self, name: String, cut: &Cut, outputs: usize) -> Matrix {
        let beats = cut.beats(self.geometry);
        let units = (beats * self.geometry.beat_bytes()).div_ceil(WORD_BYTES * self.geometry.ports);
        let unit = self.unit;
        self.unit += units;
        let (start, bytes) = ((unit * WORD_BYTES) as u64, (units * WORD_BYTES) as u64);
        self.regions.push(Region { memory: "hbm", name, start, bytes });
        Matrix {
            unit,
            beats,
            tiles: cut.tiles(self.geometry),
            slices: cut.slices(),
            group: cut.group(),
            outputs,
        }
    }

    fn words(&mut self, name: impl Into<String>, words: usize) -> usize {
        let word = self.word;
        self.word += words;
        let (start, bytes) = ((word * WORD_BYTES) as u64, (words * WORD_BYTES) as u64);
        self.regions.push(Region { memory: "ddr", name: name.into(), start, bytes });
        word
    }
}

/// The matrices of a layer that make one of the program's.
pub fn layer_cut<'a>(
    model: &'a Model,
    layer: usize,
    projection: Projection,
    geometry: &Geometry,
    sizes: &Sizes,
) -> Result<Cut<'a>, CompileError> {
    let name = |p: Projection| format!("layers.{layer}.{}", p.name());
    let weights = &model.layers[layer];
    let (names, matrices) = match projection {
        Projection::Gate => (
            vec![name(Projection::Gate), name(Projection::Up)],
            vec![weights.get(Projection::Gate), weights.get(Projection::Up)],
        ),
        p => (vec![name(p)], vec![weights.get(p)]),
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Cut::new(&names, &matrices, Some(projection), geometry, sizes)
}

/// Gains of a layer.
const GAINS: usize = 2;
/// Outputs of a layer's routers.
const ROUTER_OUTPUTS: usize = 4;

/// Most instructions of a layer, and those around all layers: room that the program gets in DDR.
const LAYER_INSTRUCTIONS: usize = 48;
const OTHER_INSTRUCTIONS: usize = 32;

impl MemoryMap {
    /// Are there routers beside the gains?
    pub fn has_routers(&self, sizes: &Sizes) -> bool {
        self.constants > GAINS * sizes.x.slices
    }

    /// Lays out a model.
    ///
    /// # Errors
    /// What cannot be multiplied or does not fit.
    pub fn new(
        model: &Model,
        config: &Config,
        geometry: &Geometry,
        sizes: &Sizes,
        skipping: Skipping,
    ) -> Result<MemoryMap, CompileError> {
        let spec = &model.spec;
        let outputs = match skipping {
            Skipping::Dense => 0,
            _ => {
                model.routers.as_ref().ok_or(CompileError::NoRouters)?;
                ROUTER_OUTPUTS
            }
        };
        let constants = (GAINS + outputs) * sizes.x.slices;
        let mut b = Builder { geometry, unit: 0, word: 0, regions: Vec::new() };
        let room = spec.layers * (LAYER_INSTRUCTIONS + sizes.pairs) + OTHER_INSTRUCTIONS;
        let program = b.words("program", (HEADER_BYTES + room * BYTES).div_ceil(WORD_BYTES));
        let x_words = geometry.words(sizes.x.slices);
        let block = b.words("block", geometry.rows * x_words);
        let logits = b.words("logits", geometry.words(sizes.logits.slices));
        let rope = b.words("RoPE factors", spec.context * geometry.words(sizes.head_slices));
        let final_gain = b.words("final gain", x_words);
        let mut layers = Vec::with_capacity(spec.layers);
        for l in 0..spec.layers {
            let mut matrix = |p: Projection, outputs: usize| -> Result<Matrix, CompileError> {
                let name = match p {
                    Projection::Gate => format!("layer {l} gate and up"),
                    p => format!("layer {l} {}", p.name()),
                };
                Ok(b.matrix(name, &layer_cut(model, l, p, geometry, sizes)?, outputs))
            };
            let key = matrix(Projection::Key, sizes.k.slices)?;
            let value = matrix(Projection::Value, sizes.v.slices)?;
            let query = matrix(Projection::Query, sizes.q.slices)?;
            let output = matrix(Projection::Output, sizes.x.slices)?;
            let gate_up = matrix(Projection::Gate, sizes.hidden)?;
            let down = matrix(Projection::Down, sizes.x.slices)?;
            let name = format!("layer {l} gains and routers");
            let words = b.words(name, geometry.words(constants));
            layers.push(LayerMap { key, value, query, output, gate_up, down, constants: words });
        }
        let weights = model.classifier();
        let cut = Cut::new(&["classifier"], &[&weights], None, geometry, sizes)?;
        let classifier = b.matrix("classifier".into(), &cut, sizes.logits.slices);
        let base = ((b.unit * WORD_BYTES) as u64).next_multiple_of(4096);
        fits(
            "HBM, bytes of a port, for weights",
            base,
            CHANNEL_BYTES,
            "use more memory.hbm_ports or fewer bits",
        )?;
        let head = sizes.head_slices * geometry.lanes;
        let kv_model = KvModel { layers: spec.layers, kv_heads: spec.kv_heads, head };
        let machine = KvMachine::of(config);
        let kv = KvLayout::new(&kv_model, &machine, base)?;
        b.regions.push(Region {
            memory: "hbm",
            name: "keys and values".into(),
            start: base,
            bytes: kv.bytes(),
        });
        fits("DDR, bytes", (b.word * WORD_BYTES) as u64, DDR_BYTES, "use a smaller model")?;
        let ddr = DdrMap { program, block, logits, rope, final_gain, end: b.word };
        let mut regions = b.regions;
        regions.sort_by_key(|r| (r.memory, r.start));
        let kv_slots = machine.slots_for(&kv);
        Ok(MemoryMap { layers, classifier, constants, kv, kv_slots, ddr, regions })
    }
}
