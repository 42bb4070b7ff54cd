//! The program of a model.
//!
//! Per layer, loads beside products:
//!
//! ```text
//! control   branch on attention                          branch on feed-forward
//! load      router  gains    | Wk Wv Wq  K V .. Wo     | Wgu Wd
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
//! | load to compute | block, gains and factors are on chip | the layer's `route` |
//! | compute to load | the layer before is done, its gains may be overwritten | loading the next gains |
//! | compute to control | masks are known | the branch |
//! | compute to store | keys and values are in the scratchpad | `append.kv` |
//! | store to load, store to compute | they are in memory | the layer's first `load.kv` and `attend` |

use crate::error::fits;
use crate::map::{LayerMap, Matrix};
use crate::sizes::Area;
use crate::{CompileError, Geometry, MemoryMap, Sizes};
use skipopu_forward::Skipping;
use skipopu_isa::program::HEADER_BYTES;
use skipopu_isa::value::{
    Flag, Function, Number, Operand, Part, Repeat, Routers, Rows, Space, Target,
};
use skipopu_isa::{Instruction, Operation, Register, Unit, BYTES};
use skipopu_kv::layout::WORD_BYTES;
use skipopu_model::{Model, Placement};
use skipopu_reference::npe::{RmsNorm, Softmax};

/// Bytes of a unit of the register `kv_base`.
const KV_PAGE: u64 = 4096;

/// Places in the constant memory: final gain, RoPE factors, gains of two layers in turn.
struct Constants {
    final_gain: usize,
    rope: usize,
    gains: [usize; 2],
}

struct Codegen<'a> {
    sizes: &'a Sizes,
    map: &'a MemoryMap,
    geometry: &'a Geometry,
    constants: Constants,
    placement: Option<Placement>,
    skipping: Skipping,
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
) -> Result<Vec<Instruction>, CompileError> {
    let x = sizes.x.slices;
    let rope = x;
    let gains = rope + geometry.rows * sizes.head_slices;
    let constants = Constants { final_gain: 0, rope, gains: [gains, gains + 2 * x] };
    fits(
        "constants of a block, slices of the constant memory",
        (gains + 4 * x) as u64,
        geometry.constants as u64,
        "raise buffers.constant_kib or lower buffers.rows",
    )?;
    let placement = match skipping {
        Skipping::Dense => None,
        _ => model.routers.as_ref().map(|r| r.placement),
    };
    let mut code = Codegen {
        sizes,
        map,
        geometry,
        constants,
        placement,
        skipping,
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
        self.set(Register::InverseDim, RmsNorm::inverse(spec.dim))?;
        self.set(Register::Epsilon, spec.norm_eps.to_bits())?;
        let scale = (spec.head_dim as f64).sqrt().recip();
        self.set(Register::ScoreFactor, Softmax::factor(scale))?;
        self.set(Register::Head, spec.head_dim as u32)?;
        self.set(Register::HeadsPerKv, spec.heads_per_kv() as u32)?;
        self.set(Register::KvHeads, spec.kv_heads as u32)?;
        self.set(Register::KvBase, (map.kv.base / KV_PAGE) as u32)?;
        self.set(Register::Rope, self.constants.rope as u32)?;
        let x = sizes.x;
        let c = &self.constants;
        let (final_gain, rope) = (c.final_gain, c.rope);
        let constants = Space::Constants;
        let gain =
            self.load_data(map.ddr.final_gain, constants, final_gain, x.slices, Repeat::Once)?;
        let factors =
            self.load_data(map.ddr.rope, constants, rope, sizes.head_slices, Repeat::Positions)?;
        let block =
            self.load_data(map.ddr.block, Space::Scratchpad, x.address, x.slices, Repeat::Rows)?;
        self.program.extend([gain, factors, block]);
        let gains = self.gains(0)?;
        self.push(gains.before(Unit::Compute));
        Ok(())
    }

    /// Loads the gains of a layer: attention's, then those of the feed-forward part.
    fn gains(&self, layer: usize) -> Result<Instruction, CompileError> {
        let (to, slices) = (self.constants.gains[layer % 2], 2 * self.sizes.x.slices);
        let word = self.map.layers[layer].gains;
        self.load_data(word, Space::Constants, to, slices, Repeat::Once)
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

    fn route(&self, routers: Routers, statistics: Flag) -> Result<Instruction, CompileError> {
        let x = self.sizes.x;
        Ok(Instruction::new(Operation::Route {
            address: field("address", x.address)?,
            stride: field("stride", x.slices)?,
            slices: field("slices", x.slices)?,
            routers,
            statistics,
        }))
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
        }))
    }

    fn router_tile(&mut self, word: usize, outputs: usize) -> Result<(), CompileError> {
        let beats = self.sizes.x.slices * self.geometry.narrow_beats(outputs);
        let slices = beats * self.geometry.positions;
        let load = self.load_data(word, Space::Weights, 0, slices, Repeat::Once)?;
        self.push(load);
        Ok(())
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
        let gains = self.constants.gains[l % 2];
        let skips = self.placement.is_some();
        match self.placement {
            None => {}
            Some(Placement::PreAttention) => self.router_tile(places.router, 4)?,
            Some(Placement::OwnInput) => self.router_tile(places.router, 2)?,
        }
        let routers = match self.placement {
            None => Routers::None,
            Some(Placement::PreAttention) => Routers::Both,
            Some(Placement::OwnInput) => Routers::Attention,
        };
        let mut route = self.route(routers, Flag::Yes)?.after(Unit::Load);
        let more = l + 1 < self.map.layers.len();
        if more {
            route = route.before(Unit::Load);
        }
        self.push(if skips { route.before(Unit::Control) } else { route });
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
        // Where attention may be skipped behind this, control itself waits, so that every token is taken.
        let skip_rest = if skips && everyone {
            self.push(append.before(Unit::Control));
            Some(self.branch(attending, &[Unit::Compute, Unit::Store]))
        } else {
            self.push(append.before(Unit::Load).before(Unit::Compute));
            None
        };
        self.attention(l, &places, attending, skip_rest.is_none())?;
        self.here(skip_all)?;
        self.here(skip_rest)?;
        self.feed_forward(&places, gains, skips)?;
        if more {
            let next = self.gains(l + 1)?.after(Unit::Compute).before(Unit::Compute);
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

    /// Queries, the pairs of heads, the output projection. `waits`: for the append.
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
        for p in 0..self.sizes.pairs {
            let after = |i: Instruction| if waits && p == 0 { i.after(Unit::Store) } else { i };
            let (layer, pair) = (field("layer", l)?, field("pair", p)?);
            for part in [Part::Keys, Part::Values] {
                let load = Instruction::new(Operation::LoadKv { layer, pair, part });
                self.push(if part == Part::Keys { after(load) } else { load });
            }
            let attend = Instruction::new(Operation::Attend {
                address: field("address", self.sizes.q.address)?,
                stride: field("stride", self.sizes.q.slices)?,
                pair,
                rows,
                operand: Operand::Second,
            });
            self.push(after(attend));
        }
        self.load_weights(&places.output)?;
        let x = (Target::Scratchpad, self.sizes.x);
        let o = self.matmul(&places.output, Operand::Second, rows, Function::Residual, x)?;
        self.push(o);
        Ok(())
    }

    fn feed_forward(
        &mut self,
        places: &LayerMap,
        gains: usize,
        skips: bool,
    ) -> Result<(), CompileError> {
        let rows = if skips { Rows::Forward } else { Rows::All };
        let mut skip = None;
        match (self.placement, places.own_router) {
            (Some(Placement::OwnInput), Some(word)) => {
                self.router_tile(word, 2)?;
                let route = self.route(Routers::Forward, Flag::Yes)?.before(Unit::Control);
                self.push(route);
                skip = Some(self.branch(rows, &[Unit::Compute]));
            }
            (placement, _) => {
                if placement.is_some() {
                    skip = Some(self.branch(rows, &[]));
                }
                let statistics = self.route(Routers::None, Flag::Yes)?;
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
        let statistics = self.route(Routers::None, Flag::Yes)?;
        self.push(statistics);
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
