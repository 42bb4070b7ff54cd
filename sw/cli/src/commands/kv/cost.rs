//! Cost of the KV unit, from Yosys on the emitted Verilog.

use crate::exit::Done;
use crate::progress::Progress;
use crate::{catalogue, emitter};
use serde::Serialize;
use skipopu_config::Config;
use skipopu_eda::synth::{self, SynthOptions};

/// Cells of the whole unit.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// Configuration.
    pub configuration: String,
    /// LUT sites: logic, shift registers, LUT memories.
    pub luts: u64,
    /// Flip-flops.
    pub ffs: u64,
    /// RAMB36E2, halves counted as such.
    pub brams: f64,
    /// URAM288.
    pub urams: u64,
    /// LUT levels between registers.
    pub depth: u32,
    /// Yosys and its settings.
    pub tool: String,
}

/// Maps the unit of a configuration.
///
/// # Errors
/// Yosys.
pub fn study(config: &Config) -> Done<Cost> {
    let mut progress = Progress::new("synthesising", 1);
    progress.step("kv-unit");
    let design = emitter::design(catalogue::by_name("kv-unit")?, config)?;
    let report = synth::run(&design, &design.top().name, &SynthOptions::default())?;
    let area = &report.area;
    Ok(Cost {
        configuration: config.name.clone(),
        luts: area.lut_sites(),
        ffs: area.ffs,
        brams: area.brams(),
        urams: area.urams,
        depth: report.depth.levels(),
        tool: format!("{}; {}", report.tool, report.settings),
    })
}
