//! [`Timeline`]: what the core did while a program ran, from its counters read again and again.

use crate::counts::Counts;
use crate::device::{Device, DeviceError, Progress};
use serde::Serialize;
use skipopu_isa::host::{status, Counter, HostRegister};
use std::ops::ControlFlow;

/// Counters that are read, the cycles first.
const SAMPLED: [Counter; 13] = [
    Counter::Cycles,
    Counter::Int4Cycles,
    Counter::Fp16Cycles,
    Counter::NpeTiles,
    Counter::WeightBeats,
    Counter::KvWordsHbm,
    Counter::KvWordsBuffer,
    Counter::KvWordsWritten,
    Counter::DdrWordsRead,
    Counter::WaitWeights,
    Counter::WaitKv,
    Counter::WaitPsum,
    Counter::WaitInstruction,
];

/// Readings of the counters of one program, from its start on.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    /// The readings. A program's 64-bit counters are read by their lower halves, which a token does not fill.
    pub samples: Vec<Counts>,
}

/// What happened between two readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// First cycle.
    pub start: u64,
    /// Cycles.
    pub cycles: u64,
    /// How much was counted.
    pub counted: u64,
}

impl Timeline {
    /// Reads counters until the program has ended. On a simulated core it goes on while it is asked, so that an answer's time
    /// is the program's.
    ///
    /// # Errors
    /// As [`Device::wait`].
    pub(crate) fn sample(
        device: &mut dyn Device,
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Timeline, DeviceError> {
        let mut timeline = Timeline::default();
        let kept: Vec<Counter> = SAMPLED.into_iter().filter(|c| device.keeps(*c)).collect();
        loop {
            let busy = device.read_register(HostRegister::Status.offset())? & status::BUSY != 0;
            let mut counts = Counts::default();
            for counter in &kept {
                counts.set(*counter, device.read_register(counter.offset())?.into());
            }
            timeline.samples.push(counts);
            let cycles = counts.get(Counter::Cycles).unwrap_or(0);
            if !busy {
                return Ok(timeline);
            }
            if tick(Progress { cycles, pc: None }).is_break() {
                return Err(DeviceError::Cancelled);
            }
        }
    }

    /// Cycles of the last reading.
    pub fn cycles(&self) -> u64 {
        self.samples.last().and_then(|s| s.get(Counter::Cycles)).unwrap_or(0)
    }

    /// What a counter rose by between readings.
    pub fn spans(&self, counter: Counter) -> impl Iterator<Item = Span> + '_ {
        self.samples.windows(2).filter_map(move |pair| {
            let cycles = |at: usize| pair[at].get(Counter::Cycles);
            let value = |at: usize| pair[at].get(counter);
            let start = cycles(0)?;
            let length = cycles(1)?.saturating_sub(start);
            let counted = value(1)?.saturating_sub(value(0)?);
            (length > 0).then_some(Span { start, cycles: length, counted })
        })
    }
}
