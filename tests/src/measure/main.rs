//! `measure`: obtains the project's figures and records them in the ledger.
//!
//! Each subcommand runs one measurement, prints what it found and writes its keys; nothing is recorded
//! when a measurement fails.

mod array;
mod cost;
mod dma;
mod emitter;
mod fuzz;
mod memory;
mod model;
mod multiplier;
mod npe;
mod npe_rows;
mod overlay;
mod primitives;
mod programs;
mod record;
mod run;

use anyhow::Result;
use clap::{Parser, Subcommand};
use record::Recorder;
use std::path::PathBuf;

/// Obtains figures and records them in the ledger.
#[derive(Debug, Parser)]
struct Args {
    /// The ledger.
    #[arg(long, default_value = "docs/figures.json", value_name = "FILE", global = true)]
    ledger: PathBuf,
    /// What to measure.
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The whole `u280` array: emission, cost, build, a run against the reference.
    Array,
    /// The DMA: words across clocks, cost, rates of HBM and DDR4 on the memory models; minutes.
    Dma,
    /// The emitter against rust-hdl's own on regular designs of 512 and 4,096 DSPs.
    Emitter,
    /// The overpacked multiplier's equation for all 2^33 operand triples.
    Multiplier,
    /// The nonlinear engine: errors of functions and rows, cells, cycles against a row-wise design; minutes.
    Npe,
    /// Random programs through the emitter: how many, and how many disagree.
    Fuzz {
        /// Programs.
        #[arg(long, default_value_t = 20_000)]
        blocks: u64,
        /// Seed of the first program; without it the clock gives one.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Random legal programs on the core in simulation: how many, and how many differ from the executor.
    Programs {
        /// Programs, at least.
        #[arg(long, default_value_t = 1000)]
        count: u64,
        /// Seed of the first text.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// The memory models next to published measurements, and the speed of a replay.
    Memory,
    /// The core on models of stories15M's shapes: utilisation, fusion, skipping, bandwidth; minutes.
    Overlay,
    /// What the core costs on the board, box by box, mapped with Yosys; an hour and more, and goes on where it was interrupted.
    Cost,
    /// The main job, skipping and dense: logits, cycles, bytes; minutes. `skipopu` must be built.
    Run {
        /// Tokens, the prompt's included.
        #[arg(long, default_value_t = 32)]
        tokens: u32,
    },
    /// Texts of other kinds for docs/runs.md, and what `make run` prints for the README; a quarter of an hour. `skipopu` must be built.
    Runs,
    /// How long `make test` takes.
    Suite,
    /// Simulation speed of the chained primitives.
    Primitives,
    /// Of `model`, perplexity against the part skipped.
    Curve,
    /// Perplexity of stories15M: f32, INT4 weights, the array's numerics; minutes.
    Model,
}

fn main() -> Result<()> {
    let args = Args::parse();
    // Designs of thousands of blocks are walked recursively.
    let worker = std::thread::Builder::new().stack_size(1 << 30).spawn(move || run(&args))?;
    match worker.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn run(args: &Args) -> Result<()> {
    let mut recorder = Recorder::default();
    match args.what {
        What::Array => array::measure(&mut recorder)?,
        What::Dma => dma::measure(&mut recorder)?,
        What::Emitter => emitter::measure(&mut recorder)?,
        What::Multiplier => multiplier::measure(&mut recorder)?,
        What::Npe => npe::measure(&mut recorder)?,
        What::Fuzz { blocks, seed } => fuzz::measure(&mut recorder, blocks, seed)?,
        What::Programs { count, seed } => programs::measure(&mut recorder, count, seed)?,
        What::Memory => memory::measure(&mut recorder)?,
        What::Curve => model::curve(&mut recorder)?,
        What::Model => model::measure(&mut recorder)?,
        What::Cost => cost::measure(&mut recorder)?,
        What::Overlay => overlay::measure(&mut recorder)?,
        What::Run { tokens } => run::measure(&mut recorder, tokens)?,
        What::Runs => run::recorded(&mut recorder)?,
        What::Suite => run::suite(&mut recorder)?,
        What::Primitives => primitives::measure(&mut recorder)?,
    }
    recorder.write(&args.ledger, !matches!(args.what, What::Curve))
}
