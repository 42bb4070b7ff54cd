//! [`AxiShape`]: widths and limits of an AXI port.

use crate::parameter::{require, ParameterError};

/// Widths and limits of an AXI port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxiShape {
    /// Bits of WDATA and RDATA: a power of two, 32 to 1024.
    pub data_bits: usize,
    /// Bits of an address: 16 to 64.
    pub address_bits: usize,
    /// Bits of an ID: 1 to 16.
    pub id_bits: usize,
    /// Bits of AxLEN: 4 (AXI3) or 8 (AXI4).
    pub len_bits: usize,
}

impl AxiShape {
    /// A port of the HBM: AXI3, 256 bits, bursts of up to 16 beats (PG276).
    pub const fn hbm() -> AxiShape {
        AxiShape { data_bits: 256, address_bits: 33, id_bits: 6, len_bits: 4 }
    }

    /// A port of a DDR4 controller: AXI4, 512 bits, bursts of up to 256 beats (PG150).
    pub const fn ddr() -> AxiShape {
        AxiShape { data_bits: 512, address_bits: 34, id_bits: 4, len_bits: 8 }
    }

    /// Bytes of a beat.
    pub const fn beat_bytes(&self) -> usize {
        self.data_bits / 8
    }

    /// Address bits below a beat.
    pub const fn offset_bits(&self) -> usize {
        self.beat_bytes().ilog2() as usize
    }

    /// Most beats of a burst by AxLEN.
    pub const fn max_beats(&self) -> usize {
        1 << self.len_bits
    }

    /// Are the widths legal?
    ///
    /// # Errors
    /// A width outside its range.
    pub fn check(&self) -> Result<(), ParameterError> {
        let ok = self.data_bits.is_power_of_two() && (32..=1024).contains(&self.data_bits);
        require(ok, "axi port", "data_bits", self.data_bits, "must be a power of two, 32 to 1024")?;
        let ok = (16..=64).contains(&self.address_bits);
        require(ok, "axi port", "address_bits", self.address_bits, "must be 16 to 64")?;
        require(
            (1..=16).contains(&self.id_bits),
            "axi port",
            "id_bits",
            self.id_bits,
            "must be 1 to 16",
        )?;
        let ok = [4, 8].contains(&self.len_bits);
        require(ok, "axi port", "len_bits", self.len_bits, "must be 4 (AXI3) or 8 (AXI4)")
    }
}
