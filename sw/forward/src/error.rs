//! What a forward pass refuses.

/// A model or a request that cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// More tokens than the model's context.
    #[error("the text has more than the {context} tokens that the model's context holds")]
    Context {
        /// The model's context.
        context: usize,
    },
    /// A token outside the vocabulary.
    #[error("token {token} is outside the vocabulary of {vocab}")]
    Token {
        /// The token.
        token: u32,
        /// The vocabulary.
        vocab: usize,
    },
    /// Skipping without routers.
    #[error("the model has no routers, so nothing can be skipped: choose dense")]
    NoRouters,
    /// Weights that the array cannot multiply.
    #[error("`{matrix}` is {format} and the exact backend multiplies weights of at most 4 bits: make a container with `skipopu quantise`")]
    NotInt4 {
        /// The matrix.
        matrix: String,
        /// Its format.
        format: String,
    },
    /// A column that the reference refuses.
    #[error(transparent)]
    Pe(#[from] skipopu_reference::pe::PeError),
    /// A model that the KV system of the machine does not hold.
    #[error(transparent)]
    Kv(#[from] skipopu_kv::KvError),
    /// Scales that do not stand at slice borders.
    #[error("`{matrix}` has a scale every {group} weights and the array sums {lanes} lanes at a time: a group must be a multiple of them")]
    Group {
        /// The matrix.
        matrix: String,
        /// Its group.
        group: usize,
        /// Lanes of a column.
        lanes: usize,
    },
}
