//! Every known way in which rust-hdl's own Verilog differs from its simulation, or does not compile:
//! through this emitter each agrees in Rust, Verilator and Icarus, or is refused with a sentence.

// The kernels are what is tested, as they are.
#![allow(clippy::single_match)]

#[macro_use]
mod table;
mod bits;
mod control;
mod language;
mod refused;
mod registers;
mod signed;
mod structure;

/// Cycles of every suite.
const CYCLES: usize = 256;
