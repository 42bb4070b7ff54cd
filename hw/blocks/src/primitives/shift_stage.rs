//! [`ShiftStage`]: one stage of a shifter, two bits a LUT.

use crate::parameter::{require, require_width, ParameterError};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::block_tag;
use skipopu_hdl::prelude::*;
use std::fmt::Write as _;

/// `out = (shift ? data >> step : data) ^ {width{invert}}`, zeros coming in on top, no register.
///
/// - Does: bits `i` and `i + step` share a LUT6_2, as they share an input: half a LUT a bit, the inversion
///   free.
/// - Does not: shift by a variable; put several in a row.
#[derive(LogicBlock, Ports)]
pub struct ShiftStage {
    /// What is shifted.
    pub data: Wire<In>,
    /// Shift?
    pub shift: Signal<In, Bit>,
    /// Complement the result?
    pub invert: Signal<In, Bit>,
    /// The result.
    pub out: Wire<Out>,
    _width: usize,
    _step: usize,
}

impl ShiftStage {
    /// Cycles from data to result.
    pub const LATENCY: usize = 0;

    /// `width` bits, right by `step`.
    ///
    /// # Errors
    /// A width out of range, or a step that is not from 1 to `width - 1`.
    pub fn new(width: usize, step: usize) -> Result<ShiftStage, ParameterError> {
        require_width("shift stage", width)?;
        require((1..width).contains(&step), "shift stage", "step", step, "must be 1 to width - 1")?;
        Ok(ShiftStage {
            data: Wire::new(width),
            shift: Default::default(),
            invert: Default::default(),
            out: Wire::new(width),
            _width: width,
            _step: step,
        })
    }

    /// LUTs it takes.
    pub fn luts(&self) -> usize {
        (0..self._width).filter(|i| self.is_lower(*i)).count()
    }

    /// Is bit `i` the lower of a pair, or alone?
    fn is_lower(&self, i: usize) -> bool {
        i / self._step % 2 == 0
    }

    fn primitives(&self) -> String {
        // Inputs: d[i], d[i + step], d[i + 2 step], shift, invert. O6 is out[i], O5 out[i + step].
        let table = |from: usize| {
            (0..32u64).fold(0u64, |table, n| {
                let picked = if n >> 3 & 1 == 1 { n >> (from + 1) } else { n >> from };
                table | ((picked ^ n >> 4) & 1) << n
            })
        };
        let init = table(0) << 32 | table(1);
        let mut text = String::new();
        let bit = |i: usize| match i < self._width {
            true => format!("data[{i}]"),
            false => "1'b0".into(),
        };
        for i in (0..self._width).filter(|i| self.is_lower(*i)) {
            let upper = i + self._step;
            let spare = if upper < self._width {
                format!("out[{upper}]")
            } else {
                let _ = writeln!(text, "wire spare_{i};");
                format!("spare_{i}")
            };
            let _ = writeln!(
                text,
                "LUT6_2 #(.INIT(64'h{init:016x})) lut_{i} (.I0({}), .I1({}), .I2({}), .I3(shift), .I4(invert), .I5(1'b1), .O5({spare}), .O6(out[{i}]));",
                bit(i), bit(upper), bit(upper + self._step)
            );
        }
        text.trim_end().to_string()
    }

    fn model(&self) -> String {
        let (width, step) = (self._width, self._step);
        format!(
            "assign out = (shift ? {{{step}'d0, data[{}:{step}]}} : data) ^ {{{width}{{invert}}}};",
            width - 1
        )
    }
}

impl Logic for ShiftStage {
    fn update(&mut self) {
        let data = self.data.val();
        let moved = mux(self.shift.val(), data.slice(self._step, self._width), data.clone());
        self.out.next = mux(self.invert.val(), !moved.clone(), moved);
    }
    fn connect(&mut self) {
        self.out.connect();
    }
    fn hdl(&self) -> Verilog {
        let code =
            format!("`ifdef SYNTHESIS\n{}\n`else\n{}\n`endif", self.primitives(), self.model());
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(self; width = self._width, step = self._step; latency = ShiftStage::LATENCY);
}
