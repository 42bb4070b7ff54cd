//! The core in simulation: how much of its time it works, what fusion and skipping save.

use crate::record::Recorder;
use anyhow::{ensure, Result};
use skipopu_compiler::{compile_as, Dataflow, Geometry};
use skipopu_config::Config;
use skipopu_cosim::{Core, Memories, VerilatedDevice};
use skipopu_forward::Skipping;
use skipopu_isa::host::Counter;
use skipopu_ledger::Kind;
use skipopu_model::{synthetic, Model, Placement, Spec, Tensor};
use skipopu_quant::{quantise, Method};
use skipopu_runtime::ledger::Costs;
use skipopu_runtime::{Counts, Overlay};
use std::ops::ControlFlow;

const CONFIG: &str = "cosim";
/// Bytes that an HBM port moves in a cycle of the core at most: 32 in each of two cycles of its own clock.
const PORT_BYTES: f64 = 64.0;
/// Key of what sequential reads get of it from the model of HBM2 (docs/memory-model.md).
const SEQUENTIAL: &str = "hbm.seq_percent";

/// Runs models of stories15M's shapes on the Verilated core.
///
/// # Errors
/// A core that cannot be built, a program that stops.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let config = Config::preset(CONFIG)?;
    let core = Core::build(&config, false)?;
    utilisation(out, &core, &config)?;
    fusion(out, &core, &config)?;
    skipped(out, &core, &config)?;
    busy(out)
}

/// stories15M's width, heads and feed-forward part.
fn shapes(layers: usize, vocab: usize) -> Spec {
    Spec {
        dim: 288,
        hidden: 768,
        layers,
        heads: 6,
        kv_heads: 6,
        head_dim: 48,
        vocab,
        context: 256,
        ..synthetic::spec()
    }
}

fn model(spec: Spec) -> Result<Model> {
    let mut model = quantise(&synthetic::model(spec, 1, true), 4, 32, Method::Rtn, |_| ())?;
    model.routers = Some(synthetic::routers(&model.spec, 2, Placement::PreAttention));
    Ok(model)
}

/// Routers that never let anything run: both logits are 0, and a tie skips.
fn silence(model: &mut Model) {
    let dim = model.spec.dim;
    if let Some(routers) = &mut model.routers {
        for tensor in routers.attention.iter_mut().chain(&mut routers.ffn) {
            *tensor = Tensor::from_f32(2, dim, &vec![0.0; 2 * dim]);
        }
    }
}

/// A model, and how it runs.
struct Bench<'a> {
    core: &'a Core,
    config: &'a Config,
    skipping: Skipping,
    dataflow: Dataflow,
}

impl Bench<'_> {
    /// What blocks of these lengths cost, one after the other.
    fn run(&self, model: &Model, blocks: &[usize]) -> Result<Vec<Counts>> {
        let compiled = compile_as(model, self.config, self.skipping, self.dataflow)?;
        let device = Box::new(VerilatedDevice::new(self.core, Memories::Modelled)?);
        let mut overlay = Overlay::new(device, model, &compiled, self.config, |_| ())?;
        let mut token = 1;
        let mut counts = Vec::new();
        for length in blocks {
            let tokens: Vec<u32> =
                (0..*length as u32).map(|i| (token + 7 * i) % model.spec.vocab as u32).collect();
            token += 3;
            counts.push(overlay.next(&tokens, &mut |_| ControlFlow::Continue(()))?.counts);
        }
        Ok(counts)
    }
}

fn sum(counts: &[Counts], counter: Counter) -> f64 {
    counts.iter().filter_map(|c| c.get(counter)).sum::<u64>() as f64
}

fn utilisation(out: &mut Recorder, core: &Core, config: &Config) -> Result<()> {
    println!("prefill of 64 tokens");
    let bench = Bench { core, config, skipping: Skipping::Dense, dataflow: Dataflow::Fused };
    let counts = bench.run(&model(shapes(2, 64))?, &[16; 4])?;
    let share = 100.0 * sum(&counts, Counter::Int4Cycles) / sum(&counts, Counter::MatmulBusy);
    let whole = 100.0 * sum(&counts, Counter::Int4Cycles) / sum(&counts, Counter::Cycles);
    let note = format!(
        "cycles of `matmul` in which a vector meets INT4 weights; {CONFIG}, two layers of stories15M's shapes, dense, 64 tokens in blocks of 16, model of HBM2; {whole:.1} % of all cycles"
    );
    out.add(
        "overlay.prefill.array_utilisation_percent",
        share,
        "%",
        Kind::Simulated,
        "overlay",
        note,
    );
    Ok(())
}

fn fusion(out: &mut Recorder, core: &Core, config: &Config) -> Result<()> {
    // A feed-forward part of one tile leaves attention alone.
    let model = model(Spec { hidden: 16, ..shapes(2, 64) })?;
    for (key, skipping, what) in [
        ("overlay.fused_speedup", Skipping::KvReuse, "KV reuse in both"),
        ("overlay.fused_speedup_dense", Skipping::Dense, "dense"),
    ] {
        println!("fused and row-wise, {what}");
        let cycles = |dataflow| -> Result<f64> {
            let bench = Bench { core, config, skipping, dataflow };
            Ok(sum(&bench.run(&model, &[16; 16])?, Counter::Cycles))
        };
        let (fused, rowwise) = (cycles(Dataflow::Fused)?, cycles(Dataflow::Rowwise)?);
        let note = format!(
            "cycles of attention with its norm, projections and routers, row-wise passes against fused, {what}; {CONFIG}, two layers of stories15M's heads, prefill of 256 tokens in blocks of 16, {rowwise:.0} against {fused:.0} cycles"
        );
        out.add(key, rowwise / fused, "x", Kind::Simulated, "overlay", note);
    }
    Ok(())
}

fn skipped(out: &mut Recorder, core: &Core, config: &Config) -> Result<()> {
    println!("layers that run, layers that are skipped");
    // Cycles and bytes of a token in decode, by layers: what a layer adds is the slope.
    let cost = |layers: usize, skips: bool| -> Result<[f64; 2]> {
        let mut model = model(shapes(layers, 64))?;
        silence(&mut model);
        let skipping = if skips { Skipping::KvReuse } else { Skipping::Dense };
        let bench = Bench { core, config, skipping, dataflow: Dataflow::Fused };
        let counts = bench.run(&model, &[4, 1])?;
        let compiled = compile_as(&model, config, skipping, Dataflow::Fused)?;
        let costs = Costs::new(&compiled, &Geometry::of(config), skipping);
        let bytes = costs.ledger(&counts[1], None).external() as f64;
        Ok([sum(&counts[1..], Counter::Cycles), bytes])
    };
    let slope = |skips| -> Result<[f64; 2]> {
        let (few, many) = (cost(2, skips)?, cost(6, skips)?);
        Ok([(many[0] - few[0]) / 4.0, (many[1] - few[1]) / 4.0])
    };
    let (run, skip) = (slope(false)?, slope(true)?);
    for (key, i, unit) in [
        ("overlay.skipped_layer_percent", 0, "cycles"),
        ("overlay.skipped_layer_bytes_percent", 1, "bytes"),
    ] {
        let note = format!(
            "{unit} of a layer in decode whose token skips attention and feed-forward part, of one that runs both: {:.0} of {:.0}; {CONFIG}, stories15M's shapes",
            skip[i], run[i]
        );
        out.add(key, 100.0 * skip[i] / run[i], "%", Kind::Simulated, "overlay", note);
    }
    Ok(())
}

/// Decode with one HBM port: a load beat is what it gives in a cycle, as with 32 ports on the U280.
fn busy(out: &mut Recorder) -> Result<()> {
    println!("decode, memory-bound");
    let mut config = Config::preset(CONFIG)?;
    config.memory.hbm_ports = 1;
    config.kv_buffer.ports = 1;
    config.name = format!("{CONFIG}-1-port");
    let core = Core::build(&config, false)?;
    let bench = Bench {
        core: &core,
        config: &config,
        skipping: Skipping::Dense,
        dataflow: Dataflow::Fused,
    };
    let model = model(shapes(6, 32_000))?;
    let counts = bench.run(&model, &[4, 1, 1])?;
    let decode = &counts[1..];
    let compiled = compile_as(&model, &config, Skipping::Dense, Dataflow::Fused)?;
    let costs = Costs::new(&compiled, &Geometry::of(&config), Skipping::Dense);
    let bytes: u64 = decode.iter().map(|c| costs.ledger(c, None).hbm()).sum();
    let cycles = sum(decode, Counter::Cycles);
    ensure!(cycles > 0.0, "the core counts no cycles");
    let reached = 100.0 * bytes as f64 / (cycles * PORT_BYTES);
    let note = format!(
        "bytes that the port moves of what it could move at its clock, {bytes} in {cycles:.0} cycles of the core; {CONFIG} with one HBM port, stories15M's shapes, dense, two tokens in decode; sequential reads get `{SEQUENTIAL}`"
    );
    out.add("overlay.decode.hbm_busy_percent", reached, "%", Kind::Simulated, "overlay", note);
    Ok(())
}
