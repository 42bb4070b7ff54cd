//! [`DmaEngine`]: all ports of a memory, and what went wrong at which.

use super::{Command, DmaOptions, DmaPort, FaultSource};
use crate::axi::AxiMaster;
use crate::parameter::{index_bits, require, ParameterError};
use crate::stream::{ItemSink, ItemSource, StreamSource};
use skipopu_hdl::prelude::*;

/// The [`DmaPort`]s of a memory.
///
/// - Does: gives each port its streams, by number; says in `read_faults` and `write_faults` which ports have
///   a fault, and shows that of one of them: of the read of port `fault_select`, or of the write of port
///   `fault_select - ports`.
/// - Does not: align the ports' data; see [`ChunkAligner`](super::ChunkAligner).
#[derive(LogicBlock, Ports)]
pub struct DmaEngine {
    /// Core clock.
    pub clock: Signal<In, Clock>,
    /// Empties all ports; synchronous to `clock`.
    pub reset: Signal<In, Bit>,
    /// Clock of the AXI ports.
    pub axi_clock: Signal<In, Clock>,
    /// Reads to make.
    pub read_command: Vec<ItemSink>,
    /// What was read.
    pub read_out: Vec<StreamSource>,
    /// Writes to make.
    pub write_command: Vec<ItemSink>,
    /// What to write.
    pub write_in: Vec<ItemSink>,
    /// Writes made.
    pub write_done: Vec<ItemSource>,
    /// Is anything under way?
    pub busy: Signal<Out, Bit>,
    /// Ports whose reads have a fault.
    pub read_faults: Wire<Out>,
    /// Ports whose writes have a fault.
    pub write_faults: Wire<Out>,
    /// Which fault to show.
    pub fault_select: Wire<In>,
    /// That fault, a cycle later.
    pub fault: FaultSource,
    /// Forgets all faults.
    pub fault_clear: Signal<In, Bit>,
    /// The AXI ports.
    pub m_axi: Vec<AxiMaster>,
    port: Vec<DmaPort>,
    busy_ports: Wire<Local>,
    active: DFF<Bit>,
    fault_valid: DFF<Bit>,
    fault_kind: Reg,
    fault_address: Reg,
    fault_tag: Reg,
    _options: DmaOptions,
}

impl DmaEngine {
    /// `ports` ports with these options.
    ///
    /// # Errors
    /// Unless `ports` is from 1 to 32 and the options are in their ranges (see [`DmaOptions`]).
    pub fn new(ports: usize, options: &DmaOptions) -> Result<DmaEngine, ParameterError> {
        require((1..=32).contains(&ports), "dma engine", "ports", ports, "must be 1 to 32")?;
        let commands = || (0..ports).map(|_| ItemSink::new(Command::bits(options))).collect();
        Ok(DmaEngine {
            clock: Default::default(),
            reset: Default::default(),
            axi_clock: Default::default(),
            read_command: commands(),
            read_out: (0..ports)
                .map(|_| StreamSource::new(options.word_bits() + options.tag_bits))
                .collect(),
            write_command: commands(),
            write_in: (0..ports).map(|_| ItemSink::new(options.write_bits())).collect(),
            write_done: (0..ports).map(|_| ItemSource::new(options.tag_bits + 2)).collect(),
            busy: Default::default(),
            read_faults: Wire::new(ports),
            write_faults: Wire::new(ports),
            fault_select: Wire::new(index_bits(2 * ports)),
            fault: FaultSource::new(options),
            fault_clear: Default::default(),
            m_axi: (0..ports).map(|_| AxiMaster::new(&options.axi)).collect(),
            port: (0..ports).map(|_| DmaPort::new(options)).collect::<Result<_, _>>()?,
            busy_ports: Wire::new(ports),
            active: Default::default(),
            fault_valid: Default::default(),
            fault_kind: Reg::new(3),
            fault_address: Reg::new(options.axi.address_bits),
            fault_tag: Reg::new(options.tag_bits),
            _options: options.clone(),
        })
    }
}

impl Logic for DmaEngine {
    #[hdl(
        ports = self.port.len(),
        data = self._options.axi.data_bits,
        word = self._options.word_bits(),
        tag = self._options.tag_bits
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, active, fault_valid, fault_kind, fault_address, fault_tag);
        for i in 0..self.port.len() {
            self.port[i].clock.next = self.clock.val();
            self.port[i].reset.next = self.reset.val();
            self.port[i].axi_clock.next = self.axi_clock.val();
            self.port[i].fault_clear.next = self.fault_clear.val();
            ItemSink::link(&mut self.read_command[i], &mut self.port[i].read_command);
            StreamSource::link(&mut self.read_out[i], &mut self.port[i].read_out);
            ItemSink::link(&mut self.write_command[i], &mut self.port[i].write_command);
            ItemSink::link(&mut self.write_in[i], &mut self.port[i].write_in);
            ItemSource::link(&mut self.write_done[i], &mut self.port[i].write_done);
            AxiMaster::link(&mut self.m_axi[i], &mut self.port[i].m_axi);
            self.busy_ports.next.set_slice(i, &Word::from(self.port[i].busy.val()));
            self.read_faults.next.set_slice(i, &Word::from(self.port[i].read_fault.valid.val()));
            self.write_faults.next.set_slice(i, &Word::from(self.port[i].write_fault.valid.val()));
        }
        self.active.d.next = self.busy_ports.val().any();
        self.busy.next = self.active.q.val();

        self.fault_valid.d.next = false;
        for i in 0..self.port.len() {
            if self.fault_select.val() == i {
                self.fault_valid.d.next = self.port[i].read_fault.valid.val();
                self.fault_kind.d.next = self.port[i].read_fault.kind.val();
                self.fault_address.d.next = self.port[i].read_fault.address.val();
                self.fault_tag.d.next = self.port[i].read_fault.tag.val();
            }
            if self.fault_select.val() == i + self.port.len() {
                self.fault_valid.d.next = self.port[i].write_fault.valid.val();
                self.fault_kind.d.next = self.port[i].write_fault.kind.val();
                self.fault_address.d.next = self.port[i].write_fault.address.val();
                self.fault_tag.d.next = self.port[i].write_fault.tag.val();
            }
        }
        self.fault.valid.next = self.fault_valid.q.val();
        self.fault.kind.next = self.fault_kind.q.val();
        self.fault.address.next = self.fault_address.q.val();
        self.fault.tag.next = self.fault_tag.q.val();
    }
}
