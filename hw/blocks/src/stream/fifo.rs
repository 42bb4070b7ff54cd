//! [`Fifo`]: a synchronous FIFO on streams.

use super::{Occupancy, StreamSink, StreamSource};
use crate::parameter::{index_bits, require, require_width, ParameterError};
use crate::primitives::{Bram, Lutram, UramMemory};
use skipopu_hdl::prelude::*;

/// What a FIFO keeps its beats in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// LUTs, read asynchronously.
    Lutram,
    /// Block RAM, output prefetched.
    Bram,
    /// UltraRAM, output prefetched.
    Uram,
}

impl Storage {
    /// What suits a depth: LUTs up to 64 beats, UltraRAM from 4,096, block RAM between.
    pub fn suited_to(depth: usize) -> Storage {
        match depth {
            0..=64 => Storage::Lutram,
            65..=4095 => Storage::Bram,
            _ => Storage::Uram,
        }
    }

    /// Cycles from `in` to `out` of an empty FIFO.
    pub const fn latency(self) -> usize {
        match self {
            Storage::Lutram => 1,
            // In, read, into the prefetch queue.
            Storage::Bram | Storage::Uram => MEMORY_LATENCY + 2,
        }
    }
}

/// Read latency of the memories: with output register, for clock rate.
const MEMORY_LATENCY: usize = 2;

/// What FIFO to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FifoOptions {
    /// Data bits, 1 to [`MAX_WIDTH`](crate::parameter::MAX_WIDTH) - 1.
    pub width: usize,
    /// Beats it holds: any number from 2 to 1024 in LUTs, from 8 to 65536 in block RAM, from 8 to
    /// 262144 in UltraRAM (fewer than 8 would not keep the rate). The memory behind is rounded up to a
    /// power of two.
    pub depth: usize,
    /// What to keep them in; `None` for [`Storage::suited_to`] the depth.
    pub storage: Option<Storage>,
    /// Level from which `almost_full` is 1, 1 to `depth`; `None` for `depth`.
    pub almost_full: Option<usize>,
}

impl FifoOptions {
    /// `depth` beats of `width` data bits in what suits the depth.
    pub fn new(width: usize, depth: usize) -> FifoOptions {
        FifoOptions { width, depth, storage: None, almost_full: None }
    }

    fn storage(&self) -> Storage {
        self.storage.unwrap_or(Storage::suited_to(self.depth))
    }

    fn threshold(&self) -> usize {
        self.almost_full.unwrap_or(self.depth)
    }

    /// Checks the options against what the storage can do.
    fn check(&self, storage: Storage) -> Result<(), ParameterError> {
        // One bit of the memory's word is `last`.
        require_width("fifo", self.width)?;
        require_width("fifo", self.width + 1)?;
        let (least, most, legal) = match storage {
            Storage::Lutram => (2, 1024, "must be 2 to 1024 in LUTs"),
            Storage::Bram => (8, 65_536, "must be 8 to 65536 in block RAM"),
            Storage::Uram => (8, 262_144, "must be 8 to 262144 in UltraRAM"),
        };
        require((least..=most).contains(&self.depth), "fifo", "depth", self.depth, legal)?;
        let (threshold, legal) = (self.threshold(), "must be 1 to the depth");
        require((1..=self.depth).contains(&threshold), "fifo", "almost_full", threshold, legal)
    }
}

/// A synchronous FIFO: a queue of beats, first word falling through.
///
/// - Does: holds exactly `depth` beats; `out` offers the oldest by itself. `level` counts the beats
///   accepted and not yet given out; `almost_full` is 1 while it is at or above the threshold. `level`,
///   `almost_full` and `in.ready` are registers.
/// - Does not: cross clocks.
/// - Guarantee: one beat a cycle in and out at every level; never over- or underflows; latency
///   [`Storage::latency`].
///
/// ```text
/// LUTs         in         ABC.........
///              in_ready   111111111111
///              out        .ABBBBC.....
///              out_ready  11...1111111
///              level      011222100000
/// block RAM    in         ABC.........
///              in_ready   111111111111
///              out        ....ABBBBC..
///              out_ready  11111...1111
///              level      012332222100
/// ```
#[derive(LogicBlock, Ports)]
pub struct Fifo {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops all beats.
    pub reset: Signal<In, Bit>,
    /// Beats come in.
    pub r#in: StreamSink,
    /// Beats go out.
    pub out: StreamSource,
    /// Beats held, 0 to `depth`.
    pub level: Wire<Out>,
    /// Is the level at or above the threshold?
    pub almost_full: Signal<Out, Bit>,
    shallow: Vec<ShallowFifo>,
    deep: Vec<DeepFifo>,
    _options: FifoOptions,
}

impl Fifo {
    /// A FIFO with these options.
    ///
    /// # Errors
    /// A width, depth or threshold outside its range (see [`FifoOptions`]).
    pub fn new(options: &FifoOptions) -> Result<Fifo, ParameterError> {
        let (mut shallow, mut deep) = (Vec::new(), Vec::new());
        match options.storage() {
            Storage::Lutram => shallow.push(ShallowFifo::new(options)?),
            Storage::Bram | Storage::Uram => deep.push(DeepFifo::new(options)?),
        }
        Ok(Fifo {
            clock: Default::default(),
            reset: Default::default(),
            r#in: StreamSink::new(options.width),
            out: StreamSource::new(options.width),
            level: Wire::new(index_bits(options.depth + 1)),
            almost_full: Default::default(),
            shallow,
            deep,
            _options: options.clone(),
        })
    }

    /// Cycles from `in` to `out` while empty.
    pub fn latency(&self) -> usize {
        self._options.storage().latency()
    }
}

impl Logic for Fifo {
    #[hdl(
        width = self._options.width,
        depth = self._options.depth,
        threshold = self._options.threshold(),
        latency = self.latency()
    )]
    fn update(&mut self) {
        if self.deep.is_empty() {
            self.shallow[0].clock.next = self.clock.val();
            self.shallow[0].reset.next = self.reset.val();
            StreamSink::link(&mut self.r#in, &mut self.shallow[0].r#in);
            StreamSource::link(&mut self.out, &mut self.shallow[0].out);
            self.level.next = self.shallow[0].level.val();
            self.almost_full.next = self.shallow[0].almost_full.val();
        } else {
            self.deep[0].clock.next = self.clock.val();
            self.deep[0].reset.next = self.reset.val();
            StreamSink::link(&mut self.r#in, &mut self.deep[0].r#in);
            StreamSource::link(&mut self.out, &mut self.deep[0].out);
            self.level.next = self.deep[0].level.val();
            self.almost_full.next = self.deep[0].almost_full.val();
        }
    }
}

/// A FIFO in LUTs: the oldest beat is read asynchronously.
///
/// Use [`Fifo`], which chooses; this block is what it is made of for small depths.
#[derive(LogicBlock, Ports)]
pub struct ShallowFifo {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops all beats.
    pub reset: Signal<In, Bit>,
    /// Beats come in.
    pub r#in: StreamSink,
    /// Beats go out.
    pub out: StreamSource,
    /// Beats held.
    pub level: Wire<Out>,
    /// Is the level at or above the threshold?
    pub almost_full: Signal<Out, Bit>,
    memory: Lutram,
    occupancy: Occupancy,
    write_address: Reg,
    read_address: Reg,
    _options: FifoOptions,
}

impl ShallowFifo {
    /// Cycles from `in` to `out` while empty.
    pub const LATENCY: usize = Storage::Lutram.latency();

    /// A FIFO in LUTs, whatever storage the options ask for.
    ///
    /// # Errors
    /// As [`Fifo::new`].
    pub fn new(options: &FifoOptions) -> Result<ShallowFifo, ParameterError> {
        options.check(Storage::Lutram)?;
        let words = options.depth.next_power_of_two();
        Ok(ShallowFifo {
            clock: Default::default(),
            reset: Default::default(),
            r#in: StreamSink::new(options.width),
            out: StreamSource::new(options.width),
            level: Wire::new(index_bits(options.depth + 1)),
            almost_full: Default::default(),
            memory: Lutram::new(options.width + 1, words)?,
            occupancy: Occupancy::new(options.depth, options.threshold())?,
            write_address: Reg::new(index_bits(words)),
            read_address: Reg::new(index_bits(words)),
            _options: options.clone(),
        })
    }
}

impl Logic for ShallowFifo {
    #[hdl(
        width = self._options.width,
        depth = self._options.depth,
        threshold = self._options.threshold(),
        latency = Self::LATENCY
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, write_address, read_address);
        clock!(self, clock, memory, occupancy);
        let push = self.r#in.valid.val() && self.occupancy.not_full.val();
        let pop = self.occupancy.not_empty.val() && self.out.ready.val();
        self.occupancy.reset.next = self.reset.val();
        self.occupancy.push.next = push;
        self.occupancy.pop.next = pop;
        if push {
            self.write_address.d.next = self.write_address.q.val() + 1;
        }
        if pop {
            self.read_address.d.next = self.read_address.q.val() + 1;
        }
        if self.reset.val() {
            self.write_address.d.next = 0.into();
            self.read_address.d.next = 0.into();
        }
        self.memory.write_enable.next = push;
        self.memory.write_address.next = self.write_address.q.val();
        self.memory.write_data.next = cat!(self.r#in.last.val(), self.r#in.data.val());
        self.memory.read_address.next = self.read_address.q.val();
        self.r#in.ready.next = self.occupancy.not_full.val();
        self.out.valid.next = self.occupancy.not_empty.val();
        self.out.data.next = self.memory.read_data.val().trunc(self._options.width);
        self.out.last.next = self.memory.read_data.val().bit(self._options.width);
        self.level.next = self.occupancy.level.val();
        self.almost_full.next = self.occupancy.almost_full.val();
    }
}

/// A FIFO in block RAM or UltraRAM. Beats are read ahead of demand into a short queue in LUTs, so that
/// the memory's latency costs no rate.
///
/// A read is started whenever the memory holds an unread beat and the queue is sure to have room for
/// it (`credits` counts the beats in the queue and on their way to it).
///
/// Use [`Fifo`], which chooses; this block is what it is made of for large depths.
#[derive(LogicBlock, Ports)]
pub struct DeepFifo {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Drops all beats.
    pub reset: Signal<In, Bit>,
    /// Beats come in.
    pub r#in: StreamSink,
    /// Beats go out.
    pub out: StreamSource,
    /// Beats held.
    pub level: Wire<Out>,
    /// Is the level at or above the threshold?
    pub almost_full: Signal<Out, Bit>,
    /// One of the two memories.
    bram: Vec<Bram>,
    uram: Vec<UramMemory>,
    /// All beats held.
    total: Occupancy,
    /// Beats in the memory that have not been read.
    unread: Occupancy,
    /// Beats in the prefetch queue and on their way to it.
    credits: Occupancy,
    /// Which stages of the memory's read pipeline hold a beat.
    arriving: Vec<DFF<Bit>>,
    prefetch: ShallowFifo,
    write_address: Reg,
    read_address: Reg,
    _options: FifoOptions,
}

impl DeepFifo {
    /// Beats the prefetch queue needs for one beat a cycle: start of a read, memory, queue, and one
    /// cycle for the credit to come back.
    const PREFETCH: usize = MEMORY_LATENCY + 2;

    /// A FIFO in UltraRAM if the options ask for it, else in block RAM.
    ///
    /// # Errors
    /// As [`Fifo::new`].
    pub fn new(options: &FifoOptions) -> Result<DeepFifo, ParameterError> {
        let (mut bram, mut uram) = (Vec::new(), Vec::new());
        let bits = options.width + 1;
        let words = options.depth.next_power_of_two();
        let words = match options.storage() {
            Storage::Uram => {
                options.check(Storage::Uram)?;
                let words = words.max(crate::primitives::Uram::DEPTH);
                uram.push(UramMemory::new(bits, words, MEMORY_LATENCY)?);
                words
            }
            Storage::Bram | Storage::Lutram => {
                options.check(Storage::Bram)?;
                bram.push(Bram::new(bits, words, MEMORY_LATENCY)?);
                words
            }
        };
        Ok(DeepFifo {
            clock: Default::default(),
            reset: Default::default(),
            r#in: StreamSink::new(options.width),
            out: StreamSource::new(options.width),
            level: Wire::new(index_bits(options.depth + 1)),
            almost_full: Default::default(),
            bram,
            uram,
            total: Occupancy::new(options.depth, options.threshold())?,
            unread: Occupancy::new(options.depth, options.depth)?,
            credits: Occupancy::new(Self::PREFETCH, Self::PREFETCH)?,
            arriving: vec![DFF::default(); MEMORY_LATENCY],
            prefetch: ShallowFifo::new(&FifoOptions::new(options.width, Self::PREFETCH))?,
            write_address: Reg::new(index_bits(words)),
            read_address: Reg::new(index_bits(words)),
            _options: options.clone(),
        })
    }
}

impl Logic for DeepFifo {
    #[hdl(
        width = self._options.width,
        depth = self._options.depth,
        threshold = self._options.threshold(),
        latency = self._options.storage().latency()
    )]
    fn update(&mut self) {
        dff_setup!(self, clock, write_address, read_address);
        clock!(self, clock, total, unread, credits, prefetch);
        self.total.reset.next = self.reset.val();
        self.unread.reset.next = self.reset.val();
        self.credits.reset.next = self.reset.val();
        self.prefetch.reset.next = self.reset.val();

        let push = self.r#in.valid.val() && self.total.not_full.val();
        let read = self.unread.not_empty.val() && self.credits.not_full.val();
        let pop = self.prefetch.out.valid.val() && self.out.ready.val();
        self.total.push.next = push;
        self.total.pop.next = pop;
        self.unread.push.next = push;
        self.unread.pop.next = read;
        self.credits.push.next = read;
        self.credits.pop.next = pop;

        if push {
            self.write_address.d.next = self.write_address.q.val() + 1;
        }
        if read {
            self.read_address.d.next = self.read_address.q.val() + 1;
        }
        if self.reset.val() {
            self.write_address.d.next = 0.into();
            self.read_address.d.next = 0.into();
        }
        for i in 0..self.arriving.len() {
            self.arriving[i].clock.next = self.clock.val();
            if i > 0 {
                self.arriving[i].d.next = self.arriving[i - 1].q.val() && !self.reset.val();
            } else {
                self.arriving[i].d.next = read && !self.reset.val();
            }
        }
        let last = self.arriving.len() - 1;
        self.prefetch.r#in.valid.next = self.arriving[last].q.val();

        let width = self._options.width;
        for i in 0..self.bram.len() {
            self.bram[i].clock.next = self.clock.val();
            self.bram[i].write_enable.next = push;
            self.bram[i].write_address.next = self.write_address.q.val();
            self.bram[i].write_data.next = cat!(self.r#in.last.val(), self.r#in.data.val());
            self.bram[i].read_enable.next = read;
            self.bram[i].read_address.next = self.read_address.q.val();
            self.prefetch.r#in.data.next = self.bram[i].read_data.val().trunc(width);
            self.prefetch.r#in.last.next = self.bram[i].read_data.val().bit(width);
        }
        for i in 0..self.uram.len() {
            self.uram[i].clock.next = self.clock.val();
            self.uram[i].write_enable.next = push;
            self.uram[i].write_address.next = self.write_address.q.val();
            self.uram[i].byte_enable.next = Word::ones((width + 1).div_ceil(8));
            self.uram[i].write_data.next = cat!(self.r#in.last.val(), self.r#in.data.val());
            self.uram[i].read_enable.next = read;
            self.uram[i].read_address.next = self.read_address.q.val();
            self.prefetch.r#in.data.next = self.uram[i].read_data.val().trunc(width);
            self.prefetch.r#in.last.next = self.uram[i].read_data.val().bit(width);
        }
        self.r#in.ready.next = self.total.not_full.val();
        StreamSource::link(&mut self.out, &mut self.prefetch.out);
        self.level.next = self.total.level.val();
        self.almost_full.next = self.total.almost_full.val();
    }
}
