//! One file per subcommand.

mod blocks;
mod config;
mod emit;
mod figures;
mod lint;
mod pe;
mod synth;

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
        Command::Pe(a) => pe::run(&a),
        Command::Demo(a) => demo::run(&a),
    }
}
