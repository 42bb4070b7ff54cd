//! What went wrong: [`FaultSource`] and the register that keeps it.

use super::DmaOptions;
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;

/// Values of a fault's `kind`; the first three are AXI's responses.
pub mod kind {
    use skipopu_isa::host::FaultKind;

    /// An exclusive access succeeded, or a response had an ID that was never used.
    pub const FOREIGN: u64 = FaultKind::Foreign as u64;
    /// The slave failed.
    pub const SLAVE: u64 = FaultKind::Slave as u64;
    /// No slave has the address.
    pub const DECODE: u64 = FaultKind::Decode as u64;
    /// The command was not legal; no access was made.
    pub const REFUSED: u64 = FaultKind::Refused as u64;
}

/// A fault, as its reader has it.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "FaultSource"]
pub struct FaultSink {
    /// Has anything gone wrong?
    pub valid: Signal<In, Bit>,
    /// What: [`kind`].
    pub kind: Wire<In>,
    /// Address of the burst, or of the refused command.
    pub address: Wire<In>,
    /// Tag of the command.
    pub tag: Wire<In>,
}

/// A fault, as its master shows it.
#[derive(Clone, Debug, LogicInterface, Ports)]
#[join = "FaultSink"]
pub struct FaultSource {
    /// Has anything gone wrong?
    pub valid: Signal<Out, Bit>,
    /// What: [`kind`].
    pub kind: Wire<Out>,
    /// Address of the burst, or of the refused command.
    pub address: Wire<Out>,
    /// Tag of the command.
    pub tag: Wire<Out>,
}

impl FaultSink {
    /// Of a port with these options.
    pub fn new(options: &DmaOptions) -> FaultSink {
        FaultSink {
            valid: Default::default(),
            kind: Wire::new(3),
            address: Wire::new(options.axi.address_bits),
            tag: Wire::new(options.tag_bits),
        }
    }
}

impl FaultSource {
    /// Of a port with these options.
    pub fn new(options: &DmaOptions) -> FaultSource {
        FaultSource {
            valid: Default::default(),
            kind: Wire::new(3),
            address: Wire::new(options.axi.address_bits),
            tag: Wire::new(options.tag_bits),
        }
    }
}

/// Keeps the first fault until it is cleared.
///
/// - Does: takes a response or a refusal; of two in one cycle the response.
/// - Does not: count. `fault` stays as it is until `clear`, which wins over a fault of the same cycle
///   only for the old one: the new one is kept.
#[derive(LogicBlock, Ports)]
pub struct FaultLatch {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the fault.
    pub reset: Signal<In, Bit>,
    /// Forgets the fault.
    pub clear: Signal<In, Bit>,
    /// A response that is an error.
    pub response: FaultSink,
    /// A refused command.
    pub refusal: FaultSink,
    /// The first fault.
    pub fault: FaultSource,
    valid: DFF<Bit>,
    kind: Reg,
    address: Reg,
    tag: Reg,
}

impl FaultLatch {
    /// Cycles from a fault to `fault`.
    pub const LATENCY: usize = 1;

    /// For ports with these options.
    ///
    /// # Errors
    /// A value outside its range (see [`DmaOptions`]).
    pub fn new(options: &DmaOptions) -> Result<FaultLatch, ParameterError> {
        options.check()?;
        Ok(FaultLatch {
            clock: Default::default(),
            reset: Default::default(),
            clear: Default::default(),
            response: FaultSink::new(options),
            refusal: FaultSink::new(options),
            fault: FaultSource::new(options),
            valid: Default::default(),
            kind: Reg::new(3),
            address: Reg::new(options.axi.address_bits),
            tag: Reg::new(options.tag_bits),
        })
    }
}

impl Logic for FaultLatch {
    #[hdl(
        address = self.address.width(),
        tag = self.tag.width(),
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, valid, kind, address, tag);
        if self.clear.val() {
            self.valid.d.next = false;
        }
        if !self.valid.q.val() || self.clear.val() {
            if self.response.valid.val() {
                self.valid.d.next = true;
                self.kind.d.next = self.response.kind.val();
                self.address.d.next = self.response.address.val();
                self.tag.d.next = self.response.tag.val();
            } else if self.refusal.valid.val() {
                self.valid.d.next = true;
                self.kind.d.next = self.refusal.kind.val();
                self.address.d.next = self.refusal.address.val();
                self.tag.d.next = self.refusal.tag.val();
            }
        }
        if self.reset.val() {
            self.valid.d.next = false;
        }
        self.fault.valid.next = self.valid.q.val();
        self.fault.kind.next = self.kind.q.val();
        self.fault.address.next = self.address.q.val();
        self.fault.tag.next = self.tag.q.val();
    }
}
