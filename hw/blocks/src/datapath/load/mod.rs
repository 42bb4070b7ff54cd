//! Weights, data and programs from HBM and DDR.
//!
//! | block | does |
//! |---|---|
//! | [`PortMux`] | weights, keys and values through one HBM port |
//! | [`WeightQueue`] | words of all ports to the beats of a matrix |
//! | [`DataLoader`] | rows of data from DDR to the memories on chip |
//! | [`LoadUnit`] | the load unit's instructions |
//! | [`Crc32`] | checksum of a program |
//! | [`Boot`] | the program from DDR to the sequencer |

mod boot;
mod crc32;
mod data_loader;
mod port_mux;
mod unit;
mod weight_queue;

pub use boot::Boot;
pub use crc32::Crc32;
pub use data_loader::DataLoader;
pub use port_mux::PortMux;
pub use unit::{LoadUnit, KV_LAYER};
pub use weight_queue::WeightQueue;

use super::shape::{LEGAL, SMALL};
use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "weight-queue",
        summary: "words of all HBM ports to the load beats of a matrix",
        latency: |_| None,
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(WeightQueue::new(&SMALL).expect(LEGAL)),
    },
    Entry {
        name: "crc32",
        summary: "checksum of a program, a word at a time",
        latency: |_| Some(1),
        interval: |_| Some(1),
        test: "skipopu-hw::datapath",
        build: |_| Box::new(Crc32::new()),
    },
    Entry {
        name: "boot",
        summary: "the program from DDR to the sequencer, checked",
        latency: |_| None,
        interval: |_| None,
        test: "skipopu-hw::datapath",
        build: |_| Box::new(Boot::new(7, 4096).expect(LEGAL)),
    },
];
