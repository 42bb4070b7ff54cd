//! The rows of the report: bandwidth by mapping, and RTL against model.

use crate::exit::{Done, Failure};
use rayon::prelude::*;
use serde::Serialize;
use skipopu_kv::{KvModel, Masks, Routing};
use skipopu_system::kv::{fast, rtl, Bandwidth, Bench, Mapping, Study};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Beats that a layer is timed for at least, so that its start weighs no more than it does in the whole.
const BEATS: usize = 3072;
/// Core clock of the words, MHz; HBM ports give 64 bytes in its cycle.
const CORE_MHZ: f64 = 225.0;

/// Where masks come from.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Random.
    Random(Masks),
    /// A trace of a model's routers.
    Trace(String),
}

impl Origin {
    /// The name in tables.
    pub fn name(&self) -> String {
        match self {
            Origin::Random(masks) => masks.name().into(),
            Origin::Trace(file) => file.clone(),
        }
    }
}

/// One text: its masks and length.
#[derive(Clone, Debug)]
pub struct Text {
    /// Where its masks come from.
    pub origin: Origin,
    /// Share of skipped attention that was asked for, or that the trace has.
    pub skip: f64,
    /// Tokens.
    pub tokens: usize,
    /// The masks.
    pub routing: Routing,
}

impl Text {
    /// A random text.
    ///
    /// # Errors
    /// More layers than a mask has bits.
    pub fn random(layers: usize, masks: Masks, skip: f64, tokens: usize, seed: u64) -> Done<Text> {
        let routing = Routing::random(layers, tokens, skip, masks, seed).map_err(Failure::usage)?;
        Ok(Text { origin: Origin::Random(masks), skip, tokens, routing })
    }
}

/// Bandwidth of one text and mapping.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Where the masks come from.
    pub origin: Origin,
    /// Share of attention skipped above the first layer.
    pub skip: f64,
    /// Tokens.
    pub tokens: usize,
    /// Placement and buffer.
    pub mapping: Mapping,
    /// Bytes that attention took per second, GB/s.
    pub effective_gbs: f64,
    /// The same in percent of what the ports can move.
    pub effective_percent: f64,
    /// Bytes from HBM per second, in percent of what the ports can move.
    pub physical_percent: f64,
    /// Share of the words that came from the buffer, in percent.
    pub buffered_percent: f64,
}

impl Row {
    fn new(text: &Text, mapping: Mapping, got: &Bandwidth, ports: usize) -> Row {
        let effective = got.effective_gbs(CORE_MHZ);
        Row {
            origin: text.origin.clone(),
            skip: text.skip,
            tokens: text.tokens,
            mapping,
            effective_gbs: effective,
            effective_percent: 100.0 * effective / (14.4 * ports as f64),
            physical_percent: got.physical_percent(CORE_MHZ, ports),
            buffered_percent: 100.0 * (1.0 - got.hbm_words as f64 / got.words.max(1) as f64),
        }
    }
}

/// The study of a text on a machine: `layers` layers, as many passes as it takes to time them.
fn study(machine: skipopu_kv::KvMachine, model: KvModel, layers: usize, tokens: usize) -> Study {
    let beats = tokens.div_ceil(machine.ports) * 8;
    let passes = if layers == model.layers { usize::MAX } else { BEATS.div_ceil(beats).max(2) };
    Study { machine, model, layers, passes }
}

/// All mappings of all texts by the fast model, `layers` layers each.
///
/// # Errors
/// A model that does not fit the machine.
pub fn modelled(
    machine: skipopu_kv::KvMachine,
    model: KvModel,
    layers: usize,
    texts: &[Text],
) -> Done<Vec<Row>> {
    let jobs: Vec<(&Text, Mapping)> =
        texts.iter().flat_map(|t| Mapping::ALL.map(|m| (t, m))).collect();
    let done = AtomicUsize::new(0);
    let run = |(text, mapping): &(&Text, Mapping)| {
        let study = study(machine, model, layers.min(text.routing.layers()), text.tokens);
        let got = fast(&study, *mapping, &text.routing, text.tokens).map_err(Failure::usage)?;
        let n = done.fetch_add(1, Ordering::Relaxed) + 1;
        if n % 20 == 0 || n == jobs.len() {
            eprintln!("modelled {n} of {} runs", jobs.len());
        }
        Ok(Row::new(text, *mapping, &got, machine.ports))
    };
    jobs.par_iter().map(run).collect()
}

/// A run on the RTL and by the model.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// The row, from the RTL.
    pub row: Row,
    /// Cycles of the RTL.
    pub rtl_cycles: u64,
    /// Cycles of the model.
    pub model_cycles: u64,
    /// Words delivered, each checked.
    pub words: u64,
    /// The model's cycles over the RTL's, minus 1, in percent.
    pub difference_percent: f64,
}

/// The mappings that the hardware has, of all texts, on the RTL against the HBM model, and by the fast model.
///
/// # Errors
/// A wrong delivery; missing tools.
pub fn simulated(
    machine: skipopu_kv::KvMachine,
    model: KvModel,
    texts: &[Text],
) -> Done<Vec<Agreement>> {
    let failed = |e: skipopu_system::kv::RigError| Failure::check(format!("the KV unit: {e}"));
    let bench = Bench::new(machine).map_err(failed)?;
    let mut out = Vec::new();
    for text in texts {
        for mapping in [Mapping::Dense, Mapping::TokenMap, Mapping::Buffer] {
            let layers = model.layers.min(text.routing.layers());
            let study = Study { machine, model, layers, passes: usize::MAX };
            let got = rtl(&bench, &study, mapping, &text.routing, text.tokens).map_err(failed)?;
            let by_model =
                fast(&study, mapping, &text.routing, text.tokens).map_err(Failure::usage)?;
            out.push(Agreement {
                row: Row::new(text, mapping, &got, machine.ports),
                rtl_cycles: got.cycles,
                model_cycles: by_model.cycles,
                words: got.words,
                difference_percent: 100.0 * (by_model.cycles as f64 / got.cycles as f64 - 1.0),
            });
        }
        eprintln!("simulated {} masks, {} tokens", text.origin.name(), text.tokens);
    }
    Ok(out)
}

/// Cycles of every layer on the RTL against the HBM model, with and without keeping tokens in that layer.
///
/// # Errors
/// A wrong delivery; missing tools.
pub fn maintenance(
    machine: skipopu_kv::KvMachine,
    model: KvModel,
    seed: u64,
) -> Done<Vec<(u64, u64)>> {
    let failed = |e: skipopu_system::kv::RigError| Failure::check(format!("the KV unit: {e}"));
    let bench = Bench::new(machine).map_err(failed)?;
    let tokens = machine.context / 2;
    let text = Text::random(model.layers, Masks::Independent, 0.25, tokens, seed)?;
    let study = Study { machine, model, layers: model.layers, passes: usize::MAX };
    skipopu_system::kv::maintenance(&bench, &study, &text.routing).map_err(failed)
}
