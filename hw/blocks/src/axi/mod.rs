//! AXI ports, defined once: the shape of a port and its signals.
//!
//! Signals have the specification's names in lower case (AMBA AXI3 and AXI4, ARM IHI 0022): the field
//! `m_axi` of a block becomes the ports `m_axi_araddr`, `m_axi_arvalid` and so on, an array of them
//! `m_axi_0_araddr`. Left out are LOCK, CACHE, PROT, QOS, REGION, USER and AXI3's WID: an interconnect
//! takes their defaults (0; WID = AWID, which is 0), and the HBM controller has none of them.

#[allow(missing_docs)] // of the `join` that `LogicInterface` derives
mod interface;
#[allow(missing_docs)]
mod lite;
mod shape;

pub use interface::{
    AxiMaster, AxiReadMaster, AxiReadSlave, AxiSlave, AxiWriteMaster, AxiWriteSlave,
};
pub use lite::{AxiLiteMaster, AxiLiteSlave};
pub use shape::AxiShape;

/// `BURST`: addresses count up.
pub const INCR: u64 = 1;

/// `RESP` and `BRESP`.
pub mod resp {
    /// Done.
    pub const OKAY: u64 = 0;
    /// An exclusive access succeeded: never an answer to ours.
    pub const EXOKAY: u64 = 1;
    /// The slave failed.
    pub const SLVERR: u64 = 2;
    /// No slave has the address.
    pub const DECERR: u64 = 3;
}
