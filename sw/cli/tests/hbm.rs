//! `skipopu hbm`: traces on the timing model.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn hbm(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skipopu"))
        .arg("hbm")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A refused trace closes the pipe early.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn report(arguments: &[&str], input: &str) -> serde_json::Value {
    let output = hbm(&[&["replay", "-", "--json"], arguments].concat(), input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Exit code and the last line on standard error of a run that must fail.
fn fails(arguments: &[&str], input: &str) -> (i32, String) {
    let output = hbm(arguments, input);
    let last = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("").to_string();
    assert!(output.stdout.is_empty());
    (output.status.code().unwrap(), last)
}

#[test]
fn a_trace_is_timed() {
    let trace =
        "# two rows of a bank, then a hit\n0 3 0x0 32 R\nBARRIER\n\n-1 3 0x4000 32 W # row 1\n\
                 BARRIER\n1000 3 0x4040 32 r\n";
    let json = report(&[], trace);
    let r = &json["report"];
    assert_eq!((&r["accesses"], &r["barriers"], &r["bursts"]), (&3.into(), &2.into(), &3.into()));
    assert_eq!((&r["read_bytes"], &r["write_bytes"]), (&64.into(), &32.into()));
    assert_eq!(r["cycles"], 1096);
    let rows = &r["rows"];
    assert_eq!(
        (&rows["hits"], &rows["closed"], &rows["misses"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!((&r["latency"]["min"], &r["latency"]["p50"]), (&96.into(), &110.into()));
    assert_eq!(r["channels"].as_array().unwrap().len(), 1);
    assert_eq!(json["options"]["outstanding"], 64);
    let slower = report(&["--extra-latency", "50"], trace);
    assert_eq!(slower["report"]["cycles"], 1146);
}

#[test]
fn flags_change_the_rate() {
    let trace: String = (0..32).map(|pc| format!("-1 {pc} 0 262144 R\n")).collect();
    let gbs = |arguments: &[&str]| report(arguments, &trace)["report"]["gbs"].as_f64().unwrap();
    let all = gbs(&[]);
    assert!((418.0..430.0).contains(&all), "{all}");
    assert!(gbs(&["--outstanding", "16"]) < 160.0);
    assert!(gbs(&["--aligned-refresh"]) > 410.0);
    assert!(gbs(&["--extra-latency", "100"]) < 330.0);
}

#[test]
fn tables_and_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let (trace, svg) = (folder.path().join("t.txt"), folder.path().join("t.svg"));
    std::fs::write(&trace, "-1 5 0 8192 R\n").unwrap();
    let output = hbm(&["replay", trace.to_str().unwrap(), "--svg", svg.to_str().unwrap()], "");
    let text = String::from_utf8(output.stdout).unwrap();
    let bursts = text.lines().find(|l| l.starts_with("bursts of 32 B")).unwrap();
    assert!(bursts.ends_with(" 256") && text.contains("row hits"), "{text}");
    let picture = std::fs::read_to_string(svg).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("pseudo-channel"));
}

#[test]
fn wrong_traces_are_named_with_line_and_remedy() {
    let line = |trace: &str| fails(&["replay", "-"], trace);
    let (code, message) = line("-1 0 0 32 R\n-1 32 0 32 R\n");
    assert_eq!(code, 2);
    assert_eq!(
        message,
        "skipopu: standard input, line 2: pseudo-channel 32 does not exist: use 0 to 31"
    );
    assert!(line("-1 0 0x10000000 32 R")
        .1
        .contains("line 1: 32 bytes from address 0x10000000 leave"));
    assert!(line("5 0 0 0 R").1.contains("line 1: an access of 0 bytes"));
    assert!(line("\n5 0 R").1.contains("line 2: 3 fields instead of 5: write `cycle pc"));
    assert!(line("# nothing\nBARRIER\n").1.contains("the trace has no access: give lines"));
    let (code, message) = fails(&["replay", "/does/not/exist"], "");
    assert_eq!(code, 3);
    assert!(message.contains("cannot read /does/not/exist"), "{message}");
    assert_eq!(fails(&["replay", "-", "--outstanding", "0"], "-1 0 0 32 R").0, 2);
}

#[test]
fn the_page_shows_the_model_as_it_is() {
    let output = hbm(&["model", "--markdown"], "");
    let tables = String::from_utf8(output.stdout).unwrap();
    let page = include_str!("../../../docs/memory-model.md");
    assert!(tables.lines().count() > 80);
    for table in tables.split("\n\n") {
        let table = table.trim();
        assert!(
            page.contains(table),
            "docs/memory-model.md: replace its tables by the output of `skipopu hbm model --markdown`:\n{table}"
        );
    }
}
