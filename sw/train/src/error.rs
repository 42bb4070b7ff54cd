//! What training refuses.

use skipopu_forward::ForwardError;
use skipopu_model::ModelError;

/// A model or a plan that cannot be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A plan that makes no sense for the model.
    #[error("{0}")]
    Plan(String),
    /// No token begins a text.
    #[error("no token begins a text, so none can be sampled: bring a tokenizer that has one")]
    NoBeginning,
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] ModelError),
    /// Training went astray.
    #[error("the loss is no number after step {step}: use lower rates")]
    Diverged {
        /// The step.
        step: usize,
    },
    /// The tensor library.
    #[error("tensor library: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The forward pass.
    #[error(transparent)]
    Forward(#[from] ForwardError),
}
