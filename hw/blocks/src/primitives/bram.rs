//! [`Bram`]: a memory in block RAM.

use super::contents::{self, Contents};
use crate::parameter::{index_bits, require, require_width, ParameterError};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::block_tag;
use skipopu_hdl::prelude::*;

/// A memory in block RAM: one write port, one read port, one clock.
///
/// - Does: with `read_enable`, the word at `read_address` stands on `read_data` [`Bram::latency`]
///   cycles later; without, the word last read stays. Reading the address being written gives the
///   **old** word, as RAMB36E2 does in its mode READ_FIRST with one clock. All words are 0 at first.
/// - Does not: enable single bytes, or read on both ports. Use [`Uram`](super::Uram) for that.
/// - Guarantee: 512 words of 72 bits, or 1024 of 36, are one RAMB36E2. The memory is inferred, so that
///   other sizes are tiled by the synthesis tool; latency 2 uses the primitive's output register
///   where the tool moves it there (Vivado does, Yosys leaves it in flip-flops).
#[derive(LogicBlock, Ports)]
pub struct Bram {
    /// Clock of both ports.
    pub clock: Signal<In, Clock>,
    /// Write `write_data` to `write_address`?
    pub write_enable: Signal<In, Bit>,
    /// Where to write.
    pub write_address: Wire<In>,
    /// What to write.
    pub write_data: Wire<In>,
    /// Read the word at `read_address`?
    pub read_enable: Signal<In, Bit>,
    /// Where to read.
    pub read_address: Wire<In>,
    /// The word last read.
    pub read_data: Wire<Out>,
    _width: usize,
    _depth: usize,
    _latency: usize,
    _contents: Contents,
    _word: Word,
}

impl Bram {
    /// `depth` words of `width` bits, read in `latency` cycles: 1, or 2 with an output register.
    ///
    /// # Errors
    /// Unless `depth` is a power of two from 2 to 65536, `latency` is 1 or 2 and `width` is from 1 to
    /// [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize, depth: usize, latency: usize) -> Result<Bram, ParameterError> {
        require_width("bram", width)?;
        let ok = depth.is_power_of_two() && (2..=65_536).contains(&depth);
        require(ok, "bram", "depth", depth, "must be a power of two, 2 to 65536")?;
        require((1..=2).contains(&latency), "bram", "latency", latency, "must be 1 or 2")?;
        Ok(Bram {
            clock: Default::default(),
            write_enable: Default::default(),
            write_address: Wire::new(index_bits(depth)),
            write_data: Wire::new(width),
            read_enable: Default::default(),
            read_address: Wire::new(index_bits(depth)),
            read_data: Wire::new(width),
            _width: width,
            _depth: depth,
            _latency: latency,
            _contents: Contents::new(width),
            _word: Word::zero(width),
        })
    }

    /// Cycles from `read_address` to `read_data`.
    pub fn latency(&self) -> usize {
        self._latency
    }
}

impl Logic for Bram {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let before = self._word.clone();
        if self.read_enable.val() {
            self._word = self._contents.read(&self.read_address.val());
        }
        if self.write_enable.val() {
            self._contents.write(&self.write_address.val(), self.write_data.val());
        }
        self.read_data.next = if self._latency == 2 { before } else { self._word.clone() };
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        let (width, top) = (self._width, self._width - 1);
        let memory = contents::array(width, self._depth, "(* ram_style = \"block\" *) ");
        let output = match self._latency {
            2 => format!(
                "reg [{top}:0] output_register = {width}'d0;
always @(posedge clock) output_register <= word;
assign read_data = output_register;"
            ),
            _ => "assign read_data = word;".into(),
        };
        let code = format!(
            "{memory}
reg [{top}:0] word = {width}'d0;
always @(posedge clock) begin
    if (write_enable) memory[write_address] <= write_data;
    if (read_enable) word <= memory[read_address];
end
{output}"
        );
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(
        self;
        width = self._width, depth = self._depth, cycles = self._latency;
        latency = self._latency
    );
}
