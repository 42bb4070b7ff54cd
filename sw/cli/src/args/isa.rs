//! Commands of the instruction set.

use super::ConfigArg;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `asm`.
#[derive(Debug, Args)]
pub struct Asm {
    /// Which configuration the program is for.
    #[command(flatten)]
    pub config: ConfigArg,
    /// The text; `skipopu isa manual` says how it is written.
    #[arg(value_name = "TEXT")]
    pub text: PathBuf,
    /// The program to write.
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `disasm`.
#[derive(Debug, Args)]
pub struct Disasm {
    /// The program.
    #[arg(value_name = "PROGRAM")]
    pub program: PathBuf,
}

/// Subcommands of `isa`.
#[derive(Debug, Subcommand)]
pub enum Isa {
    /// Print the reference page of the instruction set as Markdown.
    Manual,
    /// Print the reference page of the registers that the host sees as Markdown.
    Registers,
}
