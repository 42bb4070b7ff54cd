//! The replay's report as tables.

use crate::exit::Done;
use crate::output;
use skipopu_eda::table::Table;
use skipopu_sim::memory::{ReplayOptions, ReplayReport};

/// Prints the report.
///
/// # Errors
/// Standard output that cannot be written.
pub fn print(report: &ReplayReport, options: &ReplayOptions) -> Done {
    let ns = |cycles: f64| cycles * 1e3 / options.timing.clock_mhz as f64;
    let mut table = Table::new(&["figure", ">value", "unit"]);
    let mut row = |what: &str, value: String, unit: &str| {
        table.row(vec![what.into(), value, unit.into()]);
    };
    row("accesses", report.accesses.to_string(), "");
    row("barriers", report.barriers.to_string(), "");
    row("bytes read", report.read_bytes.to_string(), "B");
    row("bytes written", report.write_bytes.to_string(), "B");
    row("bursts of 32 B", report.bursts.to_string(), "");
    row("time", report.cycles.to_string(), "cycles of 900 MHz");
    row("", format!("{:.3}", report.nanoseconds / 1e3), "us");
    row("rate", format!("{:.3}", report.gbs), "GB/s");
    row("", format!("{:.2}", report.peak_percent), "% of 460.8 GB/s");
    row("row hits", format!("{:.2}", report.hit_percent), "% of bursts");
    row("row closed", report.rows.closed.to_string(), "bursts");
    row("row misses", report.rows.misses.to_string(), "bursts");
    row("refreshes", report.rows.refreshes.to_string(), "");
    output::print(&table.text())?;
    let l = &report.latency;
    let mut table = Table::new(&["burst latency", ">cycles", ">ns"]);
    for (name, value) in [
        ("least", l.min as f64),
        ("mean", l.mean),
        ("50 %", l.p50 as f64),
        ("90 %", l.p90 as f64),
        ("99 %", l.p99 as f64),
        ("99.9 %", l.p999 as f64),
        ("greatest", l.max as f64),
    ] {
        table.row(vec![name.into(), format!("{value:.0}"), format!("{:.1}", ns(value))]);
    }
    output::print(&format!("\n{}", table.text()))?;
    let mut table = Table::new(&[
        "pseudo-channel",
        ">bytes",
        ">use %",
        ">hits",
        ">closed",
        ">misses",
        ">refreshes",
        ">last cycle",
    ]);
    for c in &report.channels {
        table.row(vec![
            c.channel.to_string(),
            c.bytes.to_string(),
            format!("{:.2}", c.use_percent),
            c.rows.hits.to_string(),
            c.rows.closed.to_string(),
            c.rows.misses.to_string(),
            c.rows.refreshes.to_string(),
            c.last.to_string(),
        ]);
    }
    output::print(&format!("\n{}", table.text()))
}
