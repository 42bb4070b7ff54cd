//! Small files read whole, never more than a stated size; files that appear whole or not at all.

use crate::ModelError;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tempfile::{Builder, NamedTempFile};

/// A file beside `path`, to be written and then persisted there. It may be read by whom any new file may be: temporary ones
/// are the writer's alone by default.
///
/// # Errors
/// A folder that cannot be written.
pub fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

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
