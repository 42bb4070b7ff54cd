//! The program of a model.
//!
//! Per layer, loads beside products:
//!
//! ```text
//! control   branch on attention                          branch on feed-forward
//! load      gains, routers   | Wk Wv Wq  K, V  Wo      | Wgu Wd
//! compute   route            | norm k v q attend .. o  | statistics norm gate-up down
//! store                      |       append            |
//! ```
//!
//! Control reaches the second branch while attention still computes: with routers before attention its decision is known, and
//! the feed-forward weights are on their way or never asked for.
//!
//! What orders the units:
//!
//! | token | says | taken by |
//! |---|---|---|
//! | load to compute | block, factors, gains and routers are on chip | the layer's `route` |
//! | compute to load | the layer before is done, its gains and routers may be overwritten | loading the next ones |
//! | compute to control | masks are known | the branch |
//! | compute to store | keys and values are in the scratchpad | `append.kv` |
//! | store to compute | they are in memory, the scratchpad's may be overwritten | the output projection, or the next `route` where every row is appended |

use crate::error::fits;
use crate::map::{LayerMap, Matrix};
use crate::sizes::Area;
use crate::{CompileError, Geometry, MemoryMap, Sizes};
use skipopu_forward::Skipping;
use skipopu_isa::program::HEADER_BYTES;
use skipopu_isa::value::{
    Flag, Function, Number, Operand, Passes, Repeat, Routers, Rows, Space, Target,
};
use skipopu_isa::{Instruction, Operation, Register, Unit, BYTES};
use skipopu_kv::layout::WORD_BYTES;
use skipopu_model::{Model, Placement};
use skipopu_reference::npe;

/// Bytes of a unit of the register `kv_base`.
const KV_PAGE: u64 = 4096;

/// Layers whose gains and routers stand in the constant memory, in turn: one is computed, the next two are ready or on their
/// way, so that skipped layers never wait for them.
const TURNS: usize = 3;

/// Places in the constant memory: final gain, gains and routers of some layers in turn.
struct Constants {
    final_gain: usize,
    layers: Vec<usize>,
}

impl Constants {
    fn of(&self, layer: usize) -> usize {
        self.layers[layer % self.layers.len()]
    }

    /// Layers by which loading is ahead.
    fn lead(&self) -> usize {
        self.layers.len() - 1
    }
}

/// How vector operations pass over their data. The results are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dataflow {
    /// While data streams for something else: RMSNorm's statistics with the routers, softmax's with the scores; normalised
    /// slices and probabilities while the array multiplies those before.
    #[default]
    Fused,
    /// Each in passes of its own, row by row: the baseline.
    Rowwise,
}

struct Codegen<'a> {
    sizes: &'a Sizes,
    map: &'a MemoryMap,
    constants: Constants,
    placement: Option<Placement>,
    skipping: Skipping,
    dataflow: Dataflow,
    /// An append's token to compute has not been taken.
    append_pending: bool,
    program: Vec<Instruction>,
}

/// The program of a model laid out by `map`.
///
/// # Errors
/// A field of an instruction that a size exceeds, or constants that do not fit.
pub fn generate(
    model: &Model,
    geometry: &Geometry,
    sizes: &Sizes,
    map: &MemoryMap,
    skipping: Skipping,
    dataflow: Dataflow,
) -> Result<Vec<Instruction>, CompileError> {
    let (x, layer) = (sizes.x.slices, map.constants);
    // Two suffice to compute one while the next one's come.
    let turns = if x + TURNS * layer <= geometry.constants { TURNS } else { 2 };
    let layers = (0..turns).map(|i| x + i * layer).collect();
    let constants = Constants { final_gain: 0, layers };
    fits(
        "final gain, gains and routers of two layers, slices of the constant memory",
        (x + 2 * layer) as u64,
        geometry.constants as u64,
        "raise buffers.constant_kib",
    )?;
    let placement = match skipping {
        Skipping::Dense => None,
        _ => model.routers.as_ref().map(|r| r.placement),
    };
    let mut code = Codegen {
        sizes,
        map,
        constants,
        placement,
        skipping,
        dataflow,
        append_pending: false,
        program: Vec::with_capacity(64 * map.layers.len()),
    };
    code.prologue(model)?;
    for l in 0..map.layers.len() {
        code.layer(l)?;
    }
    code.epilogue()?;
    let room = (map.ddr.block - map.ddr.program) * WORD_BYTES;
    let bytes = HEADER_BYTES + code.program.len() * BYTES;
    fits("the program, bytes", bytes as u64, room as u64, "this is an error of the compiler")?;
    Ok(code.program)
}

/// A size as a field of an instruction.
fn field<const N: u32>(what: &'static str, value: usize) -> Result<Number<N>, CompileError> {
    let number = u32::try_from(value).ok().and_then(Number::new);
    number.ok_or_else(|| CompileError::Capacity {
        what: format!("a field of an instruction, {what},"),
        needed: value as u64,
        there: u64::from(Number::<N>::MAX),
        remedy: "use a smaller model, or a configuration with more lanes and columns",
    })
}

impl Codegen<'_> {
    fn push(&mut self, instruction: Instruction) {
        self.program.push(instruction);
    }

    fn set(&mut self, register: Register, value: u32) -> Result<(), CompileError> {
        let value = field("value", value as usize)?;
        self.push(Instruction::new(Operation::Set { register, value }));
        Ok(())
    }

    fn load_data(
        &self,
        word: usize,
        space: Space,
        at: usize,
        slices: usize,
        repeat: Repeat,
    ) -> Result<Instruction, CompileError> {
        Ok(Instruction::new(Operation::LoadData {
            address: field("address", word)?,
            space,
            at: field("at", at)?,
            slices: field("slices", slices)?,
            repeat,
        }))
    }

    fn prologue(&mut self, model: &Model) -> Result<(), CompileError> {
        let (spec, sizes, map) = (&model.spec, self.sizes, self.map);
        self.set(Register::InverseDim, npe::RmsNorm::inverse(spec.dim))?;
        self.set(Register::Epsilon, spec.norm_eps.to_bits())?;
        let scale = (spec.head_dim as f64).sqrt().recip();
        self.set(Register::ScoreFactor, npe::Softmax::factor(scale))?;
        self.set(Register::Head, spec.head_dim as u32)?;
        self.set(Register::HeadsPerKv, spec.heads_per_kv() as u32)?;
        self.set(Register::KvHeads, spec.kv_heads as u32)?;
        self.set(Register::KvBase, (map.kv.base / KV_PAGE) as u32)?;
        self.set(Register::Layers, spec.layers as u32)?;
        self.set(Register::KvSlots, map.kv_slots as u32)?;
        let x = sizes.x;
        let final_gain = self.constants.final_gain;
        let gain = self.load_data(
            map.ddr.final_gain,
            Space::Constants,
            final_gain,
            x.slices,
            Repeat::Once,
        )?;
        let factors =
            self.load_data(map.ddr.rope, Space::Rotation, 0, sizes.head_slices, Repeat::Positions)?;
        let block =
            self.load_data(map.ddr.block, Space::Scratchpad, x.address, x.slices, Repeat::Rows)?;
        self.program.extend([gain, factors, block]);
        for l in 0..self.constants.lead().min(map.layers.len()) {
            let constants = self.layer_constants(l)?;
            self.push(constants.before(Unit::Compute));
        }
        Ok(())
    }

    /// Loads gains and routers of a layer.
    fn layer_constants(&self, layer: usize) -> Result<Instruction, CompileError> {
        let to = self.constants.of(layer);
        let word = self.map.layers[layer].constants;
        self.load_data(word, Space::Constants, to, self.map.constants, Repeat::Once)
    }

    fn load_weights(&mut self, m: &Matrix) -> Result<(), CompileError> {
        let (address, beats) = (field("address", m.unit)?, field("beats", m.beats)?);
        self.push(Instruction::new(Operation::LoadWeights { address, beats }));
        Ok(())
    }

    fn matmul(
        &self,
        m: &Matrix,
        operand: Operand,
        rows: Rows,
        function: Function,
        (target, area): (Target, Area),
    ) -> Result<Instruction, CompileError> {
        Ok(Instruction::new(Operation::Matmul {
            operand,
            rows,
            slices: field("slices", m.slices)?,
            tiles: field("tiles", m.tiles)?,
            group: field("group", m.group)?,
            function,
            target,
            address: field("address", area.address)?,
            stride: field("stride", area.slices)?,
            outputs: field("outputs", m.outputs)?,
        }))
    }

    fn route(
        &self,
        routers: Routers,
        statistics: Flag,
        weights: usize,
    ) -> Result<Instruction, CompileError> {
        let x = self.sizes.x;
        Ok(Instruction::new(Operation::Route {
            address: field("address", x.address)?,
            stride: field("stride", x.slices)?,
            slices: field("slices", x.slices)?,
            routers,
            statistics,
            weights: field("weights", weights)?,
        }))
    }

    /// Statistics and routers, in one pass or in two.
    fn decide(
        &mut self,
        routers: Routers,
        weights: usize,
        wait: &[Unit],
        signal: &[Unit],
    ) -> Result<(), CompileError> {
        let mut passes = vec![self.route(routers, Flag::Yes, weights)?];
        if self.dataflow == Dataflow::Rowwise && routers != Routers::None {
            passes = vec![
                self.route(Routers::None, Flag::Yes, weights)?,
                self.route(routers, Flag::No, weights)?,
            ];
        }
        let last = passes.len() - 1;
        passes[0] = wait.iter().fold(passes[0], |i, unit| i.after(*unit));
        passes[last] = signal.iter().fold(passes[last], |i, unit| i.before(*unit));
        passes.into_iter().for_each(|pass| self.push(pass));
        Ok(())
    }

    fn normalise(&self, gain: usize, rows: Rows) -> Result<Instruction, CompileError> {
        let x = self.sizes.x;
        Ok(Instruction::new(Operation::Normalise {
            address: field("address", x.address)?,
            stride: field("stride", x.slices)?,
            slices: field("slices", x.slices)?,
            gain: field("gain", gain)?,
            rows,
            operand: Operand::First,
            passes: self.passes(),
        }))
    }

    fn passes(&self) -> Passes {
        match self.dataflow {
            Dataflow::Fused => Passes::Fused,
            Dataflow::Rowwise => Passes::Rowwise,
        }
    }

    /// A branch whose target is filled in by [`Codegen::here`].
    fn branch(&mut self, rows: Rows, wait: &[Unit]) -> usize {
        let target = Number::new(0).expect("0 fits");
        let branch = Instruction::new(Operation::Branch { rows, target });
        self.push(wait.iter().fold(branch, |b, unit| b.after(*unit)));
        self.program.len() - 1
    }

    /// Makes a branch go to the next instruction.
    fn here(&mut self, branch: Option<usize>) -> Result<(), CompileError> {
        let Some(at) = branch else { return Ok(()) };
        let next = field("target", self.program.len())?;
        if let Operation::Branch { target, .. } = &mut self.program[at].operation {
            *target = next;
        }
        Ok(())
    }

    fn layer(&mut self, l: usize) -> Result<(), CompileError> {
        let places = self.map.layers[l];
        let gains = self.constants.of(l);
        // Gains of two norms stand before the routers.
        let weights = gains + 2 * self.sizes.x.slices;
        let skips = self.placement.is_some();
        let routers = match self.placement {
            None => Routers::None,
            Some(Placement::PreAttention) => Routers::Both,
            Some(Placement::OwnInput) => Routers::Attention,
        };
        let mut wait = vec![Unit::Load];
        if self.append_pending {
            wait.push(Unit::Store);
        }
        let later = l + self.constants.lead();
        let more = later < self.map.layers.len();
        let mut signal = if more { vec![Unit::Load] } else { vec![] };
        if skips {
            signal.push(Unit::Control);
        }
        self.decide(routers, weights, &wait, &signal)?;
        let attending = if skips { Rows::Attention } else { Rows::All };
        // Who gets keys and values: everyone in layer 0 and where skipping is partial.
        let reuse = self.skipping == Skipping::KvReuse && l > 0;
        let everyone = !skips || !reuse;
        let storing = if everyone { Rows::All } else { attending };

        let skip_all = (skips && !everyone).then(|| self.branch(attending, &[Unit::Compute]));
        let norm = self.normalise(gains, storing)?;
        self.push(norm);
        self.load_weights(&places.key)?;
        let key = (Target::Scratchpad, self.sizes.k);
        let k = self.matmul(&places.key, Operand::First, storing, Function::Rotate, key)?;
        self.push(k);
        self.load_weights(&places.value)?;
        let value = (Target::Scratchpad, self.sizes.v);
        let v = self.matmul(&places.value, Operand::First, storing, Function::Plain, value)?;
        self.push(v.before(Unit::Store));
        let append = self.append(l, storing)?.after(Unit::Compute);
        self.push(append.before(Unit::Compute));
        // A token that is always given is taken by the next `route`, which always runs; one of the skipped part within it.
        self.append_pending = everyone;
        let skip_rest = (skips && everyone).then(|| self.branch(attending, &[Unit::Compute]));
        if skip_rest.is_some() {
            // An operand memory holds the rows of a product and no others.
            let again = self.normalise(gains, attending)?;
            self.push(again);
        }
        self.attention(l, &places, attending, !everyone)?;
        self.here(skip_all)?;
        self.here(skip_rest)?;
        self.feed_forward(gains, &places, skips)?;
        if more {
            let next = self.layer_constants(later)?.after(Unit::Compute).before(Unit::Compute);
            self.push(next);
        }
        Ok(())
    }

    fn append(&self, l: usize, rows: Rows) -> Result<Instruction, CompileError> {
        Ok(Instruction::new(Operation::AppendKv {
            layer: field("layer", l)?,
            rows,
            keys: field("keys", self.sizes.k.address)?,
            values: field("values", self.sizes.v.address)?,
            stride: field("stride", self.sizes.k.slices)?,
        }))
    }

    /// Queries, the pairs of heads, the output projection. `waits`: the last of them for the append.
    fn attention(
        &mut self,
        l: usize,
        places: &LayerMap,
        rows: Rows,
        waits: bool,
    ) -> Result<(), CompileError> {
        self.load_weights(&places.query)?;
        let query = (Target::Scratchpad, self.sizes.q);
        let q = self.matmul(&places.query, Operand::First, rows, Function::Rotate, query)?;
        self.push(q);
        self.push(Instruction::new(Operation::LoadKv { layer: field("layer", l)? }));
        let (q, k, v) = (self.sizes.q, self.sizes.k, self.sizes.v);
        self.push(Instruction::new(Operation::Attend {
            address: field("address", q.address)?,
            stride: field("stride", q.slices)?,
            pair: field("pair", 0)?,
            pairs: field("pairs", self.sizes.pairs)?,
            rows,
            operand: Operand::Second,
            keys: field("keys", k.address)?,
            values: field("values", v.address)?,
            kv_stride: field("kv_stride", k.slices)?,
            passes: self.passes(),
        }));
        self.load_weights(&places.output)?;
        let x = (Target::Scratchpad, self.sizes.x);
        let o = self.matmul(&places.output, Operand::Second, rows, Function::Residual, x)?;
        self.push(if waits { o.after(Unit::Store) } else { o });
        Ok(())
    }

    fn feed_forward(
        &mut self,
        gains: usize,
        places: &LayerMap,
        skips: bool,
    ) -> Result<(), CompileError> {
        let rows = if skips { Rows::Forward } else { Rows::All };
        let mut skip = None;
        match self.placement {
            Some(Placement::OwnInput) => {
                // Behind both gains and attention's router.
                let weights = gains + (2 + 2) * self.sizes.x.slices;
                self.decide(Routers::Forward, weights, &[], &[Unit::Control])?;
                skip = Some(self.branch(rows, &[Unit::Compute]));
            }
            placement => {
                if placement.is_some() {
                    skip = Some(self.branch(rows, &[]));
                }
                let statistics = self.route(Routers::None, Flag::Yes, 0)?;
                self.push(statistics);
            }
        }
        let norm = self.normalise(gains + self.sizes.x.slices, rows)?;
        self.push(norm);
        self.load_weights(&places.gate_up)?;
        let hidden = (Target::Operand1, Area { address: 0, slices: self.sizes.hidden });
        let up = self.matmul(&places.gate_up, Operand::First, rows, Function::Swiglu, hidden)?;
        self.push(up);
        self.load_weights(&places.down)?;
        let x = (Target::Scratchpad, self.sizes.x);
        let down = self.matmul(&places.down, Operand::Second, rows, Function::Residual, x)?;
        self.push(down);
        self.here(skip)
    }

    fn epilogue(&mut self) -> Result<(), CompileError> {
        let statistics = self.route(Routers::None, Flag::Yes, 0)?;
        self.push(if self.append_pending { statistics.after(Unit::Store) } else { statistics });
        let norm = self.normalise(self.constants.final_gain, Rows::Last)?;
        self.push(norm);
        let classifier = self.map.classifier;
        self.load_weights(&classifier)?;
        // One row, whichever it is: rows do not move the target.
        let area = Area { address: self.sizes.logits.address, slices: 0 };
        let logits = self.matmul(
            &classifier,
            Operand::First,
            Rows::Last,
            Function::Wide,
            (Target::Scratchpad, area),
        )?;
        self.push(logits.before(Unit::Store));
        self.push(
            Instruction::new(Operation::StoreData {
                address: field("address", self.map.ddr.logits)?,
                at: field("at", self.sizes.logits.address)?,
                slices: field("slices", self.sizes.logits.slices)?,
                repeat: Repeat::Once,
            })
            .after(Unit::Compute),
        );
        self.push(Instruction::new(Operation::End {}));
        Ok(())
    }
}
