//! A folder of operands: what `model dump` writes and `pe report` reads.

use crate::commands::pe::{Mode, Operands};
use crate::exit::{Done, Failure};
use serde::{Deserialize, Serialize};
use skipopu_forward::exact::record::{self, Sample};
use std::path::Path;

/// Operands of a real model, all of a mode.
pub const EMPIRICAL: &str = "empirical";

/// Says what the folder holds.
pub const MANIFEST: &str = "manifest.json";
const PROJECTIONS: [&str; 2] = ["activations.f16", "weights.i8"];
const SCORES: [&str; 2] = ["queries.f16", "keys.f16"];
const MIXES: [&str; 2] = ["probabilities.f16", "values.f16"];

/// Where the operands come from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The model.
    pub model: String,
    /// Tokens computed.
    pub tokens: u64,
    /// Values of a dot product, zeros past the end of a vector included.
    pub lanes: usize,
}

/// Fills a folder.
///
/// # Errors
/// A file that cannot be written.
pub fn write(folder: &Path, manifest: &Manifest, sample: &Sample) -> Done {
    let write = |name: &str, bytes: Vec<u8>| {
        let path = folder.join(name);
        std::fs::write(&path, bytes)
            .map_err(|e| Failure::environment(format!("cannot write {}: {e}", path.display())))
    };
    let fp16 = |values: &[u16]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let int4 = |values: &[i8]| values.iter().map(|v| *v as u8).collect();
    write(PROJECTIONS[0], fp16(&sample.projections.first))?;
    write(PROJECTIONS[1], int4(&sample.projections.second))?;
    for (names, record::Operands { first, second }) in
        [(SCORES, &sample.scores), (MIXES, &sample.mixes)]
    {
        write(names[0], fp16(first))?;
        write(names[1], fp16(second))?;
    }
    let text = serde_json::to_string_pretty(manifest)
        .map_err(|e| Failure::check(format!("the manifest cannot be written: {e}")))?;
    write(MANIFEST, text.into())
}

/// The folder's operands, mode by mode; scores and mixes together and each by itself.
///
/// # Errors
/// A folder that `model dump` did not write, or wrote for other lanes.
pub fn read(folder: &Path, lanes: usize) -> Done<Vec<Operands>> {
    let path = folder.join(MANIFEST);
    let text = std::fs::read_to_string(&path).map_err(|e| {
        let remedy = "give a folder that `skipopu model dump` wrote";
        Failure::environment(format!("cannot read {}: {e}; {remedy}", path.display()))
    })?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|e| Failure::environment(format!("{}: {e}", path.display())))?;
    if manifest.lanes != lanes {
        return Err(Failure::usage(format!(
            "{} holds dot products of {} lanes and the configuration has {lanes}: dump them with that configuration",
            folder.display(),
            manifest.lanes
        )));
    }
    let pair =
        |name, mode, files: [&str; 2]| Operands::read(name, mode, &files.map(|f| folder.join(f)));
    let scores = pair("scores", Mode::Fp16, SCORES)?;
    let mixes = pair("mixes", Mode::Fp16, MIXES)?;
    let both = scores.and(&mixes, EMPIRICAL);
    Ok(vec![both, scores, mixes, pair(EMPIRICAL, Mode::Int4, PROJECTIONS)?])
}
