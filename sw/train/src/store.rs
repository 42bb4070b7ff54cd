//! Files of the cache: named arrays with a note, checksummed, whole or not there.

use crate::TrainError;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use sha2::{Digest, Sha256};
use skipopu_model::tensor_file::store;
use skipopu_model::ModelError;
use std::collections::BTreeMap;
use std::path::Path;

/// Arrays of 4-byte numbers by name, and a note.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    /// Text beside the arrays.
    pub note: String,
    /// f32 arrays.
    pub numbers: BTreeMap<String, Vec<f32>>,
    /// u32 arrays.
    pub indices: BTreeMap<String, Vec<u32>>,
}

/// Lower-case hex digits of a SHA-256.
pub fn digest(parts: &[&[u8]]) -> String {
    let mut sum = Sha256::new();
    for part in parts {
        sum.update((part.len() as u64).to_le_bytes());
        sum.update(part);
    }
    sum.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

impl Store {
    fn parts(&self) -> Vec<(&String, Dtype, &[u8])> {
        let numbers = self.numbers.iter().map(|(n, v)| (n, Dtype::F32, bytemuck::cast_slice(v)));
        let indices = self.indices.iter().map(|(n, v)| (n, Dtype::U32, bytemuck::cast_slice(v)));
        numbers.chain(indices).collect()
    }

    fn sum(&self) -> String {
        let mut parts = vec![self.note.as_bytes()];
        parts.extend(self.parts().iter().flat_map(|(name, _, bytes)| [name.as_bytes(), *bytes]));
        digest(&parts)
    }

    /// Writes the file; it appears whole or not at all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|e| ModelError::write(folder, e))?;
        let views = self.parts().into_iter().map(|(name, dtype, bytes)| {
            Ok((name, TensorView::new(dtype, vec![bytes.len() / 4], bytes)?))
        });
        let views: Result<Vec<_>, SafeTensorError> = views.collect();
        let notes = [("note", self.note.clone()), ("sha256", self.sum())];
        let notes = notes.map(|(k, v)| (k.to_string(), v)).into();
        store(path, views.map_err(|e| ModelError::write(path, e))?, &notes)?;
        Ok(())
    }

    /// Reads a file written before; none when there is none or it is damaged.
    pub fn read(path: &Path) -> Option<Store> {
        let bytes = std::fs::read(path).ok()?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).ok()?;
        let notes = metadata.metadata().clone()?;
        let mut store = Store { note: notes.get("note")?.clone(), ..Store::default() };
        for (name, view) in SafeTensors::deserialize(&bytes).ok()?.tensors() {
            match view.dtype() {
                Dtype::F32 => {
                    store.numbers.insert(name, each(view.data(), f32::from_le_bytes));
                }
                Dtype::U32 => {
                    store.indices.insert(name, each(view.data(), u32::from_le_bytes));
                }
                _ => return None,
            }
        }
        (notes.get("sha256") == Some(&store.sum())).then_some(store)
    }
}

fn each<T>(bytes: &[u8], value: impl Fn([u8; 4]) -> T) -> Vec<T> {
    let element = |b: &[u8]| value(b.try_into().expect("chunks of 4 bytes"));
    bytes.chunks_exact(4).map(element).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_come_back_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/x");
        let store = Store {
            note: "a \"note\"".into(),
            numbers: [("x".to_string(), vec![1.5, -0.0, f32::MIN])].into(),
            indices: [("y".to_string(), vec![7, u32::MAX]), ("z".to_string(), vec![])].into(),
        };
        store.write(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        for _ in 0..8 {
            store.write(&path).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        assert_eq!(Store::read(&path), Some(store));
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Store::read(&path), None);
        assert_eq!(Store::read(&folder.path().join("none")), None);
    }
}
