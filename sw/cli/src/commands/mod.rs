//! One file per subcommand.

mod blocks;
mod config;
mod emit;
mod engine;
mod eval;
mod figures;
mod generate;
mod hbm;
mod isa;
mod kv;
mod lint;
mod model;
mod operands;
mod overlay;
mod pe;
mod quantise;
mod run;
mod synth;
mod train;

use crate::args::{Args, Command};
use crate::demo;
use crate::exit::Done;

/// Runs the command.
pub fn run(args: Args) -> Done {
    match args.command {
        Command::Emit(a) => emit::run(&a),
        Command::Synth(a) => synth::run(&a),
        Command::Blocks(a) => blocks::run(&a),
        Command::Config(a) => config::run(&a),
        Command::Lint(a) => lint::run(&a),
        Command::Figures(a) => figures::run(&a),
        Command::Kv(a) => kv::run(&a),
        Command::Pe(a) => pe::run(&a),
        Command::Compile(a) => overlay::compile(&a),
        Command::Map(a) => overlay::map(&a),
        Command::Trace(a) => overlay::trace(&a),
        Command::Asm(a) => isa::assemble(&a),
        Command::Disasm(a) => isa::disassemble(&a),
        Command::Isa(a) => isa::run(&a),
        Command::Hbm(a) => hbm::run(&a),
        Command::Model(a) => model::run(&a),
        Command::Quantise(a) => quantise::run(&a),
        Command::Train(a) => train::run(&a),
        Command::Eval(a) => eval::run(&a),
        Command::Generate(a) => generate::run(&a),
        Command::Run(a) => run::run(&a),
        Command::Demo(a) => demo::run(&a),
    }
}
