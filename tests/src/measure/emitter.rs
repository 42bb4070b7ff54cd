//! Our emitter against rust-hdl's own, on the same blocks in the same run.

use crate::record::Recorder;
use anyhow::{ensure, Context, Result};
use rust_hdl::prelude::*;
use skipopu_hdl::{emit, Design, EmitOptions, Word};
use skipopu_ledger::Kind;
use skipopu_sim::{Cache, Engine, Verilate};
use skipopu_system::systolic::Array;
use std::time::{Duration, Instant};

const RUNS: usize = 5;
const CYCLES: usize = 2_000;

/// Measures both sizes.
///
/// # Errors
/// A design that cannot be emitted, built or simulated.
pub fn measure(out: &mut Recorder) -> Result<()> {
    size(out, Array::<32, 352, 512>::new, 512, "emit")?;
    size(out, Array::<32, 352, 4096>::new, 4096, "emit.dsp4096")
}

/// What one emission gave.
struct Emission {
    bytes: usize,
    modules: usize,
    time: Duration,
}

fn size<B: Block>(
    out: &mut Recorder,
    new: impl Fn(bool) -> B,
    dsps: usize,
    prefix: &str,
) -> Result<()> {
    let mut block = Box::new(new(true));
    block.connect_all();
    let stock = stock(&*block);
    let (design, ours) = ours(&*block)?;
    let of = format!("systolic design of {dsps} DSPs, rust-hdl's generator / ours");
    let mut ratio = |key: &str, a: f64, b: f64, note: String| {
        let note = format!("{of}; {note}");
        out.add(&format!("{prefix}.{key}"), a / b, "", Kind::Measured, "emitter", note);
    };
    let (a, b) = (stock.bytes as f64, ours.bytes as f64);
    ratio("bytes_ratio", a, b, format!("{a} / {b} bytes"));
    let (a, b) = (stock.modules as f64, ours.modules as f64);
    ratio("modules_ratio", a, b, format!("{a} / {b} modules"));
    let (a, b) = (stock.time.as_secs_f64(), ours.time.as_secs_f64());
    ratio("time_ratio", a, b, format!("{a:.3} / {b:.4} s, medians of {RUNS}"));
    let note = format!("systolic design of {dsps} DSPs, median of {RUNS}");
    out.add(&format!("{prefix}.seconds"), b, "s", Kind::Measured, "emitter", note);
    simulate_built(out, &design, dsps, prefix)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn stock(block: &dyn Block) -> Emission {
    let mut text = String::new();
    let times = (0..RUNS).map(|_| {
        let start = Instant::now();
        let mut defines = ModuleDefines::default();
        block.accept("top", &mut defines);
        text = defines.defines();
        start.elapsed()
    });
    let time = median(times.collect());
    Emission { bytes: text.len(), modules: text.matches("\nendmodule").count(), time }
}

fn ours(block: &dyn Block) -> Result<(Design, Emission)> {
    let mut design = None;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let d = emit(block, "top", &EmitOptions::default())?;
        times.push(start.elapsed());
        design = Some(d);
    }
    let design = design.context("at least one run")?;
    let (bytes, modules) = (design.text().len(), design.modules.len());
    Ok((design, Emission { bytes, modules, time: median(times) }))
}

fn simulate_built(out: &mut Recorder, design: &Design, dsps: usize, prefix: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = Cache::at(folder.path());
    let built = Verilate::new(design).cache(&cache).build()?;
    ensure!(!built.cached(), "the build must be cold to be timed");
    let note = format!("Verilator and C++ compiler, {dsps} DSPs, column not inlined, cold");
    let seconds = built.elapsed().as_secs_f64();
    out.add(&format!("{prefix}.build_seconds"), seconds, "s", Kind::Measured, "emitter", note);
    let mut model = built.model()?;
    let mut value = 1u64;
    let start = Instant::now();
    for cycle in 0..CYCLES {
        for port in ["u0", "u1", "v"] {
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let limbs: Vec<u64> = (0..6).map(|i| value.rotate_left(11 * i)).collect();
            Engine::set(&mut model, port, &Word::from_limbs(352, &limbs))?;
        }
        Engine::set(&mut model, "clear", &Word::from(cycle % 16 == 0))?;
        Engine::tick(&mut model, "clock")?;
    }
    let rate = CYCLES as f64 / start.elapsed().as_secs_f64();
    ensure!(Engine::get(&model, "acc0")?.any(), "the sums are all zero: nothing was simulated");
    let note = format!(
        "Verilated systolic design of {dsps} DSPs, {CYCLES} cycles, new inputs every cycle"
    );
    out.add(&format!("{prefix}.cycles_per_second"), rate, "1/s", Kind::Simulated, "emitter", note);
    Ok(())
}
