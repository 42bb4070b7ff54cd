//! DRAM: parameters, address maps, and channels that issue commands under the memory's timing rules.

mod bank;
mod channel;
mod limits;
mod map;
mod parameters;

pub use channel::{Channel, Command, Finished, Issued, Policy, Rows};
pub use map::{AddressMap, Place, BANKS};
pub use parameters::{DramTiming, Parameter, DDR4, DDR4_TIMING, HBM2, HBM2_TIMING};
