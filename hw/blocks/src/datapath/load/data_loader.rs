//! [`DataLoader`]: rows of data from DDR to the memories on chip.

use super::super::report::{self, ADDRESS_BITS, SITE_BITS};
use super::super::shape::{DatapathShape, VALUE_BITS};
use crate::dma::{Command, DmaOptions};
use crate::npe::rotation::RotationShape;
use crate::parameter::{index_bits, ParameterError};
use crate::stream::{ItemSink, ItemSource, StreamSource};
use skipopu_config::Config;
use skipopu_hdl::prelude::*;
use skipopu_isa::set::DDR_WORDS;
use skipopu_isa::value::{Repeat, Space};

/// Bits of a word's address in DDR.
pub const WORD_ADDRESS: usize = 28;
/// Bits of a slice's address on chip.
pub const SLICE_ADDRESS: usize = 18;
/// Bits of a number of slices.
pub const SLICES: usize = 20;
/// Bytes of a word of an address, as a shift.
const WORD_SHIFT: usize = 6;

/// Bits of words moved, and of the end of what is touched.
const MOVED: usize = 38;
const END: usize = 40;

/// Fields of a command, from the lowest bit on: address, space, at, slices, repeat: those of `load.data`.
pub const COMMAND_BITS: usize = WORD_ADDRESS + 2 + SLICE_ADDRESS + SLICES + 2;

/// Executes `load.data`.
///
/// - Does: a command `{repeat, slices, at, space, address}`: a read for each row, its words cut into slices and written one
///   after the other. RoPE factors go out tile by tile with the number of their row.
///   A command that goes beyond a memory is not carried out, and never finishes: `fault` says so.
/// - Guarantee: a slice a cycle while DDR gives it; `finished` with the last slice.
#[derive(LogicBlock, Ports)]
pub struct DataLoader {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets the command.
    pub reset: Signal<In, Bit>,
    /// Commands.
    pub command: ItemSink,
    /// Tokens of the block.
    pub rows: Wire<In>,
    /// Position of the first.
    pub position: Wire<In>,
    /// Reads of DDR, `{tag, bytes, address}`.
    pub read_command: ItemSource,
    /// Words.
    pub read: ItemSink,
    /// Slices of the scratchpad, `{slice, address}`.
    pub scratchpad: ItemSource,
    /// Slices of the constant memory.
    pub constants: ItemSource,
    /// RoPE factors.
    pub rotation: StreamSource,
    /// The command is done.
    pub finished: Signal<Out, Bit>,
    /// The command goes beyond a memory.
    pub fault: Signal<Out, Bit>,
    /// Which, see [`report`].
    pub fault_site: Wire<Out>,
    /// The last slice or word that it would touch.
    pub fault_address: Wire<Out>,
    active: DFF<Bit>,
    asking: DFF<Bit>,
    space: Reg,
    at: Reg,
    slices: Reg,
    words: Reg,
    bytes: Reg,
    address: Reg,
    rows_asked: Reg,
    rows_left: Reg,
    row: Reg,
    slice: Reg,
    part: Reg,
    tile: Reg,
    place: Reg,
    first: DFF<Bit>,
    stepping: Reg,
    checked: Reg,
    wrong: DFF<Bit>,
    moved: Reg,
    slice_end: Reg,
    word_end: Reg,
    chosen: Wire<Local>,
    writes: Signal<Local, Bit>,
    _shape: DatapathShape,
    _rotation: RotationShape,
    _options: DmaOptions,
}

impl DataLoader {
    /// For the memories of a configuration.
    ///
    /// # Errors
    /// Sizes that do not go together.
    pub fn new(config: &Config) -> Result<DataLoader, ParameterError> {
        let shape = DatapathShape::of(config)?;
        let rotation = RotationShape::of(config);
        let options = DmaOptions::ddr();
        let slice = shape.slice_bits();
        let rows = shape.row_count_bits();
        let parts = (options.word_bits() / slice).max(1);
        Ok(DataLoader {
            clock: Default::default(),
            reset: Default::default(),
            command: ItemSink::new(COMMAND_BITS),
            rows: Wire::new(rows),
            position: Wire::new(16),
            read_command: ItemSource::new(Command::bits(&options)),
            read: ItemSink::new(options.word_bits()),
            scratchpad: ItemSource::new(shape.scratchpad_bits() + slice),
            constants: ItemSource::new(shape.constant_bits() + slice),
            rotation: StreamSource::new(rotation.fill_bits()),
            finished: Default::default(),
            fault: Default::default(),
            fault_site: Wire::new(SITE_BITS),
            fault_address: Wire::new(ADDRESS_BITS),
            active: Default::default(),
            asking: Default::default(),
            space: Reg::new(2),
            at: Reg::new(SLICE_ADDRESS),
            slices: Reg::new(SLICES),
            words: Reg::new(WORD_ADDRESS),
            bytes: Reg::new(24),
            address: Reg::new(END),
            rows_asked: Reg::new(rows),
            rows_left: Reg::new(rows),
            row: Reg::new(rows),
            slice: Reg::new(SLICES),
            part: Reg::new(index_bits(parts)),
            tile: Reg::new(index_bits(shape.tiles_per_slice())),
            place: Reg::new(index_bits(rotation.tiles)),
            first: Default::default(),
            stepping: Reg::new(WORD_ADDRESS),
            checked: Reg::new(2),
            wrong: Default::default(),
            moved: Reg::new(MOVED),
            slice_end: Reg::new(END),
            word_end: Reg::new(END),
            chosen: Wire::new(slice),
            writes: Default::default(),
            _shape: shape,
            _rotation: rotation,
            _options: options,
        })
    }
}

impl Logic for DataLoader {
    #[hdl(
        lanes = self._shape.lanes,
        ways = self._shape.ways,
        rows = self._shape.rows,
        scratchpad = self._shape.scratchpad,
        constants = self._shape.constants,
        tokens = self._rotation.tokens,
        tiles = self._rotation.tiles
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, active, asking, space, at, slices, words, bytes, address);
        dff_setup!(self, clock, rows_asked, rows_left, row, slice, part, tile, place, first);
        dff_setup!(self, clock, stepping, checked, wrong, moved, slice_end, word_end);
        let shape = self._shape;
        let slice_bits = shape.slice_bits();
        let word_bits = self._options.word_bits();
        let parts = (word_bits / slice_bits).max(1);
        let tiles = shape.tiles_per_slice();
        let tile_bits = shape.ways * VALUE_BITS;
        let rows = self.rows.width();

        // The command; how many words a row has, and where the first one begins.
        let c = WORD_ADDRESS + 2;
        let repeat = self.command.data.val().slice(c + SLICE_ADDRESS + SLICES, 2);
        let many = self.command.data.val().slice(c + SLICE_ADDRESS, SLICES);
        let row_bytes = many.clone().zext(WORD_ADDRESS) << (shape.lanes.ilog2() as usize + 1);
        let row_words = (row_bytes.clone() + Word::new(WORD_ADDRESS, 63)) >> WORD_SHIFT;
        self.command.ready.next = !self.active.q.val();
        self.finished.next = false;
        if !self.active.q.val() {
            if self.command.valid.val() {
                self.active.d.next = true;
                self.first.d.next = true;
                self.checked.d.next = Word::zero(2);
                self.address.d.next = self.command.data.val().trunc(WORD_ADDRESS).zext(END);
                self.space.d.next = self.command.data.val().slice(WORD_ADDRESS, 2);
                self.at.d.next = self.command.data.val().slice(c, SLICE_ADDRESS);
                self.slices.d.next = many;
                self.words.d.next = row_words.clone();
                self.bytes.d.next = row_bytes.trunc(24);
                self.stepping.d.next = row_words;
                self.rows_asked.d.next = Word::new(rows, 1);
                self.rows_left.d.next = Word::new(rows, 1);
                if repeat != Repeat::Once as usize {
                    self.rows_asked.d.next = self.rows.val();
                    self.rows_left.d.next = self.rows.val();
                }
                self.asking.d.next = repeat == Repeat::Positions as usize;
                self.row.d.next = Word::zero(rows);
                self.slice.d.next = Word::zero(SLICES);
                self.part.d.next = Word::zero(self.part.width());
                self.tile.d.next = Word::zero(self.tile.width());
                self.place.d.next = Word::zero(self.place.width());
            }
        } else if self.first.q.val() {
            // With positions: on to the row of the block's position.
            self.first.d.next = false;
            if self.asking.q.val() {
                self.address.d.next = self.address.q.val()
                    + (self.words.q.val() * self.position.val()).zext(END + 4).trunc(END);
            }
        }

        // Where it ends: on chip, and in DDR, from whose address on rows, with positions those before too, are moved.
        let rotates = self.space.q.val() == Space::Rotation as usize;
        let scratchpad = self.space.q.val() == Space::Scratchpad as usize;
        let constants = self.space.q.val() == Space::Constants as usize;
        let counted = self.checked.q.val().all();
        if self.active.q.val() && !self.first.q.val() && !counted {
            self.checked.d.next = self.checked.q.val() + 1;
        }
        if self.active.q.val() && !counted {
            let slices = self.rows_left.q.val() * self.slices.q.val();
            self.slice_end.d.next = self.at.q.val().zext(END) + slices.zext(END);
            if rotates {
                self.slice_end.d.next = self.slices.q.val().zext(END);
            }
            self.moved.d.next = (self.rows_left.q.val() * self.words.q.val()).zext(MOVED);
            self.word_end.d.next = self.address.q.val().zext(END) + self.moved.q.val().zext(END);
        }
        let mut most = Word::new(END, shape.scratchpad as u128);
        if rotates {
            let of_row = self._rotation.tiles * shape.ways / shape.lanes;
            most = Word::new(END, of_row as u128);
        } else if constants {
            most = Word::new(END, shape.constants as u128);
        }
        let beyond_chip = self.slice_end.q.val() > most;
        let beyond_ddr = self.word_end.q.val() > Word::new(END, DDR_WORDS as u128);
        let last = self.checked.q.val() == 2;
        if self.active.q.val() && last && (beyond_chip || beyond_ddr) {
            self.wrong.d.next = true;
        }
        self.fault.next = self.wrong.q.val();
        self.fault_site.next = mux(
            beyond_chip,
            Word::new(SITE_BITS, report::ON_CHIP as u128),
            Word::new(SITE_BITS, report::DDR as u128),
        );
        self.fault_address.next = mux(
            beyond_chip,
            (self.slice_end.q.val() - 1).zext(ADDRESS_BITS),
            (self.word_end.q.val() - 1).zext(ADDRESS_BITS) << WORD_SHIFT,
        );

        // A read for each row.
        let asks =
            self.active.q.val() && counted && !self.wrong.q.val() && self.rows_asked.q.val().any();
        self.read_command.valid.next = asks;
        self.read_command.data.next = cat!(
            Word::zero(self._options.tag_bits),
            self.bytes.q.val(),
            self.address.q.val().trunc(WORD_ADDRESS),
            Word::zero(WORD_SHIFT)
        );
        if asks && self.read_command.ready.val() {
            self.rows_asked.d.next = self.rows_asked.q.val() - 1;
            self.address.d.next = self.address.q.val() + self.stepping.q.val().zext(END);
        }

        // Words to slices, slices to their memory.
        self.chosen.next = self.read.data.val().trunc(slice_bits);
        let mut last_part = true;
        if parts > 1 {
            last_part = self.part.q.val() == parts - 1;
            for k in 1..parts {
                if self.part.q.val() == k {
                    self.chosen.next = self.read.data.val().slice(k * slice_bits, slice_bits);
                }
            }
        }
        let there = self.active.q.val() && self.read.valid.val();
        self.scratchpad.valid.next = there && scratchpad;
        self.constants.valid.next = there && constants;
        self.rotation.valid.next = there && rotates;
        self.rotation.last.next = false;
        self.scratchpad.data.next =
            cat!(self.chosen.val(), self.at.q.val().trunc(shape.scratchpad_bits()));
        self.constants.data.next =
            cat!(self.chosen.val(), self.at.q.val().trunc(shape.constant_bits()));
        let mut turn = self.chosen.val().trunc(tile_bits);
        let mut last_tile = true;
        if tiles > 1 {
            last_tile = self.tile.q.val() == tiles - 1 || !rotates;
            for t in 1..tiles {
                if self.tile.q.val() == t {
                    turn = self.chosen.val().slice(t * tile_bits, tile_bits);
                }
            }
        }
        let address = self._rotation.address_bits();
        let places = self._rotation.tiles.ilog2() as usize;
        let mut to = self.row.q.val().zext(address + rows).trunc(address);
        if places > 0 {
            to = (self.row.q.val().zext(address + rows) << places).trunc(address)
                | self.place.q.val().zext(address);
        }
        self.rotation.data.next = cat!(to, turn);
        let takes = (scratchpad && self.scratchpad.ready.val())
            || (constants && self.constants.ready.val())
            || (rotates && self.rotation.ready.val());
        self.writes.next = there && takes;
        let last_slice = self.slice.q.val() + 1 == self.slices.q.val();
        self.read.ready.next =
            takes && self.active.q.val() && last_tile && (last_part || last_slice);
        if self.writes.val() {
            self.tile.d.next = self.tile.q.val() + 1;
            self.place.d.next = self.place.q.val() + 1;
            if last_tile {
                self.tile.d.next = Word::zero(self.tile.width());
                self.part.d.next = self.part.q.val() + 1;
                self.slice.d.next = self.slice.q.val() + 1;
                self.at.d.next = self.at.q.val() + 1;
                if last_part || last_slice {
                    self.part.d.next = Word::zero(self.part.width());
                }
                if last_slice {
                    self.slice.d.next = Word::zero(SLICES);
                    self.place.d.next = Word::zero(self.place.width());
                    self.row.d.next = self.row.q.val() + 1;
                    self.rows_left.d.next = self.rows_left.q.val() - 1;
                    if self.rows_left.q.val() == 1 {
                        self.active.d.next = false;
                        self.finished.next = true;
                    }
                }
            }
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.wrong.d.next = false;
        }
    }
}
