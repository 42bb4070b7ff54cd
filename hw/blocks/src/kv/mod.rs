//! K and V of earlier tokens: placement, schedule, invariance buffer, delivery (docs/memory.md).

pub mod delivery;
mod hbm_port;
mod join;
mod place;
mod read_port;
mod routing;
mod scheduler;
mod shape;
mod unit;

pub use hbm_port::HbmReader;
pub use join::RoundJoin;
pub use place::PlaceGenerator;
pub use read_port::BufferReader;
pub use routing::RoutingTable;
pub use scheduler::KvScheduler;
pub use shape::{KvShape, CHANNEL_BITS, WORD_BITS};
pub use unit::KvUnit;

use crate::datapath::DatapathShape;
use crate::entry::Entry;
use delivery::{KvLoader, LaneMemory};
use skipopu_config::Config;
use skipopu_kv::KvMachine;

const LEGAL: &str = "the catalogue's parameters are legal";

fn shape(config: &Config) -> KvShape {
    KvShape::of(config).expect(LEGAL)
}

/// Whatever the configuration, of which not every one has this datapath.
const SMALL: DatapathShape = DatapathShape {
    lanes: 8,
    columns: 8,
    ways: 4,
    rows: 8,
    npe_rows: 8,
    scratchpad: 64,
    operand: 64,
    constants: 64,
    hbm_ports: 2,
    kv_ports: 1,
    context: 64,
};

/// The ports of [`SMALL`].
const SMALL_MACHINE: KvMachine =
    KvMachine { ports: 2, read_ports: 1, slots: 8, bank_words: 4096, context: 64, layers: 8 };

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "kv-routing",
        summary: "attention bits of every earlier token",
        latency: |_| Some(RoutingTable::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::kv",
        build: |c| Box::new(RoutingTable::new(shape(c)).expect(LEGAL)),
    },
    Entry {
        name: "kv-place",
        summary: "owner layer, HBM port and slot of every token, in order",
        latency: |_| Some(PlaceGenerator::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::kv",
        build: |c| Box::new(PlaceGenerator::new(shape(c)).expect(LEGAL)),
    },
    Entry {
        name: "kv-scheduler",
        summary: "lists of a layer's reads by HBM port and read port; what the buffer keeps",
        latency: |_| None,
        interval: |_| Some(KvScheduler::INTERVAL),
        test: "skipopu-hw::kv",
        build: |c| Box::new(KvScheduler::new(shape(c)).expect(LEGAL)),
    },
    Entry {
        name: "kv-hbm-reader",
        summary: "one HBM port's list as read commands, pass after pass",
        latency: |_| Some(HbmReader::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::kv",
        build: |c| Box::new(HbmReader::new(shape(c), 0).expect(LEGAL)),
    },
    Entry {
        name: "kv-buffer-reader",
        summary: "one read port's list as words of its banks, pass after pass",
        latency: |_| Some(BufferReader::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::kv",
        build: |c| {
            let shape = shape(c);
            Box::new(BufferReader::new(shape, shape.share()).expect(LEGAL))
        },
    },
    Entry {
        name: "kv-join",
        summary: "the streams of a round side by side; what the banks take of them",
        latency: |_| Some(RoundJoin::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::kv",
        build: |c| Box::new(RoundJoin::new(shape(c)).expect(LEGAL)),
    },
    Entry {
        name: "kv-unit",
        summary: "routing, schedule, invariance buffer and delivery of K and V",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::kv",
        build: |c| Box::new(KvUnit::new(shape(c)).expect(LEGAL)),
    },
    Entry {
        name: "kv-lane-memory",
        summary: "K or V of one token slot, written by word or slice, read by line",
        latency: |_| Some(LaneMemory::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::kv_delivery",
        build: |c| Box::new(LaneMemory::new(c.array.lanes as usize).expect(LEGAL)),
    },
    Entry {
        name: "kv-loader",
        summary: "K and V by round, and the block's own rows, to tiles of 8 columns and 8 lanes",
        latency: |_| None,
        interval: |_| Some(KvLoader::INTERVAL),
        test: "skipopu-hw::kv_delivery",
        build: |_| {
            let kv = KvShape::new(SMALL_MACHINE).expect(LEGAL);
            Box::new(KvLoader::new(&SMALL, &kv).expect(LEGAL))
        },
    },
];
