//! [`Sink`]: the NPE's results to their memories.

use super::super::shape::{DatapathShape, SINGLE_BITS, VALUE_BITS};
use super::operation::{Space, TileOp};
use crate::npe::tile::TileShape;
use crate::parameter::ParameterError;
use crate::stream::{Fifo, FifoOptions, ItemSink, Storage, StreamSink};
use skipopu_hdl::prelude::*;

/// Results on their way through the NPE.
const DEPTH: usize = 128;

/// Writes what comes out of the NPE where its step said.
///
/// - Does: pairs results with targets, in order; writes FP16 results a tile a cycle, FP32 results as two tiles in two
///   cycles, low half first.
/// - Guarantee: `busy` while a result is awaited or written.
#[derive(LogicBlock, Ports)]
pub struct Sink {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Forgets all targets.
    pub reset: Signal<In, Bit>,
    /// Where results go: the lower bits of a [`TileOp`].
    pub target: ItemSink,
    /// Results.
    pub r#in: StreamSink,
    /// Memories that are written: scratchpad, operand memories, attention banks 0 and 1.
    pub write: Wire<Out>,
    /// Tile that is written.
    pub address: Wire<Out>,
    /// What is written.
    pub tile: Wire<Out>,
    /// Results are awaited.
    pub busy: Signal<Out, Bit>,
    queue: Fifo,
    second: DFF<Bit>,
    narrow: Wire<Local>,
    _shape: DatapathShape,
    _op: TileOp,
}

/// Memories that are written.
pub const TARGETS: usize = 5;

impl Sink {
    /// For the memories of `shape`.
    ///
    /// # Errors
    /// A size out of range.
    pub fn new(shape: &DatapathShape) -> Result<Sink, ParameterError> {
        shape.check()?;
        let op = TileOp::of(shape);
        let tile = TileShape { ways: shape.ways, rows: shape.npe_rows };
        let options =
            FifoOptions { storage: Some(Storage::Lutram), ..FifoOptions::new(op.sink_bits, DEPTH) };
        Ok(Sink {
            clock: Default::default(),
            reset: Default::default(),
            target: ItemSink::new(op.sink_bits),
            r#in: StreamSink::new(tile.bits()),
            write: Wire::new(TARGETS),
            address: Wire::new(op.target_bits),
            tile: Wire::new(shape.ways * VALUE_BITS),
            busy: Default::default(),
            queue: Fifo::new(&options)?,
            second: Default::default(),
            narrow: Wire::new(shape.ways * VALUE_BITS),
            _shape: *shape,
            _op: op,
        })
    }
}

impl Logic for Sink {
    #[hdl(ways = self._shape.ways, labels = self._shape.npe_rows, lanes = self._shape.lanes)]
    fn update(&mut self) {
        dff_setup!(self, clock, second);
        clock!(self, clock, queue);
        let op = self._op;
        let ways = self._shape.ways;
        let half = ways * VALUE_BITS;
        self.queue.reset.next = self.reset.val();
        self.queue.r#in.valid.next = self.target.valid.val();
        self.queue.r#in.data.next = self.target.data.val();
        self.queue.r#in.last.next = false;
        self.target.ready.next = self.queue.r#in.ready.val();

        let there = self.queue.out.valid.val() && self.r#in.valid.val();
        let wide = self.queue.out.data.val().bit(op.wide);
        let done = there && (!wide || self.second.q.val());
        if there {
            self.second.d.next = wide && !self.second.q.val();
        }
        self.queue.out.ready.next = done;
        self.r#in.ready.next = done;
        for i in 0..ways {
            let value = self.r#in.data.val().slice(i * SINGLE_BITS, VALUE_BITS);
            self.narrow.next.set_slice(i * VALUE_BITS, &value);
        }
        self.tile.next = self.narrow.val();
        self.address.next = self.queue.out.data.val().slice(op.target, op.target_bits);
        if wide {
            let low = self.r#in.data.val().trunc(half);
            let high = self.r#in.data.val().slice(half, half);
            self.tile.next = mux(self.second.q.val(), high, low);
            self.address.next = cat!(
                self.queue.out.data.val().slice(op.target, op.target_bits - 1),
                self.second.q.val()
            );
        }
        let writes = there && !self.queue.out.data.val().bit(op.discard);
        let space = self.queue.out.data.val().slice(op.space, super::operation::SPACE_BITS);
        self.write.next.set_slice(0, &Word::from(writes && space == Space::Scratchpad as usize));
        self.write.next.set_slice(1, &Word::from(writes && space == Space::Operand0 as usize));
        self.write.next.set_slice(2, &Word::from(writes && space == Space::Operand1 as usize));
        // The target of a bank has the bank as its topmost bit.
        let banks = writes && space == Space::Banks as usize;
        let bank = self.queue.out.data.val().bit(op.target + op.target_bits - 1);
        self.write.next.set_slice(3, &Word::from(banks && !bank));
        self.write.next.set_slice(4, &Word::from(banks && bank));
        self.busy.next = self.queue.out.valid.val();
        if self.reset.val() {
            self.second.d.next = false;
        }
    }
}
