//! What can go wrong. Each error is one sentence, tool output apart.

use crate::tool::Tool;

/// Why a tool gave no result.
#[derive(Debug, thiserror::Error)]
pub enum EdaError {
    /// The program is not installed.
    #[error("{tool} is not installed: run `make deps`, or install the package `{}`, or set {} to the program", tool.package(), tool.variable())]
    Missing {
        /// The tool.
        tool: Tool,
    },
    /// The program cannot be started.
    #[error("cannot start {program} ({source}): correct its path, or run `make deps`")]
    Start {
        /// Path of the program.
        program: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The program ended with an error that names no line of the design.
    #[error("{tool} failed on {subject}:\n{output}")]
    Failed {
        /// The tool.
        tool: Tool,
        /// Module or script.
        subject: String,
        /// Last lines of its output.
        output: String,
    },
    /// The program did not end in time.
    #[error("{tool} did not finish {subject} within {seconds} s and was stopped")]
    TimedOut {
        /// The tool.
        tool: Tool,
        /// Module or script.
        subject: String,
        /// The limit.
        seconds: u64,
    },
    /// A module that the design does not have.
    #[error("the design of `{top}` has no module `{module}`")]
    NoSuchModule {
        /// Name as given.
        module: String,
        /// Top of the design.
        top: String,
    },
    /// Nothing to check is no success.
    #[error("the design holds no module, so nothing was checked")]
    Empty,
    /// Logic that feeds itself.
    #[error("module `{module}` has a combinational loop through {}", nets.join(" -> "))]
    Loop {
        /// The module.
        module: String,
        /// Nets along the loop.
        nets: Vec<String>,
    },
    /// A netlist that is not what Yosys documents.
    #[error("the netlist of `{module}` cannot be read: {message}")]
    Netlist {
        /// The module.
        module: String,
        /// What is wrong.
        message: String,
    },
    /// A waiver that explains nothing or waives everything.
    #[error("the waiver file is not usable: {message}")]
    Waivers {
        /// What is wrong.
        message: String,
    },
    /// A work or cache folder that cannot be used.
    #[error("cannot use the folder {folder}: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
}
