//! `skipopu emit`: Verilog to files.

use crate::args::Emit;
use crate::exit::Done;
use crate::progress::Progress;
use crate::{catalogue, emitter, folder, output};
use skipopu_config::Config;
use skipopu_eda::table::Table;
use skipopu_hdl::Design;
use std::path::Path;

/// Runs the command.
pub fn run(args: &Emit) -> Done {
    let config = Config::resolve(&args.config.config)?;
    let entries = catalogue::select(&args.selection, &config)?;
    let mut designs = Vec::new();
    let mut progress = Progress::new("emitting", entries.len());
    for entry in entries {
        progress.step(entry.name);
        designs.push((entry.name, emitter::design(entry, &config)?));
    }
    drop(progress);
    match &args.out {
        Some(out) => write(out, &designs, &config, args.selection.all),
        None => list(&designs),
    }
}

fn write(out: &Path, designs: &[(&str, Design)], config: &Config, nested: bool) -> Done {
    folder::replace(out, |fresh| {
        for (name, design) in designs {
            let place = if nested { fresh.join(name) } else { fresh.to_path_buf() };
            std::fs::create_dir_all(&place).map_err(|e| {
                crate::exit::Failure::environment(format!("cannot create {}: {e}", place.display()))
            })?;
            emitter::write(design, &place, config)?;
        }
        Ok(())
    })?;
    for (name, design) in designs {
        output::line(format!(
            "{name}: {} modules for {} blocks, {} bytes",
            design.modules.len(),
            design.blocks,
            design.modules.iter().map(|m| m.text.len()).sum::<usize>()
        ))?;
    }
    output::line(format!("written to {}", out.display()))
}

fn list(designs: &[(&str, Design)]) -> Done {
    let mut table = Table::new(&["block", "module", ">instances", ">ports", ">bytes", "rust type"]);
    for (name, design) in designs {
        for m in &design.modules {
            table.row(vec![
                name.to_string(),
                m.name.clone(),
                m.instances.to_string(),
                m.ports.len().to_string(),
                m.text.len().to_string(),
                m.rust_type.clone().unwrap_or_default(),
            ]);
        }
    }
    output::print(&table.text())
}
