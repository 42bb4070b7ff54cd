//! Router training and repair: SkipGPT's stages, with KV reuse and rounding in the loop.
//!
//! | what | module |
//! |---|---|
//! | how long, towards what | [`Plan`] |
//! | texts that the model writes, with what it thought probable | [`texts`] |
//! | the forward pass with decisions and their gradients | [`student`], [`ops`] |
//! | the targets: parts skipped and not stored | [`target`] |
//! | constants for the routers, once they are trained | [`calibrate`] |
//! | the loop, its checkpoints and its curve | [`Trainer`], [`History`] |
//!
//! The result is an [`Adapter`](skipopu_model::Adapter): routers and changes of the weights. See `docs/model.md`.

mod adam;
pub mod calibrate;
mod checkpoint;
mod error;
mod export;
mod history;
pub mod ops;
pub mod parameters;
mod plan;
mod store;
pub mod student;
pub mod target;
pub mod texts;
mod trainer;
pub mod weights;

pub use adam::{Adam, Moments, Move};
pub use error::TrainError;
pub use history::{History, Point};
pub use plan::{Plan, Rounding, Stage};
pub use trainer::{Held, Trainer};
