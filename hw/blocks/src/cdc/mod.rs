//! What crosses clocks.
//!
//! Data crosses in [`AsyncFifo`]s only; single bits in
//! [`Synchroniser`](crate::primitives::Synchroniser)s. Clocks come from outside, top-down; no block makes
//! or gates one. The constraints that a crossing needs are written beside its Verilog
//! ([`Constraint`](skipopu_hdl::Constraint)).

mod async_fifo;

pub use async_fifo::{AsyncFifo, AsyncFifoOptions, AsyncStorage};

use crate::entry::Entry;
use crate::primitives::slice_bits;

const LEGAL: &str = "the catalogue's parameters are legal";

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "async-fifo-lutram",
        summary: "FIFO of 32 slices of activations between two clocks, in LUTs",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::cdc",
        build: |c| {
            let options = AsyncFifoOptions::new(slice_bits(c), 32);
            Box::new(AsyncFifo::new(&options).expect(LEGAL))
        },
    },
    Entry {
        name: "async-fifo-bram",
        summary: "FIFO of 512 slices of activations between two clocks, in block RAM",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::cdc",
        build: |c| {
            let options = AsyncFifoOptions::new(slice_bits(c), 512);
            Box::new(AsyncFifo::new(&options).expect(LEGAL))
        },
    },
];
