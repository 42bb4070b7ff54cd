//! Writing a container.

use super::{Checksum, Description, Packing, Tokens, FORMAT, VERSION};
use crate::{DType, Matrix, Model, ModelError, Projection, Routers, Tensor, Tokenizer};
use safetensors::{serialize_to_file, Dtype, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Writes a model and its tokenizer; the file appears whole or not at all.
///
/// The checksum is SHA-256 over the model's JSON, then, for every tensor in order of names, its name, its
/// `TYPE ROWS COLUMNS` and its bytes; each part preceded by its length (u64, little-endian).
///
/// # Errors
/// A file that cannot be written.
pub fn write(path: &Path, model: &Model, tokenizer: Option<&Tokenizer>) -> Result<(), ModelError> {
    let tensors = collect(model, tokenizer);
    let description = serde_json::to_string(&describe(model, tokenizer)).expect("plain data");
    let mut checksum = Checksum::new(&description);
    tensors.iter().for_each(|(name, tensor)| checksum.tensor(name, tensor));
    let notes = BTreeMap::from([
        ("format".to_string(), FORMAT.to_string()),
        ("version".to_string(), VERSION.to_string()),
        ("model".to_string(), description),
        ("sha256".to_string(), checksum.hex()),
    ]);
    store(path, &tensors, notes)
}

/// Writes a safetensors file; it appears whole or not at all.
pub(crate) fn store(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    notes: BTreeMap<String, String>,
) -> Result<(), ModelError> {
    let fail = |e: &dyn std::fmt::Display| ModelError::write(path, e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut part = tempfile::NamedTempFile::new_in(folder).map_err(|e| fail(&e))?;
    let views = tensors.iter().map(|(name, tensor)| (name, Stored(tensor)));
    let unordered: HashMap<String, String> = notes.clone().into_iter().collect();
    serialize_to_file(views, Some(unordered), part.path()).map_err(|e| fail(&e))?;
    in_order(part.as_file_mut(), &notes).map_err(|e| fail(&e))?;
    part.persist(path).map_err(|e| fail(&e.error))?;
    Ok(())
}

/// Puts the notes of a safetensors file in order, which are written in that of a hash map: so equal contents are equal files.
fn in_order(file: &mut File, notes: &BTreeMap<String, String>) -> std::io::Result<()> {
    let mut length = [0; 8];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut length)?;
    let mut header = vec![0; u64::from_le_bytes(length) as usize];
    file.read_exact(&mut header)?;
    let mut json: serde_json::Value = serde_json::from_slice(&header)?;
    json["__metadata__"] = serde_json::to_value(notes)?;
    let mut ordered = serde_json::to_vec(&json)?;
    // The same characters: tensors stay where they are.
    if ordered.len() > header.len() {
        return Err(std::io::Error::other("its header cannot be put in order"));
    }
    ordered.resize(header.len(), b' ');
    file.seek(SeekFrom::Start(length.len() as u64))?;
    file.write_all(&ordered)
}

fn describe(model: &Model, tokenizer: Option<&Tokenizer>) -> Description {
    let packing = |(name, matrix)| match matrix {
        Matrix::Quantised(q) => Some((name, Packing { bits: q.bits(), group: q.group() })),
        Matrix::Dense(_) => None,
    };
    Description {
        spec: model.spec,
        tied: model.classifier.is_none(),
        quantised: model.matrices().filter_map(packing).collect(),
        routers: model.routers.as_ref().map(|r| r.placement),
        tokenizer: tokenizer.map(|t| Tokens {
            kind: t.kind().name().into(),
            bos: t.bos(),
            stops: t.stops().to_vec(),
        }),
    }
}

/// Every tensor by its name in the file.
fn collect(model: &Model, tokenizer: Option<&Tokenizer>) -> BTreeMap<String, Tensor> {
    let mut tensors = BTreeMap::new();
    let vector = |values: &[f32]| Tensor::from_f32(1, values.len(), values);
    tensors.insert("embedding".to_string(), model.embedding.clone());
    tensors.insert("final_norm".to_string(), vector(&model.final_norm));
    let mut matrix = |name: String, matrix: &Matrix| match matrix {
        Matrix::Dense(t) => drop(tensors.insert(name, t.clone())),
        Matrix::Quantised(q) => {
            tensors.insert(format!("{name}.codes"), q.codes().clone());
            tensors.insert(format!("{name}.scales"), q.scales().clone());
        }
    };
    for (i, layer) in model.layers.iter().enumerate() {
        for p in Projection::ALL {
            matrix(format!("layers.{i}.{}", p.name()), layer.get(p));
        }
    }
    if let Some(classifier) = &model.classifier {
        matrix("classifier".into(), classifier);
    }
    for (i, layer) in model.layers.iter().enumerate() {
        tensors.insert(format!("layers.{i}.attention_norm"), vector(&layer.attention_norm));
        tensors.insert(format!("layers.{i}.ffn_norm"), vector(&layer.ffn_norm));
    }
    let routers = model.routers.iter().flat_map(Routers::named);
    tensors.extend(routers.map(|(name, t)| (name, t.clone())));
    if let Some(t) = tokenizer {
        let bytes = t.source().to_vec();
        let length = bytes.len();
        tensors.insert("tokenizer".into(), Tensor::owned(DType::U8, 1, length, bytes));
    }
    tensors
}

/// A tensor as the safetensors crate wants it.
struct Stored<'a>(&'a Tensor);

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.dtype() {
            DType::F32 => Dtype::F32,
            DType::F16 => Dtype::F16,
            DType::Bf16 => Dtype::BF16,
            DType::U8 => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.0.bytes())
    }

    fn data_len(&self) -> usize {
        self.0.bytes().len()
    }
}
