//! [`Drain`]: complete sums to tiles of the NPE.

use super::super::shape::{DatapathShape, SINGLE_BITS};
use crate::parameter::{index_bits, ParameterError};
use crate::primitives::DelayReset;
use crate::stream::{Fifo, FifoOptions, ItemSink, Occupancy, Storage, StreamSource};
use skipopu_hdl::prelude::*;

/// Entries read ahead.
const DEPTH: usize = 8;
/// Bits of a loop's count.
pub const LOOP_BITS: usize = 8;

/// Reads entries of complete sums and gives their values in tiles.
///
/// ```text
/// for i in 0..n0, k in 0..n1: the values of entry base + i s0 + k s1, tile by tile
/// ```
///
/// - Does: a command `{more, int4, s1, n1, s0, n0, base}` when `ended` groups of sums are there; `last` with the last tile. With
///   `int4` an entry has `2 C` values, else `C`. A group takes several commands, all but its last one with `more`;
///   `drained` when the last tile of that is taken.
/// - Guarantee: a tile a cycle.
#[derive(LogicBlock, Ports)]
pub struct Drain {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Commands.
    pub command: ItemSink,
    /// A group of sums has been written.
    pub ended: Signal<In, Bit>,
    /// Entry to read, `{half, entry}`.
    pub address: Wire<Out>,
    /// Its values, [`Drain::MEMORY_LATENCY`] cycles later.
    pub data: Wire<In>,
    /// Tiles.
    pub out: StreamSource,
    /// A command's last tile is taken.
    pub drained: Signal<Out, Bit>,
    fifo: Fifo,
    held: Occupancy,
    live: DelayReset,
    ready: Reg,
    reading: DFF<Bit>,
    giving: DFF<Bit>,
    half: DFF<Bit>,
    i: Reg,
    k: Reg,
    n0: Reg,
    n1: Reg,
    s0: Reg,
    s1: Reg,
    outer_at: Reg,
    at: Reg,
    tile: Reg,
    int4: DFF<Bit>,
    more: DFF<Bit>,
    _shape: DatapathShape,
}

impl Drain {
    /// Cycles from an entry's address to its values.
    pub const MEMORY_LATENCY: usize = 2;
    /// Cycles from `ended` to the first tile, if a command waits.
    pub const LATENCY: usize = 2 + Drain::MEMORY_LATENCY + Storage::Lutram.latency();
    /// Cycles without a tile between two commands.
    pub const BETWEEN: usize = 2 + Drain::MEMORY_LATENCY + Storage::Lutram.latency() - 1;

    /// Bits of a command.
    pub fn command_bits(shape: &DatapathShape) -> usize {
        2 + 3 * shape.entry_bits() + 2 * LOOP_BITS
    }

    /// For the array of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape) -> Result<Drain, ParameterError> {
        shape.check()?;
        let entry = shape.entry_bits();
        let width = shape.outputs() * SINGLE_BITS;
        let options =
            FifoOptions { storage: Some(Storage::Lutram), ..FifoOptions::new(width, DEPTH) };
        Ok(Drain {
            clock: Default::default(),
            reset: Default::default(),
            command: ItemSink::new(Drain::command_bits(shape)),
            ended: Default::default(),
            address: Wire::new(entry + 1),
            data: Wire::new(width),
            out: StreamSource::new(shape.ways * SINGLE_BITS),
            drained: Default::default(),
            fifo: Fifo::new(&options)?,
            held: Occupancy::new(DEPTH, DEPTH)?,
            live: DelayReset::new(1, Drain::MEMORY_LATENCY)?,
            ready: Reg::new(2),
            reading: Default::default(),
            giving: Default::default(),
            half: Default::default(),
            i: Reg::new(LOOP_BITS),
            k: Reg::new(LOOP_BITS),
            n0: Reg::new(LOOP_BITS),
            n1: Reg::new(LOOP_BITS),
            s0: Reg::new(entry),
            s1: Reg::new(entry),
            outer_at: Reg::new(entry),
            at: Reg::new(entry),
            tile: Reg::new(index_bits(shape.outputs() / shape.ways)),
            int4: Default::default(),
            more: Default::default(),
            _shape: *shape,
        })
    }
}

impl Logic for Drain {
    #[hdl(columns = self._shape.columns, ways = self._shape.ways, rows = self._shape.rows)]
    fn update(&mut self) {
        dff_setup!(self, clock, ready, reading, giving, half, i, k, n0, n1, s0, s1);
        dff_setup!(self, clock, outer_at, at, tile, int4, more);
        clock!(self, clock, fifo, held, live);
        let entry = self._shape.entry_bits();
        let tile_bits = self._shape.ways * SINGLE_BITS;
        let tiles = self._shape.outputs() / self._shape.ways;

        // Entries.
        self.address.next = cat!(self.half.q.val(), self.at.q.val());
        let reads = self.reading.q.val() && self.held.not_full.val();
        let last_k = self.k.q.val() + 1 == self.n1.q.val();
        let last_i = self.i.q.val() + 1 == self.n0.q.val();
        if reads {
            self.k.d.next = self.k.q.val() + 1;
            self.at.d.next = self.at.q.val() + self.s1.q.val();
            if last_k {
                self.k.d.next = Word::zero(LOOP_BITS);
                self.i.d.next = self.i.q.val() + 1;
                let next = self.outer_at.q.val() + self.s0.q.val();
                self.outer_at.d.next = next.clone();
                self.at.d.next = next;
                if last_i {
                    self.reading.d.next = false;
                    self.half.d.next = self.half.q.val() == self.more.q.val();
                }
            }
        }
        self.held.reset.next = self.reset.val();
        self.held.push.next = reads;
        self.live.enable.next = true;
        self.live.reset.next = self.reset.val();
        self.live.d.next = Word::from(reads);
        self.fifo.reset.next = self.reset.val();
        self.fifo.r#in.valid.next = self.live.q.val().any();
        self.fifo.r#in.data.next = self.data.val();
        self.fifo.r#in.last.next = false;

        // Tiles.
        let mut last_tile = self.tile.q.val() == tiles / 2 - 1;
        if self.int4.q.val() {
            last_tile = self.tile.q.val() == tiles - 1;
        }
        self.out.valid.next = self.fifo.out.valid.val();
        self.out.data.next = self.fifo.out.data.val().trunc(tile_bits);
        for t in 1..tiles {
            if self.tile.q.val() == t {
                self.out.data.next = self.fifo.out.data.val().slice(t * tile_bits, tile_bits);
            }
        }
        let gives = self.fifo.out.valid.val() && self.out.ready.val();
        self.fifo.out.ready.next = self.out.ready.val() && last_tile;
        let pops = gives && last_tile;
        self.held.pop.next = pops;
        // The last entry is at the FIFO's end when nothing is left to read and no other is held.
        let only = !self.reading.q.val() && self.held.level.val() == 1;
        self.out.last.next = only && last_tile;
        self.drained.next = pops && only && !self.more.q.val();
        if gives {
            self.tile.d.next = self.tile.q.val() + 1;
            if last_tile {
                self.tile.d.next = Word::zero(self.tile.width());
            }
        }
        if pops && only {
            self.giving.d.next = false;
        }

        // Commands.
        let begins = self.command.valid.val() && !self.giving.q.val() && self.ready.q.val().any();
        self.command.ready.next = !self.giving.q.val() && self.ready.q.val().any();
        let more = self.command.data.val().bit(3 * entry + 2 * LOOP_BITS + 1);
        let uses = begins && !more;
        if uses && !self.ended.val() {
            self.ready.d.next = self.ready.q.val() - 1;
        } else if self.ended.val() && !uses {
            self.ready.d.next = self.ready.q.val() + 1;
        }
        if begins {
            let c = self.command.data.val();
            self.giving.d.next = true;
            self.reading.d.next = true;
            self.at.d.next = c.trunc(entry);
            self.outer_at.d.next = c.trunc(entry);
            self.n0.d.next = c.slice(entry, LOOP_BITS);
            self.s0.d.next = c.slice(entry + LOOP_BITS, entry);
            self.n1.d.next = c.slice(2 * entry + LOOP_BITS, LOOP_BITS);
            self.s1.d.next = c.slice(2 * entry + 2 * LOOP_BITS, entry);
            self.int4.d.next = c.bit(3 * entry + 2 * LOOP_BITS);
            self.more.d.next = c.bit(3 * entry + 2 * LOOP_BITS + 1);
            self.i.d.next = Word::zero(LOOP_BITS);
            self.k.d.next = Word::zero(LOOP_BITS);
            self.tile.d.next = Word::zero(self.tile.width());
        }
        if self.reset.val() {
            self.reading.d.next = false;
            self.giving.d.next = false;
            self.half.d.next = false;
            self.ready.d.next = Word::zero(2);
        }
    }
}
