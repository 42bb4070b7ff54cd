//! [`PlaceGenerator`]: owner layer, port and slot of every token of a scan.

use super::shape::KvShape;
use crate::parameter::ParameterError;
use skipopu_hdl::prelude::*;

/// Walks the tokens of a text in order and says where a layer finds the K and V of each.
///
/// - Does: the owner layer is the highest one at or below the scanned layer that the token executes.
///   A counter per layer, as (slot, port), counts the tokens that executed it so far; that of the owner
///   layer is the token's place. So no place is stored: the routing bits are all the state there is.
/// - Does not: divide; the port wraps to 0 and the slot goes up.
/// - Guarantee: a token a cycle, latency [`PlaceGenerator::LATENCY`].
#[derive(LogicBlock, Ports)]
pub struct PlaceGenerator {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// All counters to 0, before a scan.
    pub restart: Signal<In, Bit>,
    /// There is a token.
    pub valid: Signal<In, Bit>,
    /// Its routing bits.
    pub row: Wire<In>,
    /// Ones from layer 0 to the scanned layer.
    pub below: Wire<In>,
    /// A one at the next layer; none after the last.
    pub next_layer: Wire<In>,
    /// There is a place.
    pub out_valid: Signal<Out, Bit>,
    /// Owner layer.
    pub owner: Wire<Out>,
    /// HBM port.
    pub port: Wire<Out>,
    /// Slot.
    pub slot: Wire<Out>,
    /// Does the token skip the next layer, so that its K and V are used there again?
    pub reused: Signal<Out, Bit>,
    seen: DFF<Bit>,
    seen_row: Reg,
    candidates: Reg,
    seen_reused: DFF<Bit>,
    found: DFF<Bit>,
    found_row: Reg,
    top: Reg,
    found_reused: DFF<Bit>,
    counts: Vec<Reg>,
    terms: Vec<Wire<Local>>,
    owner_terms: Vec<Wire<Local>>,
    placed: DFF<Bit>,
    place: Reg,
    place_owner: Reg,
    place_reused: DFF<Bit>,
    _shape: KvShape,
}

impl PlaceGenerator {
    /// Cycles from a token to its place.
    pub const LATENCY: usize = 3;

    /// For the ports, layers and context of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: KvShape) -> Result<PlaceGenerator, ParameterError> {
        let layers = shape.machine.layers;
        let bits = shape.port() + shape.slot();
        Ok(PlaceGenerator {
            clock: Default::default(),
            restart: Default::default(),
            valid: Default::default(),
            row: Wire::new(layers),
            below: Wire::new(layers),
            next_layer: Wire::new(layers),
            out_valid: Default::default(),
            owner: Wire::new(shape.layer()),
            port: Wire::new(shape.port()),
            slot: Wire::new(shape.slot()),
            reused: Default::default(),
            seen: Default::default(),
            seen_row: Reg::new(layers),
            candidates: Reg::new(layers),
            seen_reused: Default::default(),
            found: Default::default(),
            found_row: Reg::new(layers),
            top: Reg::new(layers),
            found_reused: Default::default(),
            counts: (0..layers).map(|_| Reg::new(bits)).collect(),
            terms: (0..bits).map(|_| Wire::new(layers)).collect(),
            owner_terms: (0..shape.layer()).map(|_| Wire::new(layers)).collect(),
            placed: Default::default(),
            place: Reg::new(bits),
            place_owner: Reg::new(shape.layer()),
            place_reused: Default::default(),
            _shape: shape,
        })
    }
}

impl Logic for PlaceGenerator {
    #[hdl(
        ports = self._shape.machine.ports,
        layers = self._shape.machine.layers,
        context = self._shape.machine.context,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, seen, seen_row, candidates, seen_reused);
        dff_setup!(self, clock, found, found_row, top, found_reused);
        dff_setup!(self, clock, placed, place, place_owner, place_reused);
        let layers = self._shape.machine.layers;
        let (port_bits, slot_bits) = (self._shape.port(), self._shape.slot());
        let bits = port_bits + slot_bits;

        // The layers that may own the token.
        self.seen.d.next = self.valid.val();
        self.seen_row.d.next = self.row.val();
        self.candidates.d.next = self.row.val() & self.below.val();
        self.seen_reused.d.next =
            self.next_layer.val().any() && !(self.row.val() & self.next_layer.val()).any();

        // The highest of them.
        self.found.d.next = self.seen.q.val();
        self.found_row.d.next = self.seen_row.q.val();
        self.found_reused.d.next = self.seen_reused.q.val();
        for l in 0..layers {
            let candidate = self.candidates.q.val().bit(l);
            if l + 1 < layers {
                let above = self.candidates.q.val().slice(l + 1, layers - l - 1).any();
                self.top.d.next.set_slice(l, &Word::from(candidate && !above));
            } else {
                self.top.d.next.set_slice(l, &Word::from(candidate));
            }
        }

        // Its count, before this token is counted.
        for l in 0..layers {
            self.counts[l].clock.next = self.clock.val();
            self.counts[l].d.next = self.counts[l].q.val();
            let count = self.counts[l].q.val();
            if self.found.q.val() && self.found_row.q.val().bit(l) {
                if count.trunc(port_bits) == self._shape.machine.ports - 1 {
                    self.counts[l].d.next =
                        cat!(count.slice(port_bits, slot_bits) + 1, Word::zero(port_bits));
                } else {
                    self.counts[l].d.next =
                        cat!(count.slice(port_bits, slot_bits), count.trunc(port_bits) + 1);
                }
            }
            if self.restart.val() {
                self.counts[l].d.next = Word::zero(bits);
            }
            let top = self.top.q.val().bit(l);
            for b in 0..bits {
                let term = top & self.counts[l].q.val().bit(b);
                self.terms[b].next.set_slice(l, &Word::from(term));
            }
            for b in 0..self._shape.layer() {
                if l >> b & 1 == 1 {
                    self.owner_terms[b].next.set_slice(l, &Word::from(top));
                } else {
                    self.owner_terms[b].next.set_slice(l, &Word::zero(1));
                }
            }
        }
        self.placed.d.next = self.found.q.val();
        for b in 0..bits {
            self.place.d.next.set_slice(b, &Word::from(self.terms[b].val().any()));
        }
        for b in 0..self._shape.layer() {
            self.place_owner.d.next.set_slice(b, &Word::from(self.owner_terms[b].val().any()));
        }
        self.place_reused.d.next = self.found_reused.q.val();

        self.out_valid.next = self.placed.q.val();
        self.owner.next = self.place_owner.q.val();
        self.port.next = self.place.q.val().trunc(port_bits);
        self.slot.next = self.place.q.val().slice(port_bits, slot_bits);
        self.reused.next = self.place_reused.q.val();
    }
}
