//! Where the keys and values of every token lie, and in which order attention reads them.
//!
//! Compiler, reference and hardware agree through this crate; `docs/memory.md` is its text.
//!
//! | module | holds |
//! |---|---|
//! | [`routing`] | which token executes which layer, owner layers, traces, random masks |
//! | [`mod@place`] | port and slot of a token: token-wise, and interleaved as the baseline |
//! | [`layout`] | the KV region of a pseudo-channel: addresses |
//! | [`machine`] | the sizes of a configuration that matter here |
//! | [`schedule`] | rounds of reads from HBM and from the invariance buffer |
//! | [`sequencer`] | which schedules are made, played and dropped, block by block |
//! | [`slots`] | the slots that attention reads, own rows of a block included |

pub mod error;
pub mod layout;
pub mod machine;
pub mod place;
pub mod routing;
pub mod schedule;
pub mod sequencer;
pub mod slots;

pub use error::KvError;
pub use layout::{KvLayout, KvModel};
pub use machine::KvMachine;
pub use place::{place, place_of, Place};
pub use routing::{Masks, Routing};
pub use schedule::{BufferRead, HbmRead, Round, Schedule, Scheduler, Source, READ_PORT_LEAD};
pub use sequencer::KvSequencer;
pub use slots::KvOrder;
