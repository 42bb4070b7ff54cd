//! [`Store`]: the bytes of a memory.

use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;

const PAGE: u64 = 4096;

/// An access outside a store.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("bytes {first:#x} to {last:#x} are outside the memory of {bytes:#x} bytes: use a smaller address or a larger memory")]
pub struct StoreError {
    /// First address of the access.
    pub first: u64,
    /// Last address of the access.
    pub last: u64,
    /// Size of the memory.
    pub bytes: u64,
}

/// A sparse memory, addressed by byte from 0. Clones share the contents: hand one to every port of a memory
/// and keep one to load and to look into it.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Mutex<Contents>>,
    bytes: u64,
}

#[derive(Debug)]
struct Contents {
    pages: HashMap<u64, Box<[u8; PAGE as usize]>>,
    noise: Option<u64>,
    /// Accesses of all ports that are not yet answered.
    flights: Vec<Flight>,
    next: u64,
}

/// An access that is not yet answered.
#[derive(Clone, Debug)]
struct Flight {
    key: u64,
    range: Range<u64>,
    write: bool,
}

impl Store {
    /// A memory of `bytes` bytes, all 0.
    pub fn new(bytes: u64) -> Store {
        Store::filled(bytes, None)
    }

    /// A memory whose bytes are noise, the same for the same seed, until written.
    pub fn noisy(bytes: u64, seed: u64) -> Store {
        Store::filled(bytes, Some(seed))
    }

    fn filled(bytes: u64, noise: Option<u64>) -> Store {
        let contents = Contents { pages: HashMap::new(), noise, flights: Vec::new(), next: 0 };
        Store { shared: Arc::new(Mutex::new(contents)), bytes }
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of a page.
    pub const PAGE_BYTES: u64 = PAGE;

    /// First bytes of the pages that were ever written, in order.
    pub fn pages(&self) -> Vec<u64> {
        let mut pages: Vec<u64> = self.lock().pages.keys().map(|p| p * PAGE).collect();
        pages.sort_unstable();
        pages
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// An access outside the memory.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), StoreError> {
        self.check(address, into.len())?;
        let contents = self.lock();
        let mut rest = into;
        let mut at = address;
        while !rest.is_empty() {
            let offset = (at % PAGE) as usize;
            let here = rest.len().min(PAGE as usize - offset);
            let (part, others) = rest.split_at_mut(here);
            match (contents.pages.get(&(at / PAGE)), contents.noise) {
                (Some(page), _) => part.copy_from_slice(&page[offset..offset + here]),
                (None, None) => part.fill(0),
                (None, Some(seed)) => {
                    part.copy_from_slice(&noise(seed, at / PAGE)[offset..offset + here]);
                }
            }
            rest = others;
            at += here as u64;
        }
        Ok(())
    }

    /// Copies bytes in.
    ///
    /// # Errors
    /// An access outside the memory; nothing is written then.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.check(address, bytes.len())?;
        let mut contents = self.lock();
        let mut rest = bytes;
        let mut at = address;
        while !rest.is_empty() {
            let offset = (at % PAGE) as usize;
            let here = rest.len().min(PAGE as usize - offset);
            let (part, others) = rest.split_at(here);
            contents.page(at / PAGE)[offset..offset + here].copy_from_slice(part);
            rest = others;
            at += here as u64;
        }
        Ok(())
    }

    /// Copies the bytes in whose bit in `enable` (least significant first) is set.
    pub(super) fn write_enabled(
        &self,
        address: u64,
        bytes: &[u8],
        enable: &[u64],
    ) -> Result<(), StoreError> {
        let whole = bytes.len() / 64;
        let rest = bytes.len() % 64;
        let all = enable[..whole].iter().all(|l| *l == u64::MAX)
            && (rest == 0 || enable[whole] == (1 << rest) - 1);
        if all {
            return self.write(address, bytes);
        }
        self.check(address, bytes.len())?;
        let mut contents = self.lock();
        for (i, byte) in
            bytes.iter().enumerate().filter(|(i, _)| enable[i / 64] >> (i % 64) & 1 == 1)
        {
            let at = address + i as u64;
            contents.page(at / PAGE)[(at % PAGE) as usize] = *byte;
        }
        Ok(())
    }

    /// Notes an access until [`Store::land`]; refuses with the range of an access in flight that overlaps
    /// it when one of the two writes. Returns the access's key.
    pub(super) fn fly(
        &self,
        range: Range<u64>,
        write: bool,
        check: bool,
    ) -> Result<u64, (Range<u64>, bool)> {
        let mut contents = self.lock();
        let overlaps = |f: &&Flight| {
            (write || f.write) && f.range.start < range.end && range.start < f.range.end
        };
        if check {
            if let Some(f) = contents.flights.iter().find(overlaps) {
                return Err((f.range.clone(), f.write));
            }
        }
        let key = contents.next;
        contents.next += 1;
        contents.flights.push(Flight { key, range, write });
        Ok(key)
    }

    /// The access is answered.
    pub(super) fn land(&self, key: u64) {
        let flights = &mut self.lock().flights;
        if let Some(at) = flights.iter().position(|f| f.key == key) {
            flights.swap_remove(at);
        }
    }

    fn check(&self, first: u64, count: usize) -> Result<(), StoreError> {
        let last = first.saturating_add((count as u64).saturating_sub(1));
        if count == 0 || last < self.bytes {
            return Ok(());
        }
        Err(StoreError { first, last, bytes: self.bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Contents are bytes: a thread that panicked left nothing half-made that matters.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn page(&mut self, number: u64) -> &mut [u8; PAGE as usize] {
        let fill = self.noise;
        self.pages.entry(number).or_insert_with(|| match fill {
            Some(seed) => noise(seed, number),
            None => Box::new([0; PAGE as usize]),
        })
    }
}

fn noise(seed: u64, page: u64) -> Box<[u8; PAGE as usize]> {
    let mut bytes = Box::new([0; PAGE as usize]);
    let mixed = seed ^ page.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    SmallRng::seed_from_u64(mixed).fill_bytes(&mut *bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(store: &Store, address: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0xee; count];
        store.read(address, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn bytes_come_back_across_pages_and_clones() {
        let store = Store::new(1 << 20);
        let bytes: Vec<u8> = (0..10_000).map(|i| (i * 7) as u8).collect();
        store.clone().write(4000, &bytes).unwrap();
        assert_eq!(read(&store, 4000, 10_000), bytes);
        assert_eq!(read(&store, 3998, 4), [0, 0, 0, 7]);
        assert_eq!(read(&store, 14_000, 2), [0, 0]);
    }

    #[test]
    fn accesses_outside_are_refused_and_write_nothing() {
        let store = Store::new(100);
        assert!(store.write(0, &[1; 100]).is_ok());
        let error = store.write(90, &[2; 11]).unwrap_err();
        assert_eq!((error.first, error.last, error.bytes), (90, 100, 100));
        assert!(store.read(u64::MAX, &mut [0; 2]).is_err());
        assert_eq!(read(&store, 90, 10), [1; 10]);
    }

    #[test]
    fn noise_is_reproducible_and_kept_around_what_is_written() {
        let (a, b) = (Store::noisy(1 << 16, 3), Store::noisy(1 << 16, 3));
        assert_eq!(read(&a, 5000, 100), read(&b, 5000, 100));
        assert_ne!(read(&a, 5000, 100), read(&Store::noisy(1 << 16, 4), 5000, 100));
        a.write(5050, &[9]).unwrap();
        let mut expected = read(&b, 5000, 100);
        expected[50] = 9;
        assert_eq!(read(&a, 5000, 100), expected);
    }

    #[test]
    fn only_enabled_bytes_are_written() {
        let store = Store::new(256);
        store.write_enabled(64, &[5; 72], &[0xf0, 0x81]).unwrap();
        let bytes = read(&store, 64, 72);
        let set: Vec<usize> = (0..72).filter(|i| bytes[*i] == 5).collect();
        assert_eq!(set, [4, 5, 6, 7, 64, 71]);
        store.write_enabled(0, &[6; 72], &[u64::MAX, 0xff]).unwrap();
        assert_eq!(read(&store, 0, 72), [6; 72]);
    }

    #[test]
    fn overlapping_accesses_in_flight_are_refused_unless_both_read() {
        let store = Store::new(1 << 16);
        let read = store.fly(0..64, false, true).unwrap();
        let other = store.fly(32..96, false, true).unwrap();
        assert_eq!(store.fly(31..32, true, true), Err((0..64, false)));
        store.land(read);
        assert_eq!(store.fly(95..99, true, true), Err((32..96, false)));
        store.land(other);
        let write = store.fly(0..32, true, true).unwrap();
        assert_eq!(store.fly(0..1, false, true), Err((0..32, true)));
        assert_eq!(store.fly(31..33, true, true), Err((0..32, true)));
        store.land(write);
        assert!(store.fly(0..1, true, true).is_ok());
    }
}
