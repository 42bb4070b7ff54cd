//! [`TernaryAdder`]: three operands in one carry chain.

use crate::parameter::{require, require_width, ParameterError};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::block_tag;
use skipopu_hdl::prelude::*;

/// `sum = a + b + c + carry0 + carry1` modulo `2^width`, one LUT6_2 a bit and CARRY8s, no register.
///
/// - Does: each LUT reduces three bits to a sum (O6) and a carry (O5), which the next LUT takes in and the
///   carry chain adds. Two carry inputs come free.
/// - Does not: pay where there are two operands; write `a + b` there.
#[derive(LogicBlock, Ports)]
pub struct TernaryAdder {
    /// An operand.
    pub a: Wire<In>,
    /// An operand.
    pub b: Wire<In>,
    /// An operand.
    pub c: Wire<In>,
    /// Carry of weight one.
    pub carry0: Signal<In, Bit>,
    /// Another.
    pub carry1: Signal<In, Bit>,
    /// The sum.
    pub sum: Wire<Out>,
    _width: usize,
}

impl TernaryAdder {
    /// Cycles from operands to sum.
    pub const LATENCY: usize = 0;

    /// Operands and sum of `width` bits.
    ///
    /// # Errors
    /// A width out of range.
    pub fn new(width: usize) -> Result<TernaryAdder, ParameterError> {
        require_width("ternary adder", width)?;
        require(width >= 2, "ternary adder", "width", width, "must be at least 2")?;
        Ok(TernaryAdder {
            a: Wire::new(width),
            b: Wire::new(width),
            c: Wire::new(width),
            carry0: Default::default(),
            carry1: Default::default(),
            sum: Wire::new(width),
            _width: width,
        })
    }

    fn primitives(&self) -> String {
        let (width, chains) = (self._width, self._width.div_ceil(8));
        let (top, padded) = (width - 1, 8 * chains - 1);
        // O5 = majority of I2, I1, I0; O6 = parity of I3 to I0 (I5 is 1).
        format!(
            "wire [{padded}:0] parity, high, chain, total;
wire [{width}:0] majority;
assign majority[0] = carry1;
genvar n;
generate for (n = 0; n <= {padded}; n = n + 1) begin : bits
    if (n <= {top}) begin : used
        LUT6_2 #(.INIT(64'h69966996e8e8e8e8)) lut (
            .I0(a[n]), .I1(b[n]), .I2(c[n]), .I3(majority[n]), .I4(1'b0), .I5(1'b1),
            .O5(majority[n + 1]), .O6(parity[n]));
        assign high[n] = majority[n];
    end else begin : spare
        assign parity[n] = 1'b0;
        assign high[n] = 1'b0;
    end
end
for (n = 0; n < {chains}; n = n + 1) begin : chains
    wire from;
    if (n == 0) begin : first
        assign from = carry0;
    end else begin : next
        assign from = chain[8 * n - 1];
    end
    CARRY8 carries (.CI(from), .CI_TOP(1'b0), .DI(high[8 * n +: 8]), .S(parity[8 * n +: 8]),
        .CO(chain[8 * n +: 8]), .O(total[8 * n +: 8]));
end endgenerate
assign sum = total[{top}:0];"
        )
    }

    fn model(&self) -> String {
        let zeros = self._width - 1;
        format!("assign sum = a + b + c + {{{zeros}'d0, carry0}} + {{{zeros}'d0, carry1}};")
    }
}

impl Logic for TernaryAdder {
    fn update(&mut self) {
        let carry = |on: bool| Word::from(on).zext(self._width);
        self.sum.next = self.a.val()
            + self.b.val()
            + self.c.val()
            + carry(self.carry0.val())
            + carry(self.carry1.val());
    }
    fn connect(&mut self) {
        self.sum.connect();
    }
    fn hdl(&self) -> Verilog {
        let code =
            format!("`ifdef SYNTHESIS\n{}\n`else\n{}\n`endif", self.primitives(), self.model());
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(self; width = self._width; latency = TernaryAdder::LATENCY);
}
