//! [`DmaPort`]: a read and a write master on one AXI port.

use super::{Command, DmaOptions, FaultSource, ReadMaster, WriteMaster};
use crate::axi::AxiMaster;
use crate::parameter::ParameterError;
use crate::stream::{ItemSink, ItemSource, StreamSource};
use skipopu_hdl::prelude::*;

/// A [`ReadMaster`] and a [`WriteMaster`] on one AXI port.
///
/// - Does: both at once. Does not: order a read after a write of the same address; wait for the write's
///   completion.
#[derive(LogicBlock, Ports)]
pub struct DmaPort {
    /// Core clock.
    pub clock: Signal<In, Clock>,
    /// Empties both; synchronous to `clock`.
    pub reset: Signal<In, Bit>,
    /// Clock of the AXI port.
    pub axi_clock: Signal<In, Clock>,
    /// Reads to make.
    pub read_command: ItemSink,
    /// What was read.
    pub read_out: StreamSource,
    /// Writes to make.
    pub write_command: ItemSink,
    /// What to write.
    pub write_in: ItemSink,
    /// Writes made.
    pub write_done: ItemSource,
    /// Is anything under way?
    pub busy: Signal<Out, Bit>,
    /// First fault of a read.
    pub read_fault: FaultSource,
    /// First fault of a write.
    pub write_fault: FaultSource,
    /// Forgets both faults.
    pub fault_clear: Signal<In, Bit>,
    /// The AXI port.
    pub m_axi: AxiMaster,
    read: ReadMaster,
    write: WriteMaster,
    _options: DmaOptions,
}

impl DmaPort {
    /// A port with these options.
    ///
    /// # Errors
    /// A value outside its range (see [`DmaOptions`]).
    pub fn new(options: &DmaOptions) -> Result<DmaPort, ParameterError> {
        Ok(DmaPort {
            clock: Default::default(),
            reset: Default::default(),
            axi_clock: Default::default(),
            read_command: ItemSink::new(Command::bits(options)),
            read_out: StreamSource::new(options.word_bits() + options.tag_bits),
            write_command: ItemSink::new(Command::bits(options)),
            write_in: ItemSink::new(options.write_bits()),
            write_done: ItemSource::new(options.tag_bits + 2),
            busy: Default::default(),
            read_fault: FaultSource::new(options),
            write_fault: FaultSource::new(options),
            fault_clear: Default::default(),
            m_axi: AxiMaster::new(&options.axi),
            read: ReadMaster::new(options)?,
            write: WriteMaster::new(options)?,
            _options: options.clone(),
        })
    }
}

impl Logic for DmaPort {
    #[hdl(
        data = self._options.axi.data_bits,
        address = self._options.axi.address_bits,
        word = self._options.word_bits(),
        beats = self._options.burst_beats,
        tag = self._options.tag_bits,
        no_inline
    )]
    fn update(&mut self) {
        clock!(self, clock, read, write);
        self.read.reset.next = self.reset.val();
        self.write.reset.next = self.reset.val();
        self.read.axi_clock.next = self.axi_clock.val();
        self.write.axi_clock.next = self.axi_clock.val();
        ItemSink::link(&mut self.read_command, &mut self.read.command);
        StreamSource::link(&mut self.read_out, &mut self.read.out);
        ItemSink::link(&mut self.write_command, &mut self.write.command);
        ItemSink::link(&mut self.write_in, &mut self.write.r#in);
        ItemSource::link(&mut self.write_done, &mut self.write.done);
        self.busy.next = self.read.busy.val() || self.write.busy.val();
        FaultSource::link(&mut self.read_fault, &mut self.read.fault);
        FaultSource::link(&mut self.write_fault, &mut self.write.fault);
        self.read.fault_clear.next = self.fault_clear.val();
        self.write.fault_clear.next = self.fault_clear.val();

        self.m_axi.arid.next = self.read.m_axi.arid.val();
        self.m_axi.araddr.next = self.read.m_axi.araddr.val();
        self.m_axi.arlen.next = self.read.m_axi.arlen.val();
        self.m_axi.arsize.next = self.read.m_axi.arsize.val();
        self.m_axi.arburst.next = self.read.m_axi.arburst.val();
        self.m_axi.arvalid.next = self.read.m_axi.arvalid.val();
        self.read.m_axi.arready.next = self.m_axi.arready.val();
        self.read.m_axi.rid.next = self.m_axi.rid.val();
        self.read.m_axi.rdata.next = self.m_axi.rdata.val();
        self.read.m_axi.rresp.next = self.m_axi.rresp.val();
        self.read.m_axi.rlast.next = self.m_axi.rlast.val();
        self.read.m_axi.rvalid.next = self.m_axi.rvalid.val();
        self.m_axi.rready.next = self.read.m_axi.rready.val();

        self.m_axi.awid.next = self.write.m_axi.awid.val();
        self.m_axi.awaddr.next = self.write.m_axi.awaddr.val();
        self.m_axi.awlen.next = self.write.m_axi.awlen.val();
        self.m_axi.awsize.next = self.write.m_axi.awsize.val();
        self.m_axi.awburst.next = self.write.m_axi.awburst.val();
        self.m_axi.awvalid.next = self.write.m_axi.awvalid.val();
        self.write.m_axi.awready.next = self.m_axi.awready.val();
        self.m_axi.wdata.next = self.write.m_axi.wdata.val();
        self.m_axi.wstrb.next = self.write.m_axi.wstrb.val();
        self.m_axi.wlast.next = self.write.m_axi.wlast.val();
        self.m_axi.wvalid.next = self.write.m_axi.wvalid.val();
        self.write.m_axi.wready.next = self.m_axi.wready.val();
        self.write.m_axi.bid.next = self.m_axi.bid.val();
        self.write.m_axi.bresp.next = self.m_axi.bresp.val();
        self.write.m_axi.bvalid.next = self.m_axi.bvalid.val();
        self.m_axi.bready.next = self.write.m_axi.bready.val();
    }
}
