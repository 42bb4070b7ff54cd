//! [`RoutingTable`]: which token executed which layer.

use super::shape::KvShape;
use crate::parameter::ParameterError;
use crate::primitives::Bram;
use skipopu_hdl::prelude::*;

/// The attention bits of every earlier token, and those of the current one as they become known.
///
/// - Does: `note` takes the router's decision for the current token; `append` makes the current token the
///   last of the earlier ones and starts the next, with no layer executed so far. Bit 0 always reads 1:
///   every token executes layer 0. `note` and `append` do not go together. The row read stands on `read_row`
///   [`RoutingTable::LATENCY`] cycle after `read_enable`.
/// - Does not: take more tokens than the context; further `append`s are lost.
#[derive(LogicBlock, Ports)]
pub struct RoutingTable {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forget all tokens.
    pub clear: Signal<In, Bit>,
    /// A decision is known.
    pub note: Signal<In, Bit>,
    /// Its layer.
    pub note_layer: Wire<In>,
    /// Does the current token execute that layer?
    pub note_executes: Signal<In, Bit>,
    /// The current token is complete.
    pub append: Signal<In, Bit>,
    /// Earlier tokens.
    pub tokens: Wire<Out>,
    /// Read a row?
    pub read_enable: Signal<In, Bit>,
    /// Of which token.
    pub read_token: Wire<In>,
    /// The row last read, bit l for layer l.
    pub read_row: Wire<Out>,
    rows: Bram,
    /// Layers above the first.
    current: Reg,
    count: Reg,
    _shape: KvShape,
}

impl RoutingTable {
    /// Cycles from `read_token` to `read_row`.
    pub const LATENCY: usize = 1;

    /// A table for the context and layers of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: KvShape) -> Result<RoutingTable, ParameterError> {
        let layers = shape.machine.layers;
        Ok(RoutingTable {
            clock: Default::default(),
            clear: Default::default(),
            note: Default::default(),
            note_layer: Wire::new(shape.layer()),
            note_executes: Default::default(),
            append: Default::default(),
            tokens: Wire::new(shape.count()),
            read_enable: Default::default(),
            read_token: Wire::new(shape.token()),
            read_row: Wire::new(layers),
            rows: Bram::new(layers, shape.machine.context, RoutingTable::LATENCY)?,
            current: Reg::new(layers - 1),
            count: Reg::new(shape.count()),
            _shape: shape,
        })
    }
}

impl Logic for RoutingTable {
    #[hdl(
        layers = self._shape.machine.layers,
        context = self._shape.machine.context,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, current, count);
        self.rows.clock.next = self.clock.val();
        let layers = self._shape.machine.layers;
        let count = self.count.q.val();
        let append = self.append.val() && count != self._shape.machine.context;

        for l in 1..layers {
            if self.note.val() && self.note_layer.val() == l {
                self.current.d.next.set_slice(l - 1, &Word::from(self.note_executes.val()));
            }
        }
        if append {
            self.current.d.next = Word::zero(layers - 1);
            self.count.d.next = count.clone() + 1;
        }
        if self.clear.val() {
            self.current.d.next = Word::zero(layers - 1);
            self.count.d.next = 0.into();
        }
        self.rows.write_enable.next = append;
        self.rows.write_address.next = count.trunc(self._shape.token());
        self.rows.write_data.next = cat!(self.current.q.val(), Word::ones(1));
        self.rows.read_enable.next = self.read_enable.val();
        self.rows.read_address.next = self.read_token.val();
        self.read_row.next = self.rows.read_data.val();
        self.tokens.next = self.count.q.val();
    }
}
