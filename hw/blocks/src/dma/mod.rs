//! Reads and writes of external memory.
//!
//! A [`ReadMaster`] turns [`Command`]s into a stream, a [`WriteMaster`] a stream into memory; a [`DmaPort`]
//! is both on one AXI port, a [`DmaEngine`] all ports of a memory. The core's side and the AXI side have
//! clocks of their own: what crosses, crosses in [`AsyncFifo`](crate::cdc::AsyncFifo)s, of which the read
//! buffer is one. docs/memory.md has the figures.

mod aligner;
mod command;
mod engine;
#[allow(missing_docs)] // of the `join` that `LogicInterface` derives
mod fault;
mod options;
mod port;
mod read;
mod read_collector;
mod read_issuer;
mod splitter;
mod write;
mod write_issuer;
mod write_sender;

pub use aligner::ChunkAligner;
pub use command::{Command, BYTES_BITS};
pub use engine::DmaEngine;
pub use fault::{kind as fault_kind, FaultLatch, FaultSink, FaultSource};
pub use options::DmaOptions;
pub use port::DmaPort;
pub use read::ReadMaster;
pub use read_collector::ReadCollector;
pub use read_issuer::ReadIssuer;
pub use splitter::BurstSplitter;
pub use write::WriteMaster;
pub use write_issuer::WriteIssuer;
pub use write_sender::WriteSender;

use crate::entry::Entry;

const LEGAL: &str = "the catalogue's parameters are legal";

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "burst-splitter",
        summary: "commands to AXI bursts that end at multiples of 512 bytes",
        latency: |_| Some(BurstSplitter::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |_| Box::new(BurstSplitter::new(&DmaOptions::hbm()).expect(LEGAL)),
    },
    Entry {
        name: "read-issuer",
        summary: "lets a read burst pass when the buffer has room for it",
        latency: |_| Some(ReadIssuer::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |_| Box::new(ReadIssuer::new(&DmaOptions::hbm()).expect(LEGAL)),
    },
    Entry {
        name: "read-collector",
        summary: "the AXI side of an HBM read master: AR, and R to words",
        latency: |_| Some(ReadCollector::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |_| Box::new(ReadCollector::new(&DmaOptions::hbm()).expect(LEGAL)),
    },
    Entry {
        name: "write-issuer",
        summary: "lets a write burst pass when its data is in the buffer",
        latency: |_| Some(WriteIssuer::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |_| Box::new(WriteIssuer::new(&DmaOptions::hbm()).expect(LEGAL)),
    },
    Entry {
        name: "write-sender",
        summary: "the AXI side of an HBM write master: AW, W and B",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |_| Box::new(WriteSender::new(&DmaOptions::hbm()).expect(LEGAL)),
    },
    Entry {
        name: "fault-latch",
        summary: "keeps the first fault of a master",
        latency: |_| Some(FaultLatch::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |_| Box::new(FaultLatch::new(&DmaOptions::hbm()).expect(LEGAL)),
    },
    Entry {
        name: "read-master",
        summary: "HBM reads into a stream, AXI and core on two clocks",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |_| Box::new(ReadMaster::new(&DmaOptions::hbm()).expect(LEGAL)),
    },
    Entry {
        name: "write-master",
        summary: "a stream into HBM, AXI and core on two clocks",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |_| Box::new(WriteMaster::new(&DmaOptions::hbm()).expect(LEGAL)),
    },
    Entry {
        name: "dma-port",
        summary: "a read and a write master on one HBM port",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |_| Box::new(DmaPort::new(&DmaOptions::hbm()).expect(LEGAL)),
    },
    Entry {
        name: "dma-ddr",
        summary: "the DMA of the DDR4 channels",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |c| {
            let channels = c.memory.ddr_channels as usize;
            Box::new(DmaEngine::new(channels, &DmaOptions::ddr()).expect(LEGAL))
        },
    },
    Entry {
        name: "dma-hbm",
        summary: "the DMA of all HBM ports",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |c| {
            let ports = c.memory.hbm_ports as usize;
            Box::new(DmaEngine::new(ports, &DmaOptions::hbm()).expect(LEGAL))
        },
    },
    Entry {
        name: "chunk-aligner",
        summary: "the HBM ports' words side by side, in step",
        latency: |_| Some(ChunkAligner::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::dma",
        build: |c| {
            let ports = c.memory.hbm_ports as usize;
            let width = DmaOptions::hbm().word_bits();
            Box::new(ChunkAligner::new(ports, width).expect(LEGAL))
        },
    },
];
