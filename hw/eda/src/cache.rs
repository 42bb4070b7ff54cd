//! Results remembered by content: a file per hash of everything that went into it.

use serde::{de::DeserializeOwned, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Environment variable that names the cache folder.
pub const VARIABLE: &str = "SKIPOPU_CACHE";

/// A folder of remembered results. A cache that cannot be read or written costs time, never a
/// result: its errors are ignored.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// `$SKIPOPU_CACHE`; else `skipopu-cache` in cargo's target folder of the workspace around the
    /// current folder; else the user's cache folder.
    pub fn standard() -> Cache {
        let var = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let workspace = std::env::current_dir().ok().and_then(|d| workspace_above(&d));
        let root = match (var(VARIABLE), workspace) {
            (Some(root), _) => root,
            (None, Some(workspace)) => {
                let target = var("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
                workspace.join(target).join("skipopu-cache")
            }
            (None, None) => {
                let user = var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
                user.unwrap_or_else(std::env::temp_dir).join("skipopu")
            }
        };
        Cache { folder: Some(root.join("eda")) }
    }

    /// This folder.
    pub fn at(folder: impl Into<PathBuf>) -> Cache {
        Cache { folder: Some(folder.into()) }
    }

    /// Remembers nothing.
    pub fn off() -> Cache {
        Cache { folder: None }
    }

    /// The result stored under `key`, if there is a readable one.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let text = std::fs::read_to_string(self.file(key)?).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Stores a result.
    pub(crate) fn put<T: Serialize>(&self, key: &Key, value: &T) {
        let store = || -> Option<()> {
            let path = self.file(key)?;
            let folder = path.parent()?;
            std::fs::create_dir_all(folder).ok()?;
            let file = tempfile::NamedTempFile::new_in(folder).ok()?;
            serde_json::to_writer(file.as_file(), value).ok()?;
            file.persist(path).ok()?;
            Some(())
        };
        store();
    }

    fn file(&self, key: &Key) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{}.json", key.0)))
    }
}

/// Identity of a result.
pub(crate) struct Key(String);

impl Key {
    /// The hash of all parts; their borders count.
    pub(crate) fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Key {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Key(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }
}

fn workspace_above(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|f| f.join("Cargo.lock").is_file()).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_by_content_and_survives_damage() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("deep"));
        let (a, b) = (Key::new(["ab", "c"]), Key::new(["a", "bc"]));
        cache.put(&a, &vec![1, 2]);
        assert_eq!(cache.get::<Vec<u32>>(&a), Some(vec![1, 2]));
        assert_eq!(cache.get::<Vec<u32>>(&b), None);
        std::fs::write(cache.file(&a).unwrap(), "[1,").unwrap();
        assert_eq!(cache.get::<Vec<u32>>(&a), None);
        Cache::off().put(&a, &1);
        assert_eq!(Cache::off().get::<u32>(&a), None);
    }
}
