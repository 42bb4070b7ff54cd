//! `skipopu demo`: every block emitted, verilated and run in lock-step with its Rust twin.

use crate::args::Demo;
use crate::exit::{Done, Failure};
use crate::progress::Progress;
use crate::{catalogue, emitter, output};
use skipopu_config::Config;
use skipopu_eda::table::Table;
use skipopu_hdl::Word;
use skipopu_hw::catalogue::Entry;
use skipopu_sim::{lockstep, random_stimulus, BuildError, Engine, RustSim, Stimulus, Verilate};
use std::time::{Duration, Instant};

/// What one block showed.
struct Outcome {
    modules: usize,
    bytes: usize,
    build: Duration,
    cycles: usize,
    comparisons: u64,
    run: Duration,
}

/// Runs the command: fails on the first block whose Verilog and Rust differ.
pub fn run(args: &Demo) -> Done {
    let config = Config::resolve(&args.config.config)?;
    // The core as a whole is what `run` simulates.
    let mut entries = catalogue::all(&config)?;
    entries.retain(|e| !e.is_of_overlay());
    output::line(format!(
        "configuration {} ({}), {} random cycles a block, seed {}",
        config.name,
        config.hash(),
        args.cycles,
        args.seed
    ))?;
    let mut table = Table::new(&[
        "block",
        ">modules",
        ">bytes",
        ">build s",
        ">cycles",
        ">values compared",
        ">mismatches",
        ">cycles/s",
    ]);
    let mut progress = Progress::new("co-simulating", entries.len());
    for entry in &entries {
        progress.step(entry.name);
        let o = compare(entry, &config, args)?;
        table.row(vec![
            entry.name.into(),
            o.modules.to_string(),
            o.bytes.to_string(),
            format!("{:.1}", o.build.as_secs_f64()),
            o.cycles.to_string(),
            o.comparisons.to_string(),
            "0".into(), // lock-step ends at the first mismatch
            format!("{:.0}", o.cycles as f64 / o.run.as_secs_f64()),
        ]);
    }
    drop(progress);
    output::print(&table.text())?;
    output::line(format!("{} blocks: Verilog and Rust agree in every value", entries.len()))
}

/// Drives the rust-hdl block and its Verilated twin with the same inputs.
fn compare(entry: &Entry, config: &Config, args: &Demo) -> Done<Outcome> {
    let failed = |e: &dyn std::fmt::Display| Failure::check(format!("block `{}`: {e}", entry.name));
    let design = emitter::design(entry, config)?;
    let verilated = Verilate::new(&design).build().map_err(|e| match e {
        BuildError::Tool(tool) => Failure::environment(tool),
        other => failed(&other),
    })?;
    let mut rust = RustSim::new((entry.build)(config)).map_err(|e| failed(&e))?;
    let mut model = verilated.model().map_err(|e| failed(&e))?;
    let mut stimulus = random_stimulus(rust.ports(), args.cycles as usize, args.seed);
    rarely(&mut stimulus, "reset");
    let start = Instant::now();
    let report = lockstep(&mut [&mut rust, &mut model], &[], &stimulus).map_err(|e| failed(&e))?;
    Ok(Outcome {
        modules: design.modules.len(),
        bytes: design.modules.iter().map(|m| m.text.len()).sum(),
        build: verilated.elapsed(),
        cycles: report.cycles,
        comparisons: report.comparisons,
        run: start.elapsed(),
    })
}

/// Cycles between two of a rare event.
const RARE: usize = 200;

/// Makes a one-bit input 1 in the first cycle and then rarely, so that a block gets to work between
/// two resets.
fn rarely(stimulus: &mut Stimulus, input: &str) {
    stimulus.hold(input, 0, usize::MAX, &Word::zero(1));
    for cycle in (0..stimulus.rows.len()).step_by(RARE) {
        stimulus.hold(input, cycle, cycle + 1, &Word::ones(1));
    }
}
