//! `skipopu pe report`: errors from the reference, operands drawn or read.

use std::process::{Command, Output};

fn report(arguments: &[&str]) -> Output {
    let report = ["pe", "report", "--no-synth"];
    Command::new(env!("CARGO_BIN_EXE_skipopu")).args(report).args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let output = report(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn random_operands_give_every_unit_in_both_modes() {
    let report = json(&["--dots", "200", "--seeds", "2"]);
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|r| r["unit"].as_str().unwrap()).collect();
    let all = ["exact", "bits22", "bits15", "dsp15", "aligned", "mac_flush", "mac_subnormal"];
    assert_eq!(names, all);
    for row in rows {
        let errors = row["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 2);
        for e in errors {
            assert_eq!(e["dots"], 400);
            let sum = e["sum_percent"].as_f64().unwrap();
            assert!(sum > 0.01 && sum < 1.0, "{row}");
        }
    }
}

#[test]
fn operands_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (fp16, int4) = (path("a.bin"), path("w.bin"));
    std::fs::write(&fp16, [0x00, 0x3c].repeat(128)).unwrap(); // 1.0
    std::fs::write(&int4, [3u8; 128]).unwrap();
    let report = json(&["--int4", &fp16, &int4]);
    for row in report["rows"].as_array().unwrap() {
        assert_eq!(row["errors"].as_array().unwrap().len(), 1);
        assert_eq!(row["errors"][0]["dots"], 2);
        assert_eq!(row["errors"][0]["sum_percent"], 0.0, "192 is exact in every unit: {row}");
    }
    std::fs::write(&int4, [0u8; 128]).unwrap();
    let zeros = fails(&["--int4", &fp16, &int4]);
    assert!(zeros.contains("no dot product to compare"), "{zeros}");
    std::fs::write(&int4, [9u8; 128]).unwrap();
    let range = fails(&["--int4", &fp16, &int4]);
    assert!(range.contains("byte 0 of") && range.contains("-8 to 7"), "{range}");
}

/// The last line on standard error of a run that must fail.
fn fails(arguments: &[&str]) -> String {
    let output = report(arguments);
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_string()
}

#[test]
fn the_picture_is_svg() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pe.svg");
    json(&["--dots", "50", "--seeds", "1", "--svg", file.to_str().unwrap()]);
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.starts_with("<svg") && text.contains("IMPL3"), "{text}");
}
