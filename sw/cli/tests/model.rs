//! `skipopu model`, `quantise`, `eval` and `generate` on a small random model: no network.

use skipopu_model::{llama2c, synthetic};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn skipopu(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skipopu")).args(arguments).output().unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = skipopu(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and the one line on standard error that is the program's.
fn fails(arguments: &[&str]) -> (i32, String) {
    let output = skipopu(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    let line = text.lines().last().unwrap_or_default().to_string();
    assert!(line.starts_with("skipopu: "), "{text}");
    (output.status.code().unwrap(), line)
}

/// A model with a tokenizer of bytes and letters beside it.
fn model(folder: &Path) -> PathBuf {
    let mut spec = synthetic::spec();
    spec.dim = 128;
    spec.heads = 4;
    spec.kv_heads = 2;
    spec.head_dim = 32;
    let path = folder.join("model.bin");
    std::fs::write(&path, llama2c::to_bytes(&synthetic::model(spec, 0, true))).unwrap();
    let special = ["<unk>", "<s>", "</s>"].map(String::from);
    let bytes = (0..=255u8).map(|b| format!("<0x{b:02X}>"));
    let letters = " abcdefghijklmnopqrstuvwxyz.".chars().map(String::from);
    let mut file = 6i32.to_le_bytes().to_vec();
    for text in special.into_iter().chain(bytes).chain(letters) {
        file.extend([0; 4]);
        file.extend((text.len() as i32).to_le_bytes());
        file.extend(text.as_bytes());
    }
    std::fs::write(folder.join("tokenizer.bin"), file).unwrap();
    path
}

#[test]
fn a_model_is_quantised_evaluated_and_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let trained = model(folder.path());
    let trained = trained.to_str().unwrap();
    let shown = succeeds(&["model", "inspect", trained]);
    assert!(shown.contains("22 x F32") && shown.contains("llama2c, 287 tokens"), "{shown}");
    let text = path("text.txt");
    std::fs::write(&text, "a cat sat\n\non a mat. ".repeat(20) + "<|endoftext|> a dog.").unwrap();
    let w4 = path("w4.skipopu");
    let quantise = ["quantise", trained, "--out", &w4, "--text", &text, "--length", "64"];
    assert!(succeeds(&quantise).contains("INT4/64 by Gptq"));
    assert!(succeeds(&["model", "inspect", &w4, "--json"]).contains("\"INT4/64\": 22"));

    let eval =
        ["eval", &w4, "--against", trained, "--backend", "f32,exact", "--text", &text, "--json"];
    let report: serde_json::Value = serde_json::from_str(&succeeds(&eval)).unwrap();
    assert_eq!(
        (&report["documents"], &report["window"], &report["stride"]),
        (&2.into(), &96.into(), &48.into())
    );
    let rows = report["rows"].as_array().unwrap();
    let field = |row: usize, name: &str| rows[row][name].as_f64().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(field(0, "agreement"), 1.0);
    let perplexity = [0, 1, 2].map(|r| field(r, "perplexity"));
    assert!(perplexity.iter().all(|p| *p > 1.0 && p.is_finite()), "{perplexity:?}");
    assert!((perplexity[2] / perplexity[1] - 1.0).abs() < 0.02, "exact is near: {perplexity:?}");
    assert_ne!(perplexity[2], perplexity[1], "and not the same");
    // 3 layers, K and V of 2 heads x 32 values, 2 bytes.
    assert_eq!(field(2, "kv_bytes_per_token"), (3 * 2 * 64 * 2) as f64);
    let limited = succeeds(&["eval", trained, "--text", &text, "--limit", "30"]);
    assert!(limited.contains("1 documents, 30 predicted tokens"), "{limited}");

    let operands = path("operands");
    let dump = ["model", "dump", &w4, "--out", &operands, "--text", &text, "--dots", "70"];
    let wrote = succeeds(&dump);
    assert!(
        wrote.contains("70 dot products of projections, 70 of scores, 70 of mixes, 64"),
        "{wrote}"
    );
    let small = ["--no-synth", "--json", "--dots", "10", "--seeds", "1", "--operands", &operands];
    let report = succeeds(&[&["pe", "report"], &small[..]].concat());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    for row in report["rows"].as_array().unwrap() {
        let errors = row["errors"].as_array().unwrap().iter();
        let kinds: Vec<_> = errors.map(|e| e["operands"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["random", "empirical", "scores", "mixes", "random", "empirical"]);
        let empirical = &row["errors"][1];
        assert!(empirical["dots"].as_u64().unwrap() > 100, "{empirical}");
        assert!(empirical["sum_percent"].as_f64().unwrap() < 1.0, "{empirical}");
    }
    let (code, refused) = fails(&[&["pe", "report", "--config", "tiny"], &small[..]].concat());
    assert!(code == 2 && refused.contains("dump them with that configuration"), "{refused}");

    let write = |extra: &[&str]| {
        let base = ["generate", "--model", &w4, "--prompt", "a cat", "-n", "40"];
        succeeds(&[&base[..], extra].concat())
    };
    let exact = write(&["--backend", "exact"]);
    assert!(exact.starts_with("a cat") && exact == write(&["--backend", "exact"]), "{exact}");
    let drawn = |seed| write(&["--temperature", "1", "--seed", seed]);
    assert_eq!(drawn("1"), drawn("1"));
    assert_ne!(drawn("1"), drawn("2"));
}

#[test]
fn wrong_requests_are_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let trained = model(folder.path());
    let trained = trained.to_str().unwrap();
    let out = folder.path().join("x.skipopu");
    let out = out.to_str().unwrap();
    let (code, text) = fails(&["generate", "--model", trained, "--backend", "exact"]);
    assert!(code == 2 && text.contains("make a container with `skipopu quantise`"), "{text}");
    let (code, text) = fails(&["eval", trained, "--skip", "kv-reuse"]);
    assert!(code == 2 && text.contains("no routers"), "{text}");
    let (code, text) =
        fails(&["quantise", trained, "--out", out, "--method", "rtn", "--bits", "5"]);
    assert!(code == 2 && text.contains("2, 3, 4 or 8"), "{text}");
    let (code, text) = fails(&["model", "inspect", "nothing-here"]);
    assert!(code == 2 && text.contains("does not exist"), "{text}");
    let (_, text) = fails(&["eval", trained, "--text", "no-such-text"]);
    assert!(text.contains("cannot read"), "{text}");
    std::fs::remove_file(folder.path().join("tokenizer.bin")).unwrap();
    let (code, text) = fails(&["generate", "--model", trained]);
    assert!(code == 2 && text.contains("without a tokenizer"), "{text}");
}

#[test]
fn a_model_is_trained_to_skip() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let trained = model(folder.path());
    let trained = trained.to_str().unwrap();
    let plan: serde_json::Value =
        serde_json::from_str(&succeeds(&["train", trained, "--show-plan"])).unwrap();
    assert_eq!((&plan["length"], &plan["repair"]["words"]), (&96.into(), &300.into()));
    let mut small = plan.clone();
    for (name, value) in [("texts", 12), ("held", 2), ("length", 24), ("batch", 2)] {
        small[name] = value.into();
    }
    let steps = [("routers", 4), ("repair", 2), ("settling", 1), ("rounding", 2)];
    steps.iter().for_each(|(stage, steps)| small[*stage]["steps"] = (*steps).into());
    std::fs::write(path("plan.json"), small.to_string()).unwrap();
    let (out, adapter, curve) = (path("skip.skipopu"), path("x.adapter"), path("curve.svg"));
    let (cache, plan) = (path("cache"), path("plan.json"));
    let train = ["train", trained, "--plan", &plan, "--cache", &cache, "--out", &out];
    let train = [&train[..], &["--adapter", &adapter, "--curve", &curve]].concat();
    let shown = succeeds(&train);
    assert!(shown.contains("7 steps") && shown.contains("INT4/64"), "{shown}");
    assert!(std::fs::read_to_string(&curve).unwrap().contains("sub-modules skipped"));
    // Once more: everything is there.
    let output = skipopu(&train);
    assert!(String::from_utf8_lossy(&output.stderr).contains("going on after step 7"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), shown);

    let attached = path("attached.skipopu");
    let attach = ["model", "attach", trained, "--adapter", &adapter, "--out", &attached];
    assert!(succeeds(&attach).contains("21 matrices changed"));
    let text = path("text.txt");
    std::fs::write(&text, "a cat sat on a mat. ".repeat(20)).unwrap();
    let w4 = path("w4.skipopu");
    let quantise = ["quantise", trained, "--out", &w4, "--text", &text, "--length", "64"];
    succeeds(&quantise);
    let again = path("again.skipopu");
    succeeds(&["quantise", &attached, "--out", &again, "--sequences", "4", "--length", "32"]);
    let ablation = ["eval", &out, "--ablation", trained, &w4, "--text", &text];
    let report = succeeds(&[&ablation[..], &["--json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let row = |r: &serde_json::Value| {
        let text = |name: &str| r[name].as_str().unwrap().to_string();
        [text("weights"), text("backend"), text("skipping")]
    };
    let expected = [
        ["F32", "f32", "dense"],
        ["INT4/64", "f32", "dense"],
        ["INT4/64", "exact", "dense"],
        ["INT4/64", "exact", "partial-skip"],
        ["INT4/64", "exact", "kv-reuse"],
    ];
    assert_eq!(rows.iter().map(row).collect::<Vec<_>>(), expected);
    assert!(rows.iter().all(|r| r["perplexity"].as_f64().unwrap() > 1.0));
    let table = succeeds(&["eval", &again, "--skip", "kv-reuse", "--text", &text]);
    assert!(table.contains("kv-reuse"), "{table}");

    let (code, text) = fails(&["model", "attach", trained, "--out", &attached]);
    assert!(code == 2 && text.contains("another model"), "{text}");
    let (code, text) = fails(&["train", trained, "--kv", "0.9"]);
    assert!(code == 2 && text.contains("cannot be reached"), "{text}");
}
