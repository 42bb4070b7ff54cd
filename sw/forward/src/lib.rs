//! The forward pass of a Llama-architecture model, written once.
//!
//! [`network`] is the pass; what its products and stores compute is an [`Arithmetic`]:
//!
//! | backend | weights | products | softmax, RMSNorm, SwiGLU, RoPE | activations, K, V |
//! |---|---|---|---|---|
//! | [`F32`] | as trained, or quantised and read back as f32 | f32 | f32 | f32 |
//! | [`Exact`] | INT4 with FP16 scales | the PE array's, bit for bit | the NPE's | FP16 |
//!
//! See `docs/model.md`.

mod arithmetic;
pub mod dot;
mod error;
pub mod evaluate;
pub mod exact;
mod f32;
mod kv;
pub mod network;
mod ops;
mod sampler;
mod session;

pub use arithmetic::{Arithmetic, Seen};
pub use error::ForwardError;
pub use exact::Exact;
pub use f32::F32;
pub use kv::{KvCache, KvView};
pub use network::{Network, Ran, Rows, Skipping, Stats};
pub use sampler::{greedy, log_probability, Sampler};
pub use session::{Engine, Session};
