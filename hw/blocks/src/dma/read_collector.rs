//! [`ReadCollector`]: the AXI side of a read master.

use super::{BurstSplitter, DmaOptions};
use crate::axi::{AxiReadMaster, INCR};
use crate::parameter::ParameterError;
use crate::stream::{FifoOptions, ItemSink, ShallowFifo};
use skipopu_hdl::prelude::*;

/// Asks for bursts and puts their beats together to words.
///
/// - Does: a word ends with its last beat, or with its command. A word is the data, the first beat lowest,
///   then the response (0 where all beats are well), the beat address of the burst that answered so,
///   and the command's tag; `last` marks the command's end. A response with an ID other than 0 is
///   [`FOREIGN`](super::fault_kind::FOREIGN).
/// - Does not: wait for `out`: whoever issues a burst has reserved its words ([`ReadIssuer`](super::ReadIssuer)).
///   RREADY is 1 always.
/// - Guarantee: a beat a cycle. Data goes from the port straight into registers.
#[derive(LogicBlock, Ports)]
pub struct ReadCollector {
    /// Clock of the AXI port.
    pub clock: Signal<In, Clock>,
    /// Forgets the bursts in flight, of which there must be none.
    pub reset: Signal<In, Bit>,
    /// Bursts come in, as [`BurstSplitter`] has them, without `last bytes`.
    pub burst: ItemSink,
    /// The AXI port.
    pub m_axi: AxiReadMaster,
    /// A word goes out: it is not to be stalled.
    pub out_valid: Signal<Out, Bit>,
    /// The word.
    pub out_data: Wire<Out>,
    /// Is it its command's last?
    pub out_last: Signal<Out, Bit>,
    /// The bursts in flight, oldest first.
    tracker: ShallowFifo,
    beats: Vec<Reg>,
    half: Vec<DFF<Bit>>,
    response: Reg,
    address: Reg,
    tag: Reg,
    valid: DFF<Bit>,
    last: DFF<Bit>,
    _options: DmaOptions,
}

impl ReadCollector {
    /// Cycles from a word's last beat to the word.
    pub const LATENCY: usize = 1;

    /// For ports with these options.
    ///
    /// # Errors
    /// A value outside its range (see [`DmaOptions`]).
    pub fn new(options: &DmaOptions) -> Result<ReadCollector, ParameterError> {
        options.check()?;
        let address = options.beat_address_bits();
        let tracked = address + options.tag_bits + 1;
        Ok(ReadCollector {
            clock: Default::default(),
            reset: Default::default(),
            burst: ItemSink::new(BurstSplitter::read_bits(options)),
            m_axi: AxiReadMaster::new(&options.axi),
            out_valid: Default::default(),
            out_data: Wire::new(Self::bits(options)),
            out_last: Default::default(),
            tracker: ShallowFifo::new(&FifoOptions::new(tracked, options.reads))?,
            beats: vec![Reg::new(options.axi.data_bits); options.beats_per_word],
            half: vec![DFF::default(); options.beats_per_word - 1],
            response: Reg::new(2),
            address: Reg::new(address),
            tag: Reg::new(options.tag_bits),
            valid: Default::default(),
            last: Default::default(),
            _options: options.clone(),
        })
    }

    /// Bits of a word with what goes beside it.
    pub fn bits(options: &DmaOptions) -> usize {
        options.word_bits() + 2 + options.beat_address_bits() + options.tag_bits
    }
}

impl Logic for ReadCollector {
    #[hdl(
        data = self._options.axi.data_bits,
        address = self._options.axi.address_bits,
        beats = self._options.beats_per_word,
        tag = self._options.tag_bits,
        reads = self._options.reads,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, response, address, tag, valid, last);
        clock!(self, clock, tracker);
        let (offset, narrow) = (self._options.axi.offset_bits(), self._options.beat_address_bits());
        let (len_bits, tag_bits) = (self._options.axi.len_bits, self._options.tag_bits);
        let len_at = BurstSplitter::len_at(&self._options);
        let last_at = BurstSplitter::last_at(&self._options);
        let tag_at = BurstSplitter::tag_at(&self._options);

        // Requests: a burst leaves when the tracker takes it too.
        let burst = self.burst.data.val();
        let room = self.tracker.r#in.ready.val();
        self.m_axi.arid.next = 0.into();
        self.m_axi.araddr.next = cat!(burst.trunc(narrow), Word::zero(offset));
        self.m_axi.arlen.next = burst.slice(len_at, len_bits);
        self.m_axi.arsize.next = offset.into();
        self.m_axi.arburst.next = INCR.into();
        self.m_axi.arvalid.next = self.burst.valid.val() && room;
        self.burst.ready.next = self.m_axi.arready.val() && room;
        self.tracker.reset.next = self.reset.val();
        self.tracker.r#in.valid.next = self.burst.valid.val() && self.m_axi.arready.val();
        self.tracker.r#in.data.next =
            cat!(burst.slice(tag_at, tag_bits), burst.bit(last_at), burst.trunc(narrow));
        self.tracker.r#in.last.next = false;

        // Data.
        self.m_axi.rready.next = true;
        let beat = self.m_axi.rvalid.val();
        let from = self.tracker.out.data.val();
        let flush = self.m_axi.rlast.val() && from.bit(narrow);
        self.tracker.out.ready.next = beat && self.m_axi.rlast.val();
        let foreign = self.m_axi.rid.val().any() && !self.m_axi.rresp.val().any();
        let answer = self.m_axi.rresp.val() | Word::from(foreign).zext(2);
        // In a word of two beats the first error stands.
        let mut first = true;
        let mut full = true;
        for i in 0..self.half.len() {
            let half = self.half[i].q.val();
            first = !half;
            full = half || flush;
            self.half[i].clock.next = self.clock.val();
            self.half[i].d.next =
                ((beat && !half && !flush) || (!beat && half)) && !self.reset.val();
        }
        for i in 0..self.beats.len() {
            self.beats[i].clock.next = self.clock.val();
            self.beats[i].d.next = self.beats[i].q.val();
            if i > 0 {
                if beat && !first {
                    self.beats[i].d.next = self.m_axi.rdata.val();
                }
            } else {
                if beat && first {
                    self.beats[i].d.next = self.m_axi.rdata.val();
                }
            }
        }
        if beat && (first || !self.response.q.val().any()) {
            self.response.d.next = answer;
            self.address.d.next = from.trunc(narrow);
        }
        if beat {
            self.tag.d.next = from.slice(narrow + 1, tag_bits);
            self.last.d.next = flush;
        }
        self.valid.d.next = beat && full && !self.reset.val();

        self.out_valid.next = self.valid.q.val();
        self.out_last.next = self.last.q.val();
        let width = self._options.axi.data_bits;
        for i in 0..self.beats.len() {
            self.out_data.next.set_slice(i * width, &self.beats[i].q.val());
        }
        self.out_data.next.set_slice(
            self._options.word_bits(),
            &cat!(self.tag.q.val(), self.address.q.val(), self.response.q.val()),
        );
    }
}
