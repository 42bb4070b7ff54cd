//! `skipopu kv`: studies of the KV system.

mod chart;
mod cost;
mod published;
mod record;
mod report;
mod rows;
mod trace;

use crate::args::{Kv, KvReport};
use crate::exit::Done;
use crate::output;

/// Runs the command.
pub fn run(action: &Kv) -> Done {
    match action {
        Kv::Report(args) => report(args),
        Kv::Trace(args) => trace::run(args),
    }
}

fn report(args: &KvReport) -> Done {
    let report = report::collect(args)?;
    if let Some(file) = &args.svg {
        chart::write(&report, file)?;
    }
    if let Some(ledger) = &args.ledger {
        record::write(&report, ledger)?;
    }
    match args.json {
        true => output::json(&serde_json::json!(report)),
        false => report::print(&report),
    }
}
