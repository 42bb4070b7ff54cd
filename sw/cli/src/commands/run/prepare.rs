//! From a name to a compiled model: fetched, given routers, quantised, each kept by what went into it.

use crate::args::{Method, Quantise, Run};
use crate::commands::{model, quantise};
use crate::exit::Done;
use crate::lock;
use sha2::{Digest, Sha256};
use skipopu_compiler::Compiled;
use skipopu_config::Config;
use skipopu_forward::Skipping;
use skipopu_model::{adapter, container, fetch, open, Matrix, Opened};
use std::path::{Path, PathBuf};

/// Part of the key of everything kept: another number, and nothing kept before is used.
const VERSION: u32 = 2;

/// Bits of a weight.
const BITS: u32 = 4;

/// A model, ready to run.
pub struct Prepared {
    /// The model, its weights quantised.
    pub opened: Opened,
    /// What is skipped.
    pub skipping: Skipping,
    /// The program and its images.
    pub compiled: Compiled,
}

/// Prepares the model.
///
/// # Errors
/// A model that cannot be had, quantised or compiled; a cache folder that cannot be written.
pub fn prepare(args: &Run, config: &Config) -> Done<Prepared> {
    let source = fetch::SOURCES.iter().find(|s| s.name == args.model);
    if let (Some(source), false) = (source, Path::new(&args.model).exists()) {
        if fetch::cached(source.name)?.is_none() {
            model::obtain(source, None)?;
        }
    }
    let mut opened = open(&args.model)?;
    if !quantised(&opened) {
        opened = kept(args, config, opened)?;
    }
    let skipping = match (args.dense, args.partial_skip) {
        (true, _) => Skipping::Dense,
        (_, true) => Skipping::Partial,
        _ if opened.model.routers.is_some() => Skipping::KvReuse,
        _ => {
            eprintln!("{} has no routers: nothing is skipped", opened.path.display());
            Skipping::Dense
        }
    };
    let compiled = skipopu_compiler::compile(&opened.model, config, skipping)?;
    Ok(Prepared { opened, skipping, compiled })
}

/// Are there codes already?
fn quantised(opened: &Opened) -> bool {
    opened.model.matrices().all(|(_, m)| matches!(m, Matrix::Quantised(_)))
}

/// The quantised model from the cache, or made and put there.
fn kept(args: &Run, config: &Config, mut opened: Opened) -> Done<Opened> {
    let group = config.formats.group as usize;
    let fingerprint = opened.model.fingerprint();
    let routers = adapter::stories15m()?;
    let attach = !args.dense && opened.model.routers.is_none() && routers.base == fingerprint;
    let adapter = if attach { adapter::stories15m_sha256() } else { "none".into() };
    let how = quantisation(group);
    let parts = [
        format!("{VERSION} {fingerprint} {adapter}"),
        format!("{BITS} {group} {:?} {} {} {}", how.method, how.sequences, how.length, how.seed),
    ];
    let key = key(&parts);
    let folder = fetch::cache_folder()?.with_file_name("containers");
    let path = folder.join(format!("{key}.skipopu"));
    if let Some(found) = intact(&path) {
        return Ok(found);
    }
    let _lock = lock::hold(&folder, &key)?;
    // Whoever held the lock may have made it meanwhile.
    if let Some(found) = intact(&path) {
        return Ok(found);
    }
    if attach {
        opened.model = routers.apply(&opened.model, Path::new(adapter::STORIES15M))?;
    }
    let (model, _) = quantise::quantised(&how, &opened)?;
    container::write(&path, &model, opened.tokenizer.as_ref())?;
    Ok(open(&path.to_string_lossy())?)
}

/// How a model as trained is quantised.
fn quantisation(group: usize) -> Quantise {
    Quantise {
        model: String::new(),
        out: PathBuf::new(),
        bits: BITS,
        group,
        method: Method::Gptq,
        text: None,
        sequences: 128,
        length: 256,
        seed: 0,
        skip: None,
    }
}

/// A container that is there and whole.
fn intact(path: &Path) -> Option<Opened> {
    path.exists().then(|| open(&path.to_string_lossy()).ok()).flatten()
}

fn key(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()[..16].iter().map(|b| format!("{b:02x}")).collect()
}
