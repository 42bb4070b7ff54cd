//! Rows through the nonlinear engine: errors against f64, cost of 64 ways, cycles against a row-wise design.

use crate::record::Recorder;
use anyhow::{ensure, Result};
use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_config::Config;
use skipopu_eda::synth::{self, SynthOptions};
use skipopu_hdl::{emit, Design, EmitOptions};
use skipopu_hw::npe::{Engine, EngineShape};
use skipopu_ledger::Kind;
use skipopu_reference::npe::Softmax;
use skipopu_reference::pe::Format;
use skipopu_sim::stream::Pattern;
use skipopu_sim::{Verilate, Verilated};
use skipopu_system::npe::Script;

const CONFIG: &str = "u280";
/// The published engine.
const PUBLISHED_LUTS: f64 = 218_830.0;
/// Rows of the comparison: the heads of a token.
const HEADS: usize = 16;

/// Records the figures.
///
/// # Errors
/// An engine that cannot be emitted, mapped or built, or a bound that is not kept.
pub fn measure(out: &mut Recorder) -> Result<()> {
    softmax(out)?;
    let shape = EngineShape::of(&Config::preset(CONFIG)?);
    let engine = Engine::new(shape)?;
    let design = emit(&engine, "npe_engine", &EmitOptions::default())?;
    cost(out, &design)?;
    cycles(out, &design, &engine, shape)
}

/// Random rows of every length and spread, in the reference, which the hardware equals.
fn softmax(out: &mut Recorder) -> Result<()> {
    let mut rng = SmallRng::seed_from_u64(0);
    let (mut worst, mut worst_sum, mut rows) = (0.0f64, 0.0f64, 0);
    let lengths = (1..300).chain((300..4096).step_by(97)).chain([4096]);
    for length in lengths {
        for spread in [0.1f32, 1.0, 4.0, 16.0, 100.0] {
            let scores: Vec<f32> = (0..length).map(|_| normal(&mut rng) * spread).collect();
            let bits: Vec<u32> = scores.iter().map(|s| s.to_bits()).collect();
            let row = Softmax::new(64, 1.0).row(&bits, length);
            let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers: Vec<f64> =
                scores.iter().map(|s| (f64::from(*s) - f64::from(largest)).exp()).collect();
            let total: f64 = powers.iter().sum();
            let value = |p: &u16| Format::Fp16.decode((*p).into());
            for (p, exact) in row.iter().zip(&powers) {
                worst = worst.max((value(p) - exact / total).abs());
            }
            worst_sum = worst_sum.max((row.iter().map(value).sum::<f64>() - 1.0).abs());
            rows += 1;
        }
    }
    ensure!(worst <= 5e-4 && worst_sum <= 1e-3, "softmax is off by {worst}, sums by {worst_sum}");
    let note = format!(
        "{rows} rows of 1 to 4096 normal scores, standard deviation 0.1 to 100, against f64; FP16 results, half a unit is 2.4e-4; row sums within {worst_sum:.1e}"
    );
    out.add("npe.softmax.max_abs_error", worst, "", Kind::Simulated, "npe", note);
    Ok(())
}

fn normal(rng: &mut SmallRng) -> f32 {
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}

fn cost(out: &mut Recorder, design: &Design) -> Result<()> {
    let area = synth::run(design, &design.top().name, &SynthOptions::default())?.area;
    println!("{area:?}");
    let luts = (area.luts + area.srls + area.lutrams) as f64;
    let note = format!(
        "configuration {CONFIG}, Yosys, raw cells: {} LUT of logic, {} SRL, {} LUT RAM; {} FF, {} BRAM; published 218830",
        area.luts, area.srls, area.lutrams, area.ffs, area.brams()
    );
    out.add("npe.luts.64way", luts, "LUT", Kind::Measured, "npe", note);
    let note = format!("configuration {CONFIG}, Yosys; published 266");
    out.add("npe.dsps.64way", area.dsps as f64, "DSP", Kind::Measured, "npe", note);
    println!("{:.1} % of the published LUTs", 100.0 * luts / PUBLISHED_LUTS);
    Ok(())
}

/// Softmax of [`HEADS`] rows whose scores leave the array at a tile a cycle.
///
/// Tile by tile: the statistics are taken while the scores arrive, then the rows are normalised. Row by row: a
/// row is complete before its statistics are begun, and normalised when they are there; the next row's scores
/// then follow. Both on the Verilated engine; the row's arrival counts a cycle a tile.
fn cycles(out: &mut Recorder, design: &Design, engine: &Engine, shape: EngineShape) -> Result<()> {
    let built = Verilate::new(design).build()?;
    let (mut rows, mut alone) = (Vec::new(), 0.0);
    for length in [128usize, 256, 512, 1024, 2048] {
        let mut rng = SmallRng::seed_from_u64(length as u64);
        let scores: Vec<Vec<u32>> =
            (0..HEADS).map(|_| (0..length).map(|_| normal(&mut rng).to_bits()).collect()).collect();
        let tiles = (length / shape.tile.ways) as u64;
        let tiled = run(&built, shape, |s| s.softmax_rows(&scores, 1.0))?;
        let single = run(&built, shape, |s| s.softmax_rows(&scores[..1], 1.0))?;
        let by_row = HEADS as u64 * (tiles + single);
        let latency = (tiles + single) as f64 / single as f64;
        println!(
            "{length:>5} scores: {HEADS} rows {tiled} cycles tile by tile, {by_row} row by row, {:.2}; one row {single} and {}, {latency:.2}",
            by_row as f64 / tiled as f64,
            tiles + single
        );
        alone = latency;
        rows.push((length, tiled, by_row));
    }
    let ratio = |r: &(usize, u64, u64)| r.2 as f64 / r.1 as f64;
    let each: Vec<String> = rows.iter().map(|r| format!("{} {:.2}", r.0, ratio(r))).collect();
    let note = format!(
        "softmax of {HEADS} rows of 2048 scores, a tile of 64 a cycle from the array: statistics after the row, rows one after the other, against statistics on the way, on the Verilated engine (latency {}); by length: {}; one row alone {alone:.2}",
        engine.latency(),
        each.join(", ")
    );
    let last = rows.last().map_or(0.0, ratio);
    out.add("npe.cycles_ratio.rowwise", last, "", Kind::Simulated, "npe", note);
    Ok(())
}

fn run(built: &Verilated, shape: EngineShape, fill: impl Fn(&mut Script)) -> Result<u64> {
    let mut script = Script::new(shape.tile, SmallRng::seed_from_u64(1));
    fill(&mut script);
    Ok(script.run(&mut built.model()?, Pattern::None, 0).cycles)
}
