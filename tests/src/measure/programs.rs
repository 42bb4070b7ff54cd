//! Random legal programs on the core and on the executor.

use crate::record::Recorder;
use anyhow::{anyhow, ensure, Result};
use skipopu_config::Config;
use skipopu_cosim::{Comparison, Core, Memories, Outcome};
use skipopu_executor::random::RandomText;
use skipopu_executor::Machine;
use skipopu_ledger::Kind;

/// The configuration of the core.
const CONFIG: &str = "tiny";
/// Programs between two lines of progress.
const PROGRESS: u64 = 200;

/// Runs at least `count` programs, the first text of seed `first`, on the Verilated core.
///
/// # Errors
/// Programs of which memory, counters or cause of stop differ from the executor's, with their seeds.
pub fn measure(out: &mut Recorder, count: u64, first: u64) -> Result<()> {
    let config = Config::preset(CONFIG)?;
    let machine = Machine::of(&config)?;
    let core = Core::build(&config, false)?;
    let mut comparison = Comparison::new(&core, Memories::Fixed)?;
    let (mut total, mut wrong, mut seed) = (Outcome::default(), Vec::new(), first);
    let mut shown = 0;
    while total.programs < count {
        let text = RandomText::new(&machine, seed).map_err(|e| anyhow!("seed {seed}: {e}"))?;
        match comparison.text(&text, seed) {
            Ok(o) => {
                total.programs += o.programs;
                total.instructions += o.instructions;
                total.bytes += o.bytes;
                total.cycles += o.cycles;
            }
            Err(e) => {
                // The blocks after it are not compared.
                eprintln!("seed {seed}: {e}");
                wrong.push(format!("seed {seed}: {e}"));
                total.programs += 1;
            }
        }
        seed += 1;
        if total.programs >= shown + PROGRESS {
            shown = total.programs;
            eprintln!("seeds {first} to {}: {shown} programs, {} wrong", seed - 1, wrong.len());
        }
    }
    ensure!(wrong.is_empty(), "the core is not the executor:\n{}", wrong.join("\n"));
    let note = format!(
        "{CONFIG}, Verilated core against the executor, seeds {first} to {}: {} instructions, {} cycles; memory, counters, \
         cause of stop equal after each",
        seed - 1,
        total.instructions,
        total.cycles
    );
    let command = format!("programs --count {count} --seed {first}");
    let mut add =
        |key, value, note| out.add(key, value, "programs", Kind::Simulated, &command, note);
    add("overlay.random_programs", total.programs as f64, note);
    let wrong = wrong.len() as f64;
    add(
        "overlay.random_programs.mismatches",
        wrong,
        "of those, how many differ in anything".into(),
    );
    Ok(())
}
