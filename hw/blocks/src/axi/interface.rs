//! The two ends of an AXI port.

use super::AxiShape;
use skipopu_hdl::prelude::*;

/// The read channels of a port, as the side has them that asks.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "AxiReadSlave"]
pub struct AxiReadMaster {
    /// Read request: transaction ID.
    pub arid: Wire<Out>,
    /// Read request: address of the first beat.
    pub araddr: Wire<Out>,
    /// Read request: beats, less one.
    pub arlen: Wire<Out>,
    /// Read request: bytes of a beat, as a power of two.
    pub arsize: Wire<Out>,
    /// Read request: how addresses go on: [`INCR`](super::INCR).
    pub arburst: Wire<Out>,
    /// Read request: a request is offered.
    pub arvalid: Signal<Out, Bit>,
    /// Read request: the request is taken at this edge.
    pub arready: Signal<In, Bit>,
    /// Read data: ID of the request.
    pub rid: Wire<In>,
    /// Read data: data.
    pub rdata: Wire<In>,
    /// Read data: how it went: [`resp`](super::resp).
    pub rresp: Wire<In>,
    /// Read data: is it the burst's last beat?
    pub rlast: Signal<In, Bit>,
    /// Read data: a beat is offered.
    pub rvalid: Signal<In, Bit>,
    /// Read data: the beat is taken at this edge.
    pub rready: Signal<Out, Bit>,
}

impl AxiReadMaster {
    /// A port of this shape.
    pub fn new(shape: &AxiShape) -> AxiReadMaster {
        AxiReadMaster {
            arid: Wire::new(shape.id_bits),
            araddr: Wire::new(shape.address_bits),
            arlen: Wire::new(shape.len_bits),
            arsize: Wire::new(3),
            arburst: Wire::new(2),
            arvalid: Default::default(),
            arready: Default::default(),
            rid: Wire::new(shape.id_bits),
            rdata: Wire::new(shape.data_bits),
            rresp: Wire::new(2),
            rlast: Default::default(),
            rvalid: Default::default(),
            rready: Default::default(),
        }
    }
}

/// The read channels of a port, as the memory's side has them.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "AxiReadMaster"]
pub struct AxiReadSlave {
    /// Read request: transaction ID.
    pub arid: Wire<In>,
    /// Read request: address of the first beat.
    pub araddr: Wire<In>,
    /// Read request: beats, less one.
    pub arlen: Wire<In>,
    /// Read request: bytes of a beat, as a power of two.
    pub arsize: Wire<In>,
    /// Read request: how addresses go on: [`INCR`](super::INCR).
    pub arburst: Wire<In>,
    /// Read request: a request is offered.
    pub arvalid: Signal<In, Bit>,
    /// Read request: the request is taken at this edge.
    pub arready: Signal<Out, Bit>,
    /// Read data: ID of the request.
    pub rid: Wire<Out>,
    /// Read data: data.
    pub rdata: Wire<Out>,
    /// Read data: how it went: [`resp`](super::resp).
    pub rresp: Wire<Out>,
    /// Read data: is it the burst's last beat?
    pub rlast: Signal<Out, Bit>,
    /// Read data: a beat is offered.
    pub rvalid: Signal<Out, Bit>,
    /// Read data: the beat is taken at this edge.
    pub rready: Signal<In, Bit>,
}

impl AxiReadSlave {
    /// A port of this shape.
    pub fn new(shape: &AxiShape) -> AxiReadSlave {
        AxiReadSlave {
            arid: Wire::new(shape.id_bits),
            araddr: Wire::new(shape.address_bits),
            arlen: Wire::new(shape.len_bits),
            arsize: Wire::new(3),
            arburst: Wire::new(2),
            arvalid: Default::default(),
            arready: Default::default(),
            rid: Wire::new(shape.id_bits),
            rdata: Wire::new(shape.data_bits),
            rresp: Wire::new(2),
            rlast: Default::default(),
            rvalid: Default::default(),
            rready: Default::default(),
        }
    }
}

/// The write channels of a port, as the side has them that writes.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "AxiWriteSlave"]
pub struct AxiWriteMaster {
    /// Write request: transaction ID.
    pub awid: Wire<Out>,
    /// Write request: address of the first beat.
    pub awaddr: Wire<Out>,
    /// Write request: beats, less one.
    pub awlen: Wire<Out>,
    /// Write request: bytes of a beat, as a power of two.
    pub awsize: Wire<Out>,
    /// Write request: how addresses go on: [`INCR`](super::INCR).
    pub awburst: Wire<Out>,
    /// Write request: a request is offered.
    pub awvalid: Signal<Out, Bit>,
    /// Write request: the request is taken at this edge.
    pub awready: Signal<In, Bit>,
    /// Write data: data.
    pub wdata: Wire<Out>,
    /// Write data: which bytes to write.
    pub wstrb: Wire<Out>,
    /// Write data: is it the burst's last beat?
    pub wlast: Signal<Out, Bit>,
    /// Write data: a beat is offered.
    pub wvalid: Signal<Out, Bit>,
    /// Write data: the beat is taken at this edge.
    pub wready: Signal<In, Bit>,
    /// Write response: ID of the request.
    pub bid: Wire<In>,
    /// Write response: how it went: [`resp`](super::resp).
    pub bresp: Wire<In>,
    /// Write response: a response is offered.
    pub bvalid: Signal<In, Bit>,
    /// Write response: the response is taken at this edge.
    pub bready: Signal<Out, Bit>,
}

impl AxiWriteMaster {
    /// A port of this shape.
    pub fn new(shape: &AxiShape) -> AxiWriteMaster {
        AxiWriteMaster {
            awid: Wire::new(shape.id_bits),
            awaddr: Wire::new(shape.address_bits),
            awlen: Wire::new(shape.len_bits),
            awsize: Wire::new(3),
            awburst: Wire::new(2),
            awvalid: Default::default(),
            awready: Default::default(),
            wdata: Wire::new(shape.data_bits),
            wstrb: Wire::new(shape.beat_bytes()),
            wlast: Default::default(),
            wvalid: Default::default(),
            wready: Default::default(),
            bid: Wire::new(shape.id_bits),
            bresp: Wire::new(2),
            bvalid: Default::default(),
            bready: Default::default(),
        }
    }
}

/// The write channels of a port, as the memory's side has them.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "AxiWriteMaster"]
pub struct AxiWriteSlave {
    /// Write request: transaction ID.
    pub awid: Wire<In>,
    /// Write request: address of the first beat.
    pub awaddr: Wire<In>,
    /// Write request: beats, less one.
    pub awlen: Wire<In>,
    /// Write request: bytes of a beat, as a power of two.
    pub awsize: Wire<In>,
    /// Write request: how addresses go on: [`INCR`](super::INCR).
    pub awburst: Wire<In>,
    /// Write request: a request is offered.
    pub awvalid: Signal<In, Bit>,
    /// Write request: the request is taken at this edge.
    pub awready: Signal<Out, Bit>,
    /// Write data: data.
    pub wdata: Wire<In>,
    /// Write data: which bytes to write.
    pub wstrb: Wire<In>,
    /// Write data: is it the burst's last beat?
    pub wlast: Signal<In, Bit>,
    /// Write data: a beat is offered.
    pub wvalid: Signal<In, Bit>,
    /// Write data: the beat is taken at this edge.
    pub wready: Signal<Out, Bit>,
    /// Write response: ID of the request.
    pub bid: Wire<Out>,
    /// Write response: how it went: [`resp`](super::resp).
    pub bresp: Wire<Out>,
    /// Write response: a response is offered.
    pub bvalid: Signal<Out, Bit>,
    /// Write response: the response is taken at this edge.
    pub bready: Signal<In, Bit>,
}

impl AxiWriteSlave {
    /// A port of this shape.
    pub fn new(shape: &AxiShape) -> AxiWriteSlave {
        AxiWriteSlave {
            awid: Wire::new(shape.id_bits),
            awaddr: Wire::new(shape.address_bits),
            awlen: Wire::new(shape.len_bits),
            awsize: Wire::new(3),
            awburst: Wire::new(2),
            awvalid: Default::default(),
            awready: Default::default(),
            wdata: Wire::new(shape.data_bits),
            wstrb: Wire::new(shape.beat_bytes()),
            wlast: Default::default(),
            wvalid: Default::default(),
            wready: Default::default(),
            bid: Wire::new(shape.id_bits),
            bresp: Wire::new(2),
            bvalid: Default::default(),
            bready: Default::default(),
        }
    }
}

/// A port, as the side has it that reads and writes.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "AxiSlave"]
pub struct AxiMaster {
    /// Read request: transaction ID.
    pub arid: Wire<Out>,
    /// Read request: address of the first beat.
    pub araddr: Wire<Out>,
    /// Read request: beats, less one.
    pub arlen: Wire<Out>,
    /// Read request: bytes of a beat, as a power of two.
    pub arsize: Wire<Out>,
    /// Read request: how addresses go on: [`INCR`](super::INCR).
    pub arburst: Wire<Out>,
    /// Read request: a request is offered.
    pub arvalid: Signal<Out, Bit>,
    /// Read request: the request is taken at this edge.
    pub arready: Signal<In, Bit>,
    /// Read data: ID of the request.
    pub rid: Wire<In>,
    /// Read data: data.
    pub rdata: Wire<In>,
    /// Read data: how it went: [`resp`](super::resp).
    pub rresp: Wire<In>,
    /// Read data: is it the burst's last beat?
    pub rlast: Signal<In, Bit>,
    /// Read data: a beat is offered.
    pub rvalid: Signal<In, Bit>,
    /// Read data: the beat is taken at this edge.
    pub rready: Signal<Out, Bit>,
    /// Write request: transaction ID.
    pub awid: Wire<Out>,
    /// Write request: address of the first beat.
    pub awaddr: Wire<Out>,
    /// Write request: beats, less one.
    pub awlen: Wire<Out>,
    /// Write request: bytes of a beat, as a power of two.
    pub awsize: Wire<Out>,
    /// Write request: how addresses go on: [`INCR`](super::INCR).
    pub awburst: Wire<Out>,
    /// Write request: a request is offered.
    pub awvalid: Signal<Out, Bit>,
    /// Write request: the request is taken at this edge.
    pub awready: Signal<In, Bit>,
    /// Write data: data.
    pub wdata: Wire<Out>,
    /// Write data: which bytes to write.
    pub wstrb: Wire<Out>,
    /// Write data: is it the burst's last beat?
    pub wlast: Signal<Out, Bit>,
    /// Write data: a beat is offered.
    pub wvalid: Signal<Out, Bit>,
    /// Write data: the beat is taken at this edge.
    pub wready: Signal<In, Bit>,
    /// Write response: ID of the request.
    pub bid: Wire<In>,
    /// Write response: how it went: [`resp`](super::resp).
    pub bresp: Wire<In>,
    /// Write response: a response is offered.
    pub bvalid: Signal<In, Bit>,
    /// Write response: the response is taken at this edge.
    pub bready: Signal<Out, Bit>,
}

impl AxiMaster {
    /// A port of this shape.
    pub fn new(shape: &AxiShape) -> AxiMaster {
        AxiMaster {
            arid: Wire::new(shape.id_bits),
            araddr: Wire::new(shape.address_bits),
            arlen: Wire::new(shape.len_bits),
            arsize: Wire::new(3),
            arburst: Wire::new(2),
            arvalid: Default::default(),
            arready: Default::default(),
            rid: Wire::new(shape.id_bits),
            rdata: Wire::new(shape.data_bits),
            rresp: Wire::new(2),
            rlast: Default::default(),
            rvalid: Default::default(),
            rready: Default::default(),
            awid: Wire::new(shape.id_bits),
            awaddr: Wire::new(shape.address_bits),
            awlen: Wire::new(shape.len_bits),
            awsize: Wire::new(3),
            awburst: Wire::new(2),
            awvalid: Default::default(),
            awready: Default::default(),
            wdata: Wire::new(shape.data_bits),
            wstrb: Wire::new(shape.beat_bytes()),
            wlast: Default::default(),
            wvalid: Default::default(),
            wready: Default::default(),
            bid: Wire::new(shape.id_bits),
            bresp: Wire::new(2),
            bvalid: Default::default(),
            bready: Default::default(),
        }
    }
}

/// A port, as the memory's side has it.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "AxiMaster"]
pub struct AxiSlave {
    /// Read request: transaction ID.
    pub arid: Wire<In>,
    /// Read request: address of the first beat.
    pub araddr: Wire<In>,
    /// Read request: beats, less one.
    pub arlen: Wire<In>,
    /// Read request: bytes of a beat, as a power of two.
    pub arsize: Wire<In>,
    /// Read request: how addresses go on: [`INCR`](super::INCR).
    pub arburst: Wire<In>,
    /// Read request: a request is offered.
    pub arvalid: Signal<In, Bit>,
    /// Read request: the request is taken at this edge.
    pub arready: Signal<Out, Bit>,
    /// Read data: ID of the request.
    pub rid: Wire<Out>,
    /// Read data: data.
    pub rdata: Wire<Out>,
    /// Read data: how it went: [`resp`](super::resp).
    pub rresp: Wire<Out>,
    /// Read data: is it the burst's last beat?
    pub rlast: Signal<Out, Bit>,
    /// Read data: a beat is offered.
    pub rvalid: Signal<Out, Bit>,
    /// Read data: the beat is taken at this edge.
    pub rready: Signal<In, Bit>,
    /// Write request: transaction ID.
    pub awid: Wire<In>,
    /// Write request: address of the first beat.
    pub awaddr: Wire<In>,
    /// Write request: beats, less one.
    pub awlen: Wire<In>,
    /// Write request: bytes of a beat, as a power of two.
    pub awsize: Wire<In>,
    /// Write request: how addresses go on: [`INCR`](super::INCR).
    pub awburst: Wire<In>,
    /// Write request: a request is offered.
    pub awvalid: Signal<In, Bit>,
    /// Write request: the request is taken at this edge.
    pub awready: Signal<Out, Bit>,
    /// Write data: data.
    pub wdata: Wire<In>,
    /// Write data: which bytes to write.
    pub wstrb: Wire<In>,
    /// Write data: is it the burst's last beat?
    pub wlast: Signal<In, Bit>,
    /// Write data: a beat is offered.
    pub wvalid: Signal<In, Bit>,
    /// Write data: the beat is taken at this edge.
    pub wready: Signal<Out, Bit>,
    /// Write response: ID of the request.
    pub bid: Wire<Out>,
    /// Write response: how it went: [`resp`](super::resp).
    pub bresp: Wire<Out>,
    /// Write response: a response is offered.
    pub bvalid: Signal<Out, Bit>,
    /// Write response: the response is taken at this edge.
    pub bready: Signal<In, Bit>,
}

impl AxiSlave {
    /// A port of this shape.
    pub fn new(shape: &AxiShape) -> AxiSlave {
        AxiSlave {
            arid: Wire::new(shape.id_bits),
            araddr: Wire::new(shape.address_bits),
            arlen: Wire::new(shape.len_bits),
            arsize: Wire::new(3),
            arburst: Wire::new(2),
            arvalid: Default::default(),
            arready: Default::default(),
            rid: Wire::new(shape.id_bits),
            rdata: Wire::new(shape.data_bits),
            rresp: Wire::new(2),
            rlast: Default::default(),
            rvalid: Default::default(),
            rready: Default::default(),
            awid: Wire::new(shape.id_bits),
            awaddr: Wire::new(shape.address_bits),
            awlen: Wire::new(shape.len_bits),
            awsize: Wire::new(3),
            awburst: Wire::new(2),
            awvalid: Default::default(),
            awready: Default::default(),
            wdata: Wire::new(shape.data_bits),
            wstrb: Wire::new(shape.beat_bytes()),
            wlast: Default::default(),
            wvalid: Default::default(),
            wready: Default::default(),
            bid: Wire::new(shape.id_bits),
            bresp: Wire::new(2),
            bvalid: Default::default(),
            bready: Default::default(),
        }
    }
}
