//! [`WeightLoader`]: the stream of a matrix to scales and tiles.

use super::super::shape::{DatapathShape, VALUE_BITS};
use super::ScaleBuffer;
use crate::parameter::{index_bits, ParameterError};
use crate::stream::{ItemSink, StreamSink, StreamSource};
use skipopu_hdl::prelude::*;
use skipopu_isa::set::INTERLEAVE;

/// Bits of a number of slices or tiles.
pub const COUNT_BITS: usize = 14;
/// Bits of a number of groups.
pub const GROUPS_BITS: usize = 8;

const IDLE: usize = 0;
const WAITING: usize = 1;
const SCALES: usize = 2;
const TILES: usize = 3;

/// Takes the beats of a matrix apart.
///
/// ```text
/// for each block of up to 4 tiles:
///     for g in 0..groups, t in the block: scales of its outputs     in whole beats
///     for s in 0..slices, t in the block: the beats of a tile       to `load`
/// ```
///
/// - Does: a matrix per command `{groups, tiles, slices}`. Scales go to [`ScaleBuffer`] words `{parity of the block, g, t}`. A
///   block's scales are written when the block before the last one has been used (`used`).
/// - Guarantee: a beat a cycle; beats of several scale words take a cycle for each. `fault` stays when the last beat of
///   the stream is not the matrix's last.
#[derive(LogicBlock, Ports)]
pub struct WeightLoader {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops the matrix.
    pub reset: Signal<In, Bit>,
    /// `{groups, tiles, slices}`, each from 1 on.
    pub command: ItemSink,
    /// Beats; `last` ends a matrix.
    pub r#in: StreamSink,
    /// Tiles, see [`DatapathShape::load_bits`].
    pub load: StreamSource,
    /// Write a word of scales?
    pub scale_write: Signal<Out, Bit>,
    /// Which.
    pub scale_address: Wire<Out>,
    /// The word.
    pub scale_data: Wire<Out>,
    /// A block has been used.
    pub used: Signal<In, Bit>,
    /// The stream and the matrix do not end together.
    pub fault: Signal<Out, Bit>,
    /// A matrix is under way.
    pub busy: Signal<Out, Bit>,
    state: Reg,
    slices: Reg,
    tiles: Reg,
    groups: Reg,
    block: Reg,
    slice: Reg,
    tile: Reg,
    group: Reg,
    part: Reg,
    beat: Reg,
    parity: DFF<Bit>,
    ahead: Reg,
    wrong: DFF<Bit>,
    gathered: Reg,
    takes: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    _shape: DatapathShape,
    /// Beats of a word of scales, and words of a beat: one of them is 1.
    _parts: (usize, usize),
}

impl WeightLoader {
    /// For the array of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape) -> Result<WeightLoader, ParameterError> {
        shape.check()?;
        let word = shape.outputs() * VALUE_BITS;
        let beat = shape.beat_bits();
        let parts = (word.div_ceil(beat), beat.div_ceil(word));
        Ok(WeightLoader {
            clock: Default::default(),
            reset: Default::default(),
            command: ItemSink::new(2 * COUNT_BITS + GROUPS_BITS),
            r#in: StreamSink::new(beat),
            load: StreamSource::new(shape.load_bits()),
            scale_write: Default::default(),
            scale_address: Wire::new(ScaleBuffer::ADDRESS_BITS),
            scale_data: Wire::new(word),
            used: Default::default(),
            fault: Default::default(),
            busy: Default::default(),
            state: Reg::new(2),
            slices: Reg::new(COUNT_BITS),
            tiles: Reg::new(COUNT_BITS),
            groups: Reg::new(GROUPS_BITS),
            block: Reg::new(3),
            slice: Reg::new(COUNT_BITS),
            tile: Reg::new(3),
            group: Reg::new(GROUPS_BITS),
            part: Reg::new(index_bits(parts.0.max(parts.1))),
            beat: Reg::new(index_bits(shape.int4_beats())),
            parity: Default::default(),
            ahead: Reg::new(2),
            wrong: Default::default(),
            gathered: Reg::new(word),
            takes: Default::default(),
            ends: Default::default(),
            _shape: *shape,
            _parts: parts,
        })
    }
}

impl Logic for WeightLoader {
    #[hdl(lanes = self._shape.lanes, columns = self._shape.columns)]
    fn update(&mut self) {
        dff_setup!(self, clock, state, slices, tiles, groups, block, slice, tile, group);
        dff_setup!(self, clock, part, beat, parity, ahead, wrong, gathered);
        let shape = self._shape;
        let (beats_a_word, words_a_beat) = self._parts;
        let beat_bits = shape.beat_bits();
        let word_bits = shape.outputs() * VALUE_BITS;
        let beats = shape.int4_beats();
        let state = self.state.q.val();
        let waiting = state == WAITING;
        let scales = state == SCALES;
        let tiles = state == TILES;
        let last_tile = self.tile.q.val() + 1 == self.block.q.val();
        let last_group = self.group.q.val() + 1 == self.groups.q.val();
        let last_word = last_tile && last_group;
        let part = self.part.q.val();

        // Scales: a word of several beats, or a beat of several words.
        let mut word_done = true;
        let mut beat_done = true;
        if beats_a_word > 1 {
            word_done = part == beats_a_word - 1;
        }
        if words_a_beat > 1 {
            beat_done = part == words_a_beat - 1 || last_word;
        }
        let writes = scales && self.r#in.valid.val() && word_done;
        self.scale_write.next = writes;
        self.scale_address.next =
            cat!(self.parity.q.val(), self.group.q.val().trunc(7), self.tile.q.val().trunc(2));
        if beats_a_word > 1 {
            self.scale_data.next = cat!(
                self.r#in.data.val(),
                self.gathered.q.val().slice(beat_bits, word_bits - beat_bits)
            );
        } else {
            self.scale_data.next = self.r#in.data.val().trunc(word_bits);
            if words_a_beat > 1 {
                for k in 1..words_a_beat {
                    if part == k {
                        self.scale_data.next = self.r#in.data.val().slice(k * word_bits, word_bits);
                    }
                }
            }
        }
        if scales && self.r#in.valid.val() {
            self.part.d.next = part.clone() + 1;
            if beats_a_word > 1 {
                self.gathered.d.next = self.scale_data.val();
                if word_done {
                    self.part.d.next = Word::zero(self.part.width());
                }
            } else {
                if beat_done {
                    self.part.d.next = Word::zero(self.part.width());
                }
            }
            if word_done {
                self.tile.d.next = self.tile.q.val() + 1;
                if last_tile {
                    self.tile.d.next = Word::zero(3);
                    self.group.d.next = self.group.q.val() + 1;
                }
                if last_word {
                    self.state.d.next = Word::new(2, TILES as u128);
                    self.slice.d.next = Word::zero(COUNT_BITS);
                    self.beat.d.next = Word::zero(self.beat.width());
                }
            }
        }

        // Tiles.
        let last_beat = self.beat.q.val() == beats - 1;
        let last_slice = self.slice.q.val() + 1 == self.slices.q.val();
        let ends_block = last_beat && last_tile && last_slice;
        let only = self.tiles.q.val() == self.block.q.val().zext(COUNT_BITS);
        self.load.valid.next = tiles && self.r#in.valid.val();
        let slot = index_bits(shape.slots());
        let even = cat!(self.beat.q.val(), Word::zero(1));
        let even = even.zext(slot + 2).trunc(slot);
        self.load.data.next = cat!(true, even, self.r#in.data.val());
        self.load.last.next = last_beat;
        let passes = tiles && self.r#in.valid.val() && self.load.ready.val();
        if passes {
            self.beat.d.next = self.beat.q.val() + 1;
            if last_beat {
                self.beat.d.next = Word::zero(self.beat.width());
                self.tile.d.next = self.tile.q.val() + 1;
                if last_tile {
                    self.tile.d.next = Word::zero(3);
                    self.slice.d.next = self.slice.q.val() + 1;
                }
            }
            if ends_block {
                self.parity.d.next = !self.parity.q.val();
                self.tiles.d.next = self.tiles.q.val() - self.block.q.val().zext(COUNT_BITS);
                self.state.d.next = mux(only, Word::zero(2), Word::new(2, WAITING as u128));
            }
        }
        self.takes.next = (scales && self.r#in.valid.val() && beat_done) || passes;
        self.ends.next = passes && ends_block && only;
        self.r#in.ready.next = (scales && beat_done) || (tiles && self.load.ready.val());
        if self.takes.val() && (self.r#in.last.val() ^ self.ends.val()) {
            self.wrong.d.next = true;
        }
        self.fault.next = self.wrong.q.val();

        // A block at a time; two are held.
        let begins = waiting && self.ahead.q.val() != 2;
        if begins && !self.used.val() {
            self.ahead.d.next = self.ahead.q.val() + 1;
        } else if self.used.val() && !begins {
            self.ahead.d.next = self.ahead.q.val() - 1;
        }
        if begins {
            self.state.d.next = Word::new(2, SCALES as u128);
            self.tile.d.next = Word::zero(3);
            self.group.d.next = Word::zero(GROUPS_BITS);
            self.part.d.next = Word::zero(self.part.width());
            let many = self.tiles.q.val() > INTERLEAVE;
            self.block.d.next =
                mux(many, Word::new(3, INTERLEAVE as u128), self.tiles.q.val().trunc(3));
        }
        self.command.ready.next = state == IDLE;
        if state == IDLE && self.command.valid.val() {
            self.slices.d.next = self.command.data.val().trunc(COUNT_BITS);
            self.tiles.d.next = self.command.data.val().slice(COUNT_BITS, COUNT_BITS);
            self.groups.d.next = self.command.data.val().slice(2 * COUNT_BITS, GROUPS_BITS);
            self.state.d.next = Word::new(2, WAITING as u128);
        }
        self.busy.next = state != IDLE;
        if self.reset.val() {
            self.state.d.next = Word::zero(2);
            self.ahead.d.next = Word::zero(2);
            self.wrong.d.next = false;
            self.parity.d.next = false;
        }
    }
}
