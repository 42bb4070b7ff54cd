//! [`KvMachine`]: the sizes of a configuration that placement and schedule depend on.

use crate::error::{require, KvError};
use crate::layout::{KvLayout, WORD_BYTES};
use serde::Serialize;
use skipopu_config::Config;

/// URAM288 blocks side by side in a bank: 64 data bits each.
pub const BANK_COLUMNS: usize = WORD_BYTES / 8;
/// Words of a URAM288.
const URAM_WORDS: usize = 4096;

/// Ports, banks and depths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KvMachine {
    /// HBM ports; as many banks of the buffer, bank p for the tokens of port p.
    pub ports: usize,
    /// Read ports of the buffer; read port g serves the banks whose number is g modulo their count.
    pub read_ports: usize,
    /// Most tokens that a bank keeps.
    pub slots: usize,
    /// Words of 64 bytes in a bank.
    pub bank_words: usize,
    /// Most tokens before the current one.
    pub context: usize,
    /// Most layers.
    pub layers: usize,
}

impl KvMachine {
    /// The sizes of a configuration.
    pub fn of(config: &Config) -> KvMachine {
        let ports = config.memory.hbm_ports as usize;
        KvMachine {
            ports,
            read_ports: config.kv_buffer.ports as usize,
            slots: config.kv_buffer.slots as usize,
            bank_words: config.kv_buffer.urams as usize / (BANK_COLUMNS * ports) * URAM_WORDS,
            context: config.kv_buffer.context as usize,
            layers: config.kv_buffer.layers as usize,
        }
    }

    /// Tokens that a bank keeps of a model: as many as fit, at most `slots`.
    pub fn slots_for(&self, layout: &KvLayout) -> usize {
        (self.bank_words / layout.token_words()).min(self.slots)
    }

    /// Checks the sizes against each other.
    ///
    /// # Errors
    /// A size out of range.
    pub fn check(&self) -> Result<(), KvError> {
        let power = |v: usize, most: usize| v.is_power_of_two() && (2..=most).contains(&v);
        require((1..=32).contains(&self.ports), "HBM ports", self.ports, "1 to 32")?;
        require(
            (1..=self.ports).contains(&self.read_ports),
            "buffer read ports",
            self.read_ports,
            format!("1 to the {} HBM ports", self.ports),
        )?;
        require(power(self.slots, 256), "slots of a bank", self.slots, "a power of two, 2 to 256")?;
        require(
            self.bank_words.is_power_of_two() && self.bank_words >= URAM_WORDS,
            "words of a bank",
            self.bank_words,
            "a power of two from 4096",
        )?;
        require(
            power(self.context, 16_384),
            "context",
            self.context,
            "a power of two, 2 to 16384",
        )?;
        require((2..=128).contains(&self.layers), "layers", self.layers, "2 to 128")
    }
}
