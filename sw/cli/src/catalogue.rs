//! Choosing blocks of the catalogue.

use crate::args::Selection;
use crate::exit::{Done, Failure};
use skipopu_hw::catalogue::{catalogue, find, Entry};

/// The entries a selection names, leaves first.
pub fn select(selection: &Selection) -> Done<Vec<&'static Entry>> {
    match &selection.block {
        Some(name) => Ok(vec![by_name(name)?]),
        None if selection.top => Ok(all()?.pop().into_iter().collect()),
        None => all(),
    }
}

/// Every entry; a catalogue without one is an error, never a silent success.
pub fn all() -> Done<Vec<&'static Entry>> {
    let entries: Vec<&Entry> = catalogue().collect();
    match entries.is_empty() {
        true => Err(Failure::check("the catalogue holds no block, so there is nothing to do")),
        false => Ok(entries),
    }
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
