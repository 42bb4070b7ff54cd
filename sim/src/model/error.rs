//! [`ModelError`]: what can go wrong with a model.

use std::path::PathBuf;
use thiserror::Error;

/// A wrong use of a model, or a simulation that failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ModelError {
    /// No port of that name.
    #[error("`{top}` has no port `{port}`: its ports are {}", have.join(", "))]
    NoSuchPort {
        /// The module.
        top: String,
        /// The name asked for.
        port: String,
        /// The ports there are.
        have: Vec<String>,
    },
    /// The port exists with another direction, or is not a clock.
    #[error("port `{port}` of `{top}` is {found}, not {wanted}: correct the binding")]
    WrongKind {
        /// The module.
        top: String,
        /// The port.
        port: String,
        /// What it is.
        found: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The port exists with another width.
    #[error("port `{port}` of `{top}` has {found} bits, not {wanted}: correct the binding")]
    WrongWidth {
        /// The module.
        top: String,
        /// The port.
        port: String,
        /// Its width.
        found: usize,
        /// The width asked for.
        wanted: usize,
    },
    /// A binding that is meant to name every port leaves some out.
    #[error("the binding of `{top}` leaves out {}: name every port", ports.join(", "))]
    Unbound {
        /// The module.
        top: String,
        /// The ports left out.
        ports: Vec<String>,
    },
    /// A trace was asked of a model without one.
    #[error("`{top}` was built without tracing: build it with `.trace(Trace::Vcd)` or `.trace(Trace::Fst)`")]
    NoTrace {
        /// The module.
        top: String,
    },
    /// The trace file cannot be written.
    #[error("the trace file `{}` cannot be written: check that its folder exists and is writable", path.display())]
    TraceFile {
        /// The file.
        path: PathBuf,
    },
    /// `advance` without a clock.
    #[error("`{top}` has no clock domain: add one with `add_clock`")]
    NoClock {
        /// The module.
        top: String,
    },
    /// The simulated design stopped: `$stop`, an assertion, or combinational logic that never settles.
    #[error("the simulation of `{top}` failed at {time_ps} ps: {message}")]
    Simulation {
        /// The module.
        top: String,
        /// Simulated time.
        time_ps: u64,
        /// Verilator's message.
        message: String,
    },
}
