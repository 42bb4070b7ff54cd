//! [`StreamBench`]: a whole run of a block with input and output streams.

use super::{Beat, Pattern, ProtocolChecker, StreamDriver, StreamError, StreamMonitor};
use crate::engine::Engine;
use skipopu_hdl::Word;
use std::fmt;

/// A kind of disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A sender pauses between beats.
    Idle,
    /// A receiver stalls a valid beat.
    BackPressure,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Idle => "idle",
            Kind::BackPressure => "back-pressure",
        })
    }
}

/// A run: beats into the input streams, expected beats of the output streams, disturbances, limits.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let verilated: skipopu_sim::Verilated = unimplemented!();
/// use skipopu_sim::stream::{Pattern, StreamBench};
/// use skipopu_hdl::Word;
/// let beats: Vec<Word> = (0..200).map(|i| Word::new(8, i % 256)).collect();
/// for pattern in Pattern::ALL {
///     StreamBench::new("clock")
///         .input("in", beats.clone())
///         .output("out", beats.clone())
///         .pattern(pattern)
///         .run(&mut verilated.model()?)?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct StreamBench {
    clock: String,
    inputs: Vec<(String, Vec<Beat>)>,
    outputs: Vec<(String, Vec<Beat>)>,
    pattern: Pattern,
    idle: f64,
    back_pressure: f64,
    seed: u64,
    budget: Option<u64>,
    drain: u64,
    probe_ready: bool,
}

/// Counts of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStats {
    /// The stream.
    pub name: String,
    /// Beats fired.
    pub beats: u64,
    /// Cycles with `valid` but not `ready`.
    pub stalls: u64,
    /// Cycles without `valid`.
    pub idle: u64,
}

/// A run that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// Cycles until the last expected beat fired.
    pub cycles: u64,
    /// Cycles from the first input beat's edge to that of the first output beat; `None` without inputs.
    pub first_output_latency: Option<i64>,
    /// Output beats compared.
    pub compared: u64,
    /// Input streams, in the order given.
    pub inputs: Vec<StreamStats>,
    /// Output streams, in the order given.
    pub outputs: Vec<StreamStats>,
    /// Disturbances that happened on every stream they were asked for.
    pub hit: Vec<Kind>,
}

impl StreamReport {
    /// Cycles without `valid`, over the output streams.
    pub fn idle_cycles(&self) -> u64 {
        self.outputs.iter().map(|s| s.idle).sum()
    }

    /// Cycles stalled, over all streams.
    pub fn stalls(&self) -> u64 {
        self.inputs.iter().chain(&self.outputs).map(|s| s.stalls).sum()
    }
}

impl StreamBench {
    /// No streams yet; full rate, seed 0, 64 cycles of drain. The block runs on the clock `clock`.
    pub fn new(clock: impl Into<String>) -> StreamBench {
        StreamBench {
            clock: clock.into(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            pattern: Pattern::None,
            idle: 0.5,
            back_pressure: 0.5,
            seed: 0,
            budget: None,
            drain: 64,
            probe_ready: true,
        }
    }

    /// Beats for the block's input stream `name`.
    pub fn input<B: Into<Beat>>(
        mut self,
        name: impl Into<String>,
        beats: impl IntoIterator<Item = B>,
    ) -> Self {
        self.inputs.push((name.into(), beats.into_iter().map(Into::into).collect()));
        self
    }

    /// What the block's output stream `name` must give, in order.
    pub fn output<B: Into<Beat>>(
        mut self,
        name: impl Into<String>,
        beats: impl IntoIterator<Item = B>,
    ) -> Self {
        self.outputs.push((name.into(), beats.into_iter().map(Into::into).collect()));
        self
    }

    /// Which disturbances the run contains. Default: none.
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.pattern = pattern;
        self
    }

    /// Probability of a pause per cycle, 0 to below 1, where the pattern has idle. Default 0.5.
    pub fn idle(mut self, probability: f64) -> Self {
        self.idle = probability;
        self
    }

    /// Probability of a stall per cycle, 0 to below 1, where the pattern has back-pressure. Default 0.5.
    pub fn back_pressure(mut self, probability: f64) -> Self {
        self.back_pressure = probability;
        self
    }

    /// Seed of all random choices of the run. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Cycles in which all beats must have passed. By default 1000 and what the beats take at the given
    /// probabilities, times eight.
    pub fn budget(mut self, cycles: u64) -> Self {
        self.budget = Some(cycles);
        self
    }

    /// Cycles after the last expected beat in which nothing more may come out. Default 64.
    pub fn drain(mut self, cycles: u64) -> Self {
        self.drain = cycles;
        self
    }

    /// Whether each cycle is first settled with every `ready` at 0, to see that neither `valid` nor the
    /// payload depends on it. Costs one evaluation per cycle. Default: yes.
    pub fn probe_ready(mut self, on: bool) -> Self {
        self.probe_ready = on;
        self
    }

    /// Runs the block, which must be in its reset state.
    ///
    /// # Errors
    /// Any [`StreamError`].
    pub fn run(&self, engine: &mut dyn Engine) -> Result<StreamReport, StreamError> {
        Run::new(self, engine)?.go(engine)
    }

    fn checked_probability(&self, kind: Kind) -> Result<f64, StreamError> {
        let (asked, value) = match kind {
            Kind::Idle => (self.pattern.idles(), self.idle),
            Kind::BackPressure => (self.pattern.stalls(), self.back_pressure),
        };
        match (asked, (0.0..1.0).contains(&value)) {
            (false, _) => Ok(0.0),
            (true, true) => Ok(value),
            (true, false) => Err(StreamError::Probability { what: kind, value }),
        }
    }

    fn default_budget(&self, idle: f64, stall: f64) -> u64 {
        let beats: usize = self.inputs.iter().chain(&self.outputs).map(|(_, b)| b.len()).sum();
        let slow = 8.0 / ((1.0 - idle) * (1.0 - stall));
        1000 + (beats as f64 * slow).ceil() as u64
    }
}

/// A run in progress.
struct Run<'a> {
    bench: &'a StreamBench,
    clock: usize,
    budget: u64,
    drivers: Vec<StreamDriver>,
    monitors: Vec<StreamMonitor>,
    /// One per driver, then one per monitor.
    checkers: Vec<ProtocolChecker>,
    cycle: u64,
    first_in: Option<u64>,
    first_out: Option<u64>,
}

impl<'a> Run<'a> {
    fn new(bench: &'a StreamBench, engine: &mut dyn Engine) -> Result<Run<'a>, StreamError> {
        if bench.outputs.iter().all(|(_, beats)| beats.is_empty()) {
            return Err(StreamError::NothingCompared);
        }
        if bench.pattern.idles() && bench.inputs.is_empty() {
            return Err(StreamError::NoSender);
        }
        let idle = bench.checked_probability(Kind::Idle)?;
        let stall = bench.checked_probability(Kind::BackPressure)?;
        // Streams get different seeds, runs with the same seed the same ones.
        let mut seeds = (1u64..).map(|i| bench.seed ^ i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut seed = || seeds.next().unwrap_or_default();
        let mut run = Run {
            bench,
            clock: engine.clock_index(&bench.clock)?,
            budget: bench.budget.unwrap_or_else(|| bench.default_budget(idle, stall)),
            drivers: Vec::new(),
            monitors: Vec::new(),
            checkers: Vec::new(),
            cycle: 0,
            first_in: None,
            first_out: None,
        };
        for (name, beats) in &bench.inputs {
            let mut driver = StreamDriver::new(engine, name, idle, seed())?;
            driver.push(beats)?;
            run.drivers.push(driver);
            run.checkers.push(ProtocolChecker::new(engine, name)?);
        }
        for (name, beats) in &bench.outputs {
            let monitor = StreamMonitor::new(engine, name, stall, seed())?;
            monitor.ports.admit(beats)?;
            if bench.pattern.stalls() && monitor.ports.ready.is_none() {
                let fault = format!("no port `{name}_ready` and cannot be stalled");
                let (stream, engine) = (name.clone(), engine.label().to_string());
                return Err(StreamError::Ports { stream, engine, fault });
            }
            run.monitors.push(monitor);
            run.checkers.push(ProtocolChecker::new(engine, name)?);
        }
        Ok(run)
    }

    fn go(mut self, engine: &mut dyn Engine) -> Result<StreamReport, StreamError> {
        while !self.done() {
            if self.cycle >= self.budget {
                return Err(StreamError::Budget { cycles: self.budget, waiting: self.waiting() });
            }
            self.step(engine, false)?;
        }
        let cycles = self.cycle;
        let (inputs, outputs) = self.stats();
        for _ in 0..self.bench.drain {
            self.step(engine, true)?;
        }
        let hit = self.hit()?;
        Ok(StreamReport {
            cycles,
            first_output_latency: self
                .first_in
                .zip(self.first_out)
                .map(|(i, o)| o as i64 - i as i64),
            compared: outputs.iter().map(|s| s.beats).sum(),
            inputs,
            outputs,
            hit,
        })
    }

    fn done(&self) -> bool {
        let expected = |(m, (_, beats)): (&StreamMonitor, &(String, Vec<Beat>))| {
            m.received().len() >= beats.len()
        };
        self.drivers.iter().all(|d| d.pending() == 0)
            && self.monitors.iter().zip(&self.bench.outputs).all(expected)
    }

    fn waiting(&self) -> String {
        let mut parts = Vec::new();
        for d in self.drivers.iter().filter(|d| d.pending() > 0) {
            parts.push(format!("{} beats have not gone into `{}`", d.pending(), d.name()));
        }
        for (m, (_, beats)) in self.monitors.iter().zip(&self.bench.outputs) {
            let left = beats.len().saturating_sub(m.received().len());
            if left > 0 {
                parts.push(format!("{left} beats have not come out of `{}`", m.name()));
            }
        }
        parts.join(" and ")
    }

    fn step(&mut self, engine: &mut dyn Engine, eager: bool) -> Result<(), StreamError> {
        for driver in &mut self.drivers {
            driver.present(engine);
        }
        let unready = if self.bench.probe_ready { self.without_ready(engine)? } else { Vec::new() };
        for monitor in &mut self.monitors {
            monitor.present(engine, eager);
        }
        engine.eval()?;
        for (monitor, before) in self.monitors.iter().zip(&unready) {
            let ports = &monitor.ports;
            let after = ports.valid(engine).then(|| ports.payload(engine));
            let what = match (before, &after) {
                (Some(b), Some(a)) if a != b => "the payload",
                (Some(_), None) | (None, Some(_)) => "valid",
                _ => continue,
            };
            return Err(StreamError::DependsOnReady {
                stream: ports.name.clone(),
                cycle: self.cycle,
                what,
            });
        }
        for checker in &mut self.checkers {
            checker.observe(engine)?;
        }
        for driver in &mut self.drivers {
            if driver.observe(engine).is_some() {
                self.first_in.get_or_insert(self.cycle);
            }
        }
        for (monitor, (_, expected)) in self.monitors.iter_mut().zip(&self.bench.outputs) {
            let beat = monitor.received().len();
            let cycle = self.cycle;
            if monitor.observe(engine).is_some() {
                compare(monitor.name(), &monitor.received()[beat], expected, beat, cycle)?;
                self.first_out.get_or_insert(self.cycle);
            }
        }
        engine.edge(&[self.clock], true)?;
        engine.edge(&[self.clock], false)?;
        self.cycle += 1;
        Ok(())
    }

    /// Settles with every output stream stalled; returns what each one then offers.
    fn without_ready(&self, engine: &mut dyn Engine) -> Result<Vec<Option<Beat>>, StreamError> {
        let readies: Vec<usize> = self.monitors.iter().filter_map(|m| m.ports.ready).collect();
        if readies.is_empty() {
            return Ok(Vec::new());
        }
        for ready in readies {
            engine.poke(ready, &Word::zero(1));
        }
        engine.eval()?;
        let offer = |m: &StreamMonitor| m.ports.valid(engine).then(|| m.ports.payload(engine));
        Ok(self.monitors.iter().map(offer).collect())
    }

    fn stats(&self) -> (Vec<StreamStats>, Vec<StreamStats>) {
        let stats = |c: &ProtocolChecker| StreamStats {
            name: c.name().to_string(),
            beats: c.beats(),
            stalls: c.stalls(),
            idle: c.idle(),
        };
        let (inputs, outputs) = self.checkers.split_at(self.drivers.len());
        (inputs.iter().map(stats).collect(), outputs.iter().map(stats).collect())
    }

    /// The disturbances asked for, each of which must have happened on every stream.
    fn hit(&self) -> Result<Vec<Kind>, StreamError> {
        let mut hit = Vec::new();
        let never =
            |kind: Kind, name: &str| Err(StreamError::NeverHit { kind, stream: name.to_string() });
        if self.bench.pattern.idles() {
            if let Some(d) = self.drivers.iter().find(|d| d.pauses() == 0) {
                return never(Kind::Idle, d.name());
            }
            hit.push(Kind::Idle);
        }
        if self.bench.pattern.stalls() {
            if let Some(m) = self.monitors.iter().find(|m| m.stalls() == 0) {
                return never(Kind::BackPressure, m.name());
            }
            hit.push(Kind::BackPressure);
        }
        Ok(hit)
    }
}

fn compare(
    stream: &str,
    found: &Beat,
    expected: &[Beat],
    beat: usize,
    cycle: u64,
) -> Result<(), StreamError> {
    let (stream, found) = (stream.to_string(), Box::new(found.clone()));
    let Some(want) = expected.get(beat) else {
        return Err(StreamError::Extra { stream, cycle, expected: expected.len(), found });
    };
    if *want == *found {
        return Ok(());
    }
    let before = beat.checked_sub(1).and_then(|i| expected.get(i));
    let hint = if expected.get(beat + 1) == Some(&*found) {
        " (it is the next one: a beat seems lost)"
    } else if before == Some(&*found) {
        " (it is the previous one: a beat seems repeated)"
    } else {
        ""
    };
    Err(StreamError::Mismatch { stream, beat, cycle, expected: want.clone().into(), found, hint })
}
