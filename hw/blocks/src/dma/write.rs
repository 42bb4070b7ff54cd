//! [`WriteMaster`]: from a stream to memory.

use super::{
    fault_kind, BurstSplitter, Command, DmaOptions, FaultLatch, FaultSource, WriteIssuer,
    WriteSender,
};
use crate::axi::AxiWriteMaster;
use crate::cdc::{AsyncFifo, AsyncFifoOptions};
use crate::parameter::ParameterError;
use crate::primitives::Synchroniser;
use crate::stream::{ItemSink, ItemSource, Occupancy};
use skipopu_hdl::prelude::*;

/// Bursts that wait for the AXI side, and completions that wait for the core.
const BURSTS: usize = 16;

/// Commands under way at most.
const COMMANDS: usize = 64;

/// Writes memory through an AXI port on a clock of its own.
///
/// - Does: takes [`Command`]s and, on `in`, their words one after the other, each command starting with a
///   new word; gives a completion per command, in order, once memory has answered all its bursts: the tag
///   in the lower bits, then the response (0: well). Sends a burst only when its data is here.
/// - Does not: check how many words come: a command takes as many as its bytes need.
/// - Guarantee: a word a core cycle while the memory takes it; a fault shows in `fault`, and its
///   command completes all the same.
///
/// Hold `reset` for eight cycles of the slower clock, and only while `busy` is 0.
#[derive(LogicBlock, Ports)]
pub struct WriteMaster {
    /// Core clock.
    pub clock: Signal<In, Clock>,
    /// Empties the master; synchronous to `clock`.
    pub reset: Signal<In, Bit>,
    /// Clock of the AXI port.
    pub axi_clock: Signal<In, Clock>,
    /// Commands come in.
    pub command: ItemSink,
    /// Data comes in.
    pub r#in: ItemSink,
    /// Completions go out.
    pub done: ItemSource,
    /// Is a command not complete, or its completion not taken?
    pub busy: Signal<Out, Bit>,
    /// The first fault since `fault_clear`.
    pub fault: FaultSource,
    /// Forgets the fault.
    pub fault_clear: Signal<In, Bit>,
    /// The AXI port.
    pub m_axi: AxiWriteMaster,
    axi_reset: Synchroniser,
    commands: Occupancy,
    splitter: BurstSplitter,
    issuer: WriteIssuer,
    /// Bursts to the AXI side.
    bursts: AsyncFifo,
    /// Words to the AXI side: the write buffer.
    words: AsyncFifo,
    sender: WriteSender,
    /// Completions to the core's side.
    completions: AsyncFifo,
    latch: FaultLatch,
    _options: DmaOptions,
}

impl WriteMaster {
    /// A master with these options.
    ///
    /// # Errors
    /// A value outside its range (see [`DmaOptions`]).
    pub fn new(options: &DmaOptions) -> Result<WriteMaster, ParameterError> {
        options.check()?;
        let fifo = |width, depth| AsyncFifo::new(&AsyncFifoOptions::new(width, depth));
        Ok(WriteMaster {
            clock: Default::default(),
            reset: Default::default(),
            axi_clock: Default::default(),
            command: ItemSink::new(Command::bits(options)),
            r#in: ItemSink::new(options.write_bits()),
            done: ItemSource::new(options.tag_bits + 2),
            busy: Default::default(),
            fault: FaultSource::new(options),
            fault_clear: Default::default(),
            m_axi: AxiWriteMaster::new(&options.axi),
            axi_reset: Synchroniser::new(1, 2)?,
            commands: Occupancy::new(COMMANDS, COMMANDS)?,
            splitter: BurstSplitter::new(options)?,
            issuer: WriteIssuer::new(options)?,
            bursts: fifo(BurstSplitter::bits(options), BURSTS)?,
            words: fifo(options.write_bits(), options.write_words)?,
            sender: WriteSender::new(options)?,
            completions: fifo(WriteSender::bits(options), BURSTS)?,
            latch: FaultLatch::new(options)?,
            _options: options.clone(),
        })
    }
}

impl Logic for WriteMaster {
    #[hdl(
        data = self._options.axi.data_bits,
        address = self._options.axi.address_bits,
        word = self._options.write_bits(),
        beats = self._options.burst_beats,
        tag = self._options.tag_bits,
        words = self._options.write_words,
        writes = self._options.writes
    )]
    fn update(&mut self) {
        clock!(self, clock, commands, splitter, issuer, latch);
        clock!(self, axi_clock, sender);
        self.axi_reset.source_clock.next = self.clock.val();
        self.axi_reset.clock.next = self.axi_clock.val();
        self.bursts.write_clock.next = self.clock.val();
        self.bursts.read_clock.next = self.axi_clock.val();
        self.words.write_clock.next = self.clock.val();
        self.words.read_clock.next = self.axi_clock.val();
        self.completions.write_clock.next = self.axi_clock.val();
        self.completions.read_clock.next = self.clock.val();

        // The AXI side's reset follows the core's.
        self.axi_reset.d.next = Word::from(self.reset.val());
        let axi_reset = self.axi_reset.q.val().any();
        self.commands.reset.next = self.reset.val();
        self.splitter.reset.next = self.reset.val();
        self.issuer.reset.next = self.reset.val();
        self.latch.reset.next = self.reset.val();
        self.bursts.write_reset.next = self.reset.val();
        self.words.write_reset.next = self.reset.val();
        self.completions.read_reset.next = self.reset.val();
        self.bursts.read_reset.next = axi_reset;
        self.words.read_reset.next = axi_reset;
        self.completions.write_reset.next = axi_reset;
        self.sender.reset.next = axi_reset;

        // Commands become bursts, which wait for their data and cross to the AXI side.
        let open = self.commands.not_full.val();
        self.splitter.command.valid.next = self.command.valid.val() && open;
        self.splitter.command.data.next = self.command.data.val();
        self.command.ready.next = self.splitter.command.ready.val() && open;
        self.issuer.r#in.valid.next = self.splitter.burst.valid.val();
        self.issuer.r#in.data.next = self.splitter.burst.data.val();
        self.splitter.burst.ready.next = self.issuer.r#in.ready.val();
        self.bursts.r#in.valid.next = self.issuer.out.valid.val();
        self.bursts.r#in.data.next = self.issuer.out.data.val();
        self.bursts.r#in.last.next = false;
        self.issuer.out.ready.next = self.bursts.r#in.ready.val();
        self.sender.burst.valid.next = self.bursts.out.valid.val();
        self.sender.burst.data.next = self.bursts.out.data.val();
        self.bursts.out.ready.next = self.sender.burst.ready.val();

        // Their data.
        self.words.r#in.valid.next = self.r#in.valid.val();
        self.words.r#in.data.next = self.r#in.data.val();
        self.words.r#in.last.next = false;
        self.r#in.ready.next = self.words.r#in.ready.val();
        self.issuer.push.next = self.r#in.valid.val() && self.words.r#in.ready.val();
        self.sender.word.valid.next = self.words.out.valid.val();
        self.sender.word.data.next = self.words.out.data.val();
        self.words.out.ready.next = self.sender.word.ready.val();
        AxiWriteMaster::link(&mut self.m_axi, &mut self.sender.m_axi);

        // Completions.
        self.completions.r#in.valid.next = self.sender.done.valid.val();
        self.completions.r#in.data.next = self.sender.done.data.val();
        self.completions.r#in.last.next = false;
        self.sender.done.ready.next = self.completions.r#in.ready.val();
        let tag = self._options.tag_bits;
        let (narrow, offset) = (self._options.beat_address_bits(), self._options.axi.offset_bits());
        let completion = self.completions.out.data.val();
        let response = completion.slice(tag, 2);
        let complete = self.completions.out.valid.val() && self.done.ready.val();
        self.done.valid.next = self.completions.out.valid.val();
        self.done.data.next = completion.trunc(tag + 2);
        self.completions.out.ready.next = self.done.ready.val();
        self.commands.push.next = self.splitter.accepted.val();
        self.commands.pop.next = complete;
        self.busy.next = self.commands.not_empty.val();

        // What went wrong.
        self.latch.clear.next = self.fault_clear.val();
        self.latch.response.valid.next = complete && response.any();
        self.latch.response.kind.next = response.zext(3);
        self.latch.response.address.next =
            cat!(completion.slice(tag + 2, narrow), Word::zero(offset));
        self.latch.response.tag.next = completion.trunc(tag);
        self.latch.refusal.valid.next = self.splitter.refused.val();
        self.latch.refusal.kind.next = fault_kind::REFUSED.into();
        self.latch.refusal.address.next =
            self.command.data.val().trunc(self._options.axi.address_bits);
        self.latch.refusal.tag.next =
            self.command.data.val().slice(Command::bits(&self._options) - tag, tag);
        FaultSource::link(&mut self.fault, &mut self.latch.fault);
    }
}
