//! The Verilated overlay between models of its memories, as a [`Device`](skipopu_runtime::Device) of the runtime.
//!
//! | module | holds |
//! |---|---|
//! | [`build`] | a configuration's core, emitted and Verilated |
//! | [`device`] | clocks, memories, the host's port |

pub mod build;
pub mod device;

pub use build::{Core, CosimError};
pub use device::{Memories, VerilatedDevice};
