//! [`AsyncFifo`]: a FIFO between two clocks.

use crate::parameter::{index_bits, require, require_width, ParameterError};
use crate::primitives::{Synchroniser, TwoClockBram, TwoClockLutram};
use crate::stream::{StreamSink, StreamSource};
use skipopu_hdl::prelude::*;

/// What an asynchronous FIFO keeps its beats in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsyncStorage {
    /// LUTs.
    Lutram,
    /// Block RAM.
    Bram,
}

impl AsyncStorage {
    /// Cycles of the memory's read port.
    const fn latency(self) -> usize {
        match self {
            AsyncStorage::Lutram => TwoClockLutram::LATENCY,
            AsyncStorage::Bram => TwoClockBram::LATENCY,
        }
    }
}

/// What asynchronous FIFO to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncFifoOptions {
    /// Data bits, 1 to [`MAX_WIDTH`](crate::parameter::MAX_WIDTH) - 1.
    pub width: usize,
    /// Beats it holds: a power of two, 4 to 1024 in LUTs, to 65536 in block RAM. For one beat a cycle of
    /// equal clocks it takes 16: the way of a pointer there and back.
    pub depth: usize,
    /// What to keep them in; `None` for LUTs up to 64 beats, block RAM beyond.
    pub storage: Option<AsyncStorage>,
    /// Synchroniser stages, 2 to 4. Each further one squares the mean time between failures.
    pub stages: usize,
}

impl AsyncFifoOptions {
    /// `depth` beats of `width` data bits in what suits the depth, two synchroniser stages.
    pub fn new(width: usize, depth: usize) -> AsyncFifoOptions {
        AsyncFifoOptions { width, depth, storage: None, stages: 2 }
    }

    fn storage(&self) -> AsyncStorage {
        let suited = if self.depth <= 64 { AsyncStorage::Lutram } else { AsyncStorage::Bram };
        self.storage.unwrap_or(suited)
    }

    /// Edges of `read_clock` after the edge of `write_clock` at which a beat fires into the empty FIFO
    /// until `out` offers it.
    pub fn read_edges(&self) -> usize {
        self.stages + self.storage().latency()
    }

    /// Edges of `write_clock` after the edge of `read_clock` at which a beat leaves the memory of the
    /// full FIFO until `in` is ready again.
    pub fn write_edges(&self) -> usize {
        // The last one registers `ready`.
        self.stages + 1
    }
}

/// A queue of beats from one clock domain to another, first word falling through.
///
/// - Does: takes beats at `write_clock`, offers them in order at `read_clock`. Each side's pointer is
///   Gray coded and crosses in a [`Synchroniser`]; the memory has a port on each clock. `in.ready`,
///   `out.valid` and, in LUTs and block RAM alike, `out.data` are registers.
/// - Does not: count its level, which no side knows exactly. Whoever must not stall a sender
///   reserves room on the reading side before data is asked for, as the DMA does.
/// - Guarantee: one beat a cycle of the slower clock; nothing lost, repeated or reordered whatever the
///   clocks' ratio and phase; a beat is offered [`AsyncFifoOptions::read_edges`] edges of `read_clock`
///   after it fired, or one more where the edges meet.
///
/// Reset both sides together: hold `write_reset` and `read_reset` until each has been 1 for eight cycles
/// of the slower clock. It drops what is held.
///
/// Waveforms with a write clock twice as fast as the read clock, one column a write cycle:
///
/// ```text
/// lutram    in         ABC.....................
///           in_ready   111111111111111111111111
///           out        ......AABBCCCCCCCC......
///           out_ready  1111111111......11111111
/// bram      in         ABCD....................
///           in_ready   111111111111111111111111
///           out        ........AABBCCDD........
///           out_ready  111111111111111111111111
/// ```
#[derive(LogicBlock, Ports)]
pub struct AsyncFifo {
    /// Clock of `in`.
    pub write_clock: Signal<In, Clock>,
    /// Drops all beats; synchronous to `write_clock`.
    pub write_reset: Signal<In, Bit>,
    /// Beats come in.
    pub r#in: StreamSink,
    /// Clock of `out`.
    pub read_clock: Signal<In, Clock>,
    /// Drops all beats; synchronous to `read_clock`.
    pub read_reset: Signal<In, Bit>,
    /// Beats go out.
    pub out: StreamSource,
    /// The write pointer on its way to the reading side, Gray coded.
    to_read: Synchroniser,
    /// The read pointer on its way to the writing side, Gray coded.
    to_write: Synchroniser,
    /// The pointers one ahead, binary.
    write_next: Reg,
    read_next: Reg,
    ready: DFF<Bit>,
    /// Does the block RAM's latch hold a beat?
    fetched: Vec<DFF<Bit>>,
    /// Does the memory's output register hold a beat?
    valid: DFF<Bit>,
    bram: Vec<TwoClockBram>,
    lutram: Vec<TwoClockLutram>,
    _options: AsyncFifoOptions,
}

impl AsyncFifo {
    /// A FIFO with these options.
    ///
    /// # Errors
    /// A width, depth or number of stages outside its range (see [`AsyncFifoOptions`]).
    pub fn new(options: &AsyncFifoOptions) -> Result<AsyncFifo, ParameterError> {
        // One bit of the memory's word is `last`.
        require_width("asynchronous fifo", options.width)?;
        require_width("asynchronous fifo", options.width + 1)?;
        let (storage, depth) = (options.storage(), options.depth);
        let (most, legal) = match storage {
            AsyncStorage::Lutram => (1024, "must be a power of two, 4 to 1024 in LUTs"),
            AsyncStorage::Bram => (65_536, "must be a power of two, 4 to 65536 in block RAM"),
        };
        let ok = depth.is_power_of_two() && (4..=most).contains(&depth);
        require(ok, "asynchronous fifo", "depth", depth, legal)?;
        let bits = index_bits(depth) + 1;
        let (mut bram, mut lutram) = (Vec::new(), Vec::new());
        match storage {
            AsyncStorage::Lutram => lutram.push(TwoClockLutram::new(options.width + 1, depth)?),
            AsyncStorage::Bram => bram.push(TwoClockBram::new(options.width + 1, depth)?),
        }
        Ok(AsyncFifo {
            write_clock: Default::default(),
            write_reset: Default::default(),
            r#in: StreamSink::new(options.width),
            read_clock: Default::default(),
            read_reset: Default::default(),
            out: StreamSource::new(options.width),
            to_read: Synchroniser::new(bits, options.stages)?,
            to_write: Synchroniser::new(bits, options.stages)?,
            write_next: Reg::with_init(Word::new(bits, 1)),
            read_next: Reg::with_init(Word::new(bits, 1)),
            ready: Default::default(),
            fetched: vec![DFF::default(); bram.len()],
            valid: Default::default(),
            bram,
            lutram,
            _options: options.clone(),
        })
    }

    /// Bits of a pointer: one more than an address.
    fn bits(&self) -> usize {
        index_bits(self._options.depth) + 1
    }
}

impl Logic for AsyncFifo {
    #[hdl(
        width = self._options.width,
        depth = self._options.depth,
        storage = format!("{:?}", self._options.storage()),
        stages = self._options.stages
    )]
    fn update(&mut self) {
        dff_setup!(self, write_clock, write_next, ready);
        dff_setup!(self, read_clock, read_next, valid);
        let (bits, width) = (self.bits(), self._options.width);
        self.to_read.source_clock.next = self.write_clock.val();
        self.to_read.clock.next = self.read_clock.val();
        self.to_write.source_clock.next = self.read_clock.val();
        self.to_write.clock.next = self.write_clock.val();

        // Writing. The FIFO is full when the pointers are a depth apart: in Gray code, when the two
        // upper bits differ and the others do not.
        let push = self.r#in.valid.val() && self.ready.q.val();
        let write_next = self.write_next.q.val();
        let written = self.to_read.held.val();
        let write_gray = write_next.clone() ^ write_next.slice(1, bits - 1).zext(bits);
        let limit = self.to_write.q.val() ^ cat!(Word::ones(2), Word::zero(bits - 2));
        let full_if_pushed = write_gray == limit;
        let full = written == limit;
        self.ready.d.next = !((push && full_if_pushed) || (!push && full));
        self.to_read.d.next = mux(push, write_gray.clone(), written.clone());
        if push {
            self.write_next.d.next = write_next.clone() + 1;
        }
        if self.write_reset.val() {
            self.write_next.d.next = 1.into();
            self.to_read.d.next = 0.into();
            self.ready.d.next = false;
        }
        self.r#in.ready.next = self.ready.q.val();

        // Reading. Stages move on when the one in front of them is free.
        let read = self.to_write.held.val();
        let read_next = self.read_next.q.val();
        let read_gray = read_next.clone() ^ read_next.slice(1, bits - 1).zext(bits);
        let held = read != self.to_read.q.val();
        let out_free = !self.valid.q.val() || self.out.ready.val();
        let mut pop = held && out_free;
        // The Gray code of the address: of the pointer without its top bit.
        let write_address =
            cat!(written.bit(bits - 1) ^ written.bit(bits - 2), written.trunc(bits - 2));
        let read_address = cat!(read.bit(bits - 1) ^ read.bit(bits - 2), read.trunc(bits - 2));
        for i in 0..self.bram.len() {
            let fetched = self.fetched[i].q.val();
            pop = held && (!fetched || out_free);
            self.bram[i].write_clock.next = self.write_clock.val();
            self.bram[i].write_enable.next = push;
            self.bram[i].write_address.next = write_address.clone();
            self.bram[i].write_data.next = cat!(self.r#in.last.val(), self.r#in.data.val());
            self.bram[i].read_clock.next = self.read_clock.val();
            self.bram[i].read_enable.next = pop;
            self.bram[i].read_address.next = read_address.clone();
            self.bram[i].output_enable.next = fetched && out_free;
            self.out.data.next = self.bram[i].read_data.val().trunc(width);
            self.out.last.next = self.bram[i].read_data.val().bit(width);
            self.fetched[i].clock.next = self.read_clock.val();
            self.fetched[i].d.next = (pop || (fetched && !out_free)) && !self.read_reset.val();
            self.valid.d.next = fetched || (self.valid.q.val() && !self.out.ready.val());
        }
        for i in 0..self.lutram.len() {
            self.lutram[i].write_clock.next = self.write_clock.val();
            self.lutram[i].write_enable.next = push;
            self.lutram[i].write_address.next = write_address.clone();
            self.lutram[i].write_data.next = cat!(self.r#in.last.val(), self.r#in.data.val());
            self.lutram[i].read_clock.next = self.read_clock.val();
            self.lutram[i].read_enable.next = pop;
            self.lutram[i].read_address.next = read_address.clone();
            self.out.data.next = self.lutram[i].read_data.val().trunc(width);
            self.out.last.next = self.lutram[i].read_data.val().bit(width);
            self.valid.d.next = held || (self.valid.q.val() && !self.out.ready.val());
        }
        self.to_write.d.next = mux(pop, read_gray, read.clone());
        if pop {
            self.read_next.d.next = read_next.clone() + 1;
        }
        if self.read_reset.val() {
            self.read_next.d.next = 1.into();
            self.to_write.d.next = 0.into();
            self.valid.d.next = false;
        }
        self.out.valid.next = self.valid.q.val();
    }
}
