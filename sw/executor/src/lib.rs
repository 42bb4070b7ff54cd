//! Runs programs of the overlay in plain Rust, bit for bit: what the hardware must do, and how much traffic it must cause.
//!
//! Written from `docs/isa.md`; the loop nests there are the functions here. Units take their instructions from queues and
//! wait for each other's tokens as the hardware's do. Which of several ready units goes first is drawn from a seed, so that a
//! program whose semaphores do not order it shows.
//!
//! | module | holds |
//! |---|---|
//! | [`machine`] | sizes of the executed configuration |
//! | [`memory`] | HBM and DDR |
//! | [`weights`] | the weight queue: beats back to tiles |
//! | [`mod@array`] | sums of slices, as the array rounds them |
//! | [`kv`] | keys and values of earlier tokens: schedules, the invariance buffer |
//! | [`state`] | memories on chip, masks, registers |
//! | [`run`] | control: queues, semaphores, the reason of a stop |
//! | [`counters`] | instructions, bytes, products |
//! | [`trace`] | what every instruction did |
//! | [`random`] | random legal programs |

pub mod array;
mod bounds;
mod compute;
pub mod counters;
pub mod kv;
mod load;
pub mod machine;
pub mod memory;
pub mod random;
pub mod run;
pub mod state;
mod store;
pub mod trace;
pub mod weights;

pub use counters::Counters;
pub use machine::{Machine, MachineError};
pub use memory::{Memory, Site};
pub use run::{Executor, Run, Step, Stop};
pub use state::State;
