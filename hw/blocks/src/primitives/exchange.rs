//! [`Exchange`]: two words straight or crossed, a LUT for a bit of both.

use crate::parameter::{require, require_width, ParameterError};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::block_tag;
use skipopu_hdl::prelude::*;

/// `(first, second) = cross ? (b, a) : (a, b)`, no register.
///
/// - Does: both outputs of a bit share their three inputs and so a LUT6_2: half of what two multiplexers take.
/// - Does not: pay where one output is not read; write `mux` there.
#[derive(LogicBlock, Ports)]
pub struct Exchange {
    /// A word.
    pub a: Wire<In>,
    /// The other.
    pub b: Wire<In>,
    /// Crossed?
    pub cross: Signal<In, Bit>,
    /// `a`, or `b` if crossed.
    pub first: Wire<Out>,
    /// `b`, or `a` if crossed.
    pub second: Wire<Out>,
    _width: usize,
}

impl Exchange {
    /// Cycles from words to words.
    pub const LATENCY: usize = 0;

    /// Words of `width` bits.
    ///
    /// # Errors
    /// A width out of range.
    pub fn new(width: usize) -> Result<Exchange, ParameterError> {
        require_width("exchange", width)?;
        require(width >= 2, "exchange", "width", width, "must be at least 2")?;
        Ok(Exchange {
            a: Wire::new(width),
            b: Wire::new(width),
            cross: Default::default(),
            first: Wire::new(width),
            second: Wire::new(width),
            _width: width,
        })
    }

    fn primitives(&self) -> String {
        // O5 = I2 ? I0 : I1, O6 = I2 ? I1 : I0 (I5 is 1).
        let last = self._width - 1;
        format!(
            "genvar n;
generate for (n = 0; n <= {last}; n = n + 1) begin : bits
    LUT6_2 #(.INIT(64'hcacacacaacacacac)) lut (
        .I0(a[n]), .I1(b[n]), .I2(cross), .I3(1'b0), .I4(1'b0), .I5(1'b1),
        .O5(second[n]), .O6(first[n]));
end endgenerate"
        )
    }
}

impl Logic for Exchange {
    fn update(&mut self) {
        self.first.next = mux(self.cross.val(), self.b.val(), self.a.val());
        self.second.next = mux(self.cross.val(), self.a.val(), self.b.val());
    }
    fn connect(&mut self) {
        self.first.connect();
        self.second.connect();
    }
    fn hdl(&self) -> Verilog {
        let model = "assign first = cross ? b : a;\nassign second = cross ? a : b;";
        let code = format!("`ifdef SYNTHESIS\n{}\n`else\n{model}\n`endif", self.primitives());
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(self; width = self._width; latency = Exchange::LATENCY);
}
