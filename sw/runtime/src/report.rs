//! [`Report`]: what a text cost.

use crate::counts::Counts;
use crate::ledger::{Costs, Ledger};
use crate::writer::{BlockRecord, Ended, Mismatch, Record};
use serde::Serialize;
use skipopu_config::Config;
use skipopu_forward::Ran;
use skipopu_isa::host::Counter;

/// Bytes of a beat of an HBM port.
const HBM_BEAT_BYTES: f64 = skipopu_kv::layout::HBM_BEAT_BYTES as f64;

/// Several blocks together: the prompt's, or those of decoded tokens.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Phase {
    /// Tokens computed.
    pub tokens: usize,
    /// Blocks.
    pub blocks: usize,
    /// Seconds that the backend took.
    pub seconds: f64,
    /// The core's counters.
    pub counts: Counts,
    /// Bytes moved; absent where the backend has no core.
    pub bytes: Option<Ledger>,
}

impl Phase {
    /// Cycles, where they mean time.
    pub fn cycles(&self) -> Option<u64> {
        self.counts.get(Counter::Cycles)
    }

    /// A quantity per token.
    pub fn per_token(&self, value: u64) -> f64 {
        value as f64 / self.tokens.max(1) as f64
    }
}

/// One token computed, with what it ran and cost. Costs are a block's, shared by its tokens.
#[derive(Clone, Debug, Serialize)]
pub struct TokenRow {
    /// Its position.
    pub position: usize,
    /// Its number in the vocabulary.
    pub token: u32,
    /// By layer: `both`, `attention`, `ffn` or `none`.
    pub ran: Option<Vec<&'static str>>,
    /// Tokens of its block.
    pub block: usize,
    /// Cycles of its block.
    pub cycles: Option<u64>,
    /// Bytes over the pins for its block.
    pub bytes: Option<u64>,
}

/// Part of the tokens that skipped, by layer, 0 to 1.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Skips {
    /// Of all sub-modules.
    pub rate: f64,
    /// Attention.
    pub attention: Vec<f64>,
    /// Feed-forward.
    pub ffn: Vec<f64>,
}

/// Speed at the configuration's clock, from the core's own count of cycles in simulation.
#[derive(Clone, Debug, Serialize)]
pub struct Speed {
    /// The clock.
    pub core_mhz: u32,
    /// Cycles per decoded token.
    pub cycles_per_token: f64,
    /// Decoded tokens per second.
    pub tokens_per_second: f64,
    /// Bytes per second over the HBM's ports while decoding.
    pub hbm_bytes_per_second: f64,
    /// What the ports could move.
    pub hbm_peak_bytes_per_second: f64,
    /// Simulated cycles per second of the host's time.
    pub simulator_cycles_per_second: f64,
}

/// What a text cost.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The backend.
    pub backend: String,
    /// Name of the configuration.
    pub configuration: String,
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Tokens made.
    pub made: usize,
    /// Why it ended.
    pub ended: Option<Ended>,
    /// Logits compared with the reference.
    pub logits_compared: u64,
    /// Those that differ.
    pub logit_mismatches: u64,
    /// The first that differs.
    pub mismatch: Option<Mismatch>,
    /// Do the bytes of weights equal those of the sub-modules that ran? Absent where one of them is not known.
    pub weights_as_expected: Option<bool>,
    /// Seconds of the backend.
    pub seconds: f64,
    /// Seconds of the reference.
    pub reference_seconds: f64,
    /// Skip rates; absent where decisions do not show.
    pub skips: Option<Skips>,
    /// The prompt.
    pub prefill: Phase,
    /// The tokens after it.
    pub decode: Phase,
    /// Absent where the backend counts no cycles or nothing was decoded.
    pub speed: Option<Speed>,
    /// Every token computed.
    pub tokens: Vec<TokenRow>,
}

impl Report {
    /// Sums a record up.
    pub fn new(
        backend: String,
        config: &Config,
        costs: &Costs,
        record: &Record,
        ended: Option<Ended>,
    ) -> Report {
        let is_prefill = |b: &&BlockRecord| b.position < record.prompt;
        let prefill = phase(record.blocks.iter().filter(is_prefill), costs);
        let decode = phase(record.blocks.iter().filter(|b| !is_prefill(b)), costs);
        let seconds = prefill.seconds + decode.seconds;
        Report {
            backend,
            configuration: config.name.clone(),
            prompt: record.prompt,
            made: record.tokens.len() - record.prompt,
            ended,
            logits_compared: record.compared(),
            logit_mismatches: record.mismatched(),
            mismatch: record.mismatch,
            weights_as_expected: as_expected(record, costs),
            seconds,
            reference_seconds: record.reference_seconds,
            skips: skips(record),
            speed: speed(config, &prefill, &decode),
            prefill,
            decode,
            tokens: record.blocks.iter().flat_map(|b| token_rows(b, record, costs)).collect(),
        }
    }
}

fn ledger(block: &BlockRecord, costs: &Costs) -> Option<Ledger> {
    Some(costs.ledger(block.counts.as_ref()?, block.ran.as_deref()))
}

fn phase<'a>(blocks: impl Iterator<Item = &'a BlockRecord>, costs: &Costs) -> Phase {
    let mut phase = Phase::default();
    for block in blocks {
        phase.tokens += block.tokens;
        phase.blocks += 1;
        phase.seconds += block.seconds;
        if let Some(counts) = block.counts {
            phase.counts += counts;
        }
        if let Some(bytes) = ledger(block, costs) {
            *phase.bytes.get_or_insert_default() += bytes;
        }
    }
    phase
}

fn as_expected(record: &Record, costs: &Costs) -> Option<bool> {
    let one = |b: &BlockRecord| {
        let bytes = ledger(b, costs)?;
        Some(bytes.weights + bytes.scales == costs.weight_bytes(b.ran.as_ref()?))
    };
    let all: Option<Vec<bool>> = record.blocks.iter().map(one).collect();
    all.filter(|a| !a.is_empty()).map(|a| a.into_iter().all(|equal| equal))
}

fn skips(record: &Record) -> Option<Skips> {
    let blocks: Option<Vec<&Vec<Vec<Ran>>>> =
        record.blocks.iter().map(|b| b.ran.as_ref()).collect();
    let blocks = blocks.filter(|b| !b.is_empty())?;
    let layers = blocks[0].len();
    let part = |l: usize, skipped: fn(&Ran) -> bool| {
        let tokens = || blocks.iter().flat_map(|b| &b[l]);
        tokens().filter(|r| skipped(r)).count() as f64 / tokens().count().max(1) as f64
    };
    let attention: Vec<f64> = (0..layers).map(|l| part(l, |r| !r.attention)).collect();
    let ffn: Vec<f64> = (0..layers).map(|l| part(l, |r| !r.ffn)).collect();
    let rate = attention.iter().chain(&ffn).sum::<f64>() / (2 * layers).max(1) as f64;
    Some(Skips { rate, attention, ffn })
}

fn speed(config: &Config, prefill: &Phase, decode: &Phase) -> Option<Speed> {
    let cycles = decode.cycles().filter(|c| *c > 0)?;
    let bytes = decode.bytes?.hbm();
    let hertz = f64::from(config.clocks.core_mhz) * 1e6;
    let time = cycles as f64 / hertz;
    let all = cycles + prefill.cycles().unwrap_or(0);
    let ports = f64::from(config.memory.hbm_ports);
    let port = HBM_BEAT_BYTES * f64::from(config.memory.hbm_clock_mhz) * 1e6;
    Some(Speed {
        core_mhz: config.clocks.core_mhz,
        cycles_per_token: decode.per_token(cycles),
        tokens_per_second: decode.tokens as f64 / time,
        hbm_bytes_per_second: bytes as f64 / time,
        hbm_peak_bytes_per_second: ports * port,
        simulator_cycles_per_second: all as f64 / (prefill.seconds + decode.seconds),
    })
}

/// A decision's word in reports.
pub fn word(ran: Ran) -> &'static str {
    match (ran.attention, ran.ffn) {
        (true, true) => "both",
        (true, false) => "attention",
        (false, true) => "ffn",
        (false, false) => "none",
    }
}

fn token_rows<'a>(
    block: &'a BlockRecord,
    record: &'a Record,
    costs: &Costs,
) -> impl Iterator<Item = TokenRow> + 'a {
    let cycles = block.counts.and_then(|c| c.get(Counter::Cycles));
    let bytes = ledger(block, costs).map(|l| l.external());
    (0..block.tokens).map(move |t| TokenRow {
        position: block.position + t,
        token: record.tokens[block.position + t],
        ran: block.ran.as_ref().map(|ran| ran.iter().map(|layer| word(layer[t])).collect()),
        block: block.tokens,
        cycles,
        bytes,
    })
}
