//! `skipopu compile`, `skipopu map`, `skipopu trace`: a model as the overlay takes it.

mod chart;
mod trace;

use crate::args::{Compile, Compiled as What, Map};
use crate::commands::engine::skipping;
use crate::exit::{Done, Failure};
use crate::{folder, output};
use serde_json::json;
use skipopu_compiler::map::Region;
use skipopu_compiler::Compiled;
use skipopu_config::Config;
use skipopu_eda::table::Table;
use skipopu_kv::layout::WORD_BYTES;
use std::path::Path;

pub use trace::run as trace;

fn compiled(what: &What) -> Done<(Config, Compiled)> {
    let config = Config::resolve(&what.config.config)?;
    let opened = skipopu_model::open(&what.model)?;
    let compiled = skipopu_compiler::compile(&opened.model, &config, skipping(what.skip))?;
    Ok((config, compiled))
}

/// Runs `compile`.
pub fn compile(args: &Compile) -> Done {
    let (config, compiled) = compiled(&args.what)?;
    folder::replace(&args.out, |to| write(to, &config, &compiled))?;
    let (hbm, ddr) = compiled.images.bytes();
    output::line(format!(
        "{}: {} instructions, {hbm} bytes for HBM, {ddr} for DDR",
        args.out.display(),
        compiled.program.instructions.len()
    ))
}

fn write(to: &Path, config: &Config, compiled: &Compiled) -> Done {
    let file = |name: &str, bytes: &[u8]| {
        let path = to.join(name);
        std::fs::write(&path, bytes)
            .map_err(|e| Failure::environment(format!("cannot write {}: {e}", path.display())))
    };
    file("program.bin", &compiled.program.to_bytes())?;
    for (port, image) in compiled.images.hbm.iter().enumerate() {
        file(&format!("hbm_{port:02}.bin"), image)?;
    }
    let mut ddr = vec![0; compiled.map.ddr.end * WORD_BYTES];
    for (at, bytes) in &compiled.images.ddr {
        ddr[*at as usize..][..bytes.len()].copy_from_slice(bytes);
    }
    file("ddr.bin", &ddr)?;
    let manifest = json!({
        "configuration": config.name,
        "hash": config.hash(),
        "instructions": compiled.program.instructions.len(),
        "map": compiled.map,
        "sizes": compiled.sizes,
    });
    let text = serde_json::to_string_pretty(&manifest).expect("JSON values always serialise");
    file("manifest.json", text.as_bytes())
}

/// Runs `map`.
pub fn map(args: &Map) -> Done {
    let (config, compiled) = compiled(&args.what)?;
    let regions = &compiled.map.regions;
    if let Some(file) = &args.svg {
        chart::write(&config.name, regions, file)?;
    }
    if args.json {
        return output::json(&json!({ "configuration": config.name, "regions": regions }));
    }
    let mut table = Table::new(&["memory", "region", ">first byte", ">bytes"]);
    for r in regions {
        table.row(vec![
            r.memory.into(),
            r.name.clone(),
            format!("{:#x}", r.start),
            r.bytes.to_string(),
        ]);
    }
    output::print(&table.text())?;
    let sum = |memory: &str| -> u64 { of(regions, memory).map(|r| r.bytes).sum() };
    let ports = config.memory.hbm_ports;
    output::line(format!(
        "HBM: {} bytes in each of {ports} ports; DDR: {} bytes",
        sum("hbm"),
        sum("ddr")
    ))
}

/// The regions of a memory.
fn of<'a>(regions: &'a [Region], memory: &'a str) -> impl Iterator<Item = &'a Region> {
    regions.iter().filter(move |r| r.memory == memory)
}
