//! Same inputs to several engines, every output compared in every cycle.

use crate::engine::{Engine, EngineError};
use crate::stimulus::Stimulus;
use skipopu_hdl::{Dir, Port, Word};
use std::fmt;
use thiserror::Error;

/// When in a cycle outputs are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The inputs have settled, before the rising edge.
    Settled,
    /// After the rising edge (not sampled in blocks without a clock).
    Edge,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Settled => "before the edge",
            Phase::Edge => "after the edge",
        })
    }
}

/// The outputs of a run: what an engine answered to a [`Stimulus`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// What messages call the engine.
    pub label: String,
    /// The block's outputs in declaration order.
    pub outputs: Vec<Port>,
    /// Per cycle: one value per output, before the rising edge.
    pub settled: Vec<Vec<Word>>,
    /// Per cycle: one value per output, after the rising edge; empty without clocks.
    pub edge: Vec<Vec<Word>>,
}

impl Recording {
    fn at(&self, cycle: usize, phase: Phase) -> Option<&Vec<Word>> {
        match phase {
            Phase::Settled => self.settled.get(cycle),
            Phase::Edge => self.edge.get(cycle),
        }
    }
}

/// What [`lockstep`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockstepReport {
    /// Cycles run.
    pub cycles: usize,
    /// Output values compared with the first engine's.
    pub comparisons: u64,
}

/// The first disagreement of two engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Cycle, counted from 0.
    pub cycle: usize,
    /// When in the cycle.
    pub phase: Phase,
    /// The output.
    pub port: String,
    /// Label and value of the first engine.
    pub expected: (String, Word),
    /// Label and value of the engine that differs.
    pub found: (String, Word),
    /// Names and values of the inputs of that cycle.
    pub inputs: Vec<(String, Word)>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { cycle, phase, port, expected, found, inputs } = self;
        write!(
            f,
            "cycle {cycle}, {phase}: `{port}` is {} in {} but {} in {}",
            expected.1, expected.0, found.1, found.0
        )?;
        f.write_str(" with inputs")?;
        for (i, (name, value)) in inputs.iter().enumerate() {
            write!(f, "{} {name} = {value}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// A comparison that failed or could not be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LockstepError {
    /// Two engines disagree.
    #[error("{0}")]
    Mismatch(Box<Mismatch>),
    /// The engines do not have the same ports.
    #[error("{first} and {second} do not have the same ports (they differ in `{port}`): compare twins of one block")]
    PortsDiffer {
        /// Label of the first engine.
        first: String,
        /// Label of the other one.
        second: String,
        /// The first port in which they differ.
        port: String,
    },
    /// A recording shorter than the stimulus.
    #[error("the recording of {label} has {have} cycles of {want}: record the whole stimulus")]
    Short {
        /// Label of the recording.
        label: String,
        /// Its cycles.
        have: usize,
        /// Cycles of the stimulus.
        want: usize,
    },
    /// Not a single value was compared.
    #[error("nothing was compared ({reason}): a run without comparisons proves nothing")]
    NothingCompared {
        /// Why.
        reason: &'static str,
    },
    /// An engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Port numbers of one engine, in the order of the stimulus and of the common outputs.
struct Seat {
    inputs: Vec<usize>,
    clocks: Vec<usize>,
    outputs: Vec<usize>,
}

impl Seat {
    fn of(engine: &dyn Engine, stimulus: &Stimulus, outputs: &[Port]) -> Result<Seat, EngineError> {
        let find = |p: &Port| engine.index(&p.name);
        Ok(Seat {
            inputs: stimulus.inputs.iter().map(find).collect::<Result<_, _>>()?,
            clocks: stimulus
                .clocks
                .iter()
                .map(|c| engine.clock_index(c))
                .collect::<Result<_, _>>()?,
            outputs: outputs.iter().map(find).collect::<Result<_, _>>()?,
        })
    }

    fn sample(&self, engine: &dyn Engine) -> Vec<Word> {
        self.outputs.iter().map(|i| engine.peek(*i)).collect()
    }

    fn rising(&self, rising: &[bool]) -> Vec<usize> {
        self.clocks.iter().zip(rising).filter(|(_, r)| **r).map(|(c, _)| *c).collect()
    }
}

fn outputs_of(ports: &[Port]) -> Vec<Port> {
    ports.iter().filter(|p| p.dir == Dir::Out).cloned().collect()
}

/// Name, direction and width, sorted: what twins must have in common.
fn shape(ports: &[Port]) -> Vec<(String, usize, bool)> {
    let mut shape: Vec<_> =
        ports.iter().map(|p| (p.name.clone(), p.width, p.dir == Dir::Out)).collect();
    shape.sort();
    shape
}

fn same_shape(first: (&str, &[Port]), second: (&str, &[Port])) -> Result<(), LockstepError> {
    let (a, b) = (shape(first.1), shape(second.1));
    let odd = a.iter().find(|p| !b.contains(p)).or_else(|| b.iter().find(|p| !a.contains(p)));
    match odd {
        None => Ok(()),
        Some((port, ..)) => Err(LockstepError::PortsDiffer {
            first: first.0.to_string(),
            second: second.0.to_string(),
            port: port.clone(),
        }),
    }
}

/// Runs one engine alone and keeps its outputs.
///
/// # Errors
/// Any [`EngineError`].
pub fn record(engine: &mut dyn Engine, stimulus: &Stimulus) -> Result<Recording, EngineError> {
    let outputs = outputs_of(engine.ports());
    let seat = Seat::of(engine, stimulus, &outputs)?;
    let mut recording = Recording {
        label: engine.label().to_string(),
        outputs,
        settled: Vec::new(),
        edge: Vec::new(),
    };
    for row in &stimulus.rows {
        settle(engine, &seat, &row.inputs)?;
        recording.settled.push(seat.sample(engine));
        if !stimulus.clocks.is_empty() {
            let rising = seat.rising(&row.rising);
            engine.edge(&rising, true)?;
            recording.edge.push(seat.sample(engine));
            engine.edge(&rising, false)?;
        }
    }
    Ok(recording)
}

fn settle(engine: &mut dyn Engine, seat: &Seat, inputs: &[Word]) -> Result<(), EngineError> {
    for (index, value) in seat.inputs.iter().zip(inputs) {
        engine.poke(*index, value);
    }
    engine.eval()
}

/// Drives all engines with the same inputs and compares every output in every cycle, before and after
/// the rising edge, with the first engine's (or, without engines, the first recording's). Recordings
/// are outputs of the same stimulus made elsewhere, e.g. by [`icarus::run`](crate::icarus::run).
///
/// # Errors
/// The first [`Mismatch`]; engines that cannot be compared; a run that compared nothing.
pub fn lockstep(
    engines: &mut [&mut dyn Engine],
    recordings: &[&Recording],
    stimulus: &Stimulus,
) -> Result<LockstepReport, LockstepError> {
    if engines.len() + recordings.len() < 2 {
        return Err(LockstepError::NothingCompared { reason: "there are fewer than two engines" });
    }
    let outputs = match (engines.first(), recordings.first()) {
        (Some(e), _) => outputs_of(e.ports()),
        (None, Some(r)) => r.outputs.clone(),
        (None, None) => Vec::new(),
    };
    if let Some((first, others)) = engines.split_first() {
        for other in others {
            same_shape((first.label(), first.ports()), (other.label(), other.ports()))?;
        }
    }
    let reference =
        engines.first().map_or_else(|| recordings[0].label.clone(), |e| e.label().to_string());
    for r in recordings {
        same_shape((&reference, &outputs), (&r.label, &r.outputs))?;
        let short =
            r.settled.len().min(if stimulus.clocks.is_empty() { usize::MAX } else { r.edge.len() });
        if short < stimulus.rows.len() {
            return Err(LockstepError::Short {
                label: r.label.clone(),
                have: short,
                want: stimulus.rows.len(),
            });
        }
    }
    let seats: Vec<Seat> =
        engines.iter().map(|e| Seat::of(&**e, stimulus, &outputs)).collect::<Result<_, _>>()?;
    // Where each of the common outputs stands in each recording.
    let columns: Vec<Vec<usize>> = recordings
        .iter()
        .map(|r| {
            outputs.iter().filter_map(|o| r.outputs.iter().position(|p| p.name == o.name)).collect()
        })
        .collect();

    let mut comparisons = 0;
    for (cycle, row) in stimulus.rows.iter().enumerate() {
        let mut compare = |engines: &[&mut dyn Engine],
                           phase: Phase|
         -> Result<(), LockstepError> {
            if cycle < stimulus.compare_from {
                return Ok(());
            }
            let live = engines.iter().zip(&seats).map(|(e, s)| (e.label(), s.sample(&**e)));
            let kept = recordings.iter().zip(&columns).map(|(r, columns)| {
                let values = r.at(cycle, phase);
                let picked = columns.iter().filter_map(|c| Some(values?.get(*c)?.clone()));
                (r.label.as_str(), picked.collect())
            });
            let samples: Vec<(&str, Vec<Word>)> = live.chain(kept).collect();
            let ((first, expected), others) = samples.split_first().expect("two engines at least");
            for (label, found) in others {
                for (i, port) in outputs.iter().enumerate() {
                    comparisons += 1;
                    if expected[i] != found[i] {
                        let names = stimulus.inputs.iter().map(|p| p.name.clone());
                        return Err(LockstepError::Mismatch(Box::new(Mismatch {
                            cycle,
                            phase,
                            port: port.name.clone(),
                            expected: (first.to_string(), expected[i].clone()),
                            found: (label.to_string(), found[i].clone()),
                            inputs: names.zip(row.inputs.iter().cloned()).collect(),
                        })));
                    }
                }
            }
            Ok(())
        };
        for (engine, seat) in engines.iter_mut().zip(&seats) {
            settle(*engine, seat, &row.inputs)?;
        }
        compare(engines, Phase::Settled)?;
        if !stimulus.clocks.is_empty() {
            for (engine, seat) in engines.iter_mut().zip(&seats) {
                engine.edge(&seat.rising(&row.rising), true)?;
            }
            compare(engines, Phase::Edge)?;
            for (engine, seat) in engines.iter_mut().zip(&seats) {
                engine.edge(&seat.rising(&row.rising), false)?;
            }
        }
    }
    if comparisons == 0 {
        let reason = if outputs.is_empty() {
            "the block has no outputs"
        } else {
            "no cycle was to be compared"
        };
        return Err(LockstepError::NothingCompared { reason });
    }
    Ok(LockstepReport { cycles: stimulus.rows.len(), comparisons })
}
