//! [`WriteSender`]: the AXI side of a write master.

use super::{BurstSplitter, DmaOptions};
use crate::axi::{AxiWriteMaster, INCR};
use crate::parameter::ParameterError;
use crate::stream::{FifoOptions, ItemSink, ItemSource, ShallowFifo};
use skipopu_hdl::prelude::*;

/// Sends bursts with their data and collects the responses.
///
/// - Does: takes the words of a command beat by beat, the lowest first; drops what a command leaves of
///   its last word; writes only the command's bytes of its last beat. When the last response of a
///   command has come, `done` gives its tag in the lowest bits, the first response that was an error (0:
///   none), and the beat address of that burst.
/// - Does not: wait with data until an address is taken, nor the other way round: an AXI slave may wait
///   for either.
/// - Guarantee: a beat a cycle.
#[derive(LogicBlock, Ports)]
pub struct WriteSender {
    /// Clock of the AXI port.
    pub clock: Signal<In, Clock>,
    /// Forgets the bursts in flight, of which there must be none.
    pub reset: Signal<In, Bit>,
    /// Bursts come in, as [`BurstSplitter`] has them.
    pub burst: ItemSink,
    /// Their words come in.
    pub word: ItemSink,
    /// Completions go out.
    pub done: ItemSource,
    /// The AXI port.
    pub m_axi: AxiWriteMaster,
    /// The address that is offered.
    offered: DFF<Bit>,
    address: Reg,
    len: Reg,
    /// Bursts whose data is not all sent.
    sending: ShallowFifo,
    /// Bursts that wait for their response.
    waiting: ShallowFifo,
    beat: Reg,
    half: Vec<DFF<Bit>>,
    /// First error of the command, and where.
    response: Reg,
    failed: Reg,
    _options: DmaOptions,
}

impl WriteSender {
    /// For ports with these options.
    ///
    /// # Errors
    /// A value outside its range (see [`DmaOptions`]).
    pub fn new(options: &DmaOptions) -> Result<WriteSender, ParameterError> {
        options.check()?;
        let address = options.beat_address_bits();
        let sending = options.axi.len_bits + 1 + options.axi.offset_bits();
        let waiting = address + 1 + options.tag_bits;
        let fifo = |width| ShallowFifo::new(&FifoOptions::new(width, options.writes));
        Ok(WriteSender {
            clock: Default::default(),
            reset: Default::default(),
            burst: ItemSink::new(BurstSplitter::bits(options)),
            word: ItemSink::new(options.write_bits()),
            done: ItemSource::new(Self::bits(options)),
            m_axi: AxiWriteMaster::new(&options.axi),
            offered: Default::default(),
            address: Reg::new(address),
            len: Reg::new(options.axi.len_bits),
            sending: fifo(sending)?,
            waiting: fifo(waiting)?,
            beat: Reg::new(options.axi.len_bits),
            half: vec![DFF::default(); options.write_beats - 1],
            response: Reg::new(2),
            failed: Reg::new(address),
            _options: options.clone(),
        })
    }

    /// Bits of a completion.
    pub fn bits(options: &DmaOptions) -> usize {
        options.tag_bits + 2 + options.beat_address_bits()
    }
}

impl Logic for WriteSender {
    #[hdl(
        data = self._options.axi.data_bits,
        address = self._options.axi.address_bits,
        beats = self._options.write_beats,
        tag = self._options.tag_bits,
        writes = self._options.writes
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, offered, address, len, beat, response, failed);
        clock!(self, clock, sending, waiting);
        let (offset, narrow) = (self._options.axi.offset_bits(), self._options.beat_address_bits());
        let (len_bits, tag_bits) = (self._options.axi.len_bits, self._options.tag_bits);
        let (width, bytes) = (self._options.axi.data_bits, self._options.axi.beat_bytes());
        let len_at = BurstSplitter::len_at(&self._options);
        let last_at = BurstSplitter::last_at(&self._options);
        let tag_at = BurstSplitter::tag_at(&self._options);
        let last_bytes_at = BurstSplitter::last_bytes_at(&self._options);

        // A burst comes when its address register is free and both queues take it.
        let burst = self.burst.data.val();
        let free = !self.offered.q.val() || self.m_axi.awready.val();
        let room = self.sending.r#in.ready.val() && self.waiting.r#in.ready.val();
        let take = self.burst.valid.val() && free && room;
        self.burst.ready.next = free && room;
        self.offered.d.next = take || (self.offered.q.val() && !self.m_axi.awready.val());
        if take {
            self.address.d.next = burst.trunc(narrow);
            self.len.d.next = burst.slice(len_at, len_bits);
        }
        self.m_axi.awid.next = 0.into();
        self.m_axi.awaddr.next = cat!(self.address.q.val(), Word::zero(offset));
        self.m_axi.awlen.next = self.len.q.val();
        self.m_axi.awsize.next = offset.into();
        self.m_axi.awburst.next = INCR.into();
        self.m_axi.awvalid.next = self.offered.q.val();
        self.sending.reset.next = self.reset.val();
        self.sending.r#in.valid.next = take;
        self.sending.r#in.data.next =
            cat!(burst.slice(last_bytes_at, offset), burst.slice(len_at, len_bits + 1));
        self.sending.r#in.last.next = false;
        self.waiting.reset.next = self.reset.val();
        self.waiting.r#in.valid.next = take;
        self.waiting.r#in.data.next =
            cat!(burst.slice(tag_at, tag_bits), burst.bit(last_at), burst.trunc(narrow));
        self.waiting.r#in.last.next = false;

        // Data.
        let now = self.sending.out.data.val();
        let valid = self.sending.out.valid.val() && self.word.valid.val();
        let wlast = self.beat.q.val() == now.trunc(len_bits);
        let end = wlast && now.bit(len_bits);
        let last_bytes = now.slice(len_bits + 1, offset);
        let whole = !end || !last_bytes.any();
        let fires = valid && self.m_axi.wready.val();
        self.m_axi.wvalid.next = valid;
        self.m_axi.wlast.next = wlast;
        for i in 0..bytes {
            self.m_axi.wstrb.next.set_slice(i, &Word::from(whole || last_bytes > i));
        }
        let mut data = self.word.data.val().trunc(width);
        let mut used = true;
        for i in 0..self.half.len() {
            let half = self.half[i].q.val();
            data = mux(half, self.word.data.val().slice(width, width), data);
            used = half || end;
            self.half[i].clock.next = self.clock.val();
            self.half[i].d.next =
                ((fires && !half && !end) || (!fires && half)) && !self.reset.val();
        }
        self.m_axi.wdata.next = data;
        self.word.ready.next = self.m_axi.wready.val() && self.sending.out.valid.val() && used;
        self.sending.out.ready.next = self.m_axi.wready.val() && self.word.valid.val() && wlast;
        if fires {
            self.beat.d.next = mux(wlast, Word::zero(len_bits), self.beat.q.val() + 1);
        }

        // Responses.
        let from = self.waiting.out.data.val();
        let answered = self.m_axi.bvalid.val() && self.done.ready.val();
        let foreign = self.m_axi.bid.val().any() && !self.m_axi.bresp.val().any();
        let answer = self.m_axi.bresp.val() | Word::from(foreign).zext(2);
        let before = self.response.q.val().any();
        let response = mux(before, self.response.q.val(), answer);
        let failed = mux(before, self.failed.q.val(), from.trunc(narrow));
        let complete = from.bit(narrow);
        self.m_axi.bready.next = self.done.ready.val();
        self.waiting.out.ready.next = answered;
        if answered {
            self.response.d.next = mux(complete, Word::zero(2), response.clone());
            self.failed.d.next = failed.clone();
        }
        self.done.valid.next = self.m_axi.bvalid.val() && complete;
        self.done.data.next = cat!(failed, response, from.slice(narrow + 1, tag_bits));

        if self.reset.val() {
            self.offered.d.next = false;
            self.beat.d.next = 0.into();
            self.response.d.next = 0.into();
        }
    }
}
