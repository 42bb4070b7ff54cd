//! The valid/ready stream, defined once, and the blocks that only move it.
//!
//! A stream carries beats in one direction: `data` with a mark `last` on the final beat of a packet.
//! A beat *fires* when `valid` and `ready` are both 1 at the rising clock edge. The rules:
//!
//! 1. once `valid` is 1 it stays 1 until the beat fires;
//! 2. `data` and `last` are stable while `valid` is 1 and the beat has not fired;
//! 3. `valid` does not wait for `ready`: it does not depend on it within a cycle, nor does a sender
//!    hold a beat back until it sees `ready` (`ready` may wait for `valid`);
//! 4. while `valid` is 0, `data` and `last` mean nothing.
//!
//! ```text
//! cycle    0     1     2     3     4     5
//! clock  __/‾‾\__/‾‾\__/‾‾\__/‾‾\__/‾‾\__/‾‾\__/
//! valid  ____/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾\____
//! ready  ____/‾‾‾‾‾\___________/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾
//! data   ----<  A  X        B        X  C  >----
//!                ^                 ^     ^
//! fires          A     stalled     B     C
//! ```
//!
//! A block names its input stream `in` and its output stream `out`, so that its module has the ports
//! `in_valid`, `in_ready`, `in_data`, `in_last` and the same for `out`. `skipopu_sim::stream` drives
//! and checks every stream by these names. `reset` is synchronous; it drops what is in flight and is
//! the one exception to rule 1.
//!
//! The waveforms of the blocks show one column a cycle: `1` or `.` for a bit, letters for beats, in
//! the cycle before its rising edge. A test prints them from a simulation and compares.

mod delay;
mod fifo;
mod fork;
#[allow(missing_docs)] // of the `join` that `LogicInterface` derives
mod interface;
mod occupancy;
mod pipeline;
mod skid_buffer;

pub use delay::StreamDelay;
pub use fifo::{DeepFifo, Fifo, FifoOptions, ShallowFifo, Storage};
pub use fork::{Fork, Join};
pub use interface::{ItemSink, ItemSource, StreamSink, StreamSource};
pub use occupancy::Occupancy;
pub use pipeline::PrimitivesPipeline;
pub use skid_buffer::SkidBuffer;

use crate::entry::Entry;
use crate::primitives::slice_bits;

const LEGAL: &str = "the catalogue's parameters are legal";

/// A FIFO of slices of activations.
fn slice_fifo(config: &skipopu_config::Config, depth: usize, storage: Storage) -> Fifo {
    let options = FifoOptions {
        storage: Some(storage),
        almost_full: Some(depth - 4),
        ..FifoOptions::new(slice_bits(config), depth)
    };
    Fifo::new(&options).expect(LEGAL)
}

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "skid-buffer",
        summary: "register slice of a stream: full rate, every output a register",
        latency: |_| Some(SkidBuffer::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::stream",
        build: |c| Box::new(SkidBuffer::new(slice_bits(c)).expect(LEGAL)),
    },
    Entry {
        name: "occupancy",
        summary: "counter of up to 512 things held, with registered flags",
        latency: |_| Some(Occupancy::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::stream",
        build: |_| Box::new(Occupancy::new(512, 508).expect(LEGAL)),
    },
    Entry {
        name: "fifo-lutram",
        summary: "FIFO of 32 slices of activations in LUTs",
        latency: |_| Some(Storage::Lutram.latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::stream",
        build: |c| Box::new(slice_fifo(c, 32, Storage::Lutram)),
    },
    Entry {
        name: "fifo-bram",
        summary: "FIFO of 512 slices of activations in block RAM, output prefetched",
        latency: |_| Some(Storage::Bram.latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::stream",
        build: |c| Box::new(slice_fifo(c, 512, Storage::Bram)),
    },
    Entry {
        name: "fifo-uram",
        summary: "FIFO of 4,096 slices of activations in UltraRAM, output prefetched",
        latency: |_| Some(Storage::Uram.latency()),
        interval: |_| Some(1),
        test: "skipopu-hw::stream",
        build: |c| Box::new(slice_fifo(c, 4096, Storage::Uram)),
    },
    Entry {
        name: "stream-delay",
        summary: "delays a stream by four cycles, stalling as a whole",
        latency: |_| Some(4),
        interval: |_| Some(1),
        test: "skipopu-hw::stream",
        build: |c| Box::new(StreamDelay::new(slice_bits(c), 4).expect(LEGAL)),
    },
    Entry {
        name: "stream-fork",
        summary: "gives every beat of a stream to two receivers",
        latency: |_| Some(Fork::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::stream",
        build: |c| Box::new(Fork::new(slice_bits(c), 2).expect(LEGAL)),
    },
    Entry {
        name: "stream-join",
        summary: "puts the beats of two streams side by side",
        latency: |_| Some(Join::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::stream",
        build: |c| Box::new(Join::new(&[slice_bits(c), 16]).expect(LEGAL)),
    },
    Entry {
        name: "primitives-pipeline",
        summary: "skid buffer, FIFO, lane rotation, delay and skid buffer in a row",
        latency: |_| Some(PrimitivesPipeline::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::stream",
        build: |c| Box::new(PrimitivesPipeline::new(c.array.lanes as usize, 16).expect(LEGAL)),
    },
];
