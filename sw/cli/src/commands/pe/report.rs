//! `skipopu pe report`: the published table, measured by us.

use super::cost::{self, UnitCost};
use super::errors::{self, Mode, Operands, UnitError};
use crate::args::PeReport;
use crate::commands::operands;
use crate::exit::Done;
use crate::output;
use serde::Serialize;
use skipopu_config::Config;
use skipopu_eda::table::Table;
use skipopu_reference::pe::published;

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Configuration whose lanes and widths were used.
    pub configuration: String,
    /// Lanes of a column.
    pub lanes: u32,
    /// One row a unit.
    pub rows: Vec<Row>,
    /// The overpacked multiplier alone; none when synthesis was left out.
    pub multiplier: Option<UnitCost>,
}

/// One unit.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The unit.
    pub unit: &'static str,
    /// Cost of a column; none for the exact sum, or when synthesis was left out.
    pub cost: Option<UnitCost>,
    /// Errors by mode.
    pub errors: Vec<UnitError>,
}

/// Measures errors and, unless told otherwise, cost.
///
/// # Errors
/// Operand files, Yosys, or a block that cannot be used.
pub fn collect(args: &PeReport) -> Done<Report> {
    let config = Config::resolve(&args.config)?;
    let random = Operands::Random { dots: args.dots as usize, seeds: args.seeds.into() };
    let operands = match (&args.fp16[..], &args.int4[..], &args.operands) {
        ([], [], None) => vec![random],
        ([], [], Some(folder)) => {
            let sets = operands::read(folder, config.array.lanes as usize)?;
            [random].into_iter().chain(sets).collect()
        }
        (files, [], _) => vec![Operands::read("files", Mode::Fp16, files)?],
        (_, files, _) => vec![Operands::read("files", Mode::Int4, files)?],
    };
    let errors = errors::study(&operands, &config.array)?;
    let costs = if args.no_synth { None } else { Some(cost::study(&config)?) };
    let units = costs.iter().flat_map(|c| &c.units);
    let mut rows: Vec<Row> = Vec::new();
    for error in errors {
        match rows.iter_mut().find(|r| r.unit == error.unit) {
            Some(row) => row.errors.push(error),
            None => rows.push(Row {
                unit: error.unit,
                cost: units.clone().find(|c| c.unit == error.unit).cloned(),
                errors: vec![error],
            }),
        }
    }
    let multiplier = costs.map(|c| c.multiplier);
    let configuration = config.name.clone();
    Ok(Report { configuration, lanes: config.array.lanes, rows, multiplier })
}

/// Prints the report as tables.
///
/// # Errors
/// Standard output that cannot be written.
pub fn print(report: &Report) -> Done {
    output::line(format!(
        "one column of {} lanes, configuration {}; errors in percent",
        report.lanes, report.configuration
    ))?;
    output::print(&error_table(report).text())?;
    output::line("")?;
    output::print(&cost_table(report).text())?;
    let tool = report.rows.iter().find_map(|r| r.cost.as_ref()).map(|c| c.tool.clone());
    output::line(tool.unwrap_or_else(|| "cost: not synthesised".into()))
}

fn error_table(report: &Report) -> Table {
    let mut table = Table::new(&[
        "unit",
        "mode",
        "operands",
        ">FP16 sum|e|/sum|x|",
        ">mean |e/x|, median",
        ">range over seeds",
        ">FP32 sum|e|/sum|x|",
        ">dots",
        ">published mean",
    ]);
    for error in report.rows.iter().flat_map(|r| &r.errors) {
        let figure = published::of(error.unit).and_then(|p| match (error.mode, error.operands) {
            (Mode::Fp16, "random") => Some(p.fp16_random_percent),
            (Mode::Int4, "random") => Some(p.int4_random_percent),
            (Mode::Fp16, operands::EMPIRICAL) => Some(p.fp16_empirical_percent),
            (Mode::Int4, operands::EMPIRICAL) => Some(p.int4_empirical_percent),
            _ => None,
        });
        table.row(vec![
            error.unit.into(),
            error.mode.name().into(),
            error.operands.into(),
            format!("{:.4}", error.sum_percent),
            format!("{:.4}", error.mean_percent),
            format!("{:.3} to {:.3}", error.mean_range[0], error.mean_range[1]),
            format!("{:.4}", error.fp32_sum_percent),
            error.dots.to_string(),
            figure.map_or("-".into(), |f| format!("{f:.3}")),
        ]);
    }
    table
}

fn cost_table(report: &Report) -> Table {
    let mut table = Table::new(&[
        "unit",
        ">LUT",
        ">SRL",
        ">FF",
        ">DSP",
        ">CARRY8",
        ">depth",
        ">latency",
        ">LUT/MAC FP16",
        ">LUT/MAC INT4",
        ">published LUT",
        ">FF",
        ">DSP",
    ]);
    let units = report.rows.iter().filter_map(|r| r.cost.as_ref());
    for cost in units.chain(&report.multiplier) {
        let known = published::of(cost.unit);
        let figure = |f: Option<f64>| f.map_or("-".into(), |f| f.to_string());
        table.row(vec![
            cost.unit.into(),
            cost.luts.to_string(),
            cost.srls.to_string(),
            cost.ffs.to_string(),
            cost.dsps.to_string(),
            cost.carry8.to_string(),
            cost.depth.to_string(),
            cost.latency.map_or("-".into(), |l| l.to_string()),
            format!("{:.2}", cost.luts_per_mac(Mode::Fp16)),
            format!("{:.2}", cost.luts_per_mac(Mode::Int4)),
            figure(known.map(|p| p.luts.into())),
            figure(known.map(|p| p.ffs.into())),
            figure(known.map(|p| p.dsps)),
        ]);
    }
    table
}
