//! [`Fork`]: one stream to several receivers; [`Join`]: several streams to one.

use super::{StreamSink, StreamSource};
use crate::parameter::{require, require_width, ParameterError};
use skipopu_hdl::prelude::*;

/// Gives every beat to each of several receivers.
///
/// - Does: each output takes the beat when it is ready, at once or later; the input's beat fires when
///   the last of them takes it.
/// - Does not: store beats or cut paths. Put [`SkidBuffer`](super::SkidBuffer)s where needed.
/// - Guarantee: latency 0; one beat a cycle while all receivers are ready.
#[derive(LogicBlock, Ports)]
pub struct Fork {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets who has taken the present beat.
    pub reset: Signal<In, Bit>,
    /// Beats come in.
    pub r#in: StreamSink,
    /// Beats go out, each on all of them.
    pub out: Vec<StreamSource>,
    /// Outputs that have taken the present beat.
    taken: Reg,
    waiting: Wire<Local>,
    _width: usize,
}

impl Fork {
    /// Cycles from `in` to `out`.
    pub const LATENCY: usize = 0;

    /// A stream of `width` data bits to `outputs` receivers.
    ///
    /// # Errors
    /// Unless `outputs` is from 2 to 64 and `width` from 1 to [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize, outputs: usize) -> Result<Fork, ParameterError> {
        require_width("fork", width)?;
        require((2..=64).contains(&outputs), "fork", "outputs", outputs, "must be 2 to 64")?;
        Ok(Fork {
            clock: Default::default(),
            reset: Default::default(),
            r#in: StreamSink::new(width),
            out: (0..outputs).map(|_| StreamSource::new(width)).collect(),
            taken: Reg::new(outputs),
            waiting: Wire::new(outputs),
            _width: width,
        })
    }
}

impl Logic for Fork {
    #[hdl(width = self._width, outputs = self.out.len(), latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, taken);
        for i in 0..self.out.len() {
            let taken = self.taken.q.val().bit(i);
            self.waiting.next.set_slice(i, &Word::from(!taken && !self.out[i].ready.val()));
            self.out[i].valid.next = self.r#in.valid.val() && !taken;
            self.out[i].data.next = self.r#in.data.val();
            self.out[i].last.next = self.r#in.last.val();
        }
        let done = !self.waiting.val().any();
        self.r#in.ready.next = done;
        if self.r#in.valid.val() {
            self.taken.d.next = mux(done, Word::zero(self.out.len()), !self.waiting.val());
        }
        if self.reset.val() {
            self.taken.d.next = 0.into();
        }
    }
}

/// Puts the beats of several streams side by side.
///
/// - Does: offers a beat when every input does; `data` holds theirs, input 0 in the lowest bits, and
///   `last` is 1 if any of theirs is. All inputs fire together.
/// - Does not: store beats or cut paths.
/// - Guarantee: latency 0; one beat a cycle while all senders offer one.
#[derive(LogicBlock, Ports)]
pub struct Join {
    /// Beats come in, one from each.
    pub r#in: Vec<StreamSink>,
    /// Beats go out.
    pub out: StreamSource,
    valid: Wire<Local>,
    last: Wire<Local>,
    _offsets: Vec<usize>,
    _width: usize,
}

impl Join {
    /// Cycles from `in` to `out`.
    pub const LATENCY: usize = 0;

    /// Streams of the given data widths.
    ///
    /// # Errors
    /// Unless there are 2 to 64 streams, each of at least 1 bit and together at most
    /// [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(widths: &[usize]) -> Result<Join, ParameterError> {
        let inputs = widths.len();
        require((2..=64).contains(&inputs), "join", "inputs", inputs, "must be 2 to 64")?;
        let width = widths.iter().sum();
        for w in widths.iter().copied().chain([width]) {
            require_width("join", w)?;
        }
        let offsets = (0..inputs).map(|i| widths[..i].iter().sum()).collect();
        Ok(Join {
            r#in: widths.iter().map(|w| StreamSink::new(*w)).collect(),
            out: StreamSource::new(width),
            valid: Wire::new(inputs),
            last: Wire::new(inputs),
            _offsets: offsets,
            _width: width,
        })
    }
}

impl Logic for Join {
    #[hdl(width = self._width, inputs = self.r#in.len(), latency = Self::LATENCY)]
    fn update(&mut self) {
        for i in 0..self.r#in.len() {
            self.valid.next.set_slice(i, &Word::from(self.r#in[i].valid.val()));
            self.last.next.set_slice(i, &Word::from(self.r#in[i].last.val()));
            self.out.data.next.set_slice(self._offsets[i], &self.r#in[i].data.val());
        }
        let all = self.valid.val().all();
        for i in 0..self.r#in.len() {
            self.r#in[i].ready.next = all && self.out.ready.val();
        }
        self.out.valid.next = all;
        self.out.last.next = self.last.val().any();
    }
}
