//! Memories of the board as a design sees them: AXI slaves over a sparse store, with the timing of a fixed
//! delay, of the U280's HBM2, or of its DDR4.
//!
//! - [`Store`] holds the bytes; its clones share them.
//! - [`AxiSlave`] answers one AXI master port of an [`Engine`](crate::Engine), checks the protocol and may
//!   disturb: delay, reorder between IDs, push back, answer with errors.
//! - [`Timing`] says when an access is done: [`Delay`] for functional runs, a port of [`Hbm`] or [`Ddr`] for
//!   the memories of the board, which [`dram::Channel`] models command by command.
//! - [`Replay`] runs a list of accesses on the HBM without a design.
//! - [`validation`] sets the models against published measurements.

mod axi;
pub mod dram;
mod histogram;
mod ports;
mod replay;
mod store;
mod timing;
mod trace;
pub mod validation;

pub use axi::{
    AxiError, AxiFault, AxiSlave, AxiStats, AxiVersion, Broken, Channel, Disturbance, Response,
};
pub use histogram::{Histogram, Percentiles};
pub use ports::{Ddr, DdrConfig, Hbm, HbmConfig, MemoryPort, Switch};
pub use replay::{
    Access, ChannelReport, Replay, ReplayError, ReplayOptions, ReplayReport, HBM_CHANNELS,
};
pub use store::{Store, StoreError};
pub use timing::{Burst, Delay, DoneBeat, Timing};
pub use trace::{Item, Trace, TraceError};
