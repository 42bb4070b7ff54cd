//! The report of a run, as tables and as JSON.

use crate::args::Run;
use serde_json::{json, Value};
use skipopu_eda::table::Table;
use skipopu_forward::Skipping;
use skipopu_isa::host::Counter;
use skipopu_runtime::report::{Phase, Speed};
use skipopu_runtime::Report;

/// A run to be reported.
pub struct Shown<'a> {
    /// What was asked for.
    pub args: &'a Run,
    /// The text.
    pub text: &'a str,
    /// What was skipped.
    pub skipping: Skipping,
    /// What it cost.
    pub report: &'a Report,
}

/// Cycles by unit and stalls by cause, in the order of the table.
const CYCLES: [(&str, Counter); 11] = [
    ("cycles", Counter::Cycles),
    ("array, INT4 weights", Counter::Int4Cycles),
    ("array, FP16 values", Counter::Fp16Cycles),
    ("load unit busy", Counter::LoadBusy),
    ("compute unit busy", Counter::ComputeBusy),
    ("store unit busy", Counter::StoreBusy),
    ("waits for an instruction", Counter::WaitInstruction),
    ("waits for weights", Counter::WaitWeights),
    ("waits for K or V", Counter::WaitKv),
    ("waits for partial sums", Counter::WaitPsum),
    ("waits for the nonlinear engine", Counter::WaitNpe),
];

impl Shown<'_> {
    /// As JSON.
    pub fn json(&self) -> Value {
        json!({
            "model": self.args.model,
            "prompt": self.args.prompt,
            "text": self.text,
            "skipping": self.skipping.name(),
            "temperature": self.args.temperature,
            "top_p": self.args.top_p,
            "seed": self.args.seed,
            "report": self.report,
        })
    }

    /// As text.
    pub fn tables(&self) -> String {
        let report = self.report;
        let mut text = format!("\n{}", self.summary());
        if report.prefill.bytes.is_some() {
            text += &format!("\n{}", bytes(report).text());
        }
        if let Some(skips) = &report.skips {
            let mut table = Table::new(&["layer", ">attention skipped", ">feed-forward skipped"]);
            for (l, (attention, ffn)) in skips.attention.iter().zip(&skips.ffn).enumerate() {
                table.row(vec![l.to_string(), percent(*attention), percent(*ffn)]);
            }
            table.row(vec!["all".into(), percent(skips.rate), String::new()]);
            text += &format!("\n{}", table.text());
        }
        if report.prefill.cycles().is_some() {
            text += &format!("\n{}", cycles(report).text());
        }
        if let Some(speed) = &report.speed {
            text += &format!("\n{}", lines(speed));
        }
        text
    }

    fn summary(&self) -> String {
        let r = self.report;
        let checked = match (r.logits_compared, r.logit_mismatches) {
            (0, _) => "no logit compared".to_string(),
            (n, 0) => format!("{n} logits compared with the exact backend, all equal bit for bit"),
            (n, m) => format!("{m} of {n} logits differ from the exact backend's"),
        };
        let weights = match r.weights_as_expected {
            Some(true) => ", bytes of weights as expected",
            Some(false) => ", bytes of weights not as expected",
            None => "",
        };
        let reference = match r.logits_compared {
            0 => String::new(),
            _ => format!(", {:.1} s of the exact backend", r.reference_seconds),
        };
        format!(
            "{} on {}, {}: {} tokens of the prompt and {} made, {:.1} s{reference}\n{checked}{weights}\n",
            r.backend,
            r.configuration,
            self.skipping.name(),
            r.prompt,
            r.made,
            r.seconds,
        )
    }
}

fn percent(part: f64) -> String {
    format!("{:.1} %", 100.0 * part)
}

/// A quantity of the prompt and per decoded token; `-` where nothing was decoded.
fn row(table: &mut Table, name: &str, prefill: u64, decode: &Phase, value: u64) {
    let per_token = match decode.tokens {
        0 => "-".to_string(),
        _ => format!("{:.0}", decode.per_token(value)),
    };
    table.row(vec![name.into(), prefill.to_string(), per_token]);
}

fn bytes(report: &Report) -> Table {
    let mut table = Table::new(&["bytes", ">prompt", ">per decoded token"]);
    let (prefill, decode) =
        (report.prefill.bytes.unwrap_or_default(), report.decode.bytes.unwrap_or_default());
    for ((name, p), (_, d)) in prefill.rows().into_iter().zip(decode.rows()) {
        row(&mut table, name, p, &report.decode, d);
    }
    row(&mut table, "all memories", prefill.external(), &report.decode, decode.external());
    table
}

fn cycles(report: &Report) -> Table {
    let mut table = Table::new(&["cycles", ">prompt", ">per decoded token"]);
    for (name, counter) in CYCLES {
        if let Some(p) = report.prefill.counts.get(counter) {
            let d = report.decode.counts.get(counter).unwrap_or(0);
            row(&mut table, name, p, &report.decode, d);
        }
    }
    table
}

fn lines(speed: &Speed) -> String {
    format!(
        "{:.0} cycles per token: {:.1} token/s at {} MHz (simulated)\n\
         HBM {:.2} of {:.2} GB/s while decoding ({:.1} %)\n\
         simulator: {:.0} cycles/s\n",
        speed.cycles_per_token,
        speed.tokens_per_second,
        speed.core_mhz,
        speed.hbm_bytes_per_second / 1e9,
        speed.hbm_peak_bytes_per_second / 1e9,
        100.0 * speed.hbm_bytes_per_second / speed.hbm_peak_bytes_per_second,
        speed.simulator_cycles_per_second,
    )
}
