//! Run-time-width signals for rust-hdl and a typed, de-duplicating Verilog emitter.
//!
//! A block is a rust-hdl struct with an `update`; see [`hdl`] for the kernel language, [`Wire`] for
//! data whose width depends on the configuration, and [`emit()`] for what becomes of it.

// The macros name this crate by its outside name, also when they expand inside it.
extern crate self as skipopu_hdl;

pub mod bundle;
pub mod constraint;
pub mod design;
pub mod emit;
pub mod kernel;
pub mod ports;
pub mod wire;
pub mod word;

pub use constraint::Constraint;
pub use design::{Design, Dir, Module, Port};
pub use emit::{emit, Diagnostic, EmitError, EmitOptions};
pub use ports::{Dut, Ports};
pub use rust_hdl;
pub use rust_hdl::prelude::ast;
pub use skipopu_hdl_macros::{hdl, Ports};
pub use wire::{Reg, Wire};
pub use word::{mux, Word};

/// What a file of blocks imports: rust-hdl's own prelude and ours, `#[hdl]` included.
pub mod prelude {
    pub use crate::{block_tag, cat, hdl, mux, Dut, Ports, Reg, Wire, Word};
    pub use rust_hdl::prelude::*;
}
