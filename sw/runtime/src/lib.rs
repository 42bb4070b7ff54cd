//! Runs models on an overlay, whatever the overlay is: a simulation, the executor, a card.
//!
//! | module | holds |
//! |---|---|
//! | [`device`] | [`Device`]: memories, registers, interrupt |
//! | [`executor`] | the reference executor as a device |
//! | [`overlay`] | [`Overlay`]: images, blocks of tokens, logits |
//! | [`halt`] | why a core stopped, as a sentence |
//! | [`counts`] | the core's counters |
//! | [`ledger`] | bytes moved, by what for |
//! | [`backend`] | overlays and forward passes behind one interface |
//! | [`timeline`] | counters read while a program runs |
//! | [`writer`] | a text: prefill in blocks, decode, sampling, comparison |
//! | [`report`] | what a text cost |
//!
//! A further device implements [`Device`], nothing else: everything above it speaks to memories and to the registers of
//! `docs/registers.md`.

pub mod backend;
pub mod counts;
pub mod device;
mod error;
pub mod executor;
pub mod halt;
pub mod ledger;
pub mod overlay;
pub mod report;
pub mod timeline;
pub mod writer;

pub use backend::{Backend, EngineBackend, Outcome, OverlayBackend};
pub use counts::Counts;
pub use device::{Device, DeviceError, Progress};
pub use error::RuntimeError;
pub use executor::ExecutorDevice;
pub use halt::{Fault, Halt};
pub use ledger::Ledger;
pub use overlay::{Block, Overlay};
pub use report::Report;
pub use timeline::{Span, Timeline};
pub use writer::{write, Ended, Event, Plan, Record};
