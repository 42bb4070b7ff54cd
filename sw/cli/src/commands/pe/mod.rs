//! `skipopu pe`: studies of the PE array.

mod chart;
mod cost;
mod errors;
mod report;

use crate::args::Pe;
use crate::exit::Done;

/// Runs the command.
pub fn run(action: &Pe) -> Done {
    match action {
        Pe::Report(args) => report::run(args),
    }
}
