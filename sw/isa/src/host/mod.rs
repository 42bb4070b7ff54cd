//! What the host sees of the core: registers of 32 bits behind an AXI4-Lite port.
//!
//! A register of 64 bits takes two words, the low one first.

mod counter;
mod fault;
mod table;

pub use counter::{Counter, COUNTERS_AT};
pub use fault::{FaultKind, NO_PORT};
pub use table::{Access, HostRegister, RegisterSpec};

/// What the register `id` holds: `SKOP`, as a program begins.
pub const ID: u32 = u32::from_le_bytes(crate::program::MAGIC);

/// Version of this map.
pub const MAP_VERSION: u32 = 1;

/// Bytes that the port addresses. What the map does not name is answered with SLVERR.
pub const BYTES: u32 = 4096;

/// Bits of the control register.
pub mod control {
    /// Begins the program. Refused while the core is busy, and with rows or a position that it does not take.
    pub const START: u32 = 1 << 0;
    /// Ends whatever runs, without an interrupt; the settings stay.
    pub const RESET: u32 = 1 << 1;
    /// Lets the pending interrupt out.
    pub const INTERRUPT_ENABLE: u32 = 1 << 2;
}

/// Bits of the status register.
pub mod status {
    /// A program runs, or a reset.
    pub const BUSY: u32 = 1 << 0;
    /// The last program has ended or stopped; `cause` says which.
    pub const DONE: u32 = 1 << 1;
    /// An interrupt is pending.
    pub const INTERRUPT: u32 = 1 << 2;
}

/// Cycles without anything happening after which a core stops that was told nothing else.
pub const WATCHDOG: u32 = 1 << 24;
