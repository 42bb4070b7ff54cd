//! [`Walker`]: the tiles of a vector operation, one after the other.

use super::super::shape::DatapathShape;
use crate::npe::tile::PLACE_BITS;
use crate::parameter::{index_bits, ParameterError};
use skipopu_hdl::prelude::*;

/// Bits of a number of tiles of a row.
pub const COUNT_BITS: usize = PLACE_BITS + 1;

/// Walks over the tiles of an operation of the NPE.
///
/// ```text
/// for r in the rows of mask:                       j counts them
///     for q in 0..queries, c in 0..chunks, g in 0..groups, w in 0..tiles:
///         source  = source_base + r source_row + q source_q + g source_g + w
///         operand = operand_base + r operand_row + w
///         target  = target_base + (dense ? j : r) target_row + q target_q + c target_c + g target_g + (halve ? w / 2 : w)
/// ```
///
/// - Does: gives a step of the loop a cycle on `out`, all addresses in tiles. `label` numbers the rows that the NPE tells
///   apart: `r`, or with `count_labels` all (r, q, g) from 0 on. `place` is `place_base`, with `count_places` plus `w`; with
///   `turning` it counts from `turn` on modulo `head_tiles`. With `halve` a target is written by every second tile.
///   Targets of a row from number `limit` on are to be discarded, those of group 1 with `single`.
/// - Does not: read or write; check that addresses lie in a memory (see `beyond`).
/// - Guarantee: a row that does not take part takes one cycle; `busy` from the cycle after `start`.
#[derive(LogicBlock, Ports)]
pub struct Walker {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Ends the walk.
    pub reset: Signal<In, Bit>,
    /// Begin; everything up to `single` is taken now.
    pub start: Signal<In, Bit>,
    /// Rows that take part.
    pub mask: Wire<In>,
    /// Query heads.
    pub queries: Wire<In>,
    /// Chunks.
    pub chunks: Wire<In>,
    /// Are there two groups?
    pub two_groups: Signal<In, Bit>,
    /// Tiles.
    pub tiles: Wire<In>,
    /// First tile that is read.
    pub source_base: Wire<In>,
    /// From row to row.
    pub source_row: Wire<In>,
    /// From query head to query head.
    pub source_q: Wire<In>,
    /// From group to group.
    pub source_g: Wire<In>,
    /// First tile of the second operand.
    pub operand_base: Wire<In>,
    /// From row to row.
    pub operand_row: Wire<In>,
    /// First tile that is written.
    pub target_base: Wire<In>,
    /// From row to row.
    pub target_row: Wire<In>,
    /// Are rows of the target dense?
    pub dense: Signal<In, Bit>,
    /// From query head to query head.
    pub target_q: Wire<In>,
    /// From chunk to chunk.
    pub target_c: Wire<In>,
    /// From group to group.
    pub target_g: Wire<In>,
    /// Two tiles become one.
    pub halve: Signal<In, Bit>,
    /// Number labels.
    pub count_labels: Signal<In, Bit>,
    /// Number places.
    pub count_places: Signal<In, Bit>,
    /// First place.
    pub place_base: Wire<In>,
    /// Places are those of a tile in its head.
    pub turning: Signal<In, Bit>,
    /// The first tile's place in its head.
    pub turn: Wire<In>,
    /// Tiles of a head.
    pub head_tiles: Wire<In>,
    /// Targets of a row.
    pub limit: Wire<In>,
    /// Discard group 1.
    pub single: Signal<In, Bit>,
    /// A step is offered.
    pub valid: Signal<Out, Bit>,
    /// It is taken.
    pub ready: Signal<In, Bit>,
    /// Tile to read.
    pub source: Wire<Out>,
    /// Tile of the second operand.
    pub operand: Wire<Out>,
    /// Tile to write.
    pub target: Wire<Out>,
    /// Write?
    pub emits: Signal<Out, Bit>,
    /// Drop it.
    pub discard: Signal<Out, Bit>,
    /// Row of the block.
    pub row: Wire<Out>,
    /// Row of the NPE.
    pub label: Wire<Out>,
    /// Place.
    pub place: Wire<Out>,
    /// Number of the tile among `tiles`.
    pub tile: Wire<Out>,
    /// The last of them.
    pub end: Signal<Out, Bit>,
    /// The last step of all.
    pub last: Signal<Out, Bit>,
    /// Where the next walk of these rows goes on turning.
    pub next_turn: Wire<Out>,
    /// A walk is under way.
    pub busy: Signal<Out, Bit>,
    active: DFF<Bit>,
    here: DFF<Bit>,
    left: Reg,
    r: Reg,
    q: Reg,
    c: Reg,
    g: DFF<Bit>,
    w: Reg,
    named: Reg,
    turned: Reg,
    written: Reg,
    source_at: Vec<Reg>,
    operand_at: Reg,
    operand_now: Reg,
    target_at: Vec<Reg>,
    queries_held: Reg,
    chunks_held: Reg,
    groups_held: DFF<Bit>,
    tiles_held: Reg,
    source_steps: Vec<Reg>,
    operand_step: Reg,
    target_steps: Vec<Reg>,
    dense_held: DFF<Bit>,
    halve_held: DFF<Bit>,
    labels_held: DFF<Bit>,
    places_held: DFF<Bit>,
    place_held: Reg,
    turning_held: DFF<Bit>,
    turn_held: Reg,
    head_held: Reg,
    limit_held: Reg,
    single_held: DFF<Bit>,
    _shape: DatapathShape,
}

impl Walker {
    /// Bits of a tile's address.
    pub fn address_bits(shape: &DatapathShape) -> usize {
        shape.address_bits() + index_bits(shape.tiles_per_slice())
    }

    /// For the memories of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape) -> Result<Walker, ParameterError> {
        shape.check()?;
        let (rows, address) = (shape.rows, Walker::address_bits(shape));
        let label = index_bits(shape.npe_rows);
        let regs = |n: usize| (0..n).map(|_| Reg::new(address)).collect::<Vec<_>>();
        Ok(Walker {
            clock: Default::default(),
            reset: Default::default(),
            start: Default::default(),
            mask: Wire::new(rows),
            queries: Wire::new(8),
            chunks: Wire::new(8),
            two_groups: Default::default(),
            tiles: Wire::new(COUNT_BITS),
            source_base: Wire::new(address),
            source_row: Wire::new(address),
            source_q: Wire::new(address),
            source_g: Wire::new(address),
            operand_base: Wire::new(address),
            operand_row: Wire::new(address),
            target_base: Wire::new(address),
            target_row: Wire::new(address),
            dense: Default::default(),
            target_q: Wire::new(address),
            target_c: Wire::new(address),
            target_g: Wire::new(address),
            halve: Default::default(),
            count_labels: Default::default(),
            count_places: Default::default(),
            place_base: Wire::new(PLACE_BITS),
            turning: Default::default(),
            turn: Wire::new(PLACE_BITS),
            head_tiles: Wire::new(PLACE_BITS),
            limit: Wire::new(address),
            single: Default::default(),
            valid: Default::default(),
            ready: Default::default(),
            source: Wire::new(address),
            operand: Wire::new(address),
            target: Wire::new(address),
            emits: Default::default(),
            discard: Default::default(),
            row: Wire::new(shape.row_bits()),
            label: Wire::new(label),
            place: Wire::new(PLACE_BITS),
            tile: Wire::new(COUNT_BITS),
            end: Default::default(),
            last: Default::default(),
            next_turn: Wire::new(PLACE_BITS),
            busy: Default::default(),
            active: Default::default(),
            here: Default::default(),
            left: Reg::new(rows),
            r: Reg::new(shape.row_bits()),
            q: Reg::new(8),
            c: Reg::new(8),
            g: Default::default(),
            w: Reg::new(COUNT_BITS),
            named: Reg::new(label),
            turned: Reg::new(PLACE_BITS),
            written: Reg::new(address),
            source_at: regs(4),
            operand_at: Reg::new(address),
            operand_now: Reg::new(address),
            target_at: regs(5),
            queries_held: Reg::new(8),
            chunks_held: Reg::new(8),
            groups_held: Default::default(),
            tiles_held: Reg::new(COUNT_BITS),
            source_steps: regs(3),
            operand_step: Reg::new(address),
            target_steps: regs(4),
            dense_held: Default::default(),
            halve_held: Default::default(),
            labels_held: Default::default(),
            places_held: Default::default(),
            place_held: Reg::new(PLACE_BITS),
            turning_held: Default::default(),
            turn_held: Reg::new(PLACE_BITS),
            head_held: Reg::new(PLACE_BITS),
            limit_held: Reg::new(address),
            single_held: Default::default(),
            _shape: *shape,
        })
    }
}

/// Loop levels of the target's address: row, query head, chunk, group, tile.
const ROW: usize = 0;
const QUERY: usize = 1;
const CHUNK: usize = 2;
const GROUP: usize = 3;
const TILE: usize = 4;
/// Those of the source's address.
const SOURCE_GROUP: usize = 2;
const SOURCE_TILE: usize = 3;

impl Logic for Walker {
    #[hdl(rows = self._shape.rows, labels = self._shape.npe_rows)]
    fn update(&mut self) {
        dff_setup!(self, clock, active, here, left, r, q, c, g, w, named, turned, written);
        dff_setup!(self, clock, operand_at, operand_now, queries_held, chunks_held, groups_held);
        dff_setup!(self, clock, tiles_held, operand_step, dense_held, halve_held, labels_held);
        dff_setup!(self, clock, places_held, place_held, turning_held, turn_held, head_held);
        dff_setup!(self, clock, limit_held, single_held);
        let rows = self._shape.rows;
        for k in 0..self.source_at.len() {
            self.source_at[k].clock.next = self.clock.val();
            self.source_at[k].d.next = self.source_at[k].q.val();
        }
        for k in 0..self.target_at.len() {
            self.target_at[k].clock.next = self.clock.val();
            self.target_at[k].d.next = self.target_at[k].q.val();
        }
        for k in 0..self.source_steps.len() {
            self.source_steps[k].clock.next = self.clock.val();
            self.source_steps[k].d.next = self.source_steps[k].q.val();
        }
        for k in 0..self.target_steps.len() {
            self.target_steps[k].clock.next = self.clock.val();
            self.target_steps[k].d.next = self.target_steps[k].q.val();
        }

        // What the step is.
        let ends_tiles = self.w.q.val() + 1 == self.tiles_held.q.val();
        let ends_groups = self.g.q.val() || !self.groups_held.q.val();
        let ends_chunks = self.c.q.val() + 1 == self.chunks_held.q.val();
        let ends_queries = self.q.q.val() + 1 == self.queries_held.q.val();
        let ends_row = ends_tiles && ends_groups && ends_chunks && ends_queries;
        let more = (self.left.q.val() >> 1).any();
        let odd = self.w.q.val().bit(0);
        self.valid.next = self.active.q.val() && self.here.q.val();
        self.source.next = self.source_at[SOURCE_TILE].q.val();
        self.operand.next = self.operand_now.q.val();
        self.target.next = self.target_at[TILE].q.val();
        self.emits.next = !self.halve_held.q.val() || odd || ends_tiles;
        self.discard.next = self.written.q.val() >= self.limit_held.q.val()
            || (self.single_held.q.val() && self.g.q.val());
        self.row.next = self.r.q.val();
        let label = self.named.width();
        self.label.next =
            mux(self.labels_held.q.val(), self.named.q.val(), self.r.q.val().zext(label));
        self.tile.next = self.w.q.val();
        self.end.next = ends_tiles;
        self.last.next = ends_row && !more;
        if self.turning_held.q.val() {
            self.place.next = self.turned.q.val();
        } else if self.places_held.q.val() {
            self.place.next = self.place_held.q.val() + self.w.q.val().trunc(PLACE_BITS);
        } else {
            self.place.next = self.place_held.q.val();
        }
        self.busy.next = self.active.q.val();
        self.next_turn.next = self.turned.q.val();

        // The next one.
        let moves = self.here.q.val() && self.ready.val();
        if self.active.q.val() && moves {
            self.w.d.next = self.w.q.val() + 1;
            let mut next_turn = self.turned.q.val() + 1;
            if next_turn == self.head_held.q.val() {
                next_turn = Word::zero(PLACE_BITS);
            }
            self.turned.d.next = next_turn;
            self.source_at[SOURCE_TILE].d.next = self.source_at[SOURCE_TILE].q.val() + 1;
            self.operand_now.d.next = self.operand_now.q.val() + 1;
            if !self.halve_held.q.val() || odd {
                self.target_at[TILE].d.next = self.target_at[TILE].q.val() + 1;
                self.written.d.next = self.written.q.val() + 1;
            }
            if ends_tiles {
                self.w.d.next = Word::zero(COUNT_BITS);
                self.g.d.next = !self.g.q.val();
                let source = self.source_at[SOURCE_GROUP].q.val() + self.source_steps[2].q.val();
                self.source_at[SOURCE_TILE].d.next = source;
                let target = self.target_at[GROUP].q.val() + self.target_steps[3].q.val();
                self.target_at[TILE].d.next = target;
                // A label for every row, query head and group: chunks have none.
                if ends_chunks {
                    self.named.d.next = self.named.q.val() + 1;
                }
                if ends_groups {
                    self.g.d.next = false;
                    self.c.d.next = self.c.q.val() + 1;
                    let source = self.source_at[SOURCE_GROUP].q.val();
                    self.source_at[SOURCE_TILE].d.next = source;
                    let target = self.target_at[CHUNK].q.val() + self.target_steps[2].q.val();
                    self.target_at[CHUNK].d.next = target.clone();
                    self.target_at[GROUP].d.next = target.clone();
                    self.target_at[TILE].d.next = target;
                    if ends_chunks {
                        self.c.d.next = Word::zero(8);
                        self.q.d.next = self.q.q.val() + 1;
                        let source = self.source_at[1].q.val() + self.source_steps[1].q.val();
                        self.source_at[1].d.next = source.clone();
                        self.source_at[SOURCE_GROUP].d.next = source.clone();
                        self.source_at[SOURCE_TILE].d.next = source;
                        let target = self.target_at[QUERY].q.val() + self.target_steps[1].q.val();
                        self.target_at[QUERY].d.next = target.clone();
                        self.target_at[CHUNK].d.next = target.clone();
                        self.target_at[GROUP].d.next = target.clone();
                        self.target_at[TILE].d.next = target;
                    }
                }
            }
        }
        // The next row: one that does not take part is passed in a cycle of its own.
        if self.active.q.val() && (!self.here.q.val() || (moves && ends_row)) {
            let left = self.left.q.val() >> 1;
            self.left.d.next = left.clone();
            self.r.d.next = self.r.q.val() + 1;
            self.here.d.next = left.bit(0);
            self.active.d.next = left.any();
            self.q.d.next = Word::zero(8);
            self.written.d.next = Word::zero(self.written.width());
            if left.any() {
                self.turned.d.next = self.turn_held.q.val();
            }
            let source = self.source_at[0].q.val() + self.source_steps[0].q.val();
            for k in 0..self.source_at.len() {
                self.source_at[k].d.next = source.clone();
            }
            let operand = self.operand_at.q.val() + self.operand_step.q.val();
            self.operand_at.d.next = operand.clone();
            self.operand_now.d.next = operand;
            let mut target = self.target_at[ROW].q.val() + self.target_steps[0].q.val();
            if self.dense_held.q.val() && !self.here.q.val() {
                target = self.target_at[ROW].q.val();
            }
            for k in 0..self.target_at.len() {
                self.target_at[k].d.next = target.clone();
            }
        }

        if self.start.val() {
            self.active.d.next = self.mask.val().any();
            self.here.d.next = self.mask.val().bit(0);
            self.left.d.next = self.mask.val();
            self.r.d.next = Word::zero(self.r.width());
            self.q.d.next = Word::zero(8);
            self.c.d.next = Word::zero(8);
            self.g.d.next = false;
            self.w.d.next = Word::zero(COUNT_BITS);
            self.named.d.next = Word::zero(label);
            self.turned.d.next = self.turn.val();
            self.written.d.next = Word::zero(self.written.width());
            for k in 0..self.source_at.len() {
                self.source_at[k].d.next = self.source_base.val();
            }
            self.operand_at.d.next = self.operand_base.val();
            self.operand_now.d.next = self.operand_base.val();
            for k in 0..self.target_at.len() {
                self.target_at[k].d.next = self.target_base.val();
            }
            self.queries_held.d.next = self.queries.val();
            self.chunks_held.d.next = self.chunks.val();
            self.groups_held.d.next = self.two_groups.val();
            self.tiles_held.d.next = self.tiles.val();
            self.source_steps[0].d.next = self.source_row.val();
            self.source_steps[1].d.next = self.source_q.val();
            self.source_steps[2].d.next = self.source_g.val();
            self.operand_step.d.next = self.operand_row.val();
            self.target_steps[0].d.next = self.target_row.val();
            self.target_steps[1].d.next = self.target_q.val();
            self.target_steps[2].d.next = self.target_c.val();
            self.target_steps[3].d.next = self.target_g.val();
            self.dense_held.d.next = self.dense.val();
            self.halve_held.d.next = self.halve.val();
            self.labels_held.d.next = self.count_labels.val();
            self.places_held.d.next = self.count_places.val();
            self.place_held.d.next = self.place_base.val();
            self.turning_held.d.next = self.turning.val();
            self.turn_held.d.next = self.turn.val();
            self.head_held.d.next = self.head_tiles.val();
            self.limit_held.d.next = self.limit.val();
            self.single_held.d.next = self.single.val();
        }
        if self.reset.val() {
            self.active.d.next = false;
        }
        let _ = rows;
    }
}
