//! [`KvShape`]: widths of everything in the KV system.

use crate::parameter::{index_bits, require, ParameterError};
use skipopu_config::Config;
use skipopu_kv::KvMachine;

/// Bits of a word: what an HBM port gives in a core cycle, and what a bank holds side by side.
pub const WORD_BITS: usize = 8 * skipopu_kv::layout::WORD_BYTES;
/// Bits of a byte's address in the memory of an HBM port.
pub const CHANNEL_BITS: usize = skipopu_kv::layout::CHANNEL_BYTES.ilog2() as usize;
/// Bits of the address of a word in a pseudo-channel.
pub const WORD_ADDRESS_BITS: usize = 22;
/// Bits of a number of words of a token and pass, 1 to 16.
pub const WORDS_BITS: usize = 5;
/// Bits of a number of passes, 2 to 256.
pub const PASSES_BITS: usize = 9;

/// The sizes of a machine with the widths that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvShape {
    /// Ports, banks, depths.
    pub machine: KvMachine,
}

impl KvShape {
    /// The shape of a configuration.
    ///
    /// # Errors
    /// As [`KvShape::new`].
    pub fn of(config: &Config) -> Result<KvShape, ParameterError> {
        KvShape::new(KvMachine::of(config))
    }

    /// The shape of a machine.
    ///
    /// # Errors
    /// A size that [`KvMachine::check`] refuses, or read ports that are no power of two.
    pub fn new(machine: KvMachine) -> Result<KvShape, ParameterError> {
        let legal = "must be a power of two, at most the HBM ports";
        let ok = machine.read_ports.is_power_of_two();
        require(ok, "KV unit", "read ports", machine.read_ports, legal)?;
        let legal = "the machine's sizes must be in range";
        require(machine.check().is_ok(), "KV unit", "HBM ports", machine.ports, legal)?;
        Ok(KvShape { machine })
    }

    /// Bits of a token's index.
    pub fn token(&self) -> usize {
        index_bits(self.machine.context)
    }
    /// Bits of a number of tokens, or of rounds.
    pub fn count(&self) -> usize {
        index_bits(self.machine.context + 1)
    }
    /// Bits of a layer's index.
    pub fn layer(&self) -> usize {
        index_bits(self.machine.layers)
    }
    /// Bits of an HBM port, which is also a bank.
    pub fn port(&self) -> usize {
        index_bits(self.machine.ports)
    }
    /// Bits of a slot of a layer and port in HBM.
    pub fn slot(&self) -> usize {
        index_bits(self.machine.context.div_ceil(self.machine.ports))
    }
    /// Bits of a slot of a bank.
    pub fn bank_slot(&self) -> usize {
        index_bits(self.machine.slots)
    }
    /// Bits of a word of a bank.
    pub fn bank_address(&self) -> usize {
        index_bits(self.machine.bank_words)
    }
    /// Bits of a read port.
    pub fn read_port(&self) -> usize {
        index_bits(self.machine.read_ports)
    }
    /// Banks of a read port.
    pub fn share(&self) -> usize {
        self.machine.ports.div_ceil(self.machine.read_ports)
    }
    /// Bits of a bank among those of a read port.
    pub fn select(&self) -> usize {
        index_bits(self.share())
    }
    /// Bits of what goes with a token through the memory: `{keep, bank slot, token}`.
    pub fn tag(&self) -> usize {
        1 + self.bank_slot() + self.token()
    }
    /// Bits of an entry of an HBM port's list: `{tag, layer, slot}`.
    pub fn hbm_entry(&self) -> usize {
        self.tag() + self.layer() + self.slot()
    }
    /// Bits of an entry of a read port's list: `{token, select, bank slot}`.
    pub fn buffer_entry(&self) -> usize {
        self.token() + self.select() + self.bank_slot()
    }
    /// Bits of what the buffer knows of a token: `{present, fresh, owner, bank, bank slot}`.
    pub fn record(&self) -> usize {
        2 + self.layer() + self.port() + self.bank_slot()
    }
    /// Streams of a round: HBM ports, then read ports.
    pub fn streams(&self) -> usize {
        self.machine.ports + self.machine.read_ports
    }
    /// Bits of a beat of the delivery: `{present, tokens, words}`, stream 0 lowest in each.
    pub fn delivery(&self) -> usize {
        self.streams() * (1 + self.token() + WORD_BITS)
    }
    /// Words of the smallest memory that is addressed by port.
    pub(crate) fn port_words(&self) -> usize {
        1 << self.port()
    }
    /// Words of the smallest memory that is addressed by read port.
    pub(crate) fn read_port_words(&self) -> usize {
        1 << self.read_port()
    }
}
