//! [`Study`]: KV bandwidth of one token's layers, by mapping.

use super::fast::{play, Bandwidth, Layer};
use super::hbm::HbmTiming;
use super::rig::{Bench, RigError};
use serde::Serialize;
use skipopu_kv::place::interleaved_stripe;
use skipopu_kv::{KvError, KvLayout, KvMachine, KvModel, Routing, Scheduler};

/// How K and V are placed, and whether the buffer is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mapping {
    /// No token skips; token-wise placement.
    Dense,
    /// Skipped tokens are reused; every token's rows are spread over all ports.
    Interleaved,
    /// Reuse, token-wise placement.
    TokenMap,
    /// Reuse, token-wise placement, invariance buffer.
    Buffer,
}

impl Mapping {
    /// All, in the order of the published ablation.
    pub const ALL: [Mapping; 4] =
        [Mapping::Dense, Mapping::Interleaved, Mapping::TokenMap, Mapping::Buffer];

    /// The name in reports and keys.
    pub fn name(self) -> &'static str {
        match self {
            Mapping::Dense => "dense",
            Mapping::Interleaved => "interleaved",
            Mapping::TokenMap => "token_map",
            Mapping::Buffer => "buffer",
        }
    }
}

/// What is studied.
#[derive(Clone, Debug)]
pub struct Study {
    /// The machine.
    pub machine: KvMachine,
    /// The model.
    pub model: KvModel,
    /// Layers that are timed, from the first; those before a timed one shape the buffer.
    pub layers: usize,
    /// Passes of each that are timed.
    pub passes: usize,
}

impl Study {
    /// Slots a bank has with a mapping.
    fn slots(&self, mapping: Mapping, layout: &KvLayout) -> usize {
        match mapping {
            Mapping::Buffer => self.machine.slots_for(layout),
            _ => 0,
        }
    }

    /// The text's routing as a mapping sees it.
    fn routing(&self, mapping: Mapping, routing: &Routing) -> Result<Routing, KvError> {
        if mapping != Mapping::Dense {
            return Ok(routing.clone());
        }
        let mut dense = Routing::new(routing.layers())?;
        (0..routing.tokens()).for_each(|_| dense.push(u128::MAX));
        Ok(dense)
    }
}

/// The bandwidth by the fast model, for the token after the first `tokens` ones. It executes every layer.
///
/// # Errors
/// A model that does not fit the machine.
pub fn fast(
    study: &Study,
    mapping: Mapping,
    routing: &Routing,
    tokens: usize,
) -> Result<Bandwidth, KvError> {
    let layout = KvLayout::new(&study.model, &study.machine, 0)?;
    let routing = study.routing(mapping, routing)?;
    let mut timing = HbmTiming::new(study.machine.ports);
    let layers: Vec<Layer> = if mapping == Mapping::Interleaved {
        (0..study.layers).map(|l| interleaved(study, &routing, l, tokens)).collect()
    } else {
        let slots = study.slots(mapping, &layout);
        let mut scheduler = Scheduler::new(&study.machine, study.model.layers, slots)?;
        let passes = study.passes.min(layout.passes);
        (0..study.layers)
            .map(|l| Layer::of(&scheduler.schedule(&routing, l, tokens), &layout, passes))
            .collect()
    };
    Ok(play(&layers, &mut timing))
}

/// The baseline: K of all heads of a token lies in stripes over all ports, then all V; tokens are read in the
/// order of the text, all ports alike.
fn interleaved(study: &Study, routing: &Routing, layer: usize, tokens: usize) -> Layer {
    let row = study.model.token_bytes() / 2;
    let stripe = interleaved_stripe(row, study.machine.ports).next_multiple_of(64) as u64;
    let plane = stripe * study.machine.context as u64;
    // Places over one port are sequence numbers.
    let places = skipopu_kv::place_of(routing, layer, tokens, 1);
    let reads: Vec<u64> = places
        .into_iter()
        .map(|(owner, at)| 2 * owner as u64 * plane + at.slot as u64 * stripe)
        .collect();
    Layer {
        reads: vec![reads; study.machine.ports],
        buffered: Vec::new(),
        passes: 2,
        pass_bytes: plane,
        words: (stripe / 64) as usize,
    }
}

/// The bandwidth on the RTL against the same HBM model; every word delivered is checked.
///
/// # Errors
/// A model that does not fit, or a delivery that is wrong.
pub fn rtl(
    bench: &Bench,
    study: &Study,
    mapping: Mapping,
    routing: &Routing,
    tokens: usize,
) -> Result<Bandwidth, RigError> {
    let layout = KvLayout::new(&study.model, &study.machine, 0)?;
    let routing = study.routing(mapping, routing)?;
    let timing = Box::new(HbmTiming::new(study.machine.ports));
    let mut rig = bench.rig(&study.model, study.slots(mapping, &layout), timing)?;
    for token in 0..tokens {
        rig.append(routing.row(token))?;
    }
    let mut next = Some(rig.schedule(0)?.0);
    let start = rig.cycle();
    for layer in 0..study.layers {
        if let Some(schedule) = next.take() {
            rig.play(schedule)?;
        }
        if layer + 1 < study.layers {
            next = Some(rig.schedule(layer + 1)?.0);
        }
    }
    rig.drain()?;
    let played = rig.finished();
    let ended = played.iter().map(|p| p.ended + 1).max().unwrap_or(start);
    Ok(Bandwidth { cycles: ended - start, words: rig.words(), hbm_words: rig.hbm_words() })
}

/// Cycles of every layer's delivery on the RTL, with and without writing to the banks in that layer, the reads
/// being the same.
///
/// # Errors
/// A study that the unit cannot run, a wrong or missing word.
pub fn maintenance(
    bench: &Bench,
    study: &Study,
    routing: &Routing,
) -> Result<Vec<(u64, u64)>, RigError> {
    let layout = KvLayout::new(&study.model, &study.machine, 0)?;
    let deliveries = |quiet: Option<usize>| -> Result<Vec<u64>, RigError> {
        let timing = Box::new(HbmTiming::new(study.machine.ports));
        let slots = study.slots(Mapping::Buffer, &layout);
        let mut rig = bench.rig(&study.model, slots, timing)?;
        for token in 0..routing.tokens() {
            rig.append(routing.row(token))?;
        }
        for layer in 0..study.layers {
            rig.retain(quiet != Some(layer));
            let (schedule, _) = rig.schedule(layer)?;
            rig.play(schedule)?;
            rig.drain()?;
        }
        Ok(rig.finished().iter().map(|p| p.delivery).collect())
    };
    let with = deliveries(None)?;
    let pairs = with.iter().enumerate();
    pairs.map(|(layer, on)| Ok((*on, deliveries(Some(layer))?[layer]))).collect()
}
