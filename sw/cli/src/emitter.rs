//! From a catalogue entry to a design, and from a design to files.

use crate::exit::{Done, Failure};
use skipopu_config::Config;
use skipopu_hdl::bundle::{self, BundleInfo};
use skipopu_hdl::Design;
use skipopu_hw::catalogue::Entry;
use std::path::Path;

/// Elaborates and emits a block.
pub fn design(entry: &Entry, config: &Config) -> Done<Design> {
    entry
        .design(config, &top_name(entry))
        .map_err(|e| Failure::check(format!("block `{}` cannot be emitted: {e}", entry.name)))
}

/// Writes a design to an empty folder: a file per module, a file list, a manifest.
pub fn write(design: &Design, folder: &Path, config: &Config) -> Done {
    let info = BundleInfo { config_name: config.name.clone(), config_hash: config.hash() };
    bundle::write(design, folder, &info)
        .map(|_| ())
        .map_err(|e| Failure::environment(format!("cannot write to {}: {e}", folder.display())))
}

/// Name of the emitted top module.
pub fn top_name(entry: &Entry) -> String {
    entry.name.replace('-', "_")
}
