//! [`ChunkAligner`]: the ports' streams as one wide stream.

use crate::parameter::{require, require_width, ParameterError};
use crate::stream::{StreamSink, StreamSource};
use skipopu_hdl::prelude::*;

/// Puts the words of several ports side by side, in step.
///
/// - Does: offers a wide word when every enabled port offers its word; all of them fire together. Port 0
///   is in the lowest bits; the bits of a port that is not enabled mean nothing. The ports' buffers take
///   up what their memories differ in.
/// - Does not: store or repair. Ports whose packets end at different words have lost step: `lost_step`
///   then stays 1 until `reset`.
/// - Guarantee: latency 0; a word a cycle while all enabled ports offer one.
///
/// `enable` changes only between packets.
#[derive(LogicBlock, Ports)]
pub struct ChunkAligner {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets a lost step.
    pub reset: Signal<In, Bit>,
    /// Which ports take part.
    pub enable: Wire<In>,
    /// Words come in, from each port.
    pub r#in: Vec<StreamSink>,
    /// Wide words go out.
    pub out: StreamSource,
    /// Did the ports' packets ever end at different words?
    pub lost_step: Signal<Out, Bit>,
    lost: DFF<Bit>,
    missing: Wire<Local>,
    ends: Wire<Local>,
    goes_on: Wire<Local>,
    _width: usize,
}

impl ChunkAligner {
    /// Cycles from `in` to `out`.
    pub const LATENCY: usize = 0;

    /// `ports` ports of `width` data bits each.
    ///
    /// # Errors
    /// Unless `ports` is from 1 to 64 and all are together at most
    /// [`MAX_WIDTH`](crate::parameter::MAX_WIDTH) bits wide.
    pub fn new(ports: usize, width: usize) -> Result<ChunkAligner, ParameterError> {
        require((1..=64).contains(&ports), "chunk aligner", "ports", ports, "must be 1 to 64")?;
        require_width("chunk aligner", width)?;
        require_width("chunk aligner", ports * width)?;
        Ok(ChunkAligner {
            clock: Default::default(),
            reset: Default::default(),
            enable: Wire::new(ports),
            r#in: (0..ports).map(|_| StreamSink::new(width)).collect(),
            out: StreamSource::new(ports * width),
            lost_step: Default::default(),
            lost: Default::default(),
            missing: Wire::new(ports),
            ends: Wire::new(ports),
            goes_on: Wire::new(ports),
            _width: width,
        })
    }
}

impl Logic for ChunkAligner {
    #[hdl(ports = self.r#in.len(), width = self._width, latency = Self::LATENCY)]
    fn update(&mut self) {
        dff_setup!(self, clock, lost);
        for i in 0..self.r#in.len() {
            let enabled = self.enable.val().bit(i);
            let last = self.r#in[i].last.val();
            self.missing.next.set_slice(i, &Word::from(enabled && !self.r#in[i].valid.val()));
            self.ends.next.set_slice(i, &Word::from(enabled && last));
            self.goes_on.next.set_slice(i, &Word::from(enabled && !last));
            self.out.data.next.set_slice(i * self._width, &self.r#in[i].data.val());
        }
        let all = self.enable.val().any() && !self.missing.val().any();
        for i in 0..self.r#in.len() {
            self.r#in[i].ready.next = all && self.out.ready.val() && self.enable.val().bit(i);
        }
        self.out.valid.next = all;
        self.out.last.next = self.ends.val().any();
        if all && self.ends.val().any() && self.goes_on.val().any() {
            self.lost.d.next = true;
        }
        if self.reset.val() {
            self.lost.d.next = false;
        }
        self.lost_step.next = self.lost.q.val();
    }
}
