//! `skipopu config`: show or check a configuration.

use crate::args::Config as Action;
use crate::exit::Done;
use crate::output;
use skipopu_config::{fields, Config};

/// Runs the command.
pub fn run(action: &Action) -> Done {
    match action {
        Action::Show { config } => output::print(&Config::resolve(config)?.to_toml()),
        Action::Check { config } => {
            let c = Config::resolve(config)?;
            output::line(format!(
                "{}: legal, {} lanes x {} columns ({}), hash {}",
                c.name,
                c.array.lanes,
                c.array.columns,
                c.array.accumulation,
                c.hash()
            ))
        }
        Action::Fields => output::print(&fields::markdown()),
    }
}
