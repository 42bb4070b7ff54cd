//! [`Synchroniser`]: bits from one clock domain to another.

use crate::parameter::{require, ParameterError};
use skipopu_hdl::ast::{Verilog, Wrapper};
use skipopu_hdl::prelude::*;
use skipopu_hdl::{block_tag, Constraint};

/// Defined in a simulation, every bit that has just changed arrives at the next edge or one later, at
/// random (`-DCDC_JITTER` for Verilator).
pub const JITTER: &str = "CDC_JITTER";

/// A register in one clock domain and a chain of registers in another.
///
/// - Does: `d` is registered with `source_clock` (`held`), so that no glitch crosses, and appears on `q`
///   [`Synchroniser::latency`] edges of `clock` later. States its timing constraints.
/// - Does not: keep the bits of a word together. A word must change in one bit at a time (a Gray code);
///   use [`AsyncFifo`](crate::cdc::AsyncFifo) for data.
/// - Guarantee: with the constraints met, `q` is a value that `held` had, no older than a period of
///   `source_clock` and the latency. Under [`JITTER`] simulation shows every order in which the bits of
///   the latest change may then arrive.
#[derive(LogicBlock, Ports)]
pub struct Synchroniser {
    /// Clock of `d`.
    pub source_clock: Signal<In, Clock>,
    /// Clock of `q`.
    pub clock: Signal<In, Clock>,
    /// Goes in.
    pub d: Wire<In>,
    /// `d` of the last edge of `source_clock`: what crosses.
    pub held: Wire<Out>,
    /// Comes out.
    pub q: Wire<Out>,
    _width: usize,
    _source: Word,
    _stages: Vec<Word>,
}

impl Synchroniser {
    /// `width` bits through `stages` registers.
    ///
    /// # Errors
    /// Unless `width` is from 1 to 32 and `stages` from 2 to 4.
    pub fn new(width: usize, stages: usize) -> Result<Synchroniser, ParameterError> {
        require((1..=32).contains(&width), "synchroniser", "width", width, "must be 1 to 32 bits")?;
        require((2..=4).contains(&stages), "synchroniser", "stages", stages, "must be 2 to 4")?;
        Ok(Synchroniser {
            source_clock: Default::default(),
            clock: Default::default(),
            d: Wire::new(width),
            held: Wire::new(width),
            q: Wire::new(width),
            _width: width,
            _source: Word::zero(width),
            _stages: vec![Word::zero(width); stages],
        })
    }

    /// Edges of `clock` from `held` to `q`.
    pub fn latency(&self) -> usize {
        self._stages.len()
    }

    fn constraints(&self) -> Vec<Constraint> {
        vec![Constraint::Synchronised {
            source_clock: "source_clock".into(),
            source: "source".into(),
            clock: "clock".into(),
            stages: (1..=self._stages.len()).map(|n| format!("stage_{n}")).collect(),
        }]
    }
}

impl Logic for Synchroniser {
    fn update(&mut self) {
        // The stages first: when both clocks rise together they take what was held before.
        if self.clock.pos_edge() {
            self._stages.rotate_right(1);
            self._stages[0] = self._source.clone();
            self.q.next = self._stages[self._stages.len() - 1].clone();
        }
        if self.source_clock.pos_edge() {
            self._source = self.d.val();
            self.held.next = self._source.clone();
        }
    }
    fn connect(&mut self) {
        self.held.connect();
        self.q.connect();
    }
    fn hdl(&self) -> Verilog {
        let (width, top, last) = (self._width, self._width - 1, self._stages.len());
        let stages = |f: &dyn Fn(usize) -> String, from: usize| {
            (from..=last).map(f).collect::<Vec<_>>().join("\n")
        };
        let declared = stages(
            &|n| {
                format!(
                    "(* ASYNC_REG = \"TRUE\", SHREG_EXTRACT = \"NO\" *) reg [{top}:0] stage_{n} = {width}'d0;"
                )
            },
            1,
        );
        let moved = stages(&|n| format!("    stage_{n} <= stage_{};", n - 1), 2);
        let code = format!(
            "reg [{top}:0] source = {width}'d0;
{declared}
always @(posedge source_clock) source <= d;
`ifdef {JITTER}
// Of a change since the last edge, each bit is seen now or at the next edge.
reg [{top}:0] older = {width}'d0;
reg [{top}:0] seen = {width}'d0;
reg [31:0] chance = 32'd0;
always @(posedge source_clock) older <= source;
always @(posedge clock) begin
    chance <= $random;
    seen <= source;
    stage_1 <= source == seen ? source : source ^ ((source ^ older) & chance[{top}:0]);
end
`else
always @(posedge clock) stage_1 <= source;
`endif
always @(posedge clock) begin
{moved}
end
assign held = source;
assign q = stage_{last};"
        );
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
    block_tag!(
        self;
        width = self._width, stages = self._stages.len();
        constraints = self.constraints()
    );
}
