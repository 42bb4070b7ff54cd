//! What training adds to a model: routers, and changes of its weights.
//!
//! A safetensors file. Its metadata holds
//!
//! | key | value |
//! |---|---|
//! | `format` | `skipopu-adapter` |
//! | `version` | [`VERSION`] |
//! | `base` | fingerprint of the model that it belongs to, [`Model::fingerprint`] |
//! | `placement` | what the feed-forward routers read |
//! | `sha256` | as a container's, over the base and the placement |
//!
//! and its tensors are
//!
//! | name | type, shape |
//! |---|---|
//! | `layers.N.{attention,ffn}_router` | F32, 2 x D |
//! | `layers.N.PROJECTION.codes`, `.scales` | U8, outputs x inputs; F16, outputs x 1: what is added to the matrix, 8-bit codes times a scale per row ([`Quantised`]) |
//! | `layers.N.{attention,ffn}_norm`, `final_norm` | F32, D; in place of the model's |

use crate::container::{hex, Checksum};
use crate::tensor_file::{store, TensorFile};
use crate::{Matrix, Model, ModelError, Placement, Projection, Quantised, Routers, Tensor};
use half::f16;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Version of the file this program writes, and the only one it reads.
pub const VERSION: u32 = 2;
const FORMAT: &str = "skipopu-adapter";

/// The file of [`stories15m`].
pub const STORIES15M: &str = "stories15m.adapter";

/// Routers and repair of stories15M, which come along: what `skipopu train stories15m --adapter` writes.
///
/// # Errors
/// None unless the program was built from a damaged file.
pub fn stories15m() -> Result<Adapter, ModelError> {
    let bytes = include_bytes!("../data/stories15m.adapter");
    Adapter::from_bytes(Path::new(STORIES15M), bytes.to_vec())
}

/// SHA-256 of the file of [`stories15m`], in hexadecimal.
pub fn stories15m_sha256() -> String {
    let bytes: &[u8] = include_bytes!("../data/stories15m.adapter");
    hex(&Sha256::digest(bytes))
}

/// Bits of a change's codes.
const BITS: u32 = 8;

/// A change of a matrix, `cols` values a row, rounded to 8 bits with an FP16 scale per row.
///
/// Panics when `values` are no whole rows.
pub fn change(values: &[f32], cols: usize) -> Quantised {
    let largest = f32::from(i8::MAX);
    let mut codes = Vec::with_capacity(values.len());
    let mut scales = Vec::new();
    for row in values.chunks(cols) {
        let reach = row.iter().fold(0f32, |m, v| m.max(v.abs()));
        let scale = f16::from_f32(reach / largest).max(f16::from_bits(1)).min(f16::MAX).to_f32();
        let code = |v: &f32| (v / scale).round_ties_even().clamp(-largest, largest) as i8;
        codes.extend(row.iter().map(code));
        scales.push(scale);
    }
    Quantised::pack(BITS, cols, 0, &codes, &scales)
}

/// Routers and changes for one model.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// Fingerprint of the model that it was trained on.
    pub base: String,
    /// The routers.
    pub routers: Routers,
    /// Changes of matrices, by name.
    pub changes: BTreeMap<String, Quantised>,
    /// Gains of norms that take the place of the model's, by name.
    pub norms: BTreeMap<String, Vec<f32>>,
}

impl Adapter {
    /// Routers alone.
    pub fn new(base: String, routers: Routers) -> Adapter {
        Adapter { base, routers, changes: BTreeMap::new(), norms: BTreeMap::new() }
    }

    /// Writes the file; it appears whole or not at all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ModelError> {
        let mut tensors: BTreeMap<String, Tensor> =
            self.routers.named().map(|(name, t)| (name, t.clone())).collect();
        for (name, change) in &self.changes {
            tensors.insert(format!("{name}.codes"), change.codes().clone());
            tensors.insert(format!("{name}.scales"), change.scales().clone());
        }
        let norm =
            |(name, v): (&String, &Vec<f32>)| (name.clone(), Tensor::from_f32(1, v.len(), v));
        tensors.extend(self.norms.iter().map(norm));
        let placement = self.routers.placement.name();
        let mut checksum = Checksum::new(&format!("{} {placement}", self.base));
        tensors.iter().for_each(|(name, tensor)| checksum.tensor(name, tensor));
        let notes = [
            ("format", FORMAT.to_string()),
            ("version", VERSION.to_string()),
            ("base", self.base.clone()),
            ("placement", placement.to_string()),
            ("sha256", checksum.hex()),
        ];
        store(path, &tensors, &notes.map(|(k, v)| (k.to_string(), v)).into())
    }

    /// Maps a file and verifies its checksum.
    ///
    /// # Errors
    /// A file that is no adapter of this version, or is damaged.
    pub fn read(path: &Path) -> Result<Adapter, ModelError> {
        Adapter::from_file(&TensorFile::open(path)?)
    }

    /// Reads the content of a file; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Adapter::read`].
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Adapter, ModelError> {
        Adapter::from_file(&TensorFile::from_bytes(path, bytes)?)
    }

    fn from_file(file: &TensorFile) -> Result<Adapter, ModelError> {
        let (path, notes) = (file.path(), file.notes());
        let fail = |problem: String| ModelError::format(path, problem);
        let placement = verify(file, &notes)?;
        let mut changes = BTreeMap::new();
        let mut norms = BTreeMap::new();
        let mut layers = 0;
        for name in file.names() {
            if name.ends_with("attention_router") {
                layers += 1;
            } else if let Some(matrix) = name.strip_suffix(".codes") {
                let codes = file.tensor(&name)?;
                let scales = file.tensor(&format!("{matrix}.scales"))?;
                let change = Quantised::from_tensors(BITS, codes.cols(), 0, codes, scales);
                let change = change.ok_or_else(|| {
                    ModelError::tensor(path, &name, "does not hold 8-bit codes with a scale a row")
                })?;
                changes.insert(matrix.to_string(), change);
            } else if name.ends_with("_norm") {
                norms.insert(name.clone(), file.vector(&name)?);
            }
        }
        let all = |kind: &str| -> Result<Vec<Tensor>, ModelError> {
            (0..layers).map(|i| file.numbers(&format!("layers.{i}.{kind}_router"))).collect()
        };
        if layers == 0 {
            return Err(fail("holds no routers".into()));
        }
        let routers = Routers { placement, attention: all("attention")?, ffn: all("ffn")? };
        let base = notes.get("base").cloned().unwrap_or_default();
        Ok(Adapter { base, routers, changes, norms })
    }

    /// The model with the routers and the changed weights, which become F32; `path` names this adapter in
    /// errors.
    ///
    /// # Errors
    /// Another model than the one that this was trained on, parts that do not fit it.
    pub fn apply(&self, model: &Model, path: &Path) -> Result<Model, ModelError> {
        let fail = |problem: String| ModelError::format(path, problem);
        if model.fingerprint() != self.base {
            return Err(fail("was trained on another model than this one".into()));
        }
        let mut changed = model.clone();
        let mut used = 0;
        for (i, layer) in changed.layers.iter_mut().enumerate() {
            for p in Projection::ALL {
                let name = format!("layers.{i}.{}", p.name());
                if let Some(change) = self.changes.get(&name) {
                    let matrix = &mut layer.projections[p as usize];
                    *matrix = add(change, matrix).ok_or_else(|| {
                        ModelError::tensor(path, &name, "does not fit the model's matrix")
                    })?;
                    used += 1;
                }
            }
            let norms = [("attention", &mut layer.attention_norm), ("ffn", &mut layer.ffn_norm)];
            for (kind, gain) in norms {
                if let Some(own) = self.norms.get(&format!("layers.{i}.{kind}_norm")) {
                    *gain = own.clone();
                    used += 1;
                }
            }
        }
        if let Some(own) = self.norms.get("final_norm") {
            changed.final_norm = own.clone();
            used += 1;
        }
        if used != self.changes.len() + self.norms.len() {
            return Err(fail("changes parts that the model does not have".into()));
        }
        let routers = [self.routers.attention.len(), self.routers.ffn.len()];
        if routers != [model.spec.layers; 2] {
            let (own, layers) = (routers[0].min(routers[1]), model.spec.layers);
            return Err(fail(format!("has routers for {own} layers and the model has {layers}")));
        }
        changed.routers = Some(self.routers.clone());
        changed.check(path)?;
        Ok(changed)
    }
}

/// Checks format, version and checksum; gives the placement.
fn verify(file: &TensorFile, notes: &HashMap<String, String>) -> Result<Placement, ModelError> {
    let fail = |problem: String| ModelError::format(file.path(), problem);
    let note = |key: &str| notes.get(key).map_or("", String::as_str);
    if note("format") != FORMAT {
        return Err(fail("is a safetensors file but no skipopu adapter".into()));
    }
    if note("version") != VERSION.to_string() {
        let version = note("version");
        let problem =
            format!("is an adapter of version {version} and this program reads {VERSION}");
        return Err(fail(problem));
    }
    let mut checksum = Checksum::new(&format!("{} {}", note("base"), note("placement")));
    for name in file.names() {
        checksum.tensor(&name, &file.tensor(&name)?);
    }
    if note("sha256") != checksum.hex() {
        return Err(fail("is damaged: its checksum does not match its content".into()));
    }
    let placements = [Placement::PreAttention, Placement::OwnInput];
    let found = placements.into_iter().find(|p| p.name() == note("placement"));
    found.ok_or_else(|| fail(format!("has routers of unknown placement `{}`", note("placement"))))
}

/// A matrix with this change; none when the sizes do not fit.
fn add(change: &Quantised, matrix: &Matrix) -> Option<Matrix> {
    let (rows, cols) = matrix.shape();
    if (change.rows(), change.cols()) != (rows, cols) {
        return None;
    }
    let mut values = matrix.to_f32();
    values.iter_mut().zip(change.to_f32()).for_each(|(v, c)| *v += c);
    Some(Matrix::Dense(Tensor::from_f32(rows, cols, &values)))
}
