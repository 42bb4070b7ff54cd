//! Commands that put a model on the overlay.

use super::{ConfigArg, Skip};
use clap::Args;
use std::path::PathBuf;

/// Which model, on which configuration.
#[derive(Debug, Args)]
pub struct Compiled {
    /// A container of `skipopu quantise`: path, or name of a fetched model.
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Skipping.
    #[arg(long, value_enum, default_value_t)]
    pub skip: Skip,
}

/// Arguments of `compile`.
#[derive(Debug, Args)]
pub struct Compile {
    /// What to compile.
    #[command(flatten)]
    pub what: Compiled,
    /// Folder to write: program, HBM and DDR images, manifest; an earlier one there is replaced.
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `trace`.
#[derive(Debug, Args)]
pub struct Trace {
    /// What to run: a container, or a program of `skipopu asm`, whose memories hold zeros.
    #[command(flatten)]
    pub what: Compiled,
    /// Tokens of the block, by number; of a program only how many they are counts.
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', default_value = "1")]
    pub tokens: Vec<u32>,
    /// Draws which of several ready units goes first.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Print JSON, with every count.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `map`.
#[derive(Debug, Args)]
pub struct Map {
    /// What to lay out.
    #[command(flatten)]
    pub what: Compiled,
    /// Print JSON.
    #[arg(long, conflicts_with = "svg")]
    pub json: bool,
    /// Also draw it.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}
