//! Cost of every dot-product unit, from Yosys on the emitted Verilog.

use super::errors::Mode;
use crate::exit::Done;
use crate::progress::Progress;
use crate::{catalogue, emitter};
use serde::Serialize;
use skipopu_config::{Accumulation, Config};
use skipopu_eda::synth::{self, SynthOptions};

/// A unit and the block that implements it.
struct Subject {
    unit: &'static str,
    block: &'static str,
    accumulation: Option<Accumulation>,
    /// Columns in the block: two that share their multipliers' DSPs count as two.
    columns: u32,
}

const SUBJECTS: [Subject; 6] = [
    pair("bits22", Accumulation::Bits22),
    pair("bits15", Accumulation::Bits15),
    pair("dsp15", Accumulation::Dsp15),
    Subject {
        unit: "aligned",
        block: "aligned-column",
        accumulation: Some(Accumulation::Aligned),
        columns: 1,
    },
    baseline("mac_flush", "mac-chain-flush"),
    baseline("mac_subnormal", "mac-chain-subnormal"),
];

/// What the product-aligned columns multiply with.
const MULTIPLIER: Subject = baseline("multiplier", "overpacked-multiplier");

const fn pair(unit: &'static str, accumulation: Accumulation) -> Subject {
    Subject { unit, block: "product-column-pair", accumulation: Some(accumulation), columns: 2 }
}

const fn baseline(unit: &'static str, block: &'static str) -> Subject {
    Subject { unit, block, accumulation: None, columns: 1 }
}

/// Cost of one 64-lane column of a unit, or of what a whole array shares.
#[derive(Clone, Debug, Serialize)]
pub struct UnitCost {
    /// The unit.
    pub unit: &'static str,
    /// The block of the catalogue.
    pub block: &'static str,
    /// Columns in the block: two that share DSP adders count as two.
    pub columns: u32,
    /// LUTs of one column, raw cells.
    pub luts: f64,
    /// Shift-register LUTs of one column.
    pub srls: f64,
    /// Flip-flops of one column.
    pub ffs: f64,
    /// DSP48E2 of one column.
    pub dsps: f64,
    /// CARRY8 of one column.
    pub carry8: f64,
    /// LUT levels between registers.
    pub depth: u32,
    /// Products per cycle and column, FP16xFP16 and FP16xINT4.
    pub products: [u32; 2],
    /// Cycles from operands to result.
    pub latency: Option<usize>,
    /// Yosys and its settings.
    pub tool: String,
}

impl UnitCost {
    /// LUT sites (logic and shift registers) per product and cycle.
    pub fn luts_per_mac(&self, mode: Mode) -> f64 {
        (self.luts + self.srls) / f64::from(self.products[mode as usize])
    }
}

/// Cost of every unit's column, and of the overpacked multiplier alone.
pub struct Costs {
    /// One a unit.
    pub units: Vec<UnitCost>,
    /// One multiplier, all bits of its two products kept.
    pub multiplier: UnitCost,
}

/// Maps every unit's column at the lanes of `config`, and the multiplier.
///
/// # Errors
/// A missing or failing Yosys, a block that cannot be emitted.
pub fn study(config: &Config) -> Done<Costs> {
    let mut progress = Progress::new("synthesising", SUBJECTS.len() + 1);
    let mut cost = |subject: &Subject| {
        progress.step(subject.unit);
        map(subject, config)
    };
    let units = SUBJECTS.iter().map(&mut cost).collect::<Done<_>>()?;
    let multiplier = UnitCost { products: [2, 2], ..cost(&MULTIPLIER)? };
    Ok(Costs { units, multiplier })
}

fn map(subject: &Subject, config: &Config) -> Done<UnitCost> {
    let mut config = config.clone();
    if let Some(accumulation) = subject.accumulation {
        config.array.accumulation = accumulation;
    }
    let entry = catalogue::by_name(subject.block)?;
    let design = emitter::design(entry, &config)?;
    let report = synth::run(&design, &design.top().name, &SynthOptions::default())?;
    let columns = subject.columns;
    let per_column = |cells: u64| cells as f64 / f64::from(columns);
    let lanes = config.array.lanes;
    let int4 = if subject.accumulation == Some(Accumulation::Aligned) { 2 } else { 1 };
    Ok(UnitCost {
        unit: subject.unit,
        block: subject.block,
        columns,
        luts: per_column(report.area.luts),
        srls: per_column(report.area.srls),
        ffs: per_column(report.area.ffs),
        dsps: per_column(report.area.dsps),
        carry8: per_column(report.area.carry8),
        depth: report.depth.levels(),
        products: [lanes, lanes * int4],
        latency: (entry.latency)(&config),
        tool: format!("{}; {}", report.tool, report.settings),
    })
}
