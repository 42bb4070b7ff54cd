//! Drivers, monitors and checkers for the valid/ready stream protocol.
//!
//! A stream named `in` has the ports `in_valid`, `in_ready`, `in_data` and optionally `in_last`. A beat
//! *fires* when `valid` and `ready` are both 1 at the rising clock edge. The rules:
//!
//! 1. once `valid` is 1 it stays 1 until the beat fires;
//! 2. the payload (`data`, `last`) is stable while `valid` is 1 and the beat has not fired;
//! 3. `valid` does not wait for `ready` (`ready` may wait for `valid`).
//!
//! A stream without a `ready` port cannot be stalled: its receiver takes a beat in any cycle.
//!
//! ```text
//! cycle    0     1     2     3     4     5
//! clock  __/‾‾\__/‾‾\__/‾‾\__/‾‾\__/‾‾\__/‾‾\__/
//! valid  ____/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾\____
//! ready  ____/‾‾‾‾‾\___________/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾
//! data   ----<  A  X        B        X  C  >----
//!                ^                 ^     ^
//! fires          A     stalled     B     C
//! ```
//!
//! At the rising edges 2 and 3 beat B is stalled: valid and data must stay.

mod bench;
mod checker;
mod driver;
mod monitor;

pub use bench::{Kind, StreamBench, StreamReport, StreamStats};
pub use checker::ProtocolChecker;
pub use driver::StreamDriver;
pub use monitor::StreamMonitor;

use crate::engine::{Engine, EngineError};
use skipopu_hdl::{Dir, Word};
use thiserror::Error;

/// One beat of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The value of `data`.
    pub data: Word,
    /// The value of `last`; `false` on streams without that port.
    pub last: bool,
}

impl From<Word> for Beat {
    fn from(data: Word) -> Beat {
        Beat { data, last: false }
    }
}

impl std::fmt::Display for Beat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.data, if self.last { " (last)" } else { "" })
    }
}

/// Which disturbances a run contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Full rate: always valid while beats are left, always ready.
    None,
    /// Senders pause at random.
    Idle,
    /// Receivers stall at random.
    BackPressure,
    /// Both.
    Both,
}

impl Pattern {
    /// All patterns; a test crosses them.
    pub const ALL: [Pattern; 4] =
        [Pattern::None, Pattern::Idle, Pattern::BackPressure, Pattern::Both];

    /// Do senders pause?
    pub fn idles(self) -> bool {
        matches!(self, Pattern::Idle | Pattern::Both)
    }

    /// Do receivers stall?
    pub fn stalls(self) -> bool {
        matches!(self, Pattern::BackPressure | Pattern::Both)
    }
}

/// A broken protocol, a wrong answer, or a run that proves nothing.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum StreamError {
    /// Rule 1.
    #[error("stream `{stream}` dropped valid in cycle {cycle} before its beat {beat} fired")]
    ValidDropped {
        /// The stream.
        stream: String,
        /// The cycle, counted from 0.
        cycle: u64,
        /// The beat, counted from 0.
        beat: u64,
    },
    /// Rule 2.
    #[error("stream `{stream}` changed the payload of beat {beat} from {before} to {after} while it was stalled, in cycle {cycle}")]
    PayloadChanged {
        /// The stream.
        stream: String,
        /// The cycle, counted from 0.
        cycle: u64,
        /// The beat, counted from 0.
        beat: u64,
        /// Payload when the stall began.
        before: Box<Beat>,
        /// Payload now.
        after: Box<Beat>,
    },
    /// Rule 3, as far as it shows within a cycle.
    #[error("stream `{stream}` let {what} depend on ready within cycle {cycle}: a sender must not wait for its receiver")]
    DependsOnReady {
        /// The stream.
        stream: String,
        /// The cycle, counted from 0.
        cycle: u64,
        /// `valid` or `the payload`.
        what: &'static str,
    },
    /// Another beat than the expected one.
    #[error(
        "stream `{stream}` gave {found} as beat {beat} in cycle {cycle}, expected {expected}{hint}"
    )]
    Mismatch {
        /// The stream.
        stream: String,
        /// The beat, counted from 0.
        beat: usize,
        /// The cycle, counted from 0.
        cycle: u64,
        /// What should have come.
        expected: Box<Beat>,
        /// What came.
        found: Box<Beat>,
        /// A guess at the reason, or nothing.
        hint: &'static str,
    },
    /// A beat after the last expected one.
    #[error(
        "stream `{stream}` gave {found} in cycle {cycle}, after all its {expected} expected beats"
    )]
    Extra {
        /// The stream.
        stream: String,
        /// The cycle, counted from 0.
        cycle: u64,
        /// Beats expected.
        expected: usize,
        /// What came.
        found: Box<Beat>,
    },
    /// The block hangs or is slower than allowed.
    #[error("after the budget of {cycles} cycles {waiting}: the block hangs, or give it a larger budget")]
    Budget {
        /// Cycles allowed.
        cycles: u64,
        /// What is still missing.
        waiting: String,
    },
    /// A disturbance was asked for and never happened.
    #[error("{kind} on stream `{stream}` was asked for but never happened: use more beats or a higher probability")]
    NeverHit {
        /// What was asked for.
        kind: Kind,
        /// The stream.
        stream: String,
    },
    /// Pauses were asked of a run without senders.
    #[error("the run has no input stream that could pause: choose a pattern without idle")]
    NoSender,
    /// No output beat was expected.
    #[error("nothing was compared: a stream run needs at least one expected output beat")]
    NothingCompared,
    /// A stream is not as the protocol has it.
    #[error("stream `{stream}` of {engine} has {fault}: correct the name or the ports")]
    Ports {
        /// The stream.
        stream: String,
        /// The engine's label.
        engine: String,
        /// What is wrong.
        fault: String,
    },
    /// A beat that does not fit its stream.
    #[error("beat {beat} of stream `{stream}` {fault}: correct the beats")]
    Beat {
        /// The stream.
        stream: String,
        /// The beat, counted from 0.
        beat: usize,
        /// What is wrong.
        fault: String,
    },
    /// A probability outside 0 to 1, or one at which nothing ever moves.
    #[error(
        "a probability of {value} for {what} is outside its range: use 0 or more and less than 1"
    )]
    Probability {
        /// Idle or back-pressure.
        what: Kind,
        /// The value given.
        value: f64,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The ports of one stream of an engine.
#[derive(Clone, Debug)]
pub(crate) struct StreamPorts {
    pub name: String,
    pub valid: usize,
    pub ready: Option<usize>,
    pub data: usize,
    pub last: Option<usize>,
    /// Bits of `data`.
    pub width: usize,
    /// Seen from the block: does it receive (`In`) or send (`Out`)?
    pub dir: Dir,
}

impl StreamPorts {
    /// Finds the ports of the stream `name`; its direction is that of `valid`.
    pub fn find(engine: &dyn Engine, name: &str) -> Result<StreamPorts, StreamError> {
        let fault = |fault: String| StreamError::Ports {
            stream: name.into(),
            engine: engine.label().into(),
            fault,
        };
        let ports = engine.ports();
        let find = |suffix: &str| ports.iter().position(|p| p.name == format!("{name}_{suffix}"));
        let need =
            |suffix: &str| find(suffix).ok_or_else(|| fault(format!("no port `{name}_{suffix}`")));
        let (valid, data) = (need("valid")?, need("data")?);
        let (ready, last) = (find("ready"), find("last"));
        let dir = ports[valid].dir;
        let opposite = if dir == Dir::In { Dir::Out } else { Dir::In };
        let rules = [
            (Some(valid), dir, true),
            (ready, opposite, true),
            (Some(data), dir, false),
            (last, dir, true),
        ];
        for (index, dir, one_bit) in rules {
            let Some(port) = index.map(|i| &ports[i]) else { continue };
            if port.dir != dir {
                return Err(fault(format!("`{}` in the wrong direction", port.name)));
            }
            if one_bit && port.width != 1 {
                return Err(fault(format!(
                    "{} bits in `{}` instead of one",
                    port.width, port.name
                )));
            }
        }
        Ok(StreamPorts {
            name: name.to_string(),
            valid,
            ready,
            data,
            last,
            width: ports[data].width,
            dir,
        })
    }

    pub fn demand(&self, engine: &dyn Engine, dir: Dir) -> Result<(), StreamError> {
        if self.dir == dir {
            return Ok(());
        }
        let fault = if dir == Dir::In {
            "outputs where inputs are needed"
        } else {
            "inputs where outputs are needed"
        };
        let (stream, engine) = (self.name.clone(), engine.label().to_string());
        Err(StreamError::Ports { stream, engine, fault: fault.to_string() })
    }

    pub fn valid(&self, engine: &dyn Engine) -> bool {
        engine.peek(self.valid).any()
    }

    pub fn ready(&self, engine: &dyn Engine) -> bool {
        self.ready.is_none_or(|r| engine.peek(r).any())
    }

    pub fn payload(&self, engine: &dyn Engine) -> Beat {
        Beat { data: engine.peek(self.data), last: self.last.is_some_and(|l| engine.peek(l).any()) }
    }

    /// Do all beats fit the stream?
    pub fn admit(&self, beats: &[Beat]) -> Result<(), StreamError> {
        for (beat, b) in beats.iter().enumerate() {
            let fault = if b.data.width() != self.width {
                format!("has {} bits, the stream {}", b.data.width(), self.width)
            } else if b.last && self.last.is_none() {
                "is a last one, but the stream has no `last`".to_string()
            } else {
                continue;
            };
            return Err(StreamError::Beat { stream: self.name.clone(), beat, fault });
        }
        Ok(())
    }
}
