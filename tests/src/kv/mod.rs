//! A Verilated KV unit under a text's routing, every delivered word checked.

mod content;
mod rig;
mod timing;

pub use content::word;
pub use rig::{Bench, Played, Rig, RigError};
pub use timing::{KvTiming, RandomTiming, SteadyTiming};
