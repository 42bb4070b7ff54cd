//! The Verilated overlay between models of its memories, as a [`Device`](skipopu_runtime::Device) of the runtime.
//!
//! | module | holds |
//! |---|---|
//! | [`build`] | a configuration's core, emitted and Verilated |
//! | [`device`] | clocks, memories, the host's port |
//! | [`compare`] | the core and the executor on the same programs |

pub mod build;
pub mod compare;
pub mod device;

pub use build::{Core, CosimError};
pub use compare::{Comparison, Mismatch, Outcome};
pub use device::{Memories, VerilatedDevice};
