//! llama2.c's `.bin`: seven little-endian i32, then f32 tensors one after another.
//!
//! Header: dim, hidden, layers, heads, kv heads, vocab, context; a negative vocab says that a
//! classifier of its own follows at the end. Tensors, each for all layers: embedding, attention
//! norms, q, k, v, o, feed-forward norms, gate, down, up; then the final norm, and two tables of
//! cosines and sines that nobody needs (context x head size / 2 each).

use crate::{
    Bytes, DType, Layer, Matrix, Model, ModelError, Projection, Rope, Scaling, Spec, Tensor,
};
use std::path::Path;

/// Bytes of the header.
const HEADER: usize = 28;
/// The base and epsilon that the format leaves unsaid.
const ROPE_BASE: f64 = 10_000.0;
const NORM_EPS: f32 = 1e-5;
/// First bytes of llama2.c's newer, self-describing exports.
const VERSIONED_MAGIC: &[u8] = b"24ka";

/// Maps a model.
///
/// # Errors
/// A file that cannot be read, states impossible sizes, is longer or shorter than they need, or holds
/// an Inf or a NaN.
pub fn load(path: &Path) -> Result<Model, ModelError> {
    let bytes = Bytes::map(path)?;
    let (spec, tied) = header(path, bytes.as_slice())?;
    let mut reader = Reader { path, bytes: &bytes, offset: HEADER };
    let needed = file_length(&spec, tied);
    let length = bytes.as_slice().len() as u64;
    if length != needed {
        let problem = format!(
            "is {} as a llama2.c model: it has {length} bytes and its header needs {needed}",
            if length < needed { "truncated" } else { "too long" }
        );
        return Err(ModelError::format(path, problem));
    }
    let embedding = reader.tensor("embedding", spec.vocab, spec.dim)?;
    let attention_norms = reader.vectors(&spec, "attention norms")?;
    let q = reader.matrices(&spec, Projection::Query)?;
    let k = reader.matrices(&spec, Projection::Key)?;
    let v = reader.matrices(&spec, Projection::Value)?;
    let o = reader.matrices(&spec, Projection::Output)?;
    let ffn_norms = reader.vectors(&spec, "feed-forward norms")?;
    let gate = reader.matrices(&spec, Projection::Gate)?;
    let down = reader.matrices(&spec, Projection::Down)?;
    let up = reader.matrices(&spec, Projection::Up)?;
    let final_norm = reader.tensor("final norm", 1, spec.dim)?.to_f32().into_owned();
    reader.tensor("RoPE tables", 2 * spec.context, spec.head_dim / 2)?;
    let classifier = match tied {
        true => None,
        false => Some(Matrix::Dense(reader.tensor("classifier", spec.vocab, spec.dim)?)),
    };
    let layers = (0..spec.layers).map(|i| Layer {
        attention_norm: attention_norms[i].clone(),
        ffn_norm: ffn_norms[i].clone(),
        projections: [&q, &k, &v, &o, &gate, &up, &down].map(|m| Matrix::Dense(m[i].clone())),
    });
    let layers = layers.collect();
    let model = Model { spec, embedding, layers, final_norm, classifier, routers: None };
    model.check(path)?;
    Ok(model)
}

/// Sizes, and whether the embedding serves as the classifier.
fn header(path: &Path, bytes: &[u8]) -> Result<(Spec, bool), ModelError> {
    if bytes.starts_with(VERSIONED_MAGIC) {
        let problem = "is a versioned llama2.c export: export it with --version 0";
        return Err(ModelError::format(path, problem));
    }
    let Some(head) = bytes.get(..HEADER) else {
        let problem = format!("is too short for a llama2.c model's header of {HEADER} bytes");
        return Err(ModelError::format(path, problem));
    };
    let field = |i: usize| i32::from_le_bytes(head[4 * i..4 * i + 4].try_into().expect("4 bytes"));
    let names = ["dim", "hidden", "layers", "heads", "kv heads"];
    if let Some(i) = (0..names.len()).find(|i| field(*i) <= 0) {
        let problem = format!("is no llama2.c model: it states {} = {}", names[i], field(i));
        return Err(ModelError::format(path, problem));
    }
    let size = |i: usize| field(i).unsigned_abs() as usize;
    let (dim, heads) = (size(0), size(3));
    if dim % heads != 0 {
        let problem = format!("is no llama2.c model: {heads} heads do not divide dim {dim}");
        return Err(ModelError::format(path, problem));
    }
    let spec = Spec {
        dim,
        hidden: size(1),
        layers: size(2),
        heads,
        kv_heads: size(4),
        head_dim: dim / heads,
        vocab: size(5),
        context: field(6).max(0) as usize,
        norm_eps: NORM_EPS,
        rope: Rope { base: ROPE_BASE, scaling: Scaling::None },
    };
    match spec.problem() {
        None => Ok((spec, field(5) > 0)),
        Some(problem) => Err(ModelError::format(path, problem)),
    }
}

/// Bytes of a whole file.
fn file_length(spec: &Spec, tied: bool) -> u64 {
    let tables = (spec.context * spec.head_dim) as u64;
    let classifier = if tied { 0 } else { (spec.vocab * spec.dim) as u64 };
    HEADER as u64 + 4 * (spec.parameters() + tables + classifier)
}

struct Reader<'a> {
    path: &'a Path,
    bytes: &'a Bytes,
    offset: usize,
}

impl Reader<'_> {
    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor, ModelError> {
        let tensor = Tensor::view(self.bytes, self.offset, DType::F32, rows, cols)
            .ok_or_else(|| ModelError::tensor(self.path, name, "ends after the file does"))?;
        self.offset += tensor.bytes().len();
        Ok(tensor)
    }

    fn vectors(&mut self, spec: &Spec, name: &str) -> Result<Vec<Vec<f32>>, ModelError> {
        let tensor = self.tensor(name, spec.layers, spec.dim)?;
        Ok((0..spec.layers).map(|i| tensor.row(i).into_owned()).collect())
    }

    fn matrices(&mut self, spec: &Spec, p: Projection) -> Result<Vec<Tensor>, ModelError> {
        let (rows, cols) = p.shape(spec);
        (0..spec.layers)
            .map(|i| self.tensor(&format!("layers.{i}.{}", p.name()), rows, cols))
            .collect()
    }
}

/// The file of a dense model with adjacent-pair RoPE of base 10000 and an epsilon of 1e-5, for
/// tests and for exchange with llama2.c. The tables are written as zeros.
pub fn to_bytes(model: &Model) -> Vec<u8> {
    let s = &model.spec;
    let vocab = s.vocab as i32 * if model.classifier.is_some() { -1 } else { 1 };
    let sizes = [s.dim, s.hidden, s.layers, s.heads, s.kv_heads].map(|v| v as i32);
    let mut out: Vec<u8> = Vec::new();
    out.extend(sizes.iter().chain(&[vocab, s.context as i32]).flat_map(|v| v.to_le_bytes()));
    let mut put = |values: &[f32]| out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    put(&model.embedding.to_f32());
    model.layers.iter().for_each(|l| put(&l.attention_norm));
    use Projection::*;
    for p in [Query, Key, Value, Output] {
        model.layers.iter().for_each(|l| put(&l.get(p).to_f32()));
    }
    model.layers.iter().for_each(|l| put(&l.ffn_norm));
    for p in [Gate, Down, Up] {
        model.layers.iter().for_each(|l| put(&l.get(p).to_f32()));
    }
    put(&model.final_norm);
    put(&vec![0.0; s.context * s.head_dim]);
    if let Some(classifier) = &model.classifier {
        put(&classifier.to_f32());
    }
    out
}
