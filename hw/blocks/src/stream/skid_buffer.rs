//! [`SkidBuffer`]: a register slice of a stream.

use super::{StreamSink, StreamSource};
use crate::parameter::{require_width, ParameterError};
use skipopu_hdl::prelude::*;

/// Cuts every path of a stream, `ready` included, without losing rate.
///
/// - Does: holds up to two beats; every output is a register. A beat that arrives while the output is
///   stalled goes to a spare register, and `in.ready` falls one cycle later.
/// - Does not: store more. Use [`Fifo`](super::Fifo).
/// - Guarantee: one beat a cycle; beats in order, none lost or repeated.
///
/// ```text
/// basic        in         A...........
///              in_ready   111111111111
///              out        .A..........
///              out_ready  111111111111
/// back-to-back in         ABCD........
///              in_ready   111111111111
///              out        .ABCD.......
///              out_ready  111111111111
/// stalled      in         ABCDDDD.....
///              in_ready   111...111111
///              out        .ABBBBCD....
///              out_ready  11...1111111
/// ```
#[derive(LogicBlock, Ports)]
pub struct SkidBuffer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops both beats.
    pub reset: Signal<In, Bit>,
    /// Beats come in.
    pub r#in: StreamSink,
    /// Beats go out, [`SkidBuffer::LATENCY`] cycles later.
    pub out: StreamSource,
    valid: DFF<Bit>,
    data: Reg,
    last: DFF<Bit>,
    /// 1 exactly while the spare registers are free.
    ready: Reg,
    spare_data: Reg,
    spare_last: DFF<Bit>,
    _width: usize,
}

impl SkidBuffer {
    /// Cycles from `in` to `out`.
    pub const LATENCY: usize = 1;

    /// A stream of `width` data bits.
    ///
    /// # Errors
    /// Unless `width` is from 1 to [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize) -> Result<SkidBuffer, ParameterError> {
        require_width("skid buffer", width)?;
        Ok(SkidBuffer {
            clock: Default::default(),
            reset: Default::default(),
            r#in: StreamSink::new(width),
            out: StreamSource::new(width),
            valid: Default::default(),
            data: Reg::new(width),
            last: Default::default(),
            ready: Reg::with_init(Word::ones(1)),
            spare_data: Reg::new(width),
            spare_last: Default::default(),
            _width: width,
        })
    }
}

impl Logic for SkidBuffer {
    #[hdl(width = self._width, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, valid, data, last, ready, spare_data, spare_last);
        let ready = self.ready.q.val().any();
        let moves = self.out.ready.val() || !self.valid.q.val();
        if ready {
            self.spare_data.d.next = self.r#in.data.val();
            self.spare_last.d.next = self.r#in.last.val();
        }
        if moves {
            self.valid.d.next = self.r#in.valid.val() || !ready;
            self.data.d.next = mux(ready, self.r#in.data.val(), self.spare_data.q.val());
            self.last.d.next =
                (self.r#in.last.val() && ready) || (self.spare_last.q.val() && !ready);
            self.ready.d.next = Word::ones(1);
        } else if self.r#in.valid.val() {
            self.ready.d.next = Word::zero(1);
        }
        if self.reset.val() {
            self.valid.d.next = false;
            self.ready.d.next = Word::ones(1);
        }
        self.r#in.ready.next = ready;
        self.out.valid.next = self.valid.q.val();
        self.out.data.next = self.data.q.val();
        self.out.last.next = self.last.q.val();
    }
}
