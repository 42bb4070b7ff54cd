//! External EDA tools: lint of emitted modules and Yosys resource reports.
//!
//! - [`lint`] holds every module alone against Verilator, Icarus Verilog and Yosys.
//! - [`synth`] maps a module to UltraScale+ cells with Yosys and reports cells and logic depth.
//! - [`tool`] finds the programs, [`cache`] remembers results by content.

pub mod cache;
mod error;
pub mod lint;
pub mod synth;
pub mod table;
pub mod tool;
mod workdir;

pub use error::EdaError;
