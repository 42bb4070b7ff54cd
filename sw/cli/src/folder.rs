//! Output folders that appear whole or not at all.

use crate::exit::{Done, Failure};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// File that marks a folder as an earlier emission, which may be replaced.
const MARKER: &str = "manifest.json";

/// Fills `target` through `fill`, which gets an empty folder beside it. On success that folder
/// takes the place of `target`; on an error nothing has changed.
pub fn replace(target: &Path, fill: impl FnOnce(&Path) -> Done) -> Done {
    let target = &absolute(target)?;
    check_replaceable(target)?;
    let parent = target.parent().unwrap_or(target);
    if parent.is_file() {
        return Err(unusable(target, ErrorKind::NotADirectory.into()));
    }
    std::fs::create_dir_all(parent).map_err(|e| unusable(target, e))?;
    let beside = |what: &str| {
        let prefix = format!(".skipopu-{what}-");
        tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).map_err(|e| unusable(target, e))
    };
    let fresh = beside("new")?;
    make_readable(fresh.path()).map_err(|e| unusable(target, e))?;
    fill(fresh.path())?;
    let old = beside("old")?;
    if target.exists() {
        std::fs::rename(target, old.path().join("previous")).map_err(|e| unusable(target, e))?;
    }
    if let Err(e) = std::fs::rename(fresh.path(), target) {
        // Put the earlier emission back: the caller is told that nothing was written.
        let _ = std::fs::rename(old.path().join("previous"), target);
        return Err(unusable(target, e));
    }
    let _ = fresh.keep(); // It has moved; there is nothing left to delete.
    Ok(())
}

/// A folder that does not exist, is empty, or holds an earlier emission (of one block, or one
/// per subfolder).
fn check_replaceable(target: &Path) -> Done {
    if !target.exists() {
        return Ok(());
    }
    let shown = target.display();
    if !target.is_dir() {
        return Err(Failure::usage(format!("{shown} is a file: give a folder with --out")));
    }
    let items = std::fs::read_dir(target).map_err(|e| unusable(target, e))?;
    let items: Vec<PathBuf> = items.filter_map(|i| Some(i.ok()?.path())).collect();
    let emitted = |p: &Path| p.join(MARKER).is_file();
    if emitted(target) || items.iter().all(|p| emitted(p)) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the folder {shown} holds other files: give an empty or new folder with --out"
    )))
}

fn absolute(path: &Path) -> Done<PathBuf> {
    std::path::absolute(path).map_err(|e| unusable(path, e))
}

fn unusable(target: &Path, e: std::io::Error) -> Failure {
    // The kind alone: the full text may name a temporary path, which means nothing to the user.
    Failure::usage(format!(
        "cannot write to the folder {} ({}): give a writable folder with --out",
        target.display(),
        e.kind()
    ))
}

/// Temporary folders are private by default; emitted files are not.
fn make_readable(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &'static str) -> impl FnOnce(&Path) -> Done {
        move |f| {
            std::fs::write(f.join(MARKER), text).unwrap();
            Ok(())
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let items = std::fs::read_dir(folder).unwrap();
        items.map(|i| i.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn appears_whole_replaces_an_emission_and_leaves_no_trace() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("deep/out");
        replace(&target, fill("1")).unwrap();
        replace(&target, fill("2")).unwrap();
        assert_eq!(std::fs::read_to_string(target.join(MARKER)).unwrap(), "2");
        assert_eq!(names(&root.path().join("deep")), ["out"]);
    }

    #[test]
    fn an_error_changes_nothing() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        let fail = |f: &Path| {
            std::fs::write(f.join("half.v"), "module").unwrap();
            Err(Failure::check("stop"))
        };
        assert!(replace(&target, fail).is_err());
        assert!(names(root.path()).is_empty());
        replace(&target, fill("1")).unwrap();
        assert!(replace(&target, fail).is_err());
        assert_eq!(std::fs::read_to_string(target.join(MARKER)).unwrap(), "1");
        assert_eq!(names(root.path()), ["out"]);
    }

    #[test]
    fn other_peoples_files_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("thesis.tex"), "").unwrap();
        assert!(replace(root.path(), fill("1")).is_err());
        assert!(replace(&root.path().join("thesis.tex"), fill("1")).is_err());
        assert_eq!(names(root.path()), ["thesis.tex"]);
    }
}
