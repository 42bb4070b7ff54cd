//! What a quantiser refuses.

use skipopu_forward::ForwardError;

/// A model that cannot be quantised as asked.
#[derive(Debug, thiserror::Error)]
pub enum QuantError {
    /// Bits that the container does not hold.
    #[error("weights of {bits} bits are not supported: use 2, 3, 4 or 8")]
    Bits {
        /// Bits asked for.
        bits: u32,
    },
    /// A model that is quantised already.
    #[error("`{matrix}` is quantised already: start from the model as trained")]
    Already {
        /// The matrix.
        matrix: String,
    },
    /// No calibration text.
    #[error("there is no calibration text: give some, or let it be sampled from the model")]
    NoCalibration,
    /// A matrix whose inputs are degenerate beyond what damping mends.
    #[error("`{matrix}` has calibration inputs that GPTQ cannot invert: use more text")]
    Singular {
        /// The matrix.
        matrix: String,
    },
    /// The forward pass on the calibration text.
    #[error(transparent)]
    Forward(#[from] ForwardError),
}
