//! Locks between processes that fill the same cache folder.

use crate::exit::{Done, Failure};
use fs4::fs_std::FileExt;
use std::fs::{self, File};
use std::path::Path;

/// Holds the lock `name` of a folder, which is created if need be, until the returned file is dropped. Waits for its
/// holder; the system releases the lock of a process that dies.
///
/// # Errors
/// A folder that cannot be written.
pub fn hold(folder: &Path, name: &str) -> Done<File> {
    let fail = |e: std::io::Error| {
        Failure::environment(format!(
            "cannot write to the cache folder {} ({e}): make it writable or set SKIPOPU_CACHE",
            folder.display()
        ))
    };
    fs::create_dir_all(folder).map_err(fail)?;
    let file = File::create(folder.join(format!("{name}.lock"))).map_err(fail)?;
    file.lock_exclusive().map_err(fail)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let inside = AtomicU32::new(0);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..20 {
                        let _lock = hold(folder.path(), "model").unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        let below = folder.path().join("model.lock/below");
        assert!(hold(&below, "model").is_err());
    }
}
