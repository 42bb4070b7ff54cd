//! `skipopu model attach`.

use crate::exit::Done;
use crate::output;
use skipopu_model::{adapter, container, open, Adapter};
use std::path::Path;

/// Runs the command.
pub fn run(model: &str, file: Option<&Path>, out: &Path) -> Done {
    let opened = open(model)?;
    let (adapter, path) = match file {
        Some(file) => (Adapter::read(file)?, file.to_path_buf()),
        None => (adapter::stories15m()?, Path::new(adapter::STORIES15M).to_path_buf()),
    };
    let attached = adapter.apply(&opened.model, &path)?;
    container::write(out, &attached, opened.tokenizer.as_ref())?;
    let placement = adapter.routers.placement.name();
    let changed = adapter.changes.len();
    output::line(format!("{}: routers {placement}, {changed} matrices changed", out.display()))
}
