//! `skipopu synth`: cells and logic depth.

use crate::args::{Borders, Synth};
use crate::exit::Done;
use crate::progress::Progress;
use crate::{catalogue, emitter, output};
use skipopu_config::Config;
use skipopu_eda::synth::{self, Hierarchy, SynthOptions, SynthReport};

/// Runs the command.
pub fn run(args: &Synth) -> Done {
    let config = Config::resolve(&args.config.config)?;
    let entries = catalogue::select(&args.selection, &config)?;
    let options = SynthOptions {
        hierarchy: match args.hierarchy {
            Borders::Auto => Hierarchy::Auto,
            Borders::Flatten => Hierarchy::Flatten,
            Borders::Keep => Hierarchy::Keep,
        },
        infer_srl: args.infer_srl,
        ..SynthOptions::default()
    };
    let mut reports: Vec<SynthReport> = Vec::new();
    let mut progress = Progress::new("synthesising", entries.len());
    for entry in entries {
        progress.step(entry.name);
        let design = emitter::design(entry, &config)?;
        let mut modules = None;
        let report = synth::run_with(&design, &design.top().name, &options, |name, _, of| {
            modules.get_or_insert_with(|| Progress::new("mapping", of)).step(name);
        })?;
        reports.push(report);
    }
    drop(progress);
    if args.json {
        return output::json(&serde_json::json!({
            "configuration": config.name,
            "hash": config.hash(),
            "reports": reports,
        }));
    }
    output::line(format!("configuration {} ({})", config.name, config.hash()))?;
    match reports.as_slice() {
        [one] => output::print(&one.table().text())?,
        many => output::print(&synth::summary(many).text())?,
    }
    let first = &reports[0];
    output::line(format!("{}; {}", first.tool, without_top(&first.settings)))?;
    output::line(
        "depth: levels between registers; in, out, through: from inputs, to outputs, between them",
    )
}

/// The settings that all blocks share.
fn without_top(settings: &str) -> &str {
    settings.split(" -top ").next().unwrap_or(settings)
}
