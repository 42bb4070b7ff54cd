//! Control: what the host sees; fetches the program, hands instructions to the units, keeps their tokens.

pub mod counters;
pub mod decode;
pub mod issuer;
pub mod registers;
pub mod semaphores;
pub mod sequencer;

pub use counters::PerformanceCounters;
pub use decode::Decoder;
pub use issuer::Issuer;
pub use registers::{HostOptions, HostRegisters};
pub use semaphores::Semaphores;
pub use sequencer::Sequencer;

use crate::entry::Entry;
use skipopu_isa::Unit;

/// Units.
pub const UNITS: usize = Unit::ALL.len();

const LEGAL: &str = "the catalogue's parameters are legal";

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "instruction-decoder",
        summary: "is it an instruction, whose, and what is wrong with it",
        latency: |_| Some(Decoder::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::control",
        build: |_| Box::new(Decoder::new()),
    },
    Entry {
        name: "semaphores",
        summary: "tokens between the four units, a counter for every ordered pair",
        latency: |_| Some(Semaphores::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::control",
        build: |_| Box::new(Semaphores::new()),
    },
    Entry {
        name: "issuer",
        summary: "one unit's instructions in order, each when its tokens are there",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::control",
        build: |_| Box::new(Issuer::new(sequencer::QUEUE).expect(LEGAL)),
    },
    Entry {
        name: "sequencer",
        summary: "fetch, decode, branch, hand out; registers, tokens, cause of a stop",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::control",
        build: |_| Box::new(Sequencer::new(sequencer::PROGRAM).expect(LEGAL)),
    },
    Entry {
        name: "performance-counters",
        summary: "what happened while a program ran, 64 bits a counter",
        latency: |_| Some(PerformanceCounters::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::registers",
        build: |_| Box::new(PerformanceCounters::new()),
    },
    Entry {
        name: "host-registers",
        summary: "AXI4-Lite registers: control, status, settings, counters, interrupt",
        latency: |_| Some(HostRegisters::LATENCY),
        interval: |_| None,
        test: "skipopu-hw::registers",
        build: |c| Box::new(HostRegisters::new(HostOptions::of(c)).expect(LEGAL)),
    },
];
