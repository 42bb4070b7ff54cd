//! The Verilog back end: a typed, de-duplicating emitter on rust-hdl's own traversal.
//!
//! rust-hdl prints its untyped syntax tree as it stands, and Verilog then evaluates it at other widths
//! than Rust did. This back end gives every expression its Rust width and sign first. Passes, one per
//! file: `probe` (walk) → `dedup` (one module per distinct block) → `lower` and `typing` (typed
//! statements) → `stores` (tidy) → `constant` (what depends on no signal) → `partition` (what becomes wire, process, register) → `print` and
//! `module` (text). What cannot be emitted right is refused with block and line.

mod constant;
mod dedup;
mod env;
mod ir;
mod lower;
mod module;
pub(crate) mod names;
mod partition;
mod print;
mod probe;
mod stores;
mod symbols;
mod typing;

use crate::Design;
use rust_hdl::prelude::Block;
use std::fmt;

/// How to emit.
#[derive(Clone, Debug, Default)]
pub struct EmitOptions {
    /// Put in front of every module name but the top's, so that several designs can meet in one run.
    pub prefix: String,
}

/// Something that has no faithful Verilog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the block's source file, where known.
    pub line: Option<usize>,
    /// What is wrong, and the remedy.
    pub text: String,
}

/// A problem with the block it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The block's type, or its instance name where it carries no tag.
    pub block: String,
    /// `file:line`, where known.
    pub source: Option<String>,
    /// What is wrong, and the remedy.
    pub text: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.block)?;
        if let Some(s) = &self.source {
            write!(f, " ({s})")?;
        }
        write!(f, ": {}", self.text)
    }
}

/// The design was refused; nothing was emitted.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct EmitError {
    /// Every problem found, each once.
    pub diagnostics: Vec<Diagnostic>,
}

/// Emits `block` as a design whose top module is called `top`.
///
/// # Errors
/// Every construct of the hierarchy that has no faithful Verilog, with its block and line.
pub fn emit(block: &dyn Block, top: &str, options: &EmitOptions) -> Result<Design, EmitError> {
    let refuse = |text: String| EmitError {
        diagnostics: vec![Diagnostic { block: top.into(), source: None, text }],
    };
    if names::is_keyword(top) {
        return Err(refuse(format!(
            "`{top}` is a reserved word of Verilog; choose another name for the top module"
        )));
    }
    if names::port(top) != top {
        return Err(refuse(format!(
            "`{top}` is not a Verilog identifier; choose another name for the top module"
        )));
    }
    let scope =
        probe::collect(block, top).ok_or_else(|| refuse("is a bare signal, not a block".into()))?;
    dedup::emit(scope, top, options)
}
