//! [`WriteIssuer`]: which burst has its data.

use super::{BurstSplitter, DmaOptions};
use crate::parameter::ParameterError;
use crate::stream::{ItemSink, ItemSource};
use skipopu_hdl::prelude::*;

/// Lets a burst pass when all its data is in the write buffer.
///
/// - Does: counts the words that come (`push`) and takes from them those that a burst uses first; the
///   second half of a word may be used by the burst that follows.
/// - Guarantee: once a burst's address is out its data follows without a gap, whatever the core does.
#[derive(LogicBlock, Ports)]
pub struct WriteIssuer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// No words.
    pub reset: Signal<In, Bit>,
    /// Bursts come in, as [`BurstSplitter`] has them.
    pub r#in: ItemSink,
    /// Bursts go out.
    pub out: ItemSource,
    /// A word went into the buffer.
    pub push: Signal<In, Bit>,
    stored: Reg,
    half: Vec<DFF<Bit>>,
    _options: DmaOptions,
}

impl WriteIssuer {
    /// Cycles from `in` to `out`.
    pub const LATENCY: usize = 0;

    /// For ports with these options.
    ///
    /// # Errors
    /// A value outside its range (see [`DmaOptions`]).
    pub fn new(options: &DmaOptions) -> Result<WriteIssuer, ParameterError> {
        options.check()?;
        let bits = BurstSplitter::bits(options);
        Ok(WriteIssuer {
            clock: Default::default(),
            reset: Default::default(),
            r#in: ItemSink::new(bits),
            out: ItemSource::new(bits),
            push: Default::default(),
            stored: Reg::new(options.write_level_bits()),
            half: vec![DFF::default(); options.write_beats - 1],
            _options: options.clone(),
        })
    }
}

impl Logic for WriteIssuer {
    #[hdl(
        burst = BurstSplitter::bits(&self._options),
        words = self._options.write_words,
        beats = self._options.burst_beats,
        pack = self._options.write_beats,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, stored);
        let bits = self._options.write_level_bits();
        let (at, run) =
            (BurstSplitter::len_at(&self._options), self._options.burst_beats.ilog2() as usize);
        let last_at = BurstSplitter::last_at(&self._options);
        let wide = run + 2;
        let len = self.r#in.data.val().slice(at, run).zext(wide);
        let mut words = len.clone() + 1;
        for i in 0..self.half.len() {
            // Without a half word left, one is opened for an odd beat.
            let half = self.half[i].q.val();
            words = (len.clone() + 1 + Word::from(!half).zext(wide)).slice(1, wide - 1).zext(wide);
        }
        let enough = self.stored.q.val() >= words.zext(bits);
        let issue = self.r#in.valid.val() && enough && self.out.ready.val();
        for i in 0..self.half.len() {
            let last = self.r#in.data.val().bit(last_at);
            let half = self.half[i].q.val();
            let odd = half ^ !len.bit(0);
            self.half[i].clock.next = self.clock.val();
            self.half[i].d.next =
                ((issue && odd && !last) || (!issue && half)) && !self.reset.val();
        }
        self.r#in.ready.next = enough && self.out.ready.val();
        self.out.valid.next = self.r#in.valid.val() && enough;
        self.out.data.next = self.r#in.data.val();
        let taken = mux(issue, words, Word::zero(wide)).zext(bits);
        let more = Word::from(self.push.val()).zext(bits);
        self.stored.d.next = self.stored.q.val() - taken + more;
        if self.reset.val() {
            self.stored.d.next = 0.into();
        }
    }
}
