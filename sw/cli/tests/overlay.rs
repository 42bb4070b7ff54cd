//! Programs from text and back, and what is said of wrong ones.

use std::process::{Command, Output};

fn skipopu(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skipopu")).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn text_to_program_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let text =
        "sync\nagain: set register=head value=288\nbranch rows=attention target=@again\nend\n";
    std::fs::write(path("a.s"), text).unwrap();
    let done = skipopu(&["asm", "--config", "cosim", &path("a.s"), "--out", &path("a.bin")]);
    assert!(done.status.success(), "{done:?}");
    assert!(stdout(&done).contains("4 instructions for cosim"));
    let back = stdout(&skipopu(&["disasm", &path("a.bin")]));
    assert!(back.contains("L1:") && back.contains("branch rows=attention target=@L1"), "{back}");

    std::fs::write(path("b.s"), "end\nsett register=head value=1\n").unwrap();
    let refused = skipopu(&["asm", &path("b.s"), "--out", &path("b.bin")]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("line 2: no instruction `sett`: did you mean `set`?"), "{said}");
    assert!(!folder.path().join("b.bin").exists());

    let mut bytes = std::fs::read(path("a.bin")).unwrap();
    bytes[40] ^= 1;
    std::fs::write(path("c.bin"), bytes).unwrap();
    let damaged = skipopu(&["disasm", &path("c.bin")]);
    assert_eq!(damaged.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&damaged.stderr).contains("it is damaged"));
}

/// A container of the synthetic model in a folder.
fn container(folder: &std::path::Path) -> String {
    use skipopu_model::{container, synthetic, Spec};
    use skipopu_quant::{quantise, Method};
    let spec = Spec { head_dim: 16, context: 48, ..synthetic::spec() };
    let model = synthetic::model(spec, 3, true);
    let model = quantise(&model, 4, 32, Method::Rtn, |_| ()).unwrap();
    let path = folder.join("model.skipopu");
    container::write(&path, &model, None).unwrap();
    path.to_str().unwrap().into()
}

#[test]
fn a_block_is_traced() {
    let folder = tempfile::tempdir().unwrap();
    let model = container(folder.path());
    let traced = skipopu(&["trace", &model, "--config", "tiny", "--tokens", "4,7,9"]);
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stderr));
    let text = stdout(&traced);
    assert!(text.lines().any(|l| l.contains("compute") && l.contains("matmul operand=")), "{text}");
    let json = skipopu(&["trace", &model, "--config", "tiny", "--tokens", "4,7,9", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!((&json["rows"], &json["stop"]), (&3.into(), &serde_json::Value::Null));
    let trace = json["trace"].as_array().unwrap();
    let sum = |key: &str| -> u64 { trace.iter().map(|e| e["did"][key].as_u64().unwrap()).sum() };
    assert!(sum("weight_beats") > 0 && sum("int4_cycles") > 0 && sum("ddr_words_written") > 0);
    // `end` stops the trace.
    assert_eq!(sum("instructions"), trace.len() as u64);
    let load = trace.iter().find(|e| e["instruction"].as_str().unwrap().contains("repeat=rows"));
    assert_eq!(load.unwrap()["rows"], serde_json::json!([0, 1, 2]));

    // A program alone, and one that stops.
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    std::fs::write(path("a.s"), "set register=head value=8\nbranch rows=forward target=5\nend\n")
        .unwrap();
    assert!(skipopu(&["asm", &path("a.s"), "--out", &path("a.bin")]).status.success());
    let stopped = skipopu(&["trace", &path("a.bin")]);
    assert!(!stopped.status.success());
    assert!(stdout(&stopped).contains("branch rows=forward"), "{}", stdout(&stopped));
    let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert!(said.contains("the core stopped: instruction 5 does not exist"), "{said}");
}

#[test]
fn a_model_is_compiled_and_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let model = container(folder.path());
    let out = folder.path().join("out");
    let done = skipopu(&["compile", &model, "--config", "tiny", "--out", out.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for file in ["program.bin", "hbm_00.bin", "hbm_01.bin", "ddr.bin", "manifest.json"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let program = stdout(&skipopu(&["disasm", out.join("program.bin").to_str().unwrap()]));
    assert!(program.contains("matmul") && program.trim_end().ends_with("end"), "{program}");

    let svg = folder.path().join("map.svg");
    let map = skipopu(&["map", &model, "--config", "tiny", "--svg", svg.to_str().unwrap()]);
    assert!(stdout(&map).contains("layer 2 gate and up"), "{}", stdout(&map));
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));
    let json = stdout(&skipopu(&["map", &model, "--config", "tiny", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let regions = json["regions"].as_array().unwrap();
    // Regions of a memory do not overlap.
    for pair in regions.windows(2).filter(|p| p[0]["memory"] == p[1]["memory"]) {
        let end = pair[0]["start"].as_u64().unwrap() + pair[0]["bytes"].as_u64().unwrap();
        assert!(end <= pair[1]["start"].as_u64().unwrap(), "{pair:?}");
    }

    let refused = skipopu(&["compile", &model, "--skip", "kv-reuse", "--out", "nowhere"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the model has no routers"));
    let large = skipopu(&["map", &model, "--config", "u280"]);
    let said = String::from_utf8_lossy(&large.stderr).into_owned();
    assert!(said.contains("raise it or lower buffers.rows"), "{said}");
    let shown = stdout(&skipopu(&["config", "show", "u280"]));
    let lower = shown.replacen("[buffers]\nrows = 32", "[buffers]\nrows = 8", 1);
    assert_ne!(lower, shown);
    let file = folder.path().join("lower.toml");
    std::fs::write(&file, lower).unwrap();
    let large = skipopu(&["map", &model, "--config", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&large.stderr).into_owned();
    assert!(said.contains("quantise with a group that is a multiple of 64"), "{said}");
}
