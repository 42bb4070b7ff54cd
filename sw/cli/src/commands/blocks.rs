//! `skipopu blocks`: the catalogue.

use crate::args::Blocks;
use crate::exit::{Done, Failure};
use crate::{catalogue, emitter, output};
use skipopu_config::Config;
use skipopu_eda::synth::{self, SynthOptions, SynthReport};
use skipopu_eda::table::Table;
use skipopu_hw::catalogue::Entry;

/// Where the catalogue stands in hw/README.md.
const BEGIN: &str = "<!-- blocks:begin -->\n";
const END: &str = "<!-- blocks:end -->";

/// Runs the command.
pub fn run(args: &Blocks) -> Done {
    let config = Config::resolve(&args.config.config)?;
    if args.markdown {
        return output::print(&markdown(&config)?);
    }
    if args.update || args.check {
        return page(args, &config);
    }
    let options = SynthOptions::default();
    let entries = catalogue::all(&config)?;
    let mut rows = Vec::new();
    for entry in entries {
        let design = emitter::design(entry, &config)?;
        rows.push((entry, synth::cached(&design, &design.top().name, &options)));
    }
    if args.json {
        let list: Vec<_> = rows.iter().map(|(e, r)| json(e, r.as_ref(), &config)).collect();
        return output::json(&serde_json::json!({ "configuration": config.name, "blocks": list }));
    }
    let mut table = Table::new(&["block", "does", ">latency", ">interval", "resources", "test"]);
    for (entry, report) in &rows {
        table.row(vec![
            entry.name.into(),
            entry.summary.into(),
            cycles((entry.latency)(&config)),
            cycles((entry.interval)(&config)),
            report.as_ref().map(resources).unwrap_or_else(|| "not synthesised".into()),
            entry.test.into(),
        ]);
    }
    output::print(&table.text())
}

/// The catalogue for hw/README.md. It holds nothing that depends on the tools installed.
fn markdown(config: &Config) -> Done<String> {
    let mut table = Table::new(&["block", "does", ">latency", ">interval", "test"]);
    for entry in catalogue::all(config)? {
        let design = emitter::design(entry, config)?;
        let source = design.top().source.as_deref().and_then(|s| s.split(':').next());
        let link = source.and_then(|s| s.strip_prefix("hw/"));
        table.row(vec![
            match link {
                Some(link) => format!("[`{}`]({link})", entry.name),
                None => format!("`{}`", entry.name),
            },
            entry.summary.into(),
            cycles((entry.latency)(config)),
            cycles((entry.interval)(config)),
            format!("`{}`", entry.test),
        ]);
    }
    Ok(table.markdown())
}

/// Rewrites or checks the catalogue in hw/README.md.
fn page(args: &Blocks, config: &Config) -> Done {
    let path = args.root.join("hw/README.md");
    let shown = path.display();
    let old = std::fs::read_to_string(&path)
        .map_err(|e| Failure::usage(format!("cannot read {shown}: {e}; give --root")))?;
    let parts = old.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?)));
    let Some((head, (_, tail))) = parts else {
        return Err(Failure::check(format!("{shown} has no lines `{}` and `{END}`", BEGIN.trim())));
    };
    let new = format!("{head}{BEGIN}{}{END}{tail}", markdown(config)?);
    if new == old {
        return output::line(format!("{shown}: the catalogue is current"));
    }
    if args.check {
        let line = old.lines().zip(new.lines()).take_while(|(a, b)| a == b).count() + 1;
        let remedy = "the catalogue is out of date, run `skipopu blocks --update`";
        return Err(Failure::check(format!("{shown}, line {line}: {remedy}")));
    }
    std::fs::write(&path, new)
        .map_err(|e| Failure::environment(format!("cannot write {shown}: {e}")))?;
    output::line(format!("updated {shown}"))
}

fn json(entry: &Entry, report: Option<&SynthReport>, config: &Config) -> serde_json::Value {
    serde_json::json!({
        "name": entry.name,
        "summary": entry.summary,
        "latency": (entry.latency)(config),
        "interval": (entry.interval)(config),
        "area": report.map(|r| &r.area),
        "depth": report.map(|r| &r.depth),
        "test": entry.test,
    })
}

/// Cycles, or that they depend on traffic.
fn cycles(n: Option<usize>) -> String {
    n.map_or("varies".into(), |n| n.to_string())
}

/// The cells that are there, in one line.
fn resources(report: &SynthReport) -> String {
    let a = &report.area;
    let counts = [
        (a.luts as f64, "LUT"),
        (a.ffs as f64, "FF"),
        (a.dsps as f64, "DSP"),
        (a.carry8 as f64, "CARRY8"),
        (a.brams(), "BRAM"),
        (a.urams as f64, "URAM"),
        (a.srls as f64, "SRL"),
        (a.lutrams as f64, "LUTRAM"),
    ];
    let some: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0.0).map(|(n, unit)| format!("{n} {unit}")).collect();
    match some.is_empty() {
        true => "no cells".into(),
        false => some.join(", "),
    }
}
