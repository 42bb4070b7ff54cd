//! Verilator co-simulation harness: builds, typed handles, stream drivers and checkers.
//!
//! - [`Verilate`] turns the Verilog of a [`Design`](skipopu_hdl::Design) into a loaded model, cached by
//!   content; [`Model`] is one instance, [`dut!`] its typed port handles.
//! - [`Engine`] is what a model and a rust-hdl block ([`RustSim`]) have in common; [`lockstep`] compares
//!   engines, [`icarus`] adds a second Verilog simulator; [`Bundle`] builds many small designs at once.
//! - [`memory`] answers AXI masters as the board's memories do.
//! - [`stream`] drives and checks blocks with valid/ready streams.
//!
//! The crate's README shows a test of each kind.

mod bundle;
mod cache;
mod clock;
mod dut;
mod engine;
pub mod icarus;
mod lockstep;
pub mod memory;
mod model;
mod rust_sim;
mod stimulus;
pub mod stream;
mod toolchain;
mod verilate;

pub use bundle::{Bundle, BundleError};
pub use cache::{Cache, CacheError, CacheStats, CACHE_VARIABLE};
pub use clock::{ClockDomain, Edges, Schedule, DEFAULT_PERIOD_PS};
pub use engine::{Engine, EngineError};
pub use lockstep::{lockstep, record, LockstepError, LockstepReport, Mismatch, Phase, Recording};
pub use model::{ActiveLevel, ClockId, In, InitialState, Model, ModelError, Out, Trace};
pub use rust_sim::RustSim;
pub use stimulus::{random_stimulus, random_word, uniform_word, Row, Stimulus};
pub use toolchain::{Compiler, Tool, ToolError, Toolchain};
pub use verilate::{BuildError, Verilate, Verilated};
