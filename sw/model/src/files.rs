//! Reading small files whole, never more than a stated size.

use crate::ModelError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads a file of at most `most` bytes.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, ModelError> {
    let file = File::open(path).map_err(|e| ModelError::read(path, e))?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|e| ModelError::read(path, e))?;
    if bytes.len() as u64 > most {
        return Err(ModelError::format(path, format!("is larger than {most} bytes")));
    }
    Ok(bytes)
}

/// Reads JSON of at most `most` bytes.
pub fn json<T: serde::de::DeserializeOwned>(path: &Path, most: u64) -> Result<T, ModelError> {
    let bytes = read(path, most)?;
    serde_json::from_slice(&bytes)
        .map_err(|e| ModelError::format(path, format!("is not the JSON expected: {e}")))
}
