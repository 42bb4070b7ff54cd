//! Arguments of `run`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RunBackend {
    /// The core's Verilog, compiled by Verilator, between models of its memories.
    #[default]
    Verilator,
    /// The program of the overlay, in plain Rust.
    Executor,
    /// The forward pass, bit for bit as the overlay computes.
    Exact,
    /// The forward pass in f32.
    F32,
}

/// How the memories of the simulated core behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MemoryModel {
    /// Models of the U280's HBM2 and DDR4, with banks, rows and refresh.
    #[default]
    Modelled,
    /// A fixed latency and no limit of bandwidth but the ports': quicker to simulate.
    Fixed,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = "\
A model as trained is prepared by itself and kept in the cache folder: fetched if it has the name of one that can be, given
stories15M's routers if it is that model and something may be skipped, quantised with the configuration's group. A container of
`skipopu quantise` is taken as it is.")]
pub struct Run {
    /// Path, or name of a model that can be fetched.
    #[arg(long, default_value = "stories15m")]
    pub model: String,
    /// What the text begins with.
    #[arg(short, long, default_value = "Once upon a time")]
    pub prompt: String,
    /// Tokens at most, the prompt's included; the context if that is less.
    #[arg(short = 'n', long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    pub tokens: u32,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    pub backend: RunBackend,
    /// How the memories of the simulated core behave.
    #[arg(long, value_enum, default_value_t)]
    pub memory: MemoryModel,
    /// Preset (tiny, cosim, u280, u280-paper) or TOML file.
    #[arg(short, long, default_value = "cosim", value_name = "NAME|FILE")]
    pub config: String,
    /// Skip nothing.
    #[arg(long, conflicts_with = "partial_skip")]
    pub dense: bool,
    /// Skipped tokens still produce K and V.
    #[arg(long)]
    pub partial_skip: bool,
    /// 0: always the most probable token.
    #[arg(short, long, default_value_t = 0.0)]
    pub temperature: f32,
    /// Draw from the most probable tokens that make up this part of the probability.
    #[arg(long, default_value_t = 0.9)]
    pub top_p: f32,
    /// Seed of the draws, and of the order of units where that is drawn.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Do not compare with the exact backend.
    #[arg(long)]
    pub no_check: bool,
    /// Write waveforms of the simulated core (FST; large, and slower).
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Print text and report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Also draw which sub-modules each token ran.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Also draw what the simulated core's units did, cycle by cycle, for the first token after the prompt.
    #[arg(long, value_name = "FILE")]
    pub timeline: Option<PathBuf>,
}
