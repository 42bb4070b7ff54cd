//! Memories of the board as a design sees them: AXI slaves over a sparse store, with the timing of a fixed
//! delay, of the U280's HBM2, or of its DDR4.
//!
//! - [`Store`] holds the bytes; its clones share them.
//! - [`AxiSlave`] answers one AXI master port of an [`Engine`](crate::Engine), checks the protocol and may
//!   disturb: delay, reorder between IDs, push back, answer with errors.
//! - [`Timing`] says when an access is done: [`Delay`] for functional runs.

mod axi;
mod store;
mod timing;

pub use axi::{
    AxiError, AxiFault, AxiSlave, AxiStats, AxiVersion, Broken, Channel, Disturbance, Response,
};
pub use store::{Store, StoreError};
pub use timing::{Burst, Delay, DoneBeat, Timing};
