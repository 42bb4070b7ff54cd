//! [`NpeError`]: a block of the engine was asked for that cannot be built.

use crate::parameter::ParameterError;
use crate::pe_array::error::PeArrayError;

/// A parameter that no block of the engine can be built with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpeError {
    /// Of the engine's own blocks.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// Of the reconstruction that it shares with the array.
    #[error(transparent)]
    Reconstruction(#[from] PeArrayError),
}
