//! Safetensors files: mapped, and written.

use crate::{Bytes, DType, ModelError, Tensor};
use safetensors::tensor::Metadata;
use safetensors::{serialize_to_file, Dtype, SafeTensors, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A mapped safetensors file.
pub struct TensorFile {
    path: PathBuf,
    bytes: Bytes,
    metadata: Metadata,
    /// Where tensor data starts.
    base: usize,
}

impl TensorFile {
    /// Maps a file and reads its header.
    pub fn open(path: &Path) -> Result<TensorFile, ModelError> {
        TensorFile::new(path, Bytes::map(path)?)
    }

    /// Reads the header of a file's content; `path` names it in errors.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<TensorFile, ModelError> {
        TensorFile::new(path, Bytes::Owned(bytes.into()))
    }

    fn new(path: &Path, bytes: Bytes) -> Result<TensorFile, ModelError> {
        let (header, metadata) = SafeTensors::read_metadata(bytes.as_slice())
            .map_err(|e| ModelError::format(path, format!("is no intact safetensors file: {e}")))?;
        Ok(TensorFile { path: path.into(), bytes, metadata, base: 8 + header })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names and values stored beside the tensors.
    pub fn notes(&self) -> HashMap<String, String> {
        self.metadata.metadata().clone().unwrap_or_default()
    }

    /// All tensors' names, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.metadata.offset_keys();
        names.sort();
        names
    }

    /// A tensor of at most two dimensions.
    pub fn tensor(&self, name: &str) -> Result<Tensor, ModelError> {
        let fail = |problem: String| ModelError::tensor(&self.path, name, problem);
        let info = self.metadata.info(name).ok_or_else(|| fail("is missing".into()))?;
        let dtype = match info.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::Bf16,
            Dtype::U8 => DType::U8,
            other => return Err(fail(format!("is {other:?}: use F32, F16 or BF16"))),
        };
        let (rows, cols) = match info.shape[..] {
            [cols] => (1, cols),
            [rows, cols] => (rows, cols),
            _ => return Err(fail(format!("has {} dimensions", info.shape.len()))),
        };
        let (start, end) = info.data_offsets;
        let offset = self.base.checked_add(start);
        let view = offset.and_then(|o| Tensor::view(&self.bytes, o, dtype, rows, cols));
        match view {
            Some(t) if t.bytes().len() == end - start => Ok(t),
            _ => Err(fail("does not fit its place in the file".into())),
        }
    }

    /// A tensor of numbers, not bytes.
    pub fn numbers(&self, name: &str) -> Result<Tensor, ModelError> {
        let tensor = self.tensor(name)?;
        match tensor.dtype() {
            DType::U8 => Err(ModelError::tensor(&self.path, name, "is U8: use F32, F16 or BF16")),
            _ => Ok(tensor),
        }
    }

    /// A vector as f32.
    pub fn vector(&self, name: &str) -> Result<Vec<f32>, ModelError> {
        let tensor = self.numbers(name)?;
        match tensor.rows() {
            1 => Ok(tensor.to_f32().into_owned()),
            rows => Err(ModelError::tensor(&self.path, name, format!("has {rows} rows, not one"))),
        }
    }
}

/// Writes a safetensors file; it appears whole or not at all. Equal contents are equal files.
///
/// # Errors
/// A file that cannot be written.
pub fn store<T: View>(
    path: &Path,
    tensors: impl IntoIterator<Item = (impl AsRef<str> + Ord + Display, T)>,
    notes: &BTreeMap<String, String>,
) -> Result<(), ModelError> {
    let fail = |e: &dyn std::fmt::Display| ModelError::write(path, e);
    let mut part = crate::files::beside(path).map_err(|e| fail(&e))?;
    let unordered: HashMap<String, String> = notes.clone().into_iter().collect();
    serialize_to_file(tensors, Some(unordered), part.path()).map_err(|e| fail(&e))?;
    in_order(part.as_file_mut(), notes).map_err(|e| fail(&e))?;
    part.persist(path).map_err(|e| fail(&e.error))?;
    Ok(())
}

/// Puts the notes of a safetensors file in order, which are written in that of a hash map.
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

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        match (**self).dtype() {
            DType::F32 => Dtype::F32,
            DType::F16 => Dtype::F16,
            DType::Bf16 => Dtype::BF16,
            DType::U8 => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        (**self).shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.bytes())
    }

    fn data_len(&self) -> usize {
        self.bytes().len()
    }
}
