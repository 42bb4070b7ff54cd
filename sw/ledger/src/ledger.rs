//! The ledger file.

use crate::{Entry, LedgerError};
use fs4::fs_std::FileExt;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// All figures, by key.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
}

impl Ledger {
    /// Reads the ledger at `path`; a file that does not exist yet is an empty ledger.
    ///
    /// # Errors
    /// A file that cannot be read, is not a ledger, or holds an illegal or repeated entry.
    pub fn load(path: impl Into<PathBuf>) -> Result<Ledger, LedgerError> {
        let path = path.into();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => "[]".into(),
            Err(e) => return Err(LedgerError::io("read", &path, e)),
        };
        let file = path.display().to_string();
        let list: Vec<Entry> = serde_json::from_str(&text)
            .map_err(|e| LedgerError::Format { file: file.clone(), message: e.to_string() })?;
        let mut entries = BTreeMap::new();
        for entry in list {
            entry.validate()?;
            let key = entry.key.clone();
            if entries.insert(key.clone(), entry).is_some() {
                return Err(LedgerError::Duplicate { file, key });
            }
        }
        Ok(Ledger { path, entries })
    }

    /// Adds a figure, or replaces the one with its key. Nothing is written before
    /// [`Ledger::save`].
    ///
    /// # Errors
    /// See [`Entry::validate`].
    pub fn record(&mut self, entry: Entry) -> Result<(), LedgerError> {
        entry.validate()?;
        self.entries.insert(entry.key.clone(), entry);
        Ok(())
    }

    /// Writes the ledger, sorted by key, one field a line. The file is replaced in one step, so
    /// a reader never sees half of it. Commands that run side by side use [`Ledger::update`].
    ///
    /// # Errors
    /// A file or folder that cannot be written.
    pub fn save(&self) -> Result<(), LedgerError> {
        let list: Vec<&Entry> = self.entries.values().collect();
        let text = serde_json::to_string_pretty(&list).expect("entries always serialise") + "\n";
        replace(&self.path, &text)
    }

    /// Records figures in the ledger at `path` while no other process does.
    ///
    /// # Errors
    /// As [`Ledger::load`], [`Ledger::record`] and [`Ledger::save`]; on an error the file is
    /// unchanged.
    pub fn update(
        path: impl Into<PathBuf>,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Result<Ledger, LedgerError> {
        Ledger::change(path.into(), entries.into_iter().collect(), false)
    }

    /// As [`Ledger::update`], by commands that went through as a whole: figures that they obtained before and no longer do
    /// are dropped.
    ///
    /// # Errors
    /// As [`Ledger::update`].
    pub fn replace(
        path: impl Into<PathBuf>,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Result<Ledger, LedgerError> {
        Ledger::change(path.into(), entries.into_iter().collect(), true)
    }

    fn change(path: PathBuf, entries: Vec<Entry>, whole: bool) -> Result<Ledger, LedgerError> {
        let folder = folder_of(&path);
        // The folder is locked, not the file: the file is replaced while the lock is held.
        let lock = File::open(folder).map_err(|e| LedgerError::io("lock", folder, e))?;
        lock.lock_exclusive().map_err(|e| LedgerError::io("lock", folder, e))?;
        let mut ledger = Ledger::load(path)?;
        if whole {
            let old = |e: &Entry| entries.iter().any(|new| new.command == e.command);
            ledger.entries.retain(|_, e| !old(e));
        }
        for entry in entries {
            ledger.record(entry)?;
        }
        ledger.save()?;
        Ok(ledger)
    }

    /// The figure with this key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// All figures in order of their keys.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The figures that `selector` names, in order: a key, a prefix ending in `.`, a prefix of
    /// whole words (`emit` finds `emit.seconds`), or `*` for all.
    pub fn select(&self, selector: &str) -> Vec<&Entry> {
        let prefix = format!("{}.", selector.trim_end_matches('.'));
        let matches = |key: &str| selector == "*" || key == selector || key.starts_with(&prefix);
        self.entries.values().filter(|e| matches(&e.key)).collect()
    }

    /// Where the ledger lives.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

/// Replaces a file by `text` in one step.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), LedgerError> {
    let fail = |e| LedgerError::io("write", path, e);
    let mut temporary = tempfile::NamedTempFile::new_in(folder_of(path)).map_err(fail)?;
    temporary.write_all(text.as_bytes()).map_err(fail)?;
    readable_by_all(temporary.as_file()).map_err(fail)?;
    temporary.as_file().sync_all().map_err(fail)?;
    temporary.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

/// Temporary files are private by default; pages and the ledger are not.
fn readable_by_all(file: &File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}
