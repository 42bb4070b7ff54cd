//! [`ReadIssuer`]: which burst may be asked for.

use super::{BurstSplitter, DmaOptions};
use crate::parameter::ParameterError;
use crate::stream::{ItemSink, ItemSource};
use skipopu_hdl::prelude::*;

/// Lets a burst pass when the read buffer has room for all of it.
///
/// - Does: counts the words that a burst will fill, half words of bursts that meet within a word
///   included, takes them from the free ones and gives back a word for each `pop`.
/// - Does not: see the buffer; what is reserved here is exactly what the
///   [`ReadCollector`](super::ReadCollector) writes.
/// - Guarantee: the buffer never overflows, so R never has to wait; a burst a cycle while there is room.
#[derive(LogicBlock, Ports)]
pub struct ReadIssuer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// All words free.
    pub reset: Signal<In, Bit>,
    /// Bursts come in, as [`BurstSplitter`] has them, without `last bytes`.
    pub r#in: ItemSink,
    /// Bursts go out.
    pub out: ItemSource,
    /// A word left the buffer.
    pub pop: Signal<In, Bit>,
    /// Are all words free?
    pub idle: Signal<Out, Bit>,
    free: Reg,
    room: DFF<Bit>,
    half: Vec<DFF<Bit>>,
    _options: DmaOptions,
}

impl ReadIssuer {
    /// Cycles from `in` to `out`.
    pub const LATENCY: usize = 0;

    /// For ports with these options.
    ///
    /// # Errors
    /// A value outside its range (see [`DmaOptions`]).
    pub fn new(options: &DmaOptions) -> Result<ReadIssuer, ParameterError> {
        options.check()?;
        let bits = BurstSplitter::read_bits(options);
        Ok(ReadIssuer {
            clock: Default::default(),
            reset: Default::default(),
            r#in: ItemSink::new(bits),
            out: ItemSource::new(bits),
            pop: Default::default(),
            idle: Default::default(),
            free: Reg::with_init(Word::new(options.read_level_bits(), options.read_words as u128)),
            room: Default::default(),
            half: vec![DFF::default(); options.beats_per_word - 1],
            _options: options.clone(),
        })
    }
}

impl Logic for ReadIssuer {
    #[hdl(
        burst = BurstSplitter::read_bits(&self._options),
        words = self._options.read_words,
        beats = self._options.burst_beats,
        pack = self._options.beats_per_word,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, free, room);
        let bits = self._options.read_level_bits();
        let (at, run) =
            (BurstSplitter::len_at(&self._options), self._options.burst_beats.ilog2() as usize);
        let last_at = BurstSplitter::last_at(&self._options);
        let issue = self.r#in.valid.val() && self.room.q.val() && self.out.ready.val();
        self.r#in.ready.next = self.room.q.val() && self.out.ready.val();
        self.out.valid.next = self.r#in.valid.val() && self.room.q.val();
        self.out.data.next = self.r#in.data.val();

        let wide = run + 2;
        let len = self.r#in.data.val().slice(at, run).zext(wide);
        let mut words = len.clone() + 1;
        for i in 0..self.half.len() {
            // A half word that the burst before left is filled; one at the command's end is padded.
            let last = self.r#in.data.val().bit(last_at);
            let half = self.half[i].q.val();
            let beats = words.clone() + Word::from(half).zext(wide);
            words = (beats.clone() + Word::from(last).zext(wide)).slice(1, wide - 1).zext(wide);
            self.half[i].clock.next = self.clock.val();
            self.half[i].d.next =
                ((issue && beats.bit(0) && !last) || (!issue && half)) && !self.reset.val();
        }
        let taken = mux(issue, words, Word::zero(wide));
        let back = Word::from(self.pop.val()).zext(bits);
        self.free.d.next = self.free.q.val() - taken.zext(bits) + back;
        // A burst may pass in this very cycle: room is for one more.
        self.room.d.next = self.free.q.val() >= 2 * self._options.burst_words();
        if self.reset.val() {
            self.free.d.next = self._options.read_words.into();
            self.room.d.next = false;
        }
        self.idle.next = self.free.q.val() == self._options.read_words;
    }
}
