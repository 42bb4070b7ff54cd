//! A Verilated KV unit under a text's routing, every delivered word checked; the same rounds without RTL.

mod content;
mod fast;
mod hbm;
mod rig;
mod study;
mod timing;

pub use content::word;
pub use fast::{play, Bandwidth, Layer};
pub use hbm::HbmTiming;
pub use rig::{Bench, Played, Rig, RigError};
pub use study::{fast, maintenance, rtl, Mapping, Study};
pub use timing::{KvTiming, RandomTiming, SteadyTiming};
