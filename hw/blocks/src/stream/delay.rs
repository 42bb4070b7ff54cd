//! [`StreamDelay`]: a pipeline that stalls as a whole.

use super::{StreamSink, StreamSource};
use crate::parameter::{require_width, ParameterError};
use crate::primitives::{Delay, DelayReset};
use skipopu_hdl::prelude::*;

/// Delays a stream by a fixed number of cycles; the frame for a pipelined computation.
///
/// - Does: a beat comes out [`StreamDelay::latency`] cycles later. While the beat at the output is
///   stalled nothing moves.
/// - Does not: close gaps between beats, or cut the path of `ready`: `in.ready` follows `out.ready` in
///   the same cycle. Put a [`SkidBuffer`](super::SkidBuffer) behind it.
/// - Guarantee: one beat a cycle; beats in order, none lost or repeated.
///
/// With two stages:
///
/// ```text
/// back-to-back in         ABCD........
///              in_ready   111111111111
///              out        ..ABCD......
///              out_ready  111111111111
/// stalled      in         A.BC........
///              in_ready   1111...11111
///              out        ..A.BBBBC...
///              out_ready  1111...11111
/// ```
#[derive(LogicBlock, Ports)]
pub struct StreamDelay {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops all beats.
    pub reset: Signal<In, Bit>,
    /// Beats come in.
    pub r#in: StreamSink,
    /// Beats go out.
    pub out: StreamSource,
    valid: DelayReset,
    payload: Delay,
    _width: usize,
    _stages: usize,
}

impl StreamDelay {
    /// A stream of `width` data bits, delayed by `stages` cycles.
    ///
    /// # Errors
    /// Unless `stages` is from 1 to 1024 and `width` from 1 to
    /// [`MAX_WIDTH`](crate::parameter::MAX_WIDTH) - 1.
    pub fn new(width: usize, stages: usize) -> Result<StreamDelay, ParameterError> {
        require_width("stream delay", width)?;
        Ok(StreamDelay {
            clock: Default::default(),
            reset: Default::default(),
            r#in: StreamSink::new(width),
            out: StreamSource::new(width),
            valid: DelayReset::new(1, stages)?,
            payload: Delay::new(width + 1, stages)?,
            _width: width,
            _stages: stages,
        })
    }

    /// Cycles from `in` to `out`.
    pub fn latency(&self) -> usize {
        self._stages
    }
}

impl Logic for StreamDelay {
    #[hdl(width = self._width, stages = self._stages, latency = self._stages)]
    fn update(&mut self) {
        clock!(self, clock, valid, payload);
        let offered = self.valid.q.val().any();
        let moves = self.out.ready.val() || !offered;
        self.valid.reset.next = self.reset.val();
        self.valid.enable.next = moves;
        self.valid.d.next = Word::from(self.r#in.valid.val());
        self.payload.enable.next = moves;
        self.payload.d.next = cat!(self.r#in.last.val(), self.r#in.data.val());
        self.r#in.ready.next = moves;
        self.out.valid.next = offered;
        self.out.data.next = self.payload.q.val().trunc(self._width);
        self.out.last.next = self.payload.q.val().bit(self._width);
    }
}
