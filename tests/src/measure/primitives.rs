//! Simulation speed of the chained primitives.

use crate::record::Recorder;
use anyhow::{ensure, Context, Result};
use skipopu_config::Config;
use skipopu_hdl::{emit, EmitOptions, Word};
use skipopu_hw::catalogue::find;
use skipopu_ledger::Kind;
use skipopu_sim::{random_stimulus, record, Verilate};
use std::time::Instant;

const BLOCK: &str = "primitives-pipeline";
const CONFIG: &str = "cosim";
const CYCLES: usize = 200_000;

/// Measures the Verilated block under random traffic.
///
/// # Errors
/// A block that cannot be emitted, built or simulated, or whose outputs never change.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let config = Config::resolve(CONFIG)?;
    let entry = find(BLOCK).with_context(|| format!("the catalogue has no block `{BLOCK}`"))?;
    let block = (entry.build)(&config);
    let design = emit(&*block, &BLOCK.replace('-', "_"), &EmitOptions::default())?;
    let built = Verilate::new(&design).build()?;
    let mut model = built.model()?;
    let mut stimulus = random_stimulus(&design.top().ports, CYCLES, 0);
    // Traffic, not resets, after the first cycle.
    stimulus.hold("reset", 1, CYCLES, &Word::zero(1));
    let start = Instant::now();
    let recording = record(&mut model, &stimulus)?;
    let rate = CYCLES as f64 / start.elapsed().as_secs_f64();
    let lively = recording.edge.windows(2).filter(|w| w[0] != w[1]).count();
    ensure!(lively > CYCLES / 10, "the outputs changed in {lively} of {CYCLES} cycles only");
    let note = format!(
        "Verilated `{BLOCK}`, configuration {CONFIG}, {CYCLES} cycles of random inputs, outputs read"
    );
    out.add("sim.prim.cycles_per_second", rate, "1/s", Kind::Measured, "primitives", note);
    Ok(())
}
