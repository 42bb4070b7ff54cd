//! [`HbmReader`]: one HBM port's list of a schedule, turned into read commands.

use super::shape::{KvShape, PASSES_BITS, WORDS_BITS, WORD_ADDRESS_BITS};
use crate::parameter::ParameterError;
use crate::primitives::{Bram, Lutram};
use crate::stream::ItemSource;
use skipopu_hdl::prelude::*;

/// Bits of a command's number of bytes.
const BYTES_BITS: usize = 24;
/// Bits of a byte address over all pseudo-channels.
const ADDRESS_BITS: usize = 33;
/// Bits of a byte of a word.
const BYTE_BITS: usize = 6;

/// Holds two lists of a port, one played while the other is written, and plays one pass after pass.
///
/// - Does: `start` takes the count last loaded; then, pass by pass, a command per entry, in order: the
///   entry's tag, the bytes of a token and pass, and their address, `base of the layer + pass + slot`.
///   The base of a layer is what was last written for it.
/// - Does not: wait for data, or look at it.
/// - Guarantee: a command a cycle, the first [`HbmReader::LATENCY`] cycles after `start`; `idle` from the
///   last entry's reading on, when the other list may be started and this one written.
#[derive(LogicBlock, Ports)]
pub struct HbmReader {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Stops, dropping commands not taken.
    pub reset: Signal<In, Bit>,
    /// Write an entry?
    pub write: Signal<In, Bit>,
    /// To which list.
    pub write_list: Signal<In, Bit>,
    /// To which round.
    pub write_round: Wire<In>,
    /// `{tag, layer, slot}`.
    pub write_entry: Wire<In>,
    /// Take `load_count` as the number of entries of the list written last.
    pub load: Signal<In, Bit>,
    /// Entries.
    pub load_count: Wire<In>,
    /// Play.
    pub start: Signal<In, Bit>,
    /// Which list.
    pub start_list: Signal<In, Bit>,
    /// No entry is left to read.
    pub idle: Signal<Out, Bit>,
    /// Passes of a layer.
    pub passes: Wire<In>,
    /// Words of a token and pass.
    pub words: Wire<In>,
    /// Words from a pass to the next.
    pub pass_words: Wire<In>,
    /// Write the base of a layer?
    pub base_write: Signal<In, Bit>,
    /// Of which layer.
    pub base_layer: Wire<In>,
    /// First word of the layer.
    pub base: Wire<In>,
    /// Commands: `{tag, bytes, address}`, the address with the port on top.
    pub command: ItemSource,
    lists: Bram,
    bases: Lutram,
    loaded: Reg,
    count: Reg,
    list: DFF<Bit>,
    active: DFF<Bit>,
    round: Reg,
    pass: Reg,
    offset: Reg,
    read: DFF<Bit>,
    read_offset: Reg,
    summed: DFF<Bit>,
    start_word: Reg,
    slot_words: Reg,
    summed_tag: Reg,
    given: DFF<Bit>,
    address: Reg,
    tag: Reg,
    _shape: KvShape,
    _port: usize,
}

impl HbmReader {
    /// Cycles from `start` to the first command.
    pub const LATENCY: usize = 4;

    /// The reader of HBM port `port`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: KvShape, port: usize) -> Result<HbmReader, ParameterError> {
        let bases = 1 << shape.layer();
        Ok(HbmReader {
            clock: Default::default(),
            reset: Default::default(),
            write: Default::default(),
            write_list: Default::default(),
            write_round: Wire::new(shape.token()),
            write_entry: Wire::new(shape.hbm_entry()),
            load: Default::default(),
            load_count: Wire::new(shape.count()),
            start: Default::default(),
            start_list: Default::default(),
            idle: Default::default(),
            passes: Wire::new(PASSES_BITS),
            words: Wire::new(WORDS_BITS),
            pass_words: Wire::new(WORD_ADDRESS_BITS),
            base_write: Default::default(),
            base_layer: Wire::new(shape.layer()),
            base: Wire::new(WORD_ADDRESS_BITS),
            command: ItemSource::new(shape.tag() + BYTES_BITS + ADDRESS_BITS),
            lists: Bram::new(shape.hbm_entry(), 2 * shape.machine.context, 1)?,
            bases: Lutram::new(WORD_ADDRESS_BITS, bases)?,
            loaded: Reg::new(shape.count()),
            count: Reg::new(shape.count()),
            list: Default::default(),
            active: Default::default(),
            round: Reg::new(shape.token()),
            pass: Reg::new(PASSES_BITS),
            offset: Reg::new(WORD_ADDRESS_BITS),
            read: Default::default(),
            read_offset: Reg::new(WORD_ADDRESS_BITS),
            summed: Default::default(),
            start_word: Reg::new(WORD_ADDRESS_BITS),
            slot_words: Reg::new(shape.slot() + WORDS_BITS),
            summed_tag: Reg::new(shape.tag()),
            given: Default::default(),
            address: Reg::new(WORD_ADDRESS_BITS),
            tag: Reg::new(shape.tag()),
            _shape: shape,
            _port: port,
        })
    }
}

impl Logic for HbmReader {
    #[hdl(
        port = self._port,
        context = self._shape.machine.context,
        ports = self._shape.machine.ports,
        slots = self._shape.machine.slots,
        layers = self._shape.machine.layers,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, loaded, count, list, active, round, pass, offset);
        dff_setup!(self, clock, read, read_offset, summed, start_word, slot_words, summed_tag);
        dff_setup!(self, clock, given, address, tag);
        clock!(self, clock, lists, bases);
        let shape = self._shape;
        let moves = self.command.ready.val() || !self.given.q.val();

        if self.load.val() {
            self.loaded.d.next = self.load_count.val();
        }

        // Which entry is read next.
        let round = self.round.q.val().zext(shape.count()) + 1;
        let pass = self.pass.q.val() + 1;
        if self.active.q.val() && moves {
            self.round.d.next = round.trunc(shape.token());
            if round == self.count.q.val() {
                self.round.d.next = 0.into();
                self.pass.d.next = pass.clone();
                self.offset.d.next = self.offset.q.val() + self.pass_words.val();
                if pass == self.passes.val() {
                    self.active.d.next = false;
                }
            }
        }
        if self.start.val() {
            self.count.d.next = self.loaded.q.val();
            self.list.d.next = self.start_list.val();
            self.active.d.next = self.loaded.q.val().any();
            self.round.d.next = 0.into();
            self.pass.d.next = 0.into();
            self.offset.d.next = 0.into();
        }
        self.lists.write_enable.next = self.write.val();
        self.lists.write_address.next = cat!(self.write_list.val(), self.write_round.val());
        self.lists.write_data.next = self.write_entry.val();
        self.lists.read_enable.next = moves;
        self.lists.read_address.next = cat!(self.list.q.val(), self.round.q.val());
        self.bases.write_enable.next = self.base_write.val();
        self.bases.write_address.next = self.base_layer.val();
        self.bases.write_data.next = self.base.val();

        // Its address.
        let entry = self.lists.read_data.val();
        let slot = entry.trunc(shape.slot());
        self.bases.read_address.next = entry.slice(shape.slot(), shape.layer());
        let words = slot * self.words.val();
        if moves {
            self.read.d.next = self.active.q.val();
            self.read_offset.d.next = self.offset.q.val();
            self.summed.d.next = self.read.q.val();
            self.start_word.d.next = self.bases.read_data.val() + self.read_offset.q.val();
            self.slot_words.d.next = words;
            self.summed_tag.d.next = entry.slice(shape.slot() + shape.layer(), shape.tag());
            self.given.d.next = self.summed.q.val();
            self.address.d.next =
                self.start_word.q.val() + self.slot_words.q.val().zext(WORD_ADDRESS_BITS);
            self.tag.d.next = self.summed_tag.q.val();
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.read.d.next = false;
            self.summed.d.next = false;
            self.given.d.next = false;
        }

        self.idle.next = !self.active.q.val();
        self.command.valid.next = self.given.q.val();
        let bytes = cat!(self.words.val(), Word::zero(BYTE_BITS));
        let channel = Word::new(ADDRESS_BITS - WORD_ADDRESS_BITS - BYTE_BITS, self._port as u128);
        self.command.data.next = cat!(
            self.tag.q.val(),
            bytes.zext(BYTES_BITS),
            channel,
            self.address.q.val(),
            Word::zero(BYTE_BITS)
        );
    }
}
