//! `skipopu`: emits, checks, synthesises and co-simulates the overlay.

mod args;
mod catalogue;
mod commands;
mod demo;
mod emitter;
mod exit;
mod folder;
mod lock;
mod output;
mod progress;

use clap::Parser;
use std::process::ExitCode;

/// Elaboration recurses as deep as the hierarchy; pages are touched only as they are needed.
const STACK_BYTES: usize = 1 << 30;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let worker = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || exit::finish(commands::run(args)))
        .expect("the operating system starts threads");
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
