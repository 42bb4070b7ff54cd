//! What is wrong with a master, in one sentence each.

use crate::engine::EngineError;
use std::fmt;
use thiserror::Error;

/// One of the five AXI channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Read address.
    Ar,
    /// Read data.
    R,
    /// Write address.
    Aw,
    /// Write data.
    W,
    /// Write response.
    B,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Channel::Ar => "ar",
            Channel::R => "r",
            Channel::Aw => "aw",
            Channel::W => "w",
            Channel::B => "b",
        })
    }
}

/// A broken rule of the protocol.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Broken {
    /// `valid` fell before the transfer.
    #[error("{0}valid fell before {0}ready was 1: it must stay until the transfer")]
    ValidDropped(Channel),
    /// The payload changed before the transfer.
    #[error("{channel}{what} changed from {before:#x} to {after:#x} while {channel}valid was 1 and {channel}ready 0: the payload must stay")]
    PayloadChanged {
        /// The channel.
        channel: Channel,
        /// The signal.
        what: &'static str,
        /// Low 64 bits before.
        before: u64,
        /// Low 64 bits after.
        after: u64,
    },
    /// A start address inside a beat.
    #[error(
        "{channel}addr {address:#x} is not a multiple of the {bytes} bytes of a beat: align it"
    )]
    Unaligned {
        /// Address channel.
        channel: Channel,
        /// The address.
        address: u64,
        /// Bytes of a beat.
        bytes: u64,
    },
    /// A burst over a 4 KiB border.
    #[error("the burst of {beats} beats at {channel}addr {address:#x} crosses a 4 KiB border: split it there")]
    Crosses4k {
        /// Address channel.
        channel: Channel,
        /// The address.
        address: u64,
        /// Its beats.
        beats: u32,
    },
    /// More beats than the version of AXI allows.
    #[error(
        "{channel}len asks for {beats} beats, this version of AXI allows {limit}: split the burst"
    )]
    TooLong {
        /// Address channel.
        channel: Channel,
        /// Beats asked for.
        beats: u64,
        /// Beats allowed.
        limit: u32,
    },
    /// Beats narrower than the port.
    #[error("{channel}size is {found}, the port needs {wanted} (whole beats)")]
    Size {
        /// Address channel.
        channel: Channel,
        /// Found.
        found: u64,
        /// Wanted.
        wanted: u64,
    },
    /// Not an incrementing burst.
    #[error("{channel}burst is {found}, only INCR (1) is supported")]
    Kind {
        /// Address channel.
        channel: Channel,
        /// Found.
        found: u64,
    },
    /// `wlast` before the last beat.
    #[error(
        "wlast came with beat {beat} of a burst of {beats} beats: give it with the last one only"
    )]
    EarlyLast {
        /// The beat, from 1.
        beat: u32,
        /// Beats of the burst.
        beats: u32,
    },
    /// No `wlast` with the last beat.
    #[error("beat {beats}, the last of its burst, came without wlast")]
    MissingLast {
        /// Beats of the burst.
        beats: u32,
    },
    /// Write data with another ID than their address.
    #[error("wid is {found} for a burst whose awid is {wanted}: send the data in the order of the addresses")]
    WriteId {
        /// `wid`.
        found: u64,
        /// `awid`.
        wanted: u64,
    },
    /// An access that overlaps one in flight.
    #[error("the {kind} of {first:#x} to {last:#x} overlaps a {other} of {other_first:#x} to {other_last:#x} that is not answered yet: wait for its answer")]
    Hazard {
        /// This one: `read` or `write`.
        kind: &'static str,
        /// First address.
        first: u64,
        /// Last address.
        last: u64,
        /// The one in flight: `read` or `write`.
        other: &'static str,
        /// First address.
        other_first: u64,
        /// Last address.
        other_last: u64,
    },
    /// The run ended with open transactions.
    #[error("the run ended with {reads} reads and {writes} writes not answered and {data} beats of write data without an address: give it more cycles")]
    Unfinished {
        /// Read bursts.
        reads: usize,
        /// Write bursts.
        writes: usize,
        /// Data beats.
        data: usize,
    },
}

/// Why a port cannot be served, or its master is wrong.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AxiError {
    /// Ports that are not an AXI master's.
    #[error("`{prefix}` of {engine} has {fault}: correct the prefix or the ports")]
    Ports {
        /// The prefix.
        prefix: String,
        /// The engine's label.
        engine: String,
        /// What is wrong.
        fault: String,
    },
    /// A broken rule.
    #[error("`{prefix}` in cycle {cycle}: {broken}")]
    Rule {
        /// The prefix.
        prefix: String,
        /// Cycle of the port's clock, from 0.
        cycle: u64,
        /// The rule.
        broken: Broken,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
