//! The catalogue: every block with what a reader needs to choose it.

pub use crate::entry::Entry;

/// All blocks, leaves first.
pub fn catalogue() -> impl Iterator<Item = &'static Entry> {
    [
        crate::primitives::ENTRIES,
        crate::stream::ENTRIES,
        crate::cdc::ENTRIES,
        crate::dma::ENTRIES,
        crate::kv::ENTRIES,
        crate::control::ENTRIES,
    ]
    .into_iter()
    .chain(crate::pe_array::ENTRIES)
    .chain(crate::npe::ENTRIES)
    .chain(crate::datapath::ENTRIES)
    .chain([crate::overlay::ENTRIES])
    .flatten()
}

/// The entry of a block by name.
pub fn find(name: &str) -> Option<&'static Entry> {
    catalogue().find(|e| e.name == name)
}
