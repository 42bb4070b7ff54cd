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
/// Weight of running that makes about a quarter of the tokens skip attention.
const BIAS: f32 = 0.018;
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
    routed(synthetic::model(spec, 1, true))
}

fn routed(model: Model) -> Result<Model> {
    let mut model = quantise(&model, 4, 32, Method::Rtn, |_| ())?;
    model.routers = Some(synthetic::routers(&model.spec, 2, Placement::PreAttention));
    Ok(model)
}

/// Routers that never let anything run: both logits are 0, and a tie skips.
fn silence<'a>(routers: impl Iterator<Item = &'a mut Tensor>, dim: usize) {
    for tensor in routers {
        *tensor = Tensor::from_f32(2, dim, &vec![0.0; 2 * dim]);
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

/// Lets attention's routers run more: the first value of every embedding becomes 1, and its weight `bias` in favour of running. The
/// feed-forward part's routers never let it run, so that attention is alone.
fn attention_alone(bias: f32) -> Result<Model> {
    let spec = shapes(2, 64);
    let mut model = synthetic::model(spec, 1, true);
    let dim = model.spec.dim;
    let mut embedding = model.embedding.to_f32().into_owned();
    embedding.chunks_mut(dim).for_each(|row| row[0] = 1.0);
    model.embedding = Tensor::from_f32(model.spec.vocab, dim, &embedding);
    let mut model = routed(model)?;
    silence(model.routers.iter_mut().flat_map(|r| &mut r.ffn), dim);
    for tensor in model.routers.iter_mut().flat_map(|r| &mut r.attention) {
        let mut weights = tensor.to_f32().into_owned();
        (weights[0], weights[dim]) = (0.0, bias);
        *tensor = Tensor::from_f32(2, dim, &weights);
    }
    Ok(model)
}

/// Attention with its norm, projections and routers, row-wise passes and fused, everything computed and a part of it skipped.
fn fusion(out: &mut Recorder, core: &Core, config: &Config) -> Result<()> {
    let blocks = [16; 16];
    let run = |model: &Model, skipping, dataflow, what: &str| -> Result<(f64, f64)> {
        println!("prefill of 256 tokens, attention alone: {what}, {dataflow:?}");
        let bench = Bench { core, config, skipping, dataflow };
        let counts = bench.run(model, &blocks)?;
        Ok((sum(&counts, Counter::Cycles), sum(&counts, Counter::Int4Cycles)))
    };
    let (all, some) = (attention_alone(100.0)?, attention_alone(BIAS)?);
    let (dense, full) = run(&all, Skipping::KvReuse, Dataflow::Rowwise, "nothing skipped")?;
    let (dense_fused, _) = run(&all, Skipping::KvReuse, Dataflow::Fused, "nothing skipped")?;
    let (partial, _) = run(&some, Skipping::Partial, Dataflow::Rowwise, "partial skip")?;
    let (reuse, work) = run(&some, Skipping::KvReuse, Dataflow::Rowwise, "KV reuse")?;
    let (fused, _) = run(&some, Skipping::KvReuse, Dataflow::Fused, "KV reuse")?;
    // Keys and values of the first layer are everyone's: six of eight products are skipped. The classifier's row is little.
    let skipped = 100.0 * (1.0 - work / full) * 8.0 / 6.0;
    let which = format!(
        "attention with its norm, projections and routers; {CONFIG}, two layers of stories15M's heads, prefill of 256 tokens in blocks of 16"
    );
    let mut add = |key: &str, (slow, fast): (f64, f64), what: String| {
        let note = format!("{what}: {slow:.0} against {fast:.0} cycles; {which}");
        out.add(key, slow / fast, "x", Kind::Simulated, "overlay", note);
    };
    let share = format!("{skipped:.0} % of tokens skip");
    let fusion = "row-wise passes against fused";
    add("overlay.fused_speedup", (reuse, fused), format!("{fusion}, KV reuse in both, {share}"));
    add("overlay.fused_speedup_dense", (dense, dense_fused), format!("{fusion}, nothing skipped"));
    let over = |what: &str| format!("{what} over row-wise passes with nothing skipped, {share}");
    add("overlay.mha.partial_skip_speedup", (dense, partial), over("partial skip, row-wise,"));
    add("overlay.mha.kv_reuse_speedup", (dense, reuse), over("KV reuse, row-wise,"));
    add("overlay.mha.fused_speedup", (dense, fused), over("KV reuse, fused,"));
    Ok(())
}

/// Cycles and bytes of a token in decode, by layers: what a layer adds is the slope.
fn skipped(out: &mut Recorder, core: &Core, config: &Config) -> Result<()> {
    let cost = |spec: Spec, skips: bool| -> Result<[f64; 2]> {
        println!("{} layers, {} wide, skipped: {skips}", spec.layers, spec.dim);
        let mut model = model(spec)?;
        let dim = model.spec.dim;
        silence(
            model.routers.iter_mut().flat_map(|r| r.attention.iter_mut().chain(&mut r.ffn)),
            dim,
        );
        let skipping = if skips { Skipping::KvReuse } else { Skipping::Dense };
        let bench = Bench { core, config, skipping, dataflow: Dataflow::Fused };
        let counts = bench.run(&model, &[4, 1])?;
        let compiled = compile_as(&model, config, skipping, Dataflow::Fused)?;
        let costs = Costs::new(&compiled, &Geometry::of(config), skipping);
        let bytes = costs.ledger(&counts[1], None).external() as f64;
        Ok([sum(&counts[1..], Counter::Cycles), bytes])
    };
    for (suffix, wide) in [("", 1), (".wide", 2)] {
        let spec = |layers| {
            let narrow = shapes(layers, 64);
            // As wide a feed-forward part as the operand memory holds rows of.
            let (dim, heads, hidden) = match wide {
                1 => (narrow.dim, narrow.heads, narrow.hidden),
                _ => (2 * narrow.dim, 2 * narrow.heads, 1024),
            };
            Spec { dim, heads, kv_heads: heads, hidden, ..narrow }
        };
        let slope = |skips| -> Result<[f64; 2]> {
            let (few, many) = (cost(spec(4), skips)?, cost(spec(8), skips)?);
            Ok([(many[0] - few[0]) / 4.0, (many[1] - few[1]) / 4.0])
        };
        let (run, skip) = (slope(false)?, slope(true)?);
        let width = spec(4).dim;
        for (key, i, unit) in [
            ("overlay.skipped_layer_percent", 0, "cycles"),
            ("overlay.skipped_layer_bytes_percent", 1, "bytes"),
        ] {
            let note = format!(
                "{unit} of a layer in decode whose token skips attention and feed-forward part, of one that runs both: {:.0} of {:.0}; {CONFIG}, {width} wide",
                skip[i], run[i]
            );
            let key = format!("{key}{suffix}");
            out.add(&key, 100.0 * skip[i] / run[i], "%", Kind::Simulated, "overlay", note);
        }
    }
    Ok(())
}

/// Decode with one HBM port: a load beat is what it gives in a cycle, as with 32 ports on the U280. The model is wide enough that
/// weights are nearly all that is moved.
fn busy(out: &mut Recorder) -> Result<()> {
    println!("decode, memory-bound");
    let mut config = Config::preset(CONFIG)?;
    config.memory.hbm_ports = 1;
    config.kv_buffer.ports = 1;
    config.buffers.rows = 4;
    config.buffers.operand_kib = 64;
    config.buffers.constant_kib = 128;
    config.name = format!("{CONFIG}-1-port");
    let core = Core::build(&config, false)?;
    let bench = Bench {
        core: &core,
        config: &config,
        skipping: Skipping::Dense,
        dataflow: Dataflow::Fused,
    };
    let model = model(Spec {
        dim: 2048,
        hidden: 5632,
        heads: 32,
        kv_heads: 32,
        head_dim: 64,
        ..shapes(2, 64)
    })?;
    let counts = bench.run(&model, &[4, 1, 1])?;
    let decode = &counts[1..];
    let compiled = compile_as(&model, &config, Skipping::Dense, Dataflow::Fused)?;
    let costs = Costs::new(&compiled, &Geometry::of(&config), Skipping::Dense);
    let bytes: u64 = decode.iter().map(|c| costs.ledger(c, None).hbm()).sum();
    let cycles = sum(decode, Counter::Cycles);
    ensure!(cycles > 0.0, "the core counts no cycles");
    let reached = 100.0 * bytes as f64 / (cycles * PORT_BYTES);
    let note = format!(
        "bytes that the port moves of what it could move at its clock, {bytes} in {cycles:.0} cycles of the core; {CONFIG} with one HBM port and 4 rows; two layers 2,048 wide, 5,632 in the feed-forward part, 32 heads of 64; dense, two tokens in decode; sequential reads get `{SEQUENTIAL}`"
    );
    out.add("overlay.decode.hbm_busy_percent", reached, "%", Kind::Simulated, "overlay", note);
    Ok(())
}
