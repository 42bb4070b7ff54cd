//! What a unit reports when an instruction goes beyond a memory.

/// A memory on chip; the address is a slice.
pub const ON_CHIP: usize = 0;
/// HBM; the address is a byte of a port, the first one stands for all.
pub const HBM: usize = 1;
/// DDR; the address is a byte.
pub const DDR: usize = 2;
/// Bits of which memory it is.
pub const SITE_BITS: usize = 2;
/// Bits of an address.
pub const ADDRESS_BITS: usize = 40;
