//! The nonlinear engine: errors of its functions, cells of its units.

use crate::record::Recorder;
use anyhow::{anyhow, ensure, Result};
use indicatif::ProgressBar;
use skipopu_config::Config;
use skipopu_eda::synth::{self, SynthOptions};
use skipopu_hdl::{emit, EmitOptions};
use skipopu_hw::{catalogue, npe};
use skipopu_ledger::Kind;
use skipopu_reference::npe::ulp::{worst, UNARIES};

const SUBCOMMAND: &str = "npe";

/// Errors over all FP16 values, then cells.
///
/// # Errors
/// A function further than a unit from its exact value, or a unit that is not synthesised.
pub fn measure(out: &mut Recorder) -> Result<()> {
    errors(out)?;
    units(out)?;
    crate::npe_rows::measure(out)
}

/// `npe.ulp.*`: the greatest error of each function over all 65,536 FP16 values.
fn errors(out: &mut Recorder) -> Result<()> {
    for unary in &UNARIES {
        let (distance, x) = worst(unary)
            .map_err(|x| anyhow!("{} of {x:#06x} is of the wrong class", unary.name))?;
        ensure!(distance <= 1.0, "{} is {distance} units off at {x:#06x}", unary.name);
        let note = format!(
            "greatest error over all 65,536 FP16 values against f64, at {x:#06x}; the reference, which the \
             RTL equals for every one of them"
        );
        let key = format!("npe.ulp.{}", unary.name);
        out.add(&key, distance, "ulp", Kind::Simulated, SUBCOMMAND, note);
    }
    Ok(())
}

/// `npe.unit.*.luts`: cells of each leaf unit.
fn units(out: &mut Recorder) -> Result<()> {
    let config = Config::resolve("u280")?;
    let entries: Vec<_> = npe::float::ENTRIES.iter().chain(npe::function::ENTRIES).collect();
    let bar = ProgressBar::new(entries.len() as u64);
    for entry in entries {
        ensure!(catalogue::find(entry.name).is_some(), "{} is not in the catalogue", entry.name);
        let name = entry.name.replace('-', "_");
        let design = emit(&*(entry.build)(&config), &name, &EmitOptions::default())?;
        let report = synth::run(&design, &name, &SynthOptions::default())?;
        let area = &report.area;
        let levels = report.depth.worst().map_or(0, |path| path.levels);
        let latency = (entry.latency)(&config).unwrap_or_default();
        let note = format!(
            "{}; {} FF, {} DSP, {levels} levels, latency {latency}; Yosys, LUT with SRL",
            entry.summary, area.ffs, area.dsps
        );
        let key = format!("npe.unit.{name}.luts");
        out.add(&key, area.lut_sites() as f64, "LUT", Kind::Measured, SUBCOMMAND, note);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}
