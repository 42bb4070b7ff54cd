//! The two ends of an AXI4-Lite port: single accesses of 32 bits to registers.

use skipopu_hdl::prelude::*;

/// The side of the registers.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "AxiLiteMaster"]
pub struct AxiLiteSlave {
    /// Read request: byte address.
    pub araddr: Wire<In>,
    /// Read request: a request is offered.
    pub arvalid: Signal<In, Bit>,
    /// Read request: the request is taken at this edge.
    pub arready: Signal<Out, Bit>,
    /// Read data: data.
    pub rdata: Wire<Out>,
    /// Read data: how it went: [`resp`](super::resp).
    pub rresp: Wire<Out>,
    /// Read data: data is offered.
    pub rvalid: Signal<Out, Bit>,
    /// Read data: the data is taken at this edge.
    pub rready: Signal<In, Bit>,
    /// Write request: byte address.
    pub awaddr: Wire<In>,
    /// Write request: a request is offered.
    pub awvalid: Signal<In, Bit>,
    /// Write request: the request is taken at this edge.
    pub awready: Signal<Out, Bit>,
    /// Write data: data.
    pub wdata: Wire<In>,
    /// Write data: which bytes to write.
    pub wstrb: Wire<In>,
    /// Write data: data is offered.
    pub wvalid: Signal<In, Bit>,
    /// Write data: the data is taken at this edge.
    pub wready: Signal<Out, Bit>,
    /// Write response: how it went: [`resp`](super::resp).
    pub bresp: Wire<Out>,
    /// Write response: a response is offered.
    pub bvalid: Signal<Out, Bit>,
    /// Write response: the response is taken at this edge.
    pub bready: Signal<In, Bit>,
}

impl AxiLiteSlave {
    /// A port of 32 data bits and `address_bits` address bits. Panics when that is 0.
    pub fn new(address_bits: usize) -> AxiLiteSlave {
        AxiLiteSlave {
            araddr: Wire::new(address_bits),
            arvalid: Default::default(),
            arready: Default::default(),
            rdata: Wire::new(32),
            rresp: Wire::new(2),
            rvalid: Default::default(),
            rready: Default::default(),
            awaddr: Wire::new(address_bits),
            awvalid: Default::default(),
            awready: Default::default(),
            wdata: Wire::new(32),
            wstrb: Wire::new(4),
            wvalid: Default::default(),
            wready: Default::default(),
            bresp: Wire::new(2),
            bvalid: Default::default(),
            bready: Default::default(),
        }
    }
}

/// The host's side.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "AxiLiteSlave"]
pub struct AxiLiteMaster {
    /// Read request: byte address.
    pub araddr: Wire<Out>,
    /// Read request: a request is offered.
    pub arvalid: Signal<Out, Bit>,
    /// Read request: the request is taken at this edge.
    pub arready: Signal<In, Bit>,
    /// Read data: data.
    pub rdata: Wire<In>,
    /// Read data: how it went: [`resp`](super::resp).
    pub rresp: Wire<In>,
    /// Read data: data is offered.
    pub rvalid: Signal<In, Bit>,
    /// Read data: the data is taken at this edge.
    pub rready: Signal<Out, Bit>,
    /// Write request: byte address.
    pub awaddr: Wire<Out>,
    /// Write request: a request is offered.
    pub awvalid: Signal<Out, Bit>,
    /// Write request: the request is taken at this edge.
    pub awready: Signal<In, Bit>,
    /// Write data: data.
    pub wdata: Wire<Out>,
    /// Write data: which bytes to write.
    pub wstrb: Wire<Out>,
    /// Write data: data is offered.
    pub wvalid: Signal<Out, Bit>,
    /// Write data: the data is taken at this edge.
    pub wready: Signal<In, Bit>,
    /// Write response: how it went: [`resp`](super::resp).
    pub bresp: Wire<In>,
    /// Write response: a response is offered.
    pub bvalid: Signal<In, Bit>,
    /// Write response: the response is taken at this edge.
    pub bready: Signal<Out, Bit>,
}

impl AxiLiteMaster {
    /// A port of 32 data bits and `address_bits` address bits. Panics when that is 0.
    pub fn new(address_bits: usize) -> AxiLiteMaster {
        AxiLiteMaster {
            araddr: Wire::new(address_bits),
            arvalid: Default::default(),
            arready: Default::default(),
            rdata: Wire::new(32),
            rresp: Wire::new(2),
            rvalid: Default::default(),
            rready: Default::default(),
            awaddr: Wire::new(address_bits),
            awvalid: Default::default(),
            awready: Default::default(),
            wdata: Wire::new(32),
            wstrb: Wire::new(4),
            wvalid: Default::default(),
            wready: Default::default(),
            bresp: Wire::new(2),
            bvalid: Default::default(),
            bready: Default::default(),
        }
    }
}
