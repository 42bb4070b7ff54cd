//! `skipopu lint`: every emitted module against three tools.

use crate::args::Lint;
use crate::exit::{Done, Failure};
use crate::progress::Progress;
use crate::{catalogue, emitter, output};
use rayon::prelude::*;
use skipopu_config::Config;
use skipopu_eda::lint::{check, LintOptions, LintReport};
use skipopu_hw::catalogue::Entry;
use std::sync::Mutex;

/// Runs the command.
pub fn run(args: &Lint) -> Done {
    let configs = args.config.iter().map(|c| Config::resolve(c)).collect::<Result<Vec<_>, _>>()?;
    let mut work: Vec<(&Config, &Entry)> = Vec::new();
    for config in &configs {
        match &args.block {
            Some(name) => work.push((config, catalogue::served(name, config)?)),
            None => work.extend(catalogue::all(config)?.into_iter().map(|e| (config, e))),
        }
    }
    let options = LintOptions::standard()?;
    let progress = Mutex::new(Progress::new("linting", work.len()));
    let checked: Vec<LintReport> = work
        .par_iter()
        .map(|(config, entry)| {
            let what = format!("{} of {}", entry.name, config.name);
            progress.lock().unwrap_or_else(|e| e.into_inner()).step(&what);
            Ok(check(&emitter::design(entry, config)?, &options)?)
        })
        .collect::<Done<_>>()?;
    drop(progress);
    let mut report = LintReport::default();
    checked.into_iter().for_each(|one| report.merge(one));
    if args.json {
        output::json(&serde_json::json!(report))?;
    } else {
        print(&report, &options, args.block.is_none())?;
    }
    match report.clean() {
        true => Ok(()),
        false => Err(Failure::check(format!("lint found {} defects", report.findings.len()))),
    }
}

fn print(report: &LintReport, options: &LintOptions, whole: bool) -> Done {
    for (waiver, count) in options.waivers.iter().zip(&report.waived) {
        match count {
            0 if whole => output::line(format!(
                "note: the waiver of {} of `{}` in `{}` matches nothing here: remove it if no other shape needs it",
                waiver.warning, waiver.signal, waiver.module
            ))?,
            0 => {}
            n => output::line(format!("waived {n} x {}: {}", waiver.warning, waiver.reason))?,
        }
    }
    if !report.findings.is_empty() {
        output::print(&report.table().text())?;
    }
    output::line(format!(
        "{} modules, {} checks ({} remembered), {} findings",
        report.modules,
        report.checks,
        report.cached,
        report.findings.len()
    ))
}
