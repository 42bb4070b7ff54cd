//! The command line.

mod hbm;
mod isa;
mod model;
mod overlay;
mod run;

pub use hbm::{Hbm, HbmModel, HbmReplay};
pub use isa::{Asm, Disasm, Isa};
pub use model::{ArrayConfig, Backend, Dump, Eval, Generate, Method, Model, Quantise, Skip, Train};
pub use overlay::{Compile, Compiled, Map, Trace};
pub use run::{MemoryModel, Run, RunBackend};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// SkipOPU: an overlay processor generator for language-model inference on the Alveo U280.
#[derive(Debug, Parser)]
#[command(name = "skipopu", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the Verilog of a block, of all blocks, or of the outermost one.
    Emit(Emit),
    /// Map blocks to UltraScale+ cells with Yosys and report cells and logic depth.
    Synth(Synth),
    /// List the blocks: latency, initiation interval, resources, test.
    Blocks(Blocks),
    /// Show or check a configuration.
    #[command(subcommand)]
    Config(Config),
    /// Hold every emitted module against Verilator, Icarus Verilog and Yosys.
    Lint(Lint),
    /// The ledger of figures and the tables made from it.
    Figures(Figures),
    /// Study where K and V lie and how they are read.
    #[command(subcommand)]
    Kv(Kv),
    /// Studies of the PE array.
    #[command(subcommand)]
    Pe(Pe),
    /// Compile a quantised model: program, HBM and DDR images.
    Compile(Compile),
    /// Show where a compiled model lies in HBM and DDR.
    Map(Map),
    /// Run a block of tokens and print what every instruction did.
    Trace(Trace),
    /// Turn a program's text into a program for a configuration.
    Asm(Asm),
    /// Print a program as text.
    Disasm(Disasm),
    /// The instruction set.
    #[command(subcommand)]
    Isa(Isa),
    /// The timing model of the HBM: replay a trace, compare with measurements.
    #[command(subcommand)]
    Hbm(Hbm),
    /// Models: fetch, look into.
    #[command(subcommand)]
    Model(Model),
    /// Quantise a model's weights into a container.
    Quantise(Quantise),
    /// Train routers, repair the weights, quantise: the container of a model that skips.
    Train(Train),
    /// How well a model predicts a text, and what each approximation costs.
    Eval(Eval),
    /// Let a model write.
    Generate(Generate),
    /// Let a model write on the overlay: prepare it, compare every logit, report what it cost.
    Run(Run),
    /// Emit the blocks, co-simulate them against Rust and print the comparison.
    Demo(Demo),
}

/// Which configuration.
#[derive(Debug, ClapArgs)]
pub struct ConfigArg {
    /// Preset (tiny, cosim, u280, u280-paper) or TOML file.
    #[arg(short, long, default_value = "tiny", value_name = "NAME|FILE")]
    pub config: String,
}

/// Which blocks.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct Selection {
    /// One block of the catalogue; `skipopu blocks` lists them.
    #[arg(short, long, value_name = "NAME")]
    pub block: Option<String>,
    /// Every block of the catalogue.
    #[arg(long)]
    pub all: bool,
    /// The outermost block of the catalogue.
    #[arg(long)]
    pub top: bool,
}

/// Arguments of `emit`.
#[derive(Debug, ClapArgs)]
pub struct Emit {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Which blocks.
    #[command(flatten)]
    pub selection: Selection,
    /// Folder to write; an earlier emission there is replaced. With --all, one folder per block.
    #[arg(short, long, value_name = "DIR", required_unless_present = "list")]
    pub out: Option<PathBuf>,
    /// List the modules instead of writing them.
    #[arg(long, conflicts_with = "out")]
    pub list: bool,
}

/// What becomes of module borders in synthesis.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Borders {
    /// Flatten small designs, keep the hierarchy of large ones.
    #[default]
    Auto,
    /// Flatten.
    Flatten,
    /// Keep.
    Keep,
}

/// Arguments of `synth`.
#[derive(Debug, ClapArgs)]
pub struct Synth {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Which blocks.
    #[command(flatten)]
    pub selection: Selection,
    /// What becomes of module borders.
    #[arg(long, value_enum, default_value_t)]
    pub hierarchy: Borders,
    /// Let Yosys turn shift registers into SRL cells.
    #[arg(long)]
    pub infer_srl: bool,
    /// Print the reports as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `blocks`.
#[derive(Debug, ClapArgs)]
pub struct Blocks {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Print JSON.
    #[arg(long, group = "form")]
    pub json: bool,
    /// Print a Markdown table.
    #[arg(long, group = "form")]
    pub markdown: bool,
    /// Rewrite the catalogue in hw/README.md.
    #[arg(long, group = "form")]
    pub update: bool,
    /// Fail if the catalogue in hw/README.md is out of date.
    #[arg(long, group = "form")]
    pub check: bool,
    /// Folder with hw/README.md.
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub root: PathBuf,
}

/// Subcommands of `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print a configuration with every parameter spelled out.
    Show {
        /// Preset or TOML file.
        #[arg(value_name = "NAME|FILE")]
        config: String,
    },
    /// Check a configuration and print its hash.
    Check {
        /// Preset or TOML file.
        #[arg(value_name = "NAME|FILE")]
        config: String,
    },
    /// Print the reference of all fields as a Markdown table.
    Fields,
}

/// Arguments of `lint`.
#[derive(Debug, ClapArgs)]
pub struct Lint {
    /// Preset or TOML file; may be given several times.
    #[arg(short, long, default_value = "tiny", value_name = "NAME|FILE")]
    pub config: Vec<String>,
    /// Only this block.
    #[arg(short, long, value_name = "NAME")]
    pub block: Option<String>,
    /// Print the findings as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `figures`.
#[derive(Debug, ClapArgs)]
pub struct Figures {
    /// Folder with README.md and docs/.
    #[arg(long, default_value = ".", value_name = "DIR", global = true)]
    pub root: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub action: FiguresAction,
}

/// Subcommands of `figures`.
#[derive(Debug, Subcommand)]
pub enum FiguresAction {
    /// Rewrite the figures in README.md and docs/ from docs/figures.json.
    Tables,
    /// Fail if a page is out of date or names a figure that does not exist.
    Check,
    /// Print figures.
    Show {
        /// Keys or prefixes; all if none is given.
        #[arg(value_name = "KEY")]
        selectors: Vec<String>,
    },
}

/// Subcommands of `kv`.
#[derive(Debug, Subcommand)]
pub enum Kv {
    /// KV bandwidth by placement and buffer, modelled for Llama-2-7B and simulated at small size, next to the
    /// published ones; cost of the KV unit.
    Report(KvReport),
    /// Print the routing of a real text, a line per token, as `kv report --trace` reads it.
    Trace(KvTrace),
}

/// Arguments of `kv trace`.
#[derive(Debug, ClapArgs)]
pub struct KvTrace {
    /// Path, or name of a fetched model; it must have routers.
    pub model: String,
    /// Text, documents separated by <|endoftext|>; the sample that comes along if not given.
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// Which document of the text, from 0.
    #[arg(long, default_value_t = 0)]
    pub document: u32,
}

/// Arguments of `kv report`.
#[derive(Debug, ClapArgs)]
pub struct KvReport {
    /// Preset or TOML file of the modelled machine.
    #[arg(short, long, default_value = "u280", value_name = "NAME|FILE")]
    pub config: String,
    /// Preset or TOML file of the machine whose RTL is simulated.
    #[arg(long, default_value = "cosim", value_name = "NAME|FILE")]
    pub simulated: String,
    /// Also simulate the routing of a trace of stories15M: a line per token, a 0 or 1 per layer, 1 where
    /// attention executes.
    #[arg(long, value_name = "FILE")]
    pub trace: Vec<PathBuf>,
    /// Seed of the random masks.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Leave the sweep over shares and lengths out.
    #[arg(long)]
    pub no_sweep: bool,
    /// Leave the cost out: no Yosys.
    #[arg(long)]
    pub no_synth: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Also record the figures in this ledger.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Also draw bandwidth against the share of attention skipped.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Subcommands of `pe`.
#[derive(Debug, Subcommand)]
pub enum Pe {
    /// Error and cost of every kind of column, next to the published ones.
    Report(PeReport),
}

/// Arguments of `pe report`.
#[derive(Debug, ClapArgs)]
pub struct PeReport {
    /// Preset or TOML file that gives lanes and widths.
    #[arg(short, long, default_value = "u280", value_name = "NAME|FILE")]
    pub config: String,
    /// Random dot products per seed.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub dots: u32,
    /// Seeds, from 0.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub seeds: u32,
    /// FP16xFP16 operands from two files of little-endian FP16 values instead of random ones.
    #[arg(long, num_args = 2, value_names = ["FILE", "FILE"], conflicts_with = "int4")]
    pub fp16: Vec<PathBuf>,
    /// FP16xINT4 operands from a file of FP16 values and one of signed bytes (-8 to 7).
    #[arg(long, num_args = 2, value_names = ["FILE", "FILE"])]
    pub int4: Vec<PathBuf>,
    /// Also the operands of a model, a folder written by `model dump`.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["fp16", "int4"])]
    pub operands: Option<PathBuf>,
    /// Leave the cost out: no Yosys.
    #[arg(long)]
    pub no_synth: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Also record the figures in this ledger.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Also draw error against LUTs.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Arguments of `demo`.
#[derive(Debug, ClapArgs)]
pub struct Demo {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Cycles per block.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub cycles: u32,
    /// Seed of the random inputs.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }
}
