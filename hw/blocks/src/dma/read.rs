//! [`ReadMaster`]: from memory to a stream.

use super::{
    fault_kind, BurstSplitter, Command, DmaOptions, FaultLatch, FaultSource, ReadCollector,
    ReadIssuer,
};
use crate::axi::AxiReadMaster;
use crate::cdc::{AsyncFifo, AsyncFifoOptions, AsyncStorage};
use crate::parameter::ParameterError;
use crate::primitives::Synchroniser;
use crate::stream::{ItemSink, StreamSource};
use skipopu_hdl::prelude::*;

/// Bursts that wait for the AXI side.
const BURSTS: usize = 16;

/// Reads memory through an AXI port on a clock of its own.
///
/// - Does: takes [`Command`]s, cuts them into bursts, keeps as many in flight as the buffer has room for,
///   and gives the data in the order of the commands: `out` is the word in the lower bits, then the
///   command's tag; `last` marks a command's final word, whose upper beat is unspecified where the
///   command has an odd number of beats.
/// - Does not: stall R. It does not reorder either: all reads of a port have ID 0.
/// - Guarantee: a word a core cycle while the memory gives it; a fault shows in `fault` with the address
///   of its burst, and its data is delivered all the same, so that a receiver never waits for ever.
///
/// Hold `reset` for eight cycles of the slower clock, and only while `busy` is 0: a memory answers what
/// it was asked.
#[derive(LogicBlock, Ports)]
pub struct ReadMaster {
    /// Core clock.
    pub clock: Signal<In, Clock>,
    /// Empties the master; synchronous to `clock`.
    pub reset: Signal<In, Bit>,
    /// Clock of the AXI port.
    pub axi_clock: Signal<In, Clock>,
    /// Commands come in.
    pub command: ItemSink,
    /// Data goes out.
    pub out: StreamSource,
    /// Is a command under way, or its data not taken?
    pub busy: Signal<Out, Bit>,
    /// The first fault since `fault_clear`.
    pub fault: FaultSource,
    /// Forgets the fault.
    pub fault_clear: Signal<In, Bit>,
    /// The AXI port.
    pub m_axi: AxiReadMaster,
    axi_reset: Synchroniser,
    splitter: BurstSplitter,
    issuer: ReadIssuer,
    /// Bursts to the AXI side.
    bursts: AsyncFifo,
    collector: ReadCollector,
    /// Words to the core's side: the read buffer.
    words: AsyncFifo,
    latch: FaultLatch,
    _options: DmaOptions,
}

impl ReadMaster {
    /// Edges of the core's and of the AXI clock after the edge at which a command fires until ARVALID;
    /// where the clocks' edges meet, one more.
    pub const REQUEST_EDGES: (usize, usize) = (1, 3);

    /// Edges of the AXI and of the core's clock after the edge at which the last beat of a word fires until
    /// `out` offers it; where the clocks' edges meet, one more.
    pub const WORD_EDGES: (usize, usize) = (1, 4);

    /// A master with these options.
    ///
    /// # Errors
    /// A value outside its range (see [`DmaOptions`]).
    pub fn new(options: &DmaOptions) -> Result<ReadMaster, ParameterError> {
        options.check()?;
        let bursts = AsyncFifoOptions::new(BurstSplitter::read_bits(options), BURSTS);
        let words = AsyncFifoOptions {
            storage: Some(AsyncStorage::Bram),
            ..AsyncFifoOptions::new(ReadCollector::bits(options), options.read_words)
        };
        Ok(ReadMaster {
            clock: Default::default(),
            reset: Default::default(),
            axi_clock: Default::default(),
            command: ItemSink::new(Command::bits(options)),
            out: StreamSource::new(options.word_bits() + options.tag_bits),
            busy: Default::default(),
            fault: FaultSource::new(options),
            fault_clear: Default::default(),
            m_axi: AxiReadMaster::new(&options.axi),
            axi_reset: Synchroniser::new(1, 2)?,
            splitter: BurstSplitter::new(options)?,
            issuer: ReadIssuer::new(options)?,
            bursts: AsyncFifo::new(&bursts)?,
            collector: ReadCollector::new(options)?,
            words: AsyncFifo::new(&words)?,
            latch: FaultLatch::new(options)?,
            _options: options.clone(),
        })
    }
}

impl Logic for ReadMaster {
    #[hdl(
        data = self._options.axi.data_bits,
        address = self._options.axi.address_bits,
        word = self._options.word_bits(),
        beats = self._options.burst_beats,
        tag = self._options.tag_bits,
        words = self._options.read_words,
        reads = self._options.reads
    )]
    fn update(&mut self) {
        clock!(self, clock, splitter, issuer, latch);
        clock!(self, axi_clock, collector);
        self.axi_reset.source_clock.next = self.clock.val();
        self.axi_reset.clock.next = self.axi_clock.val();
        self.bursts.write_clock.next = self.clock.val();
        self.bursts.read_clock.next = self.axi_clock.val();
        self.words.write_clock.next = self.axi_clock.val();
        self.words.read_clock.next = self.clock.val();

        // The AXI side's reset follows the core's.
        self.axi_reset.d.next = Word::from(self.reset.val());
        let axi_reset = self.axi_reset.q.val().any();
        self.splitter.reset.next = self.reset.val();
        self.issuer.reset.next = self.reset.val();
        self.latch.reset.next = self.reset.val();
        self.bursts.write_reset.next = self.reset.val();
        self.words.read_reset.next = self.reset.val();
        self.bursts.read_reset.next = axi_reset;
        self.collector.reset.next = axi_reset;
        self.words.write_reset.next = axi_reset;

        // Commands become bursts, which wait for room and cross to the AXI side.
        ItemSink::link(&mut self.command, &mut self.splitter.command);
        self.issuer.r#in.valid.next = self.splitter.burst.valid.val();
        self.issuer.r#in.data.next =
            self.splitter.burst.data.val().trunc(BurstSplitter::read_bits(&self._options));
        self.splitter.burst.ready.next = self.issuer.r#in.ready.val();
        self.bursts.r#in.valid.next = self.issuer.out.valid.val();
        self.bursts.r#in.data.next = self.issuer.out.data.val();
        self.bursts.r#in.last.next = false;
        self.issuer.out.ready.next = self.bursts.r#in.ready.val();
        self.collector.burst.valid.next = self.bursts.out.valid.val();
        self.collector.burst.data.next = self.bursts.out.data.val();
        self.bursts.out.ready.next = self.collector.burst.ready.val();

        // Their data comes back as words.
        AxiReadMaster::link(&mut self.m_axi, &mut self.collector.m_axi);
        self.words.r#in.valid.next = self.collector.out_valid.val();
        self.words.r#in.data.next = self.collector.out_data.val();
        self.words.r#in.last.next = self.collector.out_last.val();
        let (word, tag) = (self._options.word_bits(), self._options.tag_bits);
        let (narrow, offset) = (self._options.beat_address_bits(), self._options.axi.offset_bits());
        let arrived = self.words.out.data.val();
        let tagged = arrived.slice(word + 2 + narrow, tag);
        self.out.valid.next = self.words.out.valid.val();
        self.out.data.next = cat!(tagged.clone(), arrived.trunc(word));
        self.out.last.next = self.words.out.last.val();
        self.words.out.ready.next = self.out.ready.val();
        let pop = self.words.out.valid.val() && self.out.ready.val();
        self.issuer.pop.next = pop;
        self.busy.next = !self.issuer.idle.val() || !self.splitter.idle.val();

        // What went wrong.
        let response = arrived.slice(word, 2);
        self.latch.clear.next = self.fault_clear.val();
        self.latch.response.valid.next = pop && response.any();
        self.latch.response.kind.next = response.zext(3);
        self.latch.response.address.next =
            cat!(arrived.slice(word + 2, narrow), Word::zero(offset));
        self.latch.response.tag.next = tagged;
        self.latch.refusal.valid.next = self.splitter.refused.val();
        self.latch.refusal.kind.next = fault_kind::REFUSED.into();
        self.latch.refusal.address.next =
            self.command.data.val().trunc(self._options.axi.address_bits);
        self.latch.refusal.tag.next =
            self.command.data.val().slice(Command::bits(&self._options) - tag, tag);
        FaultSource::link(&mut self.fault, &mut self.latch.fault);
    }
}
