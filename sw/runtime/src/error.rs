//! [`RuntimeError`].

use crate::device::DeviceError;
use crate::halt::Halt;

/// A run that cannot go on: one sentence each.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Something else answers where the core should.
    #[error("no core answers: register id holds {found:#010x} and not {expected:#010x}")]
    NoCore {
        /// What is there.
        found: u32,
        /// What should be.
        expected: u32,
    },
    /// A core of other versions.
    #[error("the core has version {found} of {what} and this program speaks {expected}: emit the core again")]
    Version {
        /// Of what.
        what: &'static str,
        /// The core's.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// A core of another configuration.
    #[error("the core was made from configuration {found:016x} and the model compiled for {expected:016x}: compile it for the core's")]
    Configuration {
        /// The core's.
        found: u64,
        /// The program's.
        expected: u64,
    },
    /// The core stopped.
    #[error(transparent)]
    Halted(#[from] Halt),
    /// More tokens than fit.
    #[error("the text has {tokens} tokens and {limit}: give a shorter one")]
    Length {
        /// Tokens.
        tokens: usize,
        /// What holds how many.
        limit: String,
    },
    /// A token outside the vocabulary.
    #[error("token {token} is outside the vocabulary of {vocab}")]
    Token {
        /// The token.
        token: u32,
        /// The vocabulary.
        vocab: usize,
    },
    /// The forward pass.
    #[error("{0}")]
    Forward(String),
}

impl RuntimeError {
    /// Did the user end it?
    pub fn cancelled(&self) -> bool {
        matches!(self, RuntimeError::Device(DeviceError::Cancelled))
    }
}

impl From<skipopu_forward::ForwardError> for RuntimeError {
    fn from(e: skipopu_forward::ForwardError) -> RuntimeError {
        RuntimeError::Forward(e.to_string())
    }
}
