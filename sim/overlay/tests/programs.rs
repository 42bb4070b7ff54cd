//! Random legal programs: the core equals the executor in memory, counters and cause of stop.

use skipopu_config::Config;
use skipopu_cosim::{Comparison, Core, Memories, Outcome};
use skipopu_executor::random::RandomText;
use skipopu_executor::Machine;

/// Texts of a test run.
const TEXTS: u64 = 80;

#[test]
fn random_programs() {
    let config = Config::preset("tiny").unwrap();
    let machine = Machine::of(&config).unwrap();
    let core = Core::build(&config, false).unwrap();
    let mut comparison = Comparison::new(&core, Memories::Fixed).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let other = now.as_secs() << 8;
    println!("seeds 0 to {} and from {other} on", TEXTS / 2 - 1);
    let mut total = Outcome::default();
    for seed in (0..TEXTS / 2).chain(other..other + TEXTS / 2) {
        let text = RandomText::new(&machine, seed).unwrap();
        let outcome = comparison.text(&text, seed).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        total.programs += outcome.programs;
        total.instructions += outcome.instructions;
        total.cycles += outcome.cycles;
    }
    println!("{total:?}");
    assert!(total.programs >= TEXTS && total.instructions > 20 * TEXTS);
}
