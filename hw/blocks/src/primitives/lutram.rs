//! [`Lutram`]: a small memory in LUTs.

use super::contents::{self, Contents};
use crate::parameter::{index_bits, require, require_width, ParameterError};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::block_tag;
use skipopu_hdl::prelude::*;

/// A memory in LUTs: one write port, one asynchronous read port.
///
/// - Does: `read_data` is the word at `read_address` in the same cycle; a write takes effect at the
///   rising edge. Reading the address being written gives the old word until the edge, the new one
///   after it. All words are 0 at first.
/// - Does not: register its output. Beyond 64 words use [`Bram`](super::Bram).
#[derive(LogicBlock, Ports)]
pub struct Lutram {
    /// Clock of the write port.
    pub clock: Signal<In, Clock>,
    /// Write `write_data` to `write_address`?
    pub write_enable: Signal<In, Bit>,
    /// Where to write.
    pub write_address: Wire<In>,
    /// What to write.
    pub write_data: Wire<In>,
    /// Where to read.
    pub read_address: Wire<In>,
    /// The word there.
    pub read_data: Wire<Out>,
    _width: usize,
    _depth: usize,
    _contents: Contents,
}

impl Lutram {
    /// Cycles from `read_address` to `read_data`.
    pub const LATENCY: usize = 0;

    /// `depth` words of `width` bits.
    ///
    /// # Errors
    /// Unless `depth` is a power of two from 2 to 1024 and `width` is from 1 to
    /// [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize, depth: usize) -> Result<Lutram, ParameterError> {
        require_width("lutram", width)?;
        let ok = depth.is_power_of_two() && (2..=1024).contains(&depth);
        require(ok, "lutram", "depth", depth, "must be a power of two, 2 to 1024")?;
        Ok(Lutram {
            clock: Default::default(),
            write_enable: Default::default(),
            write_address: Wire::new(index_bits(depth)),
            write_data: Wire::new(width),
            read_address: Wire::new(index_bits(depth)),
            read_data: Wire::new(width),
            _width: width,
            _depth: depth,
            _contents: Contents::new(width),
        })
    }
}

impl Logic for Lutram {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.write_enable.val() {
            self._contents.write(&self.write_address.val(), self.write_data.val());
        }
        self.read_data.next = self._contents.read(&self.read_address.val());
    }
    fn connect(&mut self) {
        self.read_data.connect();
    }
    fn hdl(&self) -> Verilog {
        let memory =
            contents::array(self._width, self._depth, "(* ram_style = \"distributed\" *) ");
        let code = format!(
            "{memory}
always @(posedge clock) if (write_enable) memory[write_address] <= write_data;
assign read_data = memory[read_address];"
        );
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(self; width = self._width, depth = self._depth; latency = Self::LATENCY);
}
