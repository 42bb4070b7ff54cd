//! The report's figures, as entries of the ledger.

use super::report::Report;
use super::rows::Origin;
use crate::exit::{Done, Failure};
use skipopu_ledger::{Entry, Kind, Ledger};
use skipopu_system::kv::Mapping;
use std::path::Path;

/// The command that obtains all of them.
const COMMAND: &str = "cargo run --release -p skipopu -- kv report";

/// Writes the figures of `report`.
///
/// # Errors
/// A ledger that cannot be read or written.
pub fn write(report: &Report, ledger: &Path) -> Done {
    Ledger::update(ledger, entries(report)).map(|_| ()).map_err(Failure::environment)
}

fn entries(report: &Report) -> Vec<Entry> {
    let entry = |key: String, value: f64, unit: &str, kind: Kind, note: String| Entry {
        key,
        value,
        unit: unit.into(),
        kind,
        command: COMMAND.into(),
        note,
    };
    let mut all = Vec::new();
    for row in report.claim.iter().take(Mapping::ALL.len()) {
        let case = format!(
            "{}, Llama-2-7B, all layers and passes, {} tokens, {:.0} % of attention skipped, {} masks",
            report.configuration,
            row.tokens,
            100.0 * row.skip,
            row.origin.name()
        );
        let note = format!("K and V that attention takes per second; {case}");
        let key = format!("kv.bw.{}_gbs", row.mapping.name());
        all.push(entry(key, row.effective_gbs, "GB/s", Kind::Modelled, note));
        if row.mapping == Mapping::Buffer {
            let note = format!("bytes read from HBM per second, of 460.8 GB/s; {case}");
            let value = row.physical_percent;
            all.push(entry("kv.bw.physical_percent".into(), value, "%", Kind::Modelled, note));
            let note = format!("words of K and V that came from the buffer; {case}");
            let value = row.buffered_percent;
            all.push(entry("kv.bw.buffered_percent".into(), value, "%", Kind::Modelled, note));
        }
    }
    let differences = report.simulated.iter().map(|a| a.difference_percent.abs());
    if let Some(most) = differences.reduce(f64::max) {
        let words: u64 = report.simulated.iter().map(|a| a.words).sum();
        let note = format!(
            "cycles of the fast model against the RTL, {}, {} runs, {words} words checked",
            report.simulated_configuration,
            report.simulated.len()
        );
        all.push(entry("kv.bw.model_error_percent".into(), most, "%", Kind::Simulated, note));
    }
    for a in report.simulated.iter().filter(|a| a.row.mapping == Mapping::Buffer) {
        let (masks, tokens) = (a.row.origin.name(), a.row.tokens);
        let skip = (100.0 * a.row.skip).round();
        let key = match a.row.origin {
            Origin::Trace(_) => "kv.bw.rtl_trace_percent",
            _ if masks == "independent" && skip == 25.0 && tokens > 128 => {
                "kv.bw.rtl_buffer_percent"
            }
            _ => continue,
        };
        let note = format!(
            "RTL, {}, stories15M, {tokens} tokens, {skip} % skipped, {masks} masks: K and V that attention \
             takes, of what the ports can move",
            report.simulated_configuration
        );
        all.push(entry(key.into(), a.row.effective_percent, "%", Kind::Simulated, note));
    }
    let overheads = report.maintenance.iter().map(|(on, off)| *on as f64 - *off as f64);
    if let Some(most) = overheads.reduce(f64::max) {
        let cycles: u64 = report.maintenance.iter().map(|(on, _)| on).sum();
        let note = format!(
            "RTL, {}, stories15M: cycles that the worst of {} layers takes longer ({cycles} cycles in all) when the \
             buffer keeps tokens in it than when it does not, the reads being the same",
            report.simulated_configuration,
            report.maintenance.len()
        );
        let key = "kv.buffer.overhead_cycles".into();
        all.push(entry(key, most, "cycles", Kind::Simulated, note));
    }
    if let Some(cost) = &report.cost {
        let note = format!("KV unit, {}; {}", cost.configuration, cost.tool);
        let mut add = |key: &str, value: f64, unit: &str| {
            all.push(entry(key.into(), value, unit, Kind::Measured, note.clone()));
        };
        add("kv.luts", cost.luts as f64, "LUT");
        add("kv.ffs", cost.ffs as f64, "FF");
        add("kv.brams", cost.brams, "BRAM");
        add("kv.urams", cost.urams as f64, "URAM");
        add("kv.depth", cost.depth.into(), "levels");
    }
    all
}
