//! [`KvPasses`]: keys and values of the pairs of heads of an `attend`, in turn.

use super::super::shape::DatapathShape;
use super::fields::NUMBER;
use crate::kv::delivery::{KvCommand, HEAD_BITS};
use crate::parameter::ParameterError;
use crate::stream::ItemSource;
use skipopu_hdl::prelude::*;

/// Bits of the values of a token and pass.
const VALUES: usize = 16;

/// Commands for the KV loader, as early as it takes them: each pair's keys, then its values.
///
/// - Guarantee: the first command [`KvPasses::LATENCY`] cycle after `start`, then one whenever the loader takes one. What is
///   asked for must not change while there are commands.
#[derive(LogicBlock, Ports)]
pub struct KvPasses {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops everything.
    pub reset: Signal<In, Bit>,
    /// Begins with the pair of `number`.
    pub start: Signal<In, Bit>,
    /// First slice of row 0's keys.
    pub keys: Wire<In>,
    /// Of its values.
    pub values: Wire<In>,
    /// Slices from a row to the next.
    pub stride: Wire<In>,
    /// The first key-value head.
    pub number: Wire<In>,
    /// Pairs.
    pub pairs: Wire<In>,
    /// Slices of a head.
    pub head_slices: Wire<In>,
    /// Key-value heads of the model; the last pair of an odd number is a single one.
    pub kv_heads: Wire<In>,
    /// Rows of the block.
    pub rows: Wire<In>,
    /// There are tokens before the block.
    pub earlier: Signal<In, Bit>,
    /// See [`KvCommand`].
    pub command: ItemSource,
    left: Reg,
    of_values: DFF<Bit>,
    at: Reg,
    head: Reg,
    _shape: DatapathShape,
    _command: KvCommand,
}

impl KvPasses {
    /// Cycles from `start` to the first command.
    pub const LATENCY: usize = 1;

    /// For the memories of `shape`.
    ///
    /// # Errors
    /// There is none for a shape that passed its check.
    pub fn new(shape: &DatapathShape) -> Result<KvPasses, ParameterError> {
        let (command, address) = (KvCommand::of(shape), shape.scratchpad_bits());
        Ok(KvPasses {
            clock: Default::default(),
            reset: Default::default(),
            start: Default::default(),
            keys: Wire::new(address),
            values: Wire::new(address),
            stride: Wire::new(address),
            number: Wire::new(NUMBER),
            pairs: Wire::new(NUMBER),
            head_slices: Wire::new(HEAD_BITS),
            kv_heads: Wire::new(9),
            rows: Wire::new(shape.row_count_bits()),
            earlier: Default::default(),
            command: ItemSource::new(command.bits),
            left: Reg::new(NUMBER),
            of_values: Default::default(),
            at: Reg::new(address),
            head: Reg::new(NUMBER),
            _shape: *shape,
            _command: command,
        })
    }
}

impl Logic for KvPasses {
    #[hdl(
        lanes = self._shape.lanes,
        rows = self._shape.rows,
        scratchpad = self._shape.scratchpad,
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, left, of_values, at, head);
        let c = self._command;
        let lanes = self._shape.lanes;
        let address = self._shape.scratchpad_bits();
        let of_values = self.of_values.q.val();
        let single = self.head.q.val() + 1 >= self.kv_heads.val().zext(NUMBER);
        let start = mux(of_values, self.values.val(), self.keys.val());
        let values = self.head_slices.val().zext(VALUES) << (lanes.ilog2() as usize + 1);
        self.command.data.next.set_slice(c.base.0, &(start + self.at.q.val()));
        self.command.data.next.set_slice(c.stride.0, &self.stride.val());
        self.command.data.next.set_slice(c.rows.0, &self.rows.val());
        self.command.data.next.set_slice(c.head.0, &self.head_slices.val());
        self.command
            .data
            .next
            .set_slice(c.words.0, &((values + Word::new(VALUES, 31)) >> 5).trunc(HEAD_BITS));
        self.command.data.next.set_slice(c.values, &Word::from(of_values));
        self.command.data.next.set_slice(c.earlier, &Word::from(self.earlier.val()));
        self.command.data.next.set_slice(c.single, &Word::from(single));
        self.command.valid.next = self.left.q.val().any();
        if self.left.q.val().any() && self.command.ready.val() {
            self.left.d.next = self.left.q.val() - 1;
            self.of_values.d.next = !of_values;
            if of_values {
                self.at.d.next = self.at.q.val() + (self.head_slices.val().zext(address) << 1);
                self.head.d.next = self.head.q.val() + 2;
            }
        }
        if self.start.val() {
            self.left.d.next = self.pairs.val() << 1;
            self.of_values.d.next = false;
            self.at.d.next =
                (self.number.val() * self.head_slices.val()).zext(address + NUMBER).trunc(address);
            self.head.d.next = self.number.val();
        }
        if self.reset.val() {
            self.left.d.next = Word::zero(NUMBER);
        }
    }
}
