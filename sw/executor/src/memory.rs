//! [`Memory`]: HBM and DDR as byte arrays of a size.

use crate::run::Stop;
use skipopu_config::Config;
use skipopu_isa::set::{DDR_BYTES, DDR_WORDS, PORT_WORDS};
use skipopu_kv::layout::{CHANNEL_BYTES, WORD_BYTES};

// What instructions reach is what there is.
const _: () = assert!(DDR_BYTES == (DDR_WORDS * WORD_BYTES) as u64);
const _: () = assert!(CHANNEL_BYTES == (PORT_WORDS * WORD_BYTES) as u64);

/// Which memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// One on chip; addresses are slices.
    OnChip,
    /// That of an HBM port; addresses are bytes.
    Hbm(usize),
    /// DDR; addresses are bytes.
    Ddr,
}

/// Bytes of a page: memory is allocated where it is written.
const PAGE: usize = 1 << 16;

/// Sparse bytes; what was never written reads as zero.
#[derive(Clone, Debug)]
pub struct Bytes {
    name: &'static str,
    site: Site,
    size: u64,
    pages: Vec<Option<Box<[u8]>>>,
}

impl Bytes {
    /// `size` bytes.
    pub fn new(name: &'static str, site: Site, size: u64) -> Bytes {
        Bytes { name, site, size, pages: vec![None; size.div_ceil(PAGE as u64) as usize] }
    }

    fn check(&self, at: u64, length: usize) -> Result<(), Stop> {
        match at.checked_add(length as u64) {
            Some(end) if end <= self.size => Ok(()),
            _ => Err(Stop::Address { memory: self.name, site: self.site, address: at }),
        }
    }

    /// Reads.
    ///
    /// # Errors
    /// Bytes outside the memory.
    pub fn read(&self, at: u64, out: &mut [u8]) -> Result<(), Stop> {
        self.check(at, out.len())?;
        let mut at = at as usize;
        let mut out = out;
        while !out.is_empty() {
            let (page, first) = (at / PAGE, at % PAGE);
            let count = out.len().min(PAGE - first);
            let (now, rest) = out.split_at_mut(count);
            match &self.pages[page] {
                Some(bytes) => now.copy_from_slice(&bytes[first..first + count]),
                None => now.fill(0),
            }
            (at, out) = (at + count, rest);
        }
        Ok(())
    }

    /// Writes.
    ///
    /// # Errors
    /// Bytes outside the memory.
    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Stop> {
        self.check(at, bytes.len())?;
        let mut at = at as usize;
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let (page, first) = (at / PAGE, at % PAGE);
            let (now, rest) = bytes.split_at(bytes.len().min(PAGE - first));
            let page = self.pages[page].get_or_insert_with(|| vec![0; PAGE].into());
            page[first..first + now.len()].copy_from_slice(now);
            (at, bytes) = (at + now.len(), rest);
        }
        Ok(())
    }
}

/// What the host and the core share.
#[derive(Clone, Debug)]
pub struct Memory {
    /// DDR, all channels.
    pub ddr: Bytes,
    /// HBM, by port.
    pub hbm: Vec<Bytes>,
}

impl Memory {
    /// Memories of a size: DDR in all, HBM per port.
    pub fn new(ddr: u64, ports: usize, hbm: u64) -> Memory {
        let port = |p| Bytes::new("HBM", Site::Hbm(p), hbm);
        Memory { ddr: Bytes::new("DDR", Site::Ddr, ddr), hbm: (0..ports).map(port).collect() }
    }

    /// Those of the board that a configuration is for, holding zeros.
    pub fn of(config: &Config) -> Memory {
        let ddr = DDR_BYTES * u64::from(config.memory.ddr_channels);
        Memory::new(ddr, config.memory.hbm_ports as usize, CHANNEL_BYTES)
    }

    /// `count` bytes striped over all ports, 64 bytes each in turn, from a unit of 64 bytes on.
    ///
    /// # Errors
    /// Bytes outside the memory.
    pub fn striped(&self, unit: usize, count: usize) -> Result<Vec<u8>, Stop> {
        let mut bytes = vec![0; count];
        for (i, word) in bytes.chunks_mut(WORD_BYTES).enumerate() {
            let at = ((unit + i / self.hbm.len()) * WORD_BYTES) as u64;
            self.hbm[i % self.hbm.len()].read(at, word)?;
        }
        Ok(bytes)
    }
}
