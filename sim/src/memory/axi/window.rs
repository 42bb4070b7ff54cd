//! [`Window`]: the part of a port's address space that a memory fills, with its faults.

use super::Response;
use crate::memory::{Store, StoreError};
use std::ops::Range;

/// An address range that answers with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxiFault {
    /// Bus addresses.
    pub range: Range<u64>,
    /// The answer.
    pub response: Response,
}

/// A store at its place on the bus.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub store: Store,
    pub base: u64,
    pub faults: Vec<AxiFault>,
    pub hazards: bool,
}

impl Window {
    /// Answer to an access of these bus addresses.
    pub fn response(&self, address: u64, bytes: u64) -> Response {
        let end = address.saturating_add(bytes);
        if self.offset(address).is_none_or(|o| o.saturating_add(bytes) > self.store.bytes()) {
            return Response::DecErr;
        }
        let hit = |f: &&AxiFault| f.range.start < end && address < f.range.end;
        self.faults.iter().find(hit).map_or(Response::Okay, |f| f.response)
    }

    /// Address within the store.
    pub fn offset(&self, address: u64) -> Option<u64> {
        address.checked_sub(self.base)
    }

    /// Reads bytes that [`Window::response`] found inside.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), StoreError> {
        self.store.read(address.wrapping_sub(self.base), into)
    }
}
