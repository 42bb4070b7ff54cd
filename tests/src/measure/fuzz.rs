//! Many random programs through the emitter.

use crate::record::Recorder;
use anyhow::{ensure, Result};
use skipopu_fuzz::Campaign;
use skipopu_ledger::Kind;
use std::time::{SystemTime, UNIX_EPOCH};

/// Clock cycles of each program.
const CYCLES: usize = 24;

/// Runs `blocks` programs, the first of seed `first`, or of one taken from the clock.
///
/// # Errors
/// A program whose Verilog disagrees with the Rust simulation, with its seed and its shrunk form.
pub fn measure(out: &mut Recorder, blocks: u64, first: Option<u64>) -> Result<()> {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs() << 20);
    let first = first.unwrap_or_else(clock);
    println!("{blocks} programs from seed {first}, {CYCLES} cycles each");
    let campaign = Campaign { first, blocks, cycles: CYCLES, fault: None };
    let outcome = campaign.watch(|o| {
        eprintln!("{} of {blocks} programs, {} mismatches", o.blocks, o.failures.len());
    });
    ensure!(outcome.failures.is_empty(), "the emitter is wrong:\n{}", outcome.report());
    ensure!(outcome.blocks == blocks && outcome.comparisons > 0, "nothing was compared");
    let note = format!(
        "random programs from seed {first}, {CYCLES} cycles each: {} values of Verilator and Icarus \
         Verilog compared with the Rust simulation",
        outcome.comparisons
    );
    let command = format!("fuzz --blocks {blocks} --seed {first}");
    let mut add = |key, value, note| out.add(key, value, "blocks", Kind::Simulated, &command, note);
    add("emit.fuzz.blocks", outcome.blocks as f64, note);
    let wrong = outcome.failures.len() as f64;
    add("emit.fuzz.mismatches", wrong, "of those programs, how many disagree in any value".into());
    Ok(())
}
