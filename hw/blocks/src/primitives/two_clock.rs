//! [`TwoClockBram`] and [`TwoClockLutram`]: memories written with one clock and read with another.

use super::contents::{self, Contents};
use crate::parameter::{index_bits, require, require_width, ParameterError};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::prelude::*;
use skipopu_hdl::{block_tag, Constraint};

/// A memory in block RAM with a write port and a read port, each on a clock of its own.
///
/// - Does: with `read_enable`, the word at `read_address` is fetched; with `output_enable`, the word
///   fetched last moves to `read_data`. Both in every cycle give a word a cycle, two cycles late.
///   Without, each stage keeps its word: the primitive's own registers are a queue of two.
/// - Does not: say what a read gives of a word being written. The caller reads only words that were
///   written before the address crossed the clocks.
/// - Guarantee: 512 words of 72 bits are one RAMB36E2.
#[derive(LogicBlock, Ports)]
pub struct TwoClockBram {
    /// Clock of the write port.
    pub write_clock: Signal<In, Clock>,
    /// Write `write_data` to `write_address`?
    pub write_enable: Signal<In, Bit>,
    /// Where to write.
    pub write_address: Wire<In>,
    /// What to write.
    pub write_data: Wire<In>,
    /// Clock of the read port.
    pub read_clock: Signal<In, Clock>,
    /// Fetch the word at `read_address`?
    pub read_enable: Signal<In, Bit>,
    /// Where to read.
    pub read_address: Wire<In>,
    /// Put the fetched word on `read_data`?
    pub output_enable: Signal<In, Bit>,
    /// The word.
    pub read_data: Wire<Out>,
    _width: usize,
    _depth: usize,
    _contents: Contents,
    _word: Word,
}

impl TwoClockBram {
    /// Read cycles from `read_address` to `read_data`.
    pub const LATENCY: usize = 2;

    /// `depth` words of `width` bits.
    ///
    /// # Errors
    /// Unless `depth` is a power of two from 4 to 65536 and `width` is from 1 to
    /// [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize, depth: usize) -> Result<TwoClockBram, ParameterError> {
        require_width("two-clock bram", width)?;
        let ok = depth.is_power_of_two() && (4..=65_536).contains(&depth);
        require(ok, "two-clock bram", "depth", depth, "must be a power of two, 4 to 65536")?;
        Ok(TwoClockBram {
            write_clock: Default::default(),
            write_enable: Default::default(),
            write_address: Wire::new(index_bits(depth)),
            write_data: Wire::new(width),
            read_clock: Default::default(),
            read_enable: Default::default(),
            read_address: Wire::new(index_bits(depth)),
            output_enable: Default::default(),
            read_data: Wire::new(width),
            _width: width,
            _depth: depth,
            _contents: Contents::new(width),
            _word: Word::zero(width),
        })
    }
}

impl Logic for TwoClockBram {
    fn update(&mut self) {
        if self.read_clock.pos_edge() {
            if self.output_enable.val() {
                self.read_data.next = self._word.clone();
            }
            if self.read_enable.val() {
                self._word = self._contents.read(&self.read_address.val());
            }
        }
        if self.write_clock.pos_edge() && self.write_enable.val() {
            self._contents.write(&self.write_address.val(), self.write_data.val());
        }
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        let (width, top) = (self._width, self._width - 1);
        let memory = contents::array(width, self._depth, "(* ram_style = \"block\" *) ");
        let code = format!(
            "{memory}
reg [{top}:0] word = {width}'d0;
reg [{top}:0] output_register = {width}'d0;
always @(posedge write_clock) if (write_enable) memory[write_address] <= write_data;
always @(posedge read_clock) begin
    if (read_enable) word <= memory[read_address];
    if (output_enable) output_register <= word;
end
assign read_data = output_register;"
        );
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(self; width = self._width, depth = self._depth; latency = Self::LATENCY);
}

/// A small memory in LUTs, written with one clock, read into a register of another.
///
/// - Does: with `read_enable`, the word at `read_address` stands on `read_data` one cycle later; without,
///   the word last read stays. States its timing constraint.
/// - Does not: say what a read gives of a word being written, as [`TwoClockBram`].
#[derive(LogicBlock, Ports)]
pub struct TwoClockLutram {
    /// Clock of the write port.
    pub write_clock: Signal<In, Clock>,
    /// Write `write_data` to `write_address`?
    pub write_enable: Signal<In, Bit>,
    /// Where to write.
    pub write_address: Wire<In>,
    /// What to write.
    pub write_data: Wire<In>,
    /// Clock of the read port.
    pub read_clock: Signal<In, Clock>,
    /// Read the word at `read_address`?
    pub read_enable: Signal<In, Bit>,
    /// Where to read.
    pub read_address: Wire<In>,
    /// The word last read.
    pub read_data: Wire<Out>,
    _width: usize,
    _depth: usize,
    _contents: Contents,
}

impl TwoClockLutram {
    /// Read cycles from `read_address` to `read_data`.
    pub const LATENCY: usize = 1;

    /// `depth` words of `width` bits.
    ///
    /// # Errors
    /// Unless `depth` is a power of two from 4 to 1024 and `width` is from 1 to
    /// [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize, depth: usize) -> Result<TwoClockLutram, ParameterError> {
        require_width("two-clock lutram", width)?;
        let ok = depth.is_power_of_two() && (4..=1024).contains(&depth);
        require(ok, "two-clock lutram", "depth", depth, "must be a power of two, 4 to 1024")?;
        Ok(TwoClockLutram {
            write_clock: Default::default(),
            write_enable: Default::default(),
            write_address: Wire::new(index_bits(depth)),
            write_data: Wire::new(width),
            read_clock: Default::default(),
            read_enable: Default::default(),
            read_address: Wire::new(index_bits(depth)),
            read_data: Wire::new(width),
            _width: width,
            _depth: depth,
            _contents: Contents::new(width),
        })
    }

    fn constraints(&self) -> Vec<Constraint> {
        vec![Constraint::Held {
            write_clock: "write_clock".into(),
            clock: "read_clock".into(),
            register: "word".into(),
        }]
    }
}

impl Logic for TwoClockLutram {
    fn update(&mut self) {
        if self.read_clock.pos_edge() && self.read_enable.val() {
            self.read_data.next = self._contents.read(&self.read_address.val());
        }
        if self.write_clock.pos_edge() && self.write_enable.val() {
            self._contents.write(&self.write_address.val(), self.write_data.val());
        }
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        let (width, top) = (self._width, self._width - 1);
        let memory = contents::array(width, self._depth, "(* ram_style = \"distributed\" *) ");
        let code = format!(
            "{memory}
reg [{top}:0] word = {width}'d0;
always @(posedge write_clock) if (write_enable) memory[write_address] <= write_data;
always @(posedge read_clock) if (read_enable) word <= memory[read_address];
assign read_data = word;"
        );
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(
        self;
        width = self._width, depth = self._depth;
        latency = Self::LATENCY;
        constraints = self.constraints()
    );
}
