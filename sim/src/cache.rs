//! The build cache: folders named by the hash of everything that went into them.
//!
//! An entry is built in a temporary folder beside its final place and renamed into it, under a lock
//! file, so that concurrent processes and threads build each thing once and never see half an entry.

use fs4::fs_std::FileExt;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use thiserror::Error;

/// Environment variable that names the cache folder.
pub const CACHE_VARIABLE: &str = "SKIPOPU_CACHE";

/// The cache folder cannot be used.
#[derive(Debug, Error)]
#[error("the build cache `{}` cannot be used ({source}): make it writable or set SKIPOPU_CACHE to a writable folder", path.display())]
pub struct CacheError {
    path: PathBuf,
    source: io::Error,
}

/// What a [`Cache`] has done so far in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Entries built because they were not there.
    pub built: u64,
    /// Entries found complete.
    pub hits: u64,
    /// Entries found damaged, removed and built again.
    pub rebuilt: u64,
}

#[derive(Debug, Default)]
struct Counters {
    built: AtomicU64,
    hits: AtomicU64,
    rebuilt: AtomicU64,
}

/// A folder of build products. Clones share the folder and the counters.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    counters: Arc<Counters>,
}

/// What [`Cache::entry`] found or made.
pub(crate) struct Entry<T> {
    /// The check's or the builder's result.
    pub value: T,
    /// Was it there already?
    pub hit: bool,
}

impl Cache {
    /// The folder `root`, created when first needed.
    pub fn at(root: impl Into<PathBuf>) -> Cache {
        Cache { root: root.into(), counters: Arc::default() }
    }

    /// The standard place: `$SKIPOPU_CACHE`; else `skipopu-cache` in cargo's target folder of the
    /// workspace around the current folder; else the user's cache folder.
    pub fn standard() -> Cache {
        let var = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        if let Some(root) = var(CACHE_VARIABLE) {
            return Cache::at(root);
        }
        if let Some(workspace) = std::env::current_dir().ok().and_then(|d| workspace_above(&d)) {
            let target = var("CARGO_TARGET_DIR").unwrap_or_else(|| PathBuf::from("target"));
            return Cache::at(workspace.join(target).join("skipopu-cache"));
        }
        let user = var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
        Cache::at(user.unwrap_or_else(std::env::temp_dir).join("skipopu"))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Counts since this cache (or the one it was cloned from) was made.
    pub fn stats(&self) -> CacheStats {
        let read = |c: &AtomicU64| c.load(Ordering::Relaxed);
        let c = &*self.counters;
        CacheStats { built: read(&c.built), hits: read(&c.hits), rebuilt: read(&c.rebuilt) }
    }

    /// The entry `key`: `check` accepts a complete one (`None` means damaged), `build` fills an empty
    /// folder. After a successful build the folder is in place and `check` is called on it.
    pub(crate) fn entry<T, E: From<CacheError>>(
        &self,
        key: &str,
        check: impl Fn(&Path) -> Option<T>,
        build: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Entry<T>, E> {
        let place = self.root.join(key);
        let fail = |source| CacheError { path: self.root.clone(), source };
        if let Some(value) = check(&place) {
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Entry { value, hit: true });
        }
        fs::create_dir_all(&self.root).map_err(fail)?;
        let lock = File::create(self.root.join(format!("{key}.lock"))).map_err(fail)?;
        lock.lock_exclusive().map_err(fail)?;
        // Another holder of the lock may have built it meanwhile.
        if let Some(value) = check(&place) {
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Entry { value, hit: true });
        }
        let damaged = place.exists();
        if damaged {
            fs::remove_dir_all(&place).map_err(fail)?;
        }
        let work = tempfile::Builder::new()
            .prefix(&format!("{key}.tmp-"))
            .tempdir_in(&self.root)
            .map_err(fail)?;
        build(work.path())?;
        fs::rename(work.keep(), &place).map_err(fail)?;
        let counter = if damaged { &self.counters.rebuilt } else { &self.counters.built };
        counter.fetch_add(1, Ordering::Relaxed);
        let value = check(&place).ok_or_else(|| {
            fail(io::Error::other(format!(
                "`{}` is incomplete right after its build",
                place.display()
            )))
        })?;
        Ok(Entry { value, hit: false })
    }

    /// A place for what a failed build leaves behind for the reader.
    pub(crate) fn failure_folder(&self, key: &str) -> Result<PathBuf, CacheError> {
        let place = self.root.join("failed").join(key);
        fs::create_dir_all(&place)
            .map_err(|source| CacheError { path: self.root.clone(), source })?;
        Ok(place)
    }
}

/// Name of the file that lists the other files of an entry with their hashes.
const CONTENTS: &str = "contents.json";

/// Lists `files` of `dir` with their hashes; without this an entry is incomplete.
pub(crate) fn seal(dir: &Path, files: &[String]) -> io::Result<()> {
    let mut contents = BTreeMap::new();
    for file in files {
        contents.insert(file, content_key([fs::read(dir.join(file))?.as_slice()]));
    }
    fs::write(dir.join(CONTENTS), serde_json::to_string_pretty(&contents)?)
}

/// The files of a sealed entry, if every one is there and unchanged.
pub(crate) fn unsealed(dir: &Path) -> Option<Vec<PathBuf>> {
    let text = fs::read_to_string(dir.join(CONTENTS)).ok()?;
    let contents: BTreeMap<String, String> = serde_json::from_str(&text).ok()?;
    let intact = |(file, hash): (String, String)| {
        let path = dir.join(file);
        (content_key([fs::read(&path).ok()?.as_slice()]) == hash).then_some(path)
    };
    contents.into_iter().map(intact).collect()
}

/// The nearest folder at or above `from` that is a cargo workspace, else the nearest package.
fn workspace_above(from: &Path) -> Option<PathBuf> {
    let manifest = |dir: &Path| fs::read_to_string(dir.join("Cargo.toml")).ok();
    let workspace = |dir: &Path| manifest(dir).is_some_and(|t| t.contains("[workspace]"));
    let find =
        |test: &dyn Fn(&Path) -> bool| from.ancestors().find(|d| test(d)).map(Path::to_path_buf);
    find(&workspace).or_else(|| find(&|dir| manifest(dir).is_some()))
}

/// Hexadecimal SHA-256 over length-prefixed parts, cut to 128 bits.
pub(crate) fn content_key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()[..16].iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(place: &Path) -> Option<String> {
        fs::read_to_string(place.join("value")).ok().filter(|s| s.ends_with('.'))
    }

    fn put(text: &str) -> impl FnOnce(&Path) -> Result<(), CacheError> + '_ {
        move |dir| {
            fs::write(dir.join("value"), text).unwrap();
            Ok(())
        }
    }

    #[test]
    fn builds_once_and_rebuilds_what_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path());
        assert!(!cache.entry("k", check, put("one.")).unwrap().hit);
        let again = cache.entry("k", check, put("two.")).unwrap();
        assert_eq!((again.hit, again.value.as_str()), (true, "one."));
        fs::write(dir.path().join("k/value"), "on").unwrap();
        assert_eq!(cache.entry("k", check, put("three.")).unwrap().value, "three.");
        assert_eq!(cache.stats(), CacheStats { built: 1, hits: 1, rebuilt: 1 });
    }

    #[test]
    fn a_failed_build_leaves_no_entry() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path());
        let fail =
            |_: &Path| Err(CacheError { path: PathBuf::new(), source: io::Error::other("no") });
        assert!(cache.entry("k", check, fail).is_err());
        assert!(!dir.path().join("k").exists());
        assert_eq!(cache.entry("k", check, put("one.")).unwrap().value, "one.");
    }

    #[test]
    fn threads_build_one_thing_once() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path());
        std::thread::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| cache.entry("k", check, put("one.")).unwrap());
            }
        });
        assert_eq!(cache.stats(), CacheStats { built: 1, hits: 7, rebuilt: 0 });
    }

    #[test]
    fn an_unwritable_folder_is_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let cache = Cache::at(dir.path().join("file/below"));
        let text = cache.entry("k", check, put("one.")).err().unwrap().to_string();
        assert!(text.contains("file/below") && text.contains("SKIPOPU_CACHE"), "{text}");
    }

    #[test]
    fn keys_separate_parts() {
        assert_ne!(content_key([b"ab".as_slice(), b"c"]), content_key([b"a".as_slice(), b"bc"]));
    }

    #[test]
    fn the_workspace_is_found_from_inside_a_package() {
        let dir = tempfile::tempdir().unwrap();
        let (workspace, package) = (dir.path().join("w"), dir.path().join("w/p"));
        fs::create_dir_all(package.join("src")).unwrap();
        fs::write(package.join("Cargo.toml"), "[package]").unwrap();
        assert_eq!(workspace_above(&package.join("src")), Some(package.clone()));
        fs::write(workspace.join("Cargo.toml"), "[workspace]").unwrap();
        assert_eq!(workspace_above(&package.join("src")), Some(workspace));
    }
}
