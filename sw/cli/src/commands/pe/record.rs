//! The report's figures, as entries of the ledger.

use super::errors::{Mode, UnitError};
use super::report::Report;
use crate::exit::{Done, Failure};
use skipopu_ledger::{Entry, Kind, Ledger};
use std::path::Path;

/// The unit whose cost and error stand for the published baseline: the chain that keeps subnormals, as
/// our columns do.
const BASELINE: &str = "mac_subnormal";

/// The cheaper chain, which flushes subnormals; the saving against it is recorded beside the other.
const FLUSHING: &str = "mac_flush";

/// Variants that save DSPs as the published ones do; the least saving of them is claimed.
const PAPER_LIKE: [&str; 3] = ["bits22", "bits15", "dsp15"];

/// Writes the figures of `report`.
///
/// # Errors
/// A ledger that cannot be read or written.
pub fn write(report: &Report, ledger: &Path) -> Done {
    let mut entries = errors(report);
    entries.extend(costs(report));
    Ledger::update(ledger, entries).map(|_| ()).map_err(Failure::environment)
}

/// A unit's part of a key.
fn key(unit: &str) -> &str {
    match unit {
        BASELINE => "mac_baseline",
        other => other,
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Fp16 => "fp16",
        Mode::Int4 => "int4",
    }
}

fn errors(report: &Report) -> Vec<Entry> {
    let of = |e: &UnitError| {
        let kind = e.operands;
        let entry = |metric: &str, value: f64, note: String| Entry {
            key: format!("pe.err.{}.{kind}{metric}.{}", mode(e.mode), key(e.unit)),
            value,
            unit: "%".into(),
            kind: Kind::Simulated,
            command: match kind {
                "random" => "cargo run --release -p skipopu -- pe report --no-synth".into(),
                _ => {
                    "cargo run --release -p skipopu -- pe report --no-synth --operands out/operands"
                        .into()
                }
            },
            note: format!("{} lanes, {} dots, FP16 result; {note}", report.lanes, e.dots),
        };
        let [least, greatest] = e.mean_range;
        [
            entry("", e.sum_percent, "sum |e| / sum |exact|".into()),
            entry(
                "_mean",
                e.mean_percent,
                format!(
                    "mean |e| / |exact|, median over seeds, {least:.3} to {greatest:.3} between seeds"
                ),
            ),
        ]
    };
    report.rows.iter().flat_map(|r| &r.errors).flat_map(of).collect()
}

fn costs(report: &Report) -> Vec<Entry> {
    let costs: Vec<_> = report.rows.iter().filter_map(|r| r.cost.as_ref()).collect();
    let entry = |key: String, value: f64, unit: &str, note: String| Entry {
        key,
        value,
        unit: unit.into(),
        kind: Kind::Measured,
        command: "cargo run --release -p skipopu -- pe report".into(),
        note,
    };
    let mut entries = Vec::new();
    for cost in &costs {
        let note =
            format!("one column of {} lanes, block {}; {}", report.lanes, cost.block, cost.tool);
        let mut add = |what: &str, value: f64, unit: &str| {
            entries.push(entry(format!("pe.{what}.{}", key(cost.unit)), value, unit, note.clone()));
        };
        add("luts", cost.luts + cost.srls, "LUT");
        add("ffs", cost.ffs, "FF");
        add("dsps", cost.dsps, "DSP");
        add("carry8", cost.carry8, "CARRY8");
        add("depth", cost.depth.into(), "levels");
    }
    let luts = |unit: &str| costs.iter().find(|c| c.unit == unit).map(|c| c.luts + c.srls);
    let most = PAPER_LIKE.iter().filter_map(|u| luts(u)).reduce(f64::max);
    let savings = [
        ("pe.luts.saving_percent", BASELINE, "keeps subnormals as our columns do"),
        ("pe.luts.saving_flush_percent", FLUSHING, "flushes subnormals, which our columns keep"),
    ];
    for (key, baseline, what) in savings {
        if let (Some(ours), Some(theirs)) = (most, luts(baseline)) {
            let note = format!(
                "the largest of {}, both modes, a LUT6_2 counted as one, against the chain of {} MACs that {what}",
                PAPER_LIKE.join(", "),
                report.lanes
            );
            entries.push(entry(key.into(), 100.0 * (1.0 - ours / theirs), "%", note));
        }
    }
    if let Some(m) = &report.multiplier {
        let note = format!("two 11 x 11-bit products a DSP, all 22 bits of both kept; {}", m.tool);
        let per_dsp = (m.luts + m.srls) / m.dsps;
        entries.push(entry("pe.mul.luts_per_dsp".into(), per_dsp, "LUT", note));
    }
    if let Some(aligned) = costs.iter().find(|c| c.unit == "aligned") {
        for m in Mode::ALL {
            let note = "aligned, LUTs of a column per product and cycle".into();
            let key = format!("pe.luts_per_mac.{}", mode(m));
            entries.push(entry(key, aligned.luts_per_mac(m), "LUT", note));
        }
    }
    entries
}
