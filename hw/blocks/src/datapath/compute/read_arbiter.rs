//! [`ReadArbiter`]: who reads a memory in this cycle.

use crate::parameter::{require, ParameterError};
use skipopu_hdl::prelude::*;

/// Gives the read port of a memory to the first of several readers that wants it.
///
/// - Does: `grant` of the lowest reader of `want`; `address` is that reader's. What is read comes a fixed time later to all
///   of them; each knows which of its reads were granted.
/// - Guarantee: a read every cycle, latency 0. Reader 0 is never held up.
#[derive(LogicBlock, Ports)]
pub struct ReadArbiter {
    /// Readers that want to read.
    pub want: Wire<In>,
    /// Their addresses, reader 0 lowest.
    pub addresses: Wire<In>,
    /// The reader whose address is read.
    pub grant: Wire<Out>,
    /// The address.
    pub address: Wire<Out>,
    _readers: usize,
    _bits: usize,
}

impl ReadArbiter {
    /// Of `readers` readers with addresses of `bits` bits.
    ///
    /// # Errors
    /// Unless there are 1 to 16 readers.
    pub fn new(readers: usize, bits: usize) -> Result<ReadArbiter, ParameterError> {
        require(
            (1..=16).contains(&readers),
            "read arbiter",
            "readers",
            readers,
            "must be 1 to 16",
        )?;
        Ok(ReadArbiter {
            want: Wire::new(readers),
            addresses: Wire::new(readers * bits),
            grant: Wire::new(readers),
            address: Wire::new(bits),
            _readers: readers,
            _bits: bits,
        })
    }
}

impl Logic for ReadArbiter {
    #[hdl(readers = self._readers, bits = self._bits)]
    fn update(&mut self) {
        let bits = self._bits;
        let mut taken = false;
        self.address.next = self.addresses.val().trunc(bits);
        for i in 0..self._readers {
            let wins = self.want.val().bit(i) && !taken;
            taken = taken || self.want.val().bit(i);
            self.grant.next.set_slice(i, &Word::from(wins));
            if wins {
                self.address.next = self.addresses.val().slice(i * bits, bits);
            }
        }
    }
}
