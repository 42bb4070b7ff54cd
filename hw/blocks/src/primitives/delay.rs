//! [`Delay`] and [`DelayReset`]: a value some cycles later.

use super::Srl;
use crate::parameter::{require, require_width, ParameterError};
use skipopu_hdl::prelude::*;

/// Cycles that one LUT holds.
const LUT_CYCLES: usize = 32;

/// Of `stages` cycles those held in LUTs: not the last, and no LUT for a single cycle, which a flip-flop
/// holds as well; the device has two flip-flops to a LUT.
fn in_luts(stages: usize) -> usize {
    let held = stages - 1;
    let held = if held % LUT_CYCLES == 1 { held - 1 } else { held };
    if held < 3 {
        0
    } else {
        held
    }
}

/// The same where LUTs are scarcer than flip-flops: no LUT for fewer than seven cycles.
fn in_few_luts(stages: usize) -> usize {
    let held = stages - 1;
    if held % LUT_CYCLES < 7 {
        held - held % LUT_CYCLES
    } else {
        held
    }
}

/// A pipeline register chain: `q` is what `d` was some enabled cycles ago, 0 at first.
///
/// - Does: up to three stages are flip-flops; from four on all but the last are an [`Srl`], which holds
///   32 cycles in one LUT, less a cycle that would need a LUT of its own. The last stage is always a
///   flip-flop, so that `q` is fast.
/// - Does not: reset. Use [`DelayReset`] for valid bits.
#[derive(LogicBlock, Ports)]
pub struct Delay {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Move on in this cycle?
    pub enable: Signal<In, Bit>,
    /// Goes in.
    pub d: Wire<In>,
    /// Comes out.
    pub q: Wire<Out>,
    srl: Vec<Srl>,
    registers: Vec<Reg>,
    _width: usize,
    _stages: usize,
}

impl Delay {
    /// `width` bits, `stages` cycles.
    ///
    /// # Errors
    /// Unless `stages` is from 1 to 1024 and `width` from 1 to [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize, stages: usize) -> Result<Delay, ParameterError> {
        Delay::shifting(width, stages, in_luts)
    }

    /// The same with LUTs only where each holds seven cycles or more, for blocks that run short of LUTs: six
    /// flip-flops are the dearest that take the place of one.
    ///
    /// # Errors
    /// As [`Delay::new`].
    pub fn sparing_luts(width: usize, stages: usize) -> Result<Delay, ParameterError> {
        Delay::shifting(width, stages, in_few_luts)
    }

    fn shifting(
        width: usize,
        stages: usize,
        in_luts: fn(usize) -> usize,
    ) -> Result<Delay, ParameterError> {
        require_stages("delay", width, stages)?;
        let shifted = in_luts(stages);
        let srl = if shifted > 0 { vec![Srl::new(width, shifted)?] } else { Vec::new() };
        Ok(Delay {
            clock: Default::default(),
            enable: Default::default(),
            d: Wire::new(width),
            q: Wire::new(width),
            srl,
            registers: (shifted..stages).map(|_| Reg::new(width)).collect(),
            _width: width,
            _stages: stages,
        })
    }

    /// Enabled cycles from `d` to `q`.
    pub fn latency(&self) -> usize {
        self._stages
    }
}

impl Logic for Delay {
    #[hdl(width = self._width, stages = self._stages, latency = self._stages)]
    fn update(&mut self) {
        let last = self.registers.len() - 1;
        for i in 0..self.srl.len() {
            self.srl[i].clock.next = self.clock.val();
            self.srl[i].enable.next = self.enable.val();
            self.srl[i].d.next = self.d.val();
        }
        for i in 0..self.registers.len() {
            self.registers[i].clock.next = self.clock.val();
            self.registers[i].d.next = self.registers[i].q.val();
            if self.enable.val() {
                if i > 0 {
                    self.registers[i].d.next = self.registers[i - 1].q.val();
                } else if self.srl.is_empty() {
                    self.registers[i].d.next = self.d.val();
                } else {
                    self.registers[i].d.next = self.srl[0].q.val();
                }
            }
        }
        self.q.next = self.registers[last].q.val();
    }
}

/// A pipeline register chain that can be cleared, for valid bits and other control.
///
/// - Does: `q` is what `d` was some enabled cycles ago; `reset` clears every stage at the rising edge,
///   enabled or not.
/// - Does not: use shift registers in LUTs, which cannot be cleared. Use [`Delay`] for data.
#[derive(LogicBlock, Ports)]
pub struct DelayReset {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Clears every stage.
    pub reset: Signal<In, Bit>,
    /// Move on in this cycle?
    pub enable: Signal<In, Bit>,
    /// Goes in.
    pub d: Wire<In>,
    /// Comes out.
    pub q: Wire<Out>,
    registers: Vec<Reg>,
    _width: usize,
    _stages: usize,
}

impl DelayReset {
    /// `width` bits, `stages` cycles.
    ///
    /// # Errors
    /// Unless `stages` is from 1 to 1024 and `width` from 1 to [`MAX_WIDTH`](crate::parameter::MAX_WIDTH).
    pub fn new(width: usize, stages: usize) -> Result<DelayReset, ParameterError> {
        require_stages("delay with reset", width, stages)?;
        Ok(DelayReset {
            clock: Default::default(),
            reset: Default::default(),
            enable: Default::default(),
            d: Wire::new(width),
            q: Wire::new(width),
            registers: (0..stages).map(|_| Reg::new(width)).collect(),
            _width: width,
            _stages: stages,
        })
    }

    /// Enabled cycles from `d` to `q`.
    pub fn latency(&self) -> usize {
        self._stages
    }
}

impl Logic for DelayReset {
    #[hdl(width = self._width, stages = self._stages, latency = self._stages)]
    fn update(&mut self) {
        let last = self.registers.len() - 1;
        for i in 0..self.registers.len() {
            self.registers[i].clock.next = self.clock.val();
            self.registers[i].d.next = self.registers[i].q.val();
            if self.enable.val() {
                if i > 0 {
                    self.registers[i].d.next = self.registers[i - 1].q.val();
                } else {
                    self.registers[i].d.next = self.d.val();
                }
            }
            if self.reset.val() {
                self.registers[i].d.next = 0.into();
            }
        }
        self.q.next = self.registers[last].q.val();
    }
}

fn require_stages(block: &'static str, width: usize, stages: usize) -> Result<(), ParameterError> {
    require_width(block, width)?;
    require((1..=1024).contains(&stages), block, "stages", stages, "must be 1 to 1024")
}
