//! [`PrimitivesPipeline`]: the stream blocks in a row.

use super::{Fifo, FifoOptions, SkidBuffer, Storage, StreamDelay, StreamSink, StreamSource};
use crate::parameter::{require, ParameterError};
use skipopu_hdl::prelude::*;

/// A demonstration: skid buffer, FIFO in block RAM, rotation by one lane, delay, skid buffer.
///
/// - Does: gives every beat with its lanes moved up by one, the highest to the lowest place.
/// - Does not: serve a purpose in the overlay; it shows how blocks are put together.
/// - Guarantee: one beat a cycle; beats in order, none lost or repeated; latency
///   [`PrimitivesPipeline::LATENCY`].
#[derive(LogicBlock, Ports)]
pub struct PrimitivesPipeline {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops all beats.
    pub reset: Signal<In, Bit>,
    /// Beats come in.
    pub r#in: StreamSink,
    /// Beats go out.
    pub out: StreamSource,
    entry: SkidBuffer,
    fifo: Fifo,
    delay: StreamDelay,
    exit: SkidBuffer,
    _lanes: usize,
    _lane_bits: usize,
}

impl PrimitivesPipeline {
    /// Beats the FIFO holds.
    const DEPTH: usize = 512;
    /// Cycles the delay takes.
    const STAGES: usize = 4;
    /// Cycles from `in` to `out`.
    pub const LATENCY: usize =
        2 * SkidBuffer::LATENCY + Storage::Bram.latency() + PrimitivesPipeline::STAGES;

    /// A stream of `lanes` lanes of `lane_bits` bits.
    ///
    /// # Errors
    /// Unless there are at least 2 lanes and at most [`MAX_WIDTH`](crate::parameter::MAX_WIDTH) - 1
    /// bits in all.
    pub fn new(lanes: usize, lane_bits: usize) -> Result<PrimitivesPipeline, ParameterError> {
        require(lanes >= 2, "pipeline", "lanes", lanes, "must be at least 2")?;
        let width = lanes * lane_bits;
        let options = FifoOptions {
            storage: Some(Storage::Bram),
            ..FifoOptions::new(width, PrimitivesPipeline::DEPTH)
        };
        Ok(PrimitivesPipeline {
            clock: Default::default(),
            reset: Default::default(),
            entry: SkidBuffer::new(width)?,
            fifo: Fifo::new(&options)?,
            delay: StreamDelay::new(width, PrimitivesPipeline::STAGES)?,
            exit: SkidBuffer::new(width)?,
            r#in: StreamSink::new(width),
            out: StreamSource::new(width),
            _lanes: lanes,
            _lane_bits: lane_bits,
        })
    }
}

impl Logic for PrimitivesPipeline {
    #[hdl(lanes = self._lanes, lane_bits = self._lane_bits, latency = Self::LATENCY)]
    fn update(&mut self) {
        clock!(self, clock, entry, fifo, delay, exit);
        self.entry.reset.next = self.reset.val();
        self.fifo.reset.next = self.reset.val();
        self.delay.reset.next = self.reset.val();
        self.exit.reset.next = self.reset.val();

        StreamSink::link(&mut self.r#in, &mut self.entry.r#in);
        StreamSource::join(&mut self.entry.out, &mut self.fifo.r#in);
        let below = (self._lanes - 1) * self._lane_bits;
        let data = self.fifo.out.data.val();
        self.delay.r#in.valid.next = self.fifo.out.valid.val();
        self.delay.r#in.data.next = cat!(data.trunc(below), data.slice(below, self._lane_bits));
        self.delay.r#in.last.next = self.fifo.out.last.val();
        self.fifo.out.ready.next = self.delay.r#in.ready.val();
        StreamSource::join(&mut self.delay.out, &mut self.exit.r#in);
        StreamSource::link(&mut self.out, &mut self.exit.out);
    }
}
