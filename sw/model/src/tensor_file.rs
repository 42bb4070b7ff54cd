//! One safetensors file, mapped.

use crate::{Bytes, DType, ModelError, Tensor};
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;
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
