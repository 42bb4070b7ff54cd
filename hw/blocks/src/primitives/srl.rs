//! [`Srl`]: a shift register in LUTs.

use crate::parameter::{index_bits, require, require_width, ParameterError};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::block_tag;
use skipopu_hdl::prelude::*;
use std::collections::VecDeque;
use std::fmt::Write as _;

/// Taps of one SRLC32E.
const TAPS: usize = 32;

/// A shift register in LUTs: one SRLC32E holds a bit for up to 32 cycles.
///
/// - Does: `q` is what `d` was `depth` enabled cycles ago; 0 at first.
/// - Does not: reset. Use [`DelayReset`](super::DelayReset) where the value must be known, and
///   [`Delay`](super::Delay) in general: it adds the flip-flop that hides the slow output of an SRL.
#[derive(LogicBlock, Ports)]
pub struct Srl {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Shift in this cycle?
    pub enable: Signal<In, Bit>,
    /// Goes in.
    pub d: Wire<In>,
    /// Comes out.
    pub q: Wire<Out>,
    _width: usize,
    _depth: usize,
    _stages: VecDeque<Word>,
}

impl Srl {
    /// `width` bits, `depth` cycles.
    ///
    /// # Errors
    /// Unless `depth` is from 1 to 1024 and `width` from 1 to [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize, depth: usize) -> Result<Srl, ParameterError> {
        require_width("srl", width)?;
        require((1..=1024).contains(&depth), "srl", "depth", depth, "must be 1 to 1024 cycles")?;
        Ok(Srl {
            clock: Default::default(),
            enable: Default::default(),
            d: Wire::new(width),
            q: Wire::new(width),
            _width: width,
            _depth: depth,
            _stages: vec![Word::zero(width); depth].into(),
        })
    }

    /// Enabled cycles from `d` to `q`.
    pub fn latency(&self) -> usize {
        self._depth
    }

    /// SRL cells it takes: one per bit and 32 cycles.
    pub fn cells(&self) -> usize {
        self._width * self._depth.div_ceil(TAPS)
    }

    /// One chain of cells per bit: all but the last shift 32 times, the last the rest.
    fn primitives(&self) -> String {
        let (links, top) = (self._depth.div_ceil(TAPS), self._width - 1);
        // Indexed instead of `d`, which is no vector where it has one bit.
        let mut text = format!("wire [{top}:0] link_0 = d;\n");
        for l in 1..=links {
            // Yosys 0.23 does not survive an SRLC32E with an open output: both get a net.
            let _ = writeln!(text, "wire [{top}:0] tap_{l};\nwire [{top}:0] link_{l};");
        }
        text += "genvar n;\n";
        let _ = writeln!(text, "generate for (n = 0; n <= {top}; n = n + 1) begin : bits");
        for l in 1..=links {
            let tap = if l == links { (self._depth - 1) % TAPS } else { TAPS - 1 };
            let _ = writeln!(
                text,
                "    SRLC32E #(.INIT(32'd0)) cell_{l} (.CLK(clock), .CE(enable), .A(5'd{tap}), .D(link_{}[n]), .Q(tap_{l}[n]), .Q31(link_{l}[n]));",
                l - 1
            );
        }
        let _ = writeln!(text, "end endgenerate\nassign q = tap_{links};");
        text.trim_end().to_string()
    }

    /// A ring of words: the oldest is on `q` and the next to be overwritten.
    fn model(&self) -> String {
        let (width, top, last) = (self._width, self._width - 1, self._depth - 1);
        if last == 0 {
            return format!(
                "reg [{top}:0] stage = {width}'d0;
always @(posedge clock) if (enable) stage <= d;
assign q = stage;"
            );
        }
        let bits = index_bits(self._depth);
        format!(
            "reg [{top}:0] stage [0:{last}];
reg [{}:0] oldest = {bits}'d0;
integer i;
initial for (i = 0; i <= {last}; i = i + 1) stage[i] = {width}'d0;
always @(posedge clock) if (enable) begin
    stage[oldest] <= d;
    oldest <= oldest == {bits}'d{last} ? {bits}'d0 : oldest + {bits}'d1;
end
assign q = stage[oldest];",
            bits - 1
        )
    }
}

impl Logic for Srl {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            self._stages.push_front(self.d.val());
            self._stages.pop_back();
            if let Some(last) = self._stages.back() {
                self.q.next = last.clone();
            }
        }
    }
    fn connect(&mut self) {
        self.q.connect();
    }
    fn hdl(&self) -> Verilog {
        let code =
            format!("`ifdef SYNTHESIS\n{}\n`else\n{}\n`endif", self.primitives(), self.model());
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(self; width = self._width, depth = self._depth; latency = self._depth);
}
