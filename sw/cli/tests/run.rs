//! `skipopu run` on a small random model: no network.

use skipopu_model::{container, llama2c, open, synthetic, Placement};
use skipopu_quant::{quantise, Method};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder with a model, and a cache of its own.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().into()
    }

    /// The model as trained, a tokenizer of bytes and letters beside it.
    fn trained(&self) -> String {
        let mut spec = synthetic::spec();
        (spec.dim, spec.heads, spec.kv_heads, spec.head_dim) = (128, 8, 4, 16);
        spec.context = 60;
        let path = self.path("model.bin");
        std::fs::write(&path, llama2c::to_bytes(&synthetic::model(spec, 0, true))).unwrap();
        std::fs::write(self.path("tokenizer.bin"), tokenizer(spec.vocab)).unwrap();
        path
    }

    /// The same with routers, quantised.
    fn skipping(&self) -> String {
        let opened = open(&self.trained()).unwrap();
        let mut model = quantise(&opened.model, 4, 32, Method::Rtn, |_| ()).unwrap();
        model.routers = Some(synthetic::routers(&model.spec, 1, Placement::PreAttention));
        let path = self.path("skipping.skipopu");
        container::write(Path::new(&path), &model, opened.tokenizer.as_ref()).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skipopu"));
        command.arg("run").args(arguments).args(["--config", "tiny"]);
        if !arguments.contains(&"--backend") {
            command.args(["--backend", "executor"]);
        }
        command.env("SKIPOPU_CACHE", self.path("cache")).env("SKIPOPU_NPM", "/nowhere/npm");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.succeeds(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Exit code and the last line on standard error, which is the program's.
    fn fails(&self, arguments: &[&str]) -> (i32, String) {
        failure(&self.run(arguments))
    }
}

fn failure(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().last().unwrap_or_default().to_string();
    assert!(line.starts_with("skipopu: "), "{text}");
    (output.status.code().unwrap(), line)
}

fn tokenizer(vocab: usize) -> Vec<u8> {
    let special = ["<unk>", "<s>", "</s>"].map(String::from);
    let bytes = (0..=255u8).map(|b| format!("<0x{b:02X}>"));
    let letters = " abcdefghijklmnopqrstuvwxyz.".chars().map(String::from);
    let all: Vec<String> = special.into_iter().chain(bytes).chain(letters).collect();
    let rest = (all.len()..vocab).map(|i| format!("[{i}]"));
    let mut file = 6i32.to_le_bytes().to_vec();
    for text in all.iter().cloned().chain(rest) {
        file.extend([0; 4]);
        file.extend((text.len() as i32).to_le_bytes());
        file.extend(text.as_bytes());
    }
    file
}

#[test]
fn a_text_is_written_checked_and_reported() {
    let bench = Bench::new();
    let model = bench.skipping();
    let svg = bench.path("decisions.svg");
    let what =
        ["--model", &model, "--prompt", "a cat sat", "--tokens", "30", "--temperature", "0.9"];
    let shown = bench.succeeds(&[&what[..], &["--svg", &svg]].concat());
    assert!(shown.starts_with("a cat sat"), "{shown}");
    assert!(
        shown.contains("reference executor on tiny, kv-reuse: 11 tokens of the prompt and 19 made"),
        "{shown}"
    );
    // Two blocks of the prompt, and 18 tokens: the last one is not computed.
    assert!(
        shown.contains(&format!("{} logits compared with the exact backend, all equal", 20 * 300)),
        "{shown}"
    );
    assert!(shown.contains("bytes of weights as expected") && shown.contains("K and V written"));
    let picture = std::fs::read_to_string(svg).unwrap();
    let cells = picture.matches("<rect").count();
    assert!(picture.starts_with("<svg") && cells >= 29 * 6, "{cells}");

    let report = bench.json(&what);
    let text = report["text"].as_str().unwrap();
    assert!(shown.starts_with(text), "{text:?} {shown}");
    let report = &report["report"];
    assert_eq!((&report["ended"], &report["logit_mismatches"]), (&"length".into(), &0.into()));
    assert_eq!(report["tokens"].as_array().unwrap().len(), 29);
    assert_eq!(report["tokens"][12]["ran"].as_array().unwrap().len(), 3);
    let rate = report["skips"]["rate"].as_f64().unwrap();
    assert!(rate > 0.05 && rate < 0.95, "{rate}");
    // A text may end before the other.
    let weights = |r: &serde_json::Value| {
        let [bytes, blocks] = [&r["decode"]["bytes"]["weights"], &r["decode"]["blocks"]];
        bytes.as_u64().unwrap() as f64 / blocks.as_u64().unwrap() as f64
    };

    // The exact backend writes the same text, f32 perhaps not.
    for backend in ["exact", "f32"] {
        let other = bench.json(&[&what[..], &["--backend", backend]].concat());
        assert!(backend == "f32" || other["text"] == text);
        assert!(
            other["report"]["prefill"]["bytes"].is_null() && other["report"]["skips"].is_object()
        );
    }
    let dense = bench.json(&[&what[..], &["--dense"]].concat());
    assert_eq!(
        (&dense["skipping"], &dense["report"]["skips"]["rate"]),
        (&"dense".into(), &0.0.into())
    );
    assert!(weights(&dense["report"]) > weights(report));
    let partial = bench.json(&[&what[..], &["--partial-skip"]].concat());
    assert_eq!(partial["skipping"], "partial-skip");
    let unchecked = bench.json(&[&what[..], &["--no-check", "--seed", "5"]].concat());
    assert_eq!(unchecked["report"]["logits_compared"], 0);
    assert!(unchecked["report"]["skips"].is_null());
}

#[test]
fn a_model_as_trained_is_prepared_once() {
    let bench = Bench::new();
    let model = bench.trained();
    let what = ["--model", &model, "--prompt", "a", "--tokens", "3"];
    let kept = || -> Vec<PathBuf> {
        let files = std::fs::read_dir(bench.path("cache/containers")).into_iter().flatten();
        files
            .map(|f| f.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "skipopu"))
            .collect()
    };
    // Killed in the middle of it: nothing is kept that could be taken for a container.
    let mut child = bench.command(&what).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = Vec::new();
    let mut stderr = child.stderr.take().unwrap();
    while !String::from_utf8_lossy(&said).contains("quantising") {
        let mut bytes = [0; 64];
        let n = stderr.read(&mut bytes).unwrap();
        assert!(n > 0, "{}", String::from_utf8_lossy(&said));
        said.extend(&bytes[..n]);
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(kept().is_empty());
    // Two at once: one makes it, the other waits.
    let mut children: Vec<_> = (0..2)
        .map(|_| {
            let mut command = bench.command(&what);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut made = 0;
    for child in children.drain(..) {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        made += usize::from(String::from_utf8_lossy(&output.stderr).contains("quantising"));
    }
    assert_eq!((made, kept().len()), (1, 1));
    let again = bench.run(&what);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.success() && !said.contains("quantising"), "{said}");
    assert!(said.contains("has no routers: nothing is skipped"), "{said}");
    // A damaged one is made again.
    let mut bytes = std::fs::read(&kept()[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&kept()[0], &bytes).unwrap();
    let repaired = bench.run(&what);
    assert!(repaired.status.success());
    assert!(String::from_utf8_lossy(&repaired.stderr).contains("quantising"));
    assert_ne!(std::fs::read(&kept()[0]).unwrap(), bytes);
}

#[test]
fn wrong_requests_are_one_sentence() {
    let bench = Bench::new();
    let model = bench.skipping();
    let what = ["--model", &model];
    let fails = |more: &[&str]| bench.fails(&[&what[..], more].concat());
    let (code, said) = fails(&["--prompt", &"a cat sat on a mat. ".repeat(4)]);
    assert!(
        code == 2 && said.contains("tokens and the context holds 60: give a shorter one"),
        "{said}"
    );
    assert_eq!(fails(&["--temperature=-1"]).0, 2);
    let (code, said) = fails(&["--timeline", "x.svg"]);
    assert!(code == 2 && said.contains("use --backend verilator"), "{said}");
    // A disk that is full.
    let (code, said) = fails(&["--prompt", "a", "--tokens", "2", "--svg", "/dev/full"]);
    assert!(code == 3 && said.contains("cannot write /dev/full"), "{said}");
    let (code, said) = fails(&["--no-check", "--svg", "x.svg"]);
    assert!(code == 2 && said.contains("leave out --no-check"), "{said}");
    let (code, said) = bench.fails(&["--model", "nowhere"]);
    assert!(code == 2 && said.contains("nowhere does not exist"), "{said}");
    // The one model that can be fetched, without npm.
    let (code, said) = bench.fails(&[]);
    assert!(code == 3 && said.contains("cannot fetch stories15m"), "{said}");
    let output = Command::new(env!("CARGO_BIN_EXE_skipopu"))
        .args(["run", "--model", &model, "--config", "u281"])
        .output()
        .unwrap();
    let (code, said) = failure(&output);
    assert!(code == 2 && said.contains("u281"), "{said}");
    let mut bytes = std::fs::read(&model).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&model, bytes).unwrap();
    let (code, said) = fails(&[]);
    assert!(code == 2 && said.contains("skipping.skipopu"), "{said}");
    // A cache folder that cannot be.
    let trained = bench.trained();
    std::fs::write(bench.path("file"), "").unwrap();
    let output =
        bench.command(&["--model", &trained]).env("SKIPOPU_CACHE", bench.path("file/x")).output();
    let (code, said) = failure(&output.unwrap());
    assert!(code == 3 && said.contains("SKIPOPU_CACHE"), "{said}");
}

/// Ctrl-C ends the text and reports what there is.
#[cfg(unix)]
#[test]
fn an_interruption_ends_with_a_report() {
    let bench = Bench::new();
    let model = bench.skipping();
    let mut command = bench.command(&["--model", &model, "--prompt", "a cat", "--tokens", "60"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    // The text has begun, so the handler is there.
    let mut first = [0; 1];
    out.read_exact(&mut first).unwrap();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let mut shown = String::new();
    out.read_to_string(&mut shown).unwrap();
    let output = child.wait_with_output().unwrap();
    let (code, said) = failure(&output);
    assert!(code == 130 && said.contains("interrupted"), "{code} {said}");
    assert!(shown.contains("tokens of the prompt and"), "{shown}");
}
