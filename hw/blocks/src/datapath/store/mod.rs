//! Data to DDR, keys and values to HBM.
//!
//! | block | does |
//! |---|---|
//! | [`SliceReader`] | slices of the scratchpad as words of a port |
//! | [`StoreUnit`] | the store unit's instructions |
//! | [`KvAdaptor`] | schedules, routing and places of keys and values, between the instructions and the KV unit |

mod adaptor;
mod slice_reader;
mod unit;

pub use adaptor::KvAdaptor;
pub use slice_reader::SliceReader;
pub use unit::StoreUnit;

use super::shape::{LEGAL, SMALL};
use crate::entry::Entry;

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[Entry {
    name: "slice-reader",
    summary: "slices of the scratchpad as words of a port",
    latency: |_| None,
    interval: |_| Some(1),
    test: "skipopu-hw::datapath",
    build: |_| Box::new(SliceReader::new(&SMALL, 512).expect(LEGAL)),
}];
