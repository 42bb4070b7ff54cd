//! `skipopu hbm`: the timing model of the HBM.

mod chart;
mod model;
mod replay;
mod report;

use crate::args::Hbm;
use crate::exit::Done;

/// Runs the command.
pub fn run(action: &Hbm) -> Done {
    match action {
        Hbm::Replay(args) => replay::run(args),
        Hbm::Model(args) => model::run(args),
    }
}
