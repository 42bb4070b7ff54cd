//! Runs many random programs, a hundred or so to a build.

use crate::generate;
use crate::program::{Machine, Program};
use crate::shrink;
use crate::suite::{case, Case, Suite};
use skipopu_hdl::Design;
use skipopu_sim::Cache;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Blocks in one build.
const BATCH: u64 = 200;

/// How to spoil the emitted text, to show that a wrong rule of the emitter is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Signed comparisons lose their sign.
    SignLost,
    /// A difference becomes a sum.
    SubtractAdds,
    /// Left shifts go right.
    ShiftsRight,
    /// A conjunction becomes a disjunction.
    AndBecomesOr,
    /// Registers take the other edge.
    OtherEdge,
    /// Equality is inequality.
    EqualIsNot,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 6] = [
        Fault::SignLost,
        Fault::SubtractAdds,
        Fault::ShiftsRight,
        Fault::AndBecomesOr,
        Fault::OtherEdge,
        Fault::EqualIsNot,
    ];

    fn spoil(self, design: &mut Design) {
        let (from, to) = match self {
            Fault::SignLost => ("$signed(", "("),
            Fault::SubtractAdds => (" - ", " + "),
            Fault::ShiftsRight => (" << ", " >> "),
            Fault::AndBecomesOr => (" & ", " | "),
            Fault::OtherEdge => ("posedge", "negedge"),
            Fault::EqualIsNot => (" == ", " != "),
        };
        design.modules.iter_mut().for_each(|m| m.text = m.text.replace(from, to));
    }
}

/// What to run.
pub struct Campaign {
    /// Seed of the first block; the others follow.
    pub first: u64,
    /// How many.
    pub blocks: u64,
    /// Clock cycles of random inputs for each.
    pub cycles: usize,
    /// A wrong rule to plant.
    pub fault: Option<Fault>,
}

/// A block that does not agree.
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The mismatch, the text, the program.
    pub text: String,
    /// Statements of the block as it was found.
    pub statements: usize,
    /// Statements that are left once it is shrunk.
    pub shrunk_statements: usize,
}

/// What came out.
#[derive(Default)]
pub struct Outcome {
    /// Blocks that ran.
    pub blocks: u64,
    /// Output values compared with the Rust simulation's.
    pub comparisons: u64,
    /// The blocks that were refused or disagree, by seed.
    pub failures: Vec<Failure>,
}

impl Outcome {
    /// Every failure, whole.
    pub fn report(&self) -> String {
        let mut s = String::new();
        for f in &self.failures {
            let _ = writeln!(s, "seed {}: {}", f.seed, f.text);
        }
        s
    }
}

fn machine(name: &str, program: &Arc<Program>) -> Case {
    let p = program.clone();
    case(name, move || Machine::new(&p))
}

impl Campaign {
    /// Emits, simulates and compares every block, a batch per core at a time.
    pub fn run(&self) -> Outcome {
        self.watch(|_| {})
    }

    /// As [`Campaign::run`]; tells `progress` what has been found so far, after each batch.
    pub fn watch(&self, progress: impl Fn(&Outcome) + Sync) -> Outcome {
        let folder = std::env::temp_dir().join(format!(
            "skipopu-fuzz-{}-{:?}",
            std::process::id(),
            self.fault
        ));
        let cache = Cache::at(&folder);
        let end = self.first + self.blocks;
        let next = AtomicU64::new(self.first);
        let total = Mutex::new(Outcome::default());
        let worker = || loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            if start >= end {
                return;
            }
            let mut part = Outcome::default();
            self.batch(start..(start + BATCH).min(end), &cache, &mut part);
            let mut total = total.lock().unwrap();
            total.blocks += part.blocks;
            total.comparisons += part.comparisons;
            total.failures.extend(part.failures);
            progress(&total);
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|s| {
            for _ in 0..cores {
                s.spawn(worker);
            }
        });
        // Random blocks are built once; the folder is ours alone.
        let _ = std::fs::remove_dir_all(&folder);
        let mut outcome = total.into_inner().unwrap();
        outcome.failures.sort_by_key(|f| f.seed);
        outcome
    }

    fn batch(&self, seeds: std::ops::Range<u64>, cache: &Cache, outcome: &mut Outcome) {
        outcome.blocks += seeds.end - seeds.start;
        let (mut cases, mut designs, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for seed in seeds.clone() {
            let program = generate::program(seed);
            let c = machine(&format!("P{seed}"), &program);
            match self.emit(&c) {
                Ok(d) => {
                    designs.push(d);
                    cases.push(c);
                    kept.push((seed, program));
                }
                Err(e) => outcome.failures.push(Failure {
                    seed,
                    text: format!("refused: {e}\n{program:#?}"),
                    statements: shrink::size(&program),
                    shrunk_statements: shrink::size(&program),
                }),
            }
        }
        let suite = Suite::of("fuzz", &cases, &designs).cache(cache.clone());
        let suite = suite.faulty(self.fault.is_some());
        let result = suite.compare(self.cycles, seeds.start, |_| {});
        outcome.comparisons += result.comparisons;
        for (i, text) in result.wrong {
            let (seed, program) = &kept[i];
            // With a fault planted the first one says enough.
            let small = match self.fault.is_some() && !outcome.failures.is_empty() {
                true => program.clone(),
                false => shrink::shrink(program, |p| self.disagrees(p)),
            };
            outcome.failures.push(Failure {
                seed: *seed,
                text: format!("{text}\nshrunk to {small:#?}"),
                statements: shrink::size(program),
                shrunk_statements: shrink::size(&small),
            });
        }
    }

    fn emit(&self, c: &Case) -> Result<Design, String> {
        let mut design = c.emit()?;
        if let Some(f) = self.fault {
            f.spoil(&mut design);
        }
        Ok(design)
    }

    /// Does Icarus alone, which needs no build, differ from Rust?
    fn disagrees(&self, program: &Arc<Program>) -> bool {
        let c = machine("Shrunk", program);
        self.emit(&c).is_ok_and(|d| Suite::of("fuzz", &[c], &[d]).differs_in_icarus(self.cycles))
    }
}
