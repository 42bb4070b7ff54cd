//! Random blocks for the emitter, and the three simulators that must agree on them.
//!
//! Two generators. [`Campaign`] makes programs as data: thousands run in one process, and a failing
//! one is shrunk. [`source()`] writes Rust source, which a test includes,
//! so that the macros are tested as well. [`Suite`] runs blocks of any origin in the Rust simulation,
//! Verilator and Icarus Verilog.

mod campaign;
mod generate;
mod program;
mod shrink;
mod source;
mod suite;

pub use campaign::{Campaign, Failure, Fault, Outcome};
pub use source::source;
pub use suite::{case, refusals, Case, Comparison, Suite};
