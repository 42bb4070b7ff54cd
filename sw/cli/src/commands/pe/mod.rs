//! `skipopu pe`: studies of the PE array.

mod chart;
mod cost;
mod errors;
mod record;
mod report;

pub use errors::{Mode, Operands};

use crate::args::{Pe, PeReport};
use crate::exit::Done;
use crate::output;

/// Runs the command.
pub fn run(action: &Pe) -> Done {
    match action {
        Pe::Report(args) => report(args),
    }
}

fn report(args: &PeReport) -> Done {
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
