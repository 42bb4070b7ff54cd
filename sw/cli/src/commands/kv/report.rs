//! `skipopu kv report`: the published ablation of KV bandwidth, on our system.

use super::cost::{self, Cost};
use super::published;
use super::rows::{self, Agreement, Origin, Row, Text};
use crate::args::KvReport;
use crate::exit::{Done, Failure};
use crate::output;
use serde::Serialize;
use skipopu_config::Config;
use skipopu_eda::table::Table;
use skipopu_kv::{KvMachine, KvModel, Masks, Routing};
use skipopu_system::kv::Mapping;
use std::path::Path;

/// The cases timed with all layers and passes: share skipped, tokens, masks. The figures of the first are
/// claimed.
const CLAIMS: [(f64, usize, Masks); 2] =
    [(0.25, 2048, Masks::Independent), (0.25, 1024, Masks::Independent)];
/// Shares of attention skipped.
const SKIPS: [f64; 5] = [0.0, 0.125, 0.25, 0.375, 0.5];
/// Tokens.
const CONTEXTS: [usize; 6] = [128, 256, 512, 1024, 2048, 4096];
/// Layers timed in the sweep.
const SWEEP_LAYERS: usize = 6;
/// Masks that hang together are swept over fewer cases.
const FEWER: ([f64; 2], [usize; 3]) = ([0.25, 0.5], [256, 1024, 4096]);

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Configuration of the modelled rows; the model's shape is that of Llama-2-7B.
    pub configuration: String,
    /// All layers and passes, by case and mapping; the first case is claimed.
    pub claim: Vec<Row>,
    /// The sweep.
    pub sweep: Vec<Row>,
    /// Configuration of the simulated rows; the model's shape is that of stories15M.
    pub simulated_configuration: String,
    /// RTL against model.
    pub simulated: Vec<Agreement>,
    /// Cycles of every layer at the simulated size, with and without keeping tokens in that layer.
    pub maintenance: Vec<(u64, u64)>,
    /// Cost of the KV unit; none when left out.
    pub cost: Option<Cost>,
}

/// Obtains everything.
///
/// # Errors
/// A configuration or trace that cannot be used, missing tools, a wrong delivery.
pub fn collect(args: &KvReport) -> Done<Report> {
    let config = Config::resolve(&args.config)?;
    let small = Config::resolve(&args.simulated)?;
    let model = KvModel::LLAMA2_7B;
    let machine = KvMachine::of(&config);
    let small_machine = KvMachine::of(&small);
    let small_texts = small_texts(args, &small_machine)?;
    let text = |(skip, tokens, masks)| Text::random(model.layers, masks, skip, tokens, args.seed);
    let texts = CLAIMS.into_iter().map(text).collect::<Done<Vec<_>>>()?;
    let claim = rows::modelled(machine, model, model.layers, &texts)?;
    let sweep =
        rows::modelled(machine, model, SWEEP_LAYERS, &sweep(args, model.layers, &machine)?)?;
    let simulated = rows::simulated(small_machine, KvModel::STORIES15M, &small_texts)?;
    let maintenance = rows::maintenance(small_machine, KvModel::STORIES15M, args.seed)?;
    let cost = match args.no_synth {
        true => None,
        false => Some(cost::study(&config)?),
    };
    Ok(Report {
        configuration: config.name,
        claim,
        sweep,
        simulated_configuration: small.name,
        simulated,
        maintenance,
        cost,
    })
}

/// Random texts of every kind, of many shares and lengths.
fn sweep(args: &KvReport, layers: usize, machine: &KvMachine) -> Done<Vec<Text>> {
    let mut texts = Vec::new();
    if args.no_sweep {
        return Ok(texts);
    }
    for masks in Masks::ALL {
        let (skips, contexts) = match masks {
            Masks::Independent => (&SKIPS[..], &CONTEXTS[..]),
            _ => (&FEWER.0[..], &FEWER.1[..]),
        };
        for skip in skips {
            for tokens in contexts.iter().filter(|t| **t <= machine.context) {
                texts.push(Text::random(layers, masks, *skip, *tokens, args.seed)?);
            }
        }
    }
    Ok(texts)
}

/// Random texts and traces at co-simulation size.
fn small_texts(args: &KvReport, machine: &KvMachine) -> Done<Vec<Text>> {
    let layers = KvModel::STORIES15M.layers;
    let tokens = machine.context;
    let mut texts = Vec::new();
    for masks in Masks::ALL {
        texts.push(Text::random(layers, masks, 0.25, tokens / 2, args.seed)?);
    }
    texts.push(Text::random(layers, Masks::Independent, 0.25, tokens, args.seed)?);
    texts.push(Text::random(layers, Masks::Independent, 0.5, tokens, args.seed)?);
    for file in &args.trace {
        texts.push(trace(file, layers, tokens)?);
    }
    Ok(texts)
}

fn trace(file: &Path, layers: usize, context: usize) -> Done<Text> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::environment(format!("cannot read {name}: {e}")))?;
    let routing = Routing::parse(&text).map_err(|e| Failure::usage(format!("{name}: {e}")))?;
    if routing.layers() != layers {
        return Err(Failure::usage(format!(
            "{name}: {} layers, but the simulated model has {layers}: give a trace of it",
            routing.layers()
        )));
    }
    let tokens = routing.tokens().min(context);
    let stem = file.file_stem().map_or_else(|| name.to_string(), |s| s.to_string_lossy().into());
    Ok(Text { origin: Origin::Trace(stem), skip: routing.skipped(tokens), tokens, routing })
}

/// Prints the report as tables.
///
/// # Errors
/// Standard output that cannot be written.
pub fn print(report: &Report) -> Done {
    output::line(format!(
        "configuration {}, Llama-2-7B, modelled; GB/s of K and V that attention takes, and bytes from HBM in \
         percent of what the ports can move",
        report.configuration
    ))?;
    output::print(&claim_table(report).text())?;
    if !report.sweep.is_empty() {
        output::line("")?;
        output::print(&sweep_table(&report.sweep).text())?;
    }
    output::line("")?;
    output::line(format!(
        "configuration {}, stories15M, RTL against the HBM model, every word checked",
        report.simulated_configuration
    ))?;
    output::print(&simulated_table(&report.simulated).text())?;
    let Some(cost) = &report.cost else { return output::line("cost: not synthesised") };
    output::line("")?;
    output::line(format!(
        "KV unit, configuration {}: {} LUT, {} FF, {} BRAM, {} URAM, {} levels (published buffer and crossbar: {} LUT, {} URAM); {}",
        cost.configuration,
        cost.luts,
        cost.ffs,
        cost.brams,
        cost.urams,
        cost.depth,
        published::LUTS,
        published::URAMS,
        cost.tool
    ))
}

fn claim_table(report: &Report) -> Table {
    let mut table = Table::new(&[
        "mapping",
        ">skip %",
        ">tokens",
        ">GB/s",
        ">% of peak",
        ">HBM %",
        ">from buffer %",
        ">published GB/s",
        ">HBM %",
    ]);
    for row in &report.claim {
        table.row(vec![
            row.mapping.name().into(),
            format!("{:.1}", 100.0 * row.skip),
            row.tokens.to_string(),
            format!("{:.1}", row.effective_gbs),
            format!("{:.1}", row.effective_percent),
            format!("{:.1}", row.physical_percent),
            format!("{:.1}", row.buffered_percent),
            format!("{:.1}", published::gbs(row.mapping)),
            format!("{:.1}", published::hbm_percent(row.mapping)),
        ]);
    }
    table
}

fn sweep_table(rows: &[Row]) -> Table {
    let mut header = vec!["masks", ">skip %", ">tokens"];
    let names: Vec<String> = Mapping::ALL.iter().map(|m| format!(">{}", m.name())).collect();
    header.extend(names.iter().map(String::as_str));
    header.extend([">HBM %", ">from buffer %"]);
    let mut table = Table::new(&header);
    for four in rows.chunks(Mapping::ALL.len()) {
        let Some(last) = four.last() else { continue };
        let mut cells =
            vec![last.origin.name(), format!("{:.1}", 100.0 * last.skip), last.tokens.to_string()];
        cells.extend(four.iter().map(|r| format!("{:.1}", r.effective_gbs)));
        cells.push(format!("{:.1}", last.physical_percent));
        cells.push(format!("{:.1}", last.buffered_percent));
        table.row(cells);
    }
    table
}

fn simulated_table(rows: &[Agreement]) -> Table {
    let mut table = Table::new(&[
        "masks",
        ">skip %",
        ">tokens",
        "mapping",
        ">% of peak",
        ">HBM %",
        ">from buffer %",
        ">cycles",
        ">model",
        ">difference %",
        ">words",
    ]);
    for a in rows {
        table.row(vec![
            a.row.origin.name(),
            format!("{:.1}", 100.0 * a.row.skip),
            a.row.tokens.to_string(),
            a.row.mapping.name().into(),
            format!("{:.1}", a.row.effective_percent),
            format!("{:.1}", a.row.physical_percent),
            format!("{:.1}", a.row.buffered_percent),
            a.rtl_cycles.to_string(),
            a.model_cycles.to_string(),
            format!("{:+.2}", a.difference_percent),
            a.words.to_string(),
        ]);
    }
    table
}
