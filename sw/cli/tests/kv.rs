//! `skipopu kv`: what is wrong with a request is said at once, in a sentence.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skipopu")).arg("kv").args(arguments).output().unwrap()
}

fn refused(arguments: &[&str], code: i32, sentence: &str) {
    let output = run(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(output.stdout.is_empty() && error.contains(sentence), "{error}");
}

#[test]
fn bad_traces_are_refused_before_anything_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    refused(&["report", "--trace", &path("none")], 3, "cannot read");
    let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
    write("letters", "1x1111\n");
    refused(&["report", "--trace", &path("letters")], 2, "line 1: `x` where 0 or 1 is expected");
    write("short", "101\n111\n");
    refused(&["report", "--trace", &path("short")], 2, "3 layers, but the simulated model has 6");
    refused(&["report", "--config", "u820"], 2, "no configuration `u820`");
    refused(&["trace", &path("none")], 2, "does not exist");
}
