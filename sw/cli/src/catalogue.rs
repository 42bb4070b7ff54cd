//! Choosing blocks of the catalogue.

use crate::args::Selection;
use crate::exit::{Done, Failure};
use skipopu_config::Config;
use skipopu_hw::catalogue::{catalogue, find, Entry};

/// The entries a selection names for a configuration, leaves first.
pub fn select(selection: &Selection, config: &Config) -> Done<Vec<&'static Entry>> {
    match &selection.block {
        Some(name) => Ok(vec![served(name, config)?]),
        None if selection.top => Ok(all(config)?.pop().into_iter().collect()),
        None => all(config),
    }
}

/// Every entry that the configuration has; a catalogue without one is an error, never a silent success.
pub fn all(config: &Config) -> Done<Vec<&'static Entry>> {
    let entries: Vec<&Entry> = catalogue().filter(|e| e.serves(config).is_ok()).collect();
    match entries.is_empty() {
        true => Err(Failure::check("the catalogue holds no block, so there is nothing to do")),
        false => Ok(entries),
    }
}

/// The entry with this name, for a configuration that has it.
pub fn served(name: &str, config: &Config) -> Done<&'static Entry> {
    let entry = by_name(name)?;
    let why = |e| Failure::usage(format!("configuration {} has no `{name}`: {e}", config.name));
    entry.serves(config).map_err(why)?;
    Ok(entry)
}

/// The entry with this name.
pub fn by_name(name: &str) -> Done<&'static Entry> {
    find(name).ok_or_else(|| {
        let score = |e: &&Entry| strsim::jaro_winkler(name, e.name);
        let nearest = catalogue().max_by(|a, b| score(a).total_cmp(&score(b)));
        let hint = nearest.map(|e| format!(", the nearest is `{}`", e.name)).unwrap_or_default();
        Failure::usage(format!("no block `{name}`{hint}; `skipopu blocks` lists them"))
    })
}
