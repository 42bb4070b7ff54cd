//! The main job: a text on the simulated core with every logit compared, skipping against dense.

use crate::record::Recorder;
use anyhow::{ensure, Context, Result};
use rayon::prelude::*;
use serde_json::Value;
use skipopu_ledger::Kind;
use skipopu_runtime::Ledger;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Pictures of the first run.
const DECISIONS: &str = "docs/decisions.svg";
const TIMELINE: &str = "docs/timeline.svg";

/// Runs `skipopu run` as `make run` does, with nothing in the cache and then with everything, and once with `--dense`.
///
/// # Errors
/// A program that is not built, a run that fails.
pub fn measure(out: &mut Recorder, tokens: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path();
    let begin = Instant::now();
    let first = Run::of(cache, tokens, &["--svg", DECISIONS])?;
    let cold = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let skipping = Run::of(cache, tokens, &[])?;
    let total = begin.elapsed().as_secs_f64();
    ensure!(first.text == skipping.text, "the second run writes another text");
    Run::of(cache, tokens, &["--no-check", "--timeline", TIMELINE])?;
    let dense = Run::of(cache, tokens, &["--dense"])?;
    let what = format!("stories15M on `cosim`, models of HBM2 and DDR4, {tokens} tokens, KV reuse");
    out.add("run.tokens", f64::from(tokens), "tokens", Kind::Simulated, "run", what.clone());
    let compared = skipping.number("logits_compared")? + dense.number("logits_compared")?;
    let wrong = skipping.number("logit_mismatches")? + dense.number("logit_mismatches")?;
    let note = format!("compared bit for bit with the exact backend; {what}, and dense");
    out.add("run.logits_compared", compared, "logits", Kind::Simulated, "run", note.clone());
    out.add("run.logit_mismatches", wrong, "logits", Kind::Simulated, "run", note);
    let note = format!(
        "the whole command with an empty cache: model fetched, quantised, core emitted, Verilated and compiled, text; the program itself is built; {what}"
    );
    out.add("run.cold_seconds", cold, "s", Kind::Measured, "run", note);
    let note = format!("the whole command, core and container taken from the cache; {what}");
    out.add("run.total_seconds", total, "s", Kind::Measured, "run", note);
    let note = format!("of it the simulated core; {what}");
    out.add("run.sim_seconds", skipping.number("seconds")?, "s", Kind::Measured, "run", note);
    let rate = 100.0 * skipping.report["skips"]["rate"].as_f64().context("no skip rate")?;
    out.add("run.skip_rate", rate, "%", Kind::Simulated, "run", format!("sub-modules; {what}"));
    let (few, many) = (skipping.per_token("cycles")?, dense.per_token("cycles")?);
    let note = format!(
        "cycles per token in decode, dense {many:.0} against {few:.0} with {rate:.1} % of sub-modules skipped; the classifier, which nothing skips, is {:.0} % of the dense model's bytes of weights; {what}",
        100.0 * CLASSIFIER_SHARE
    );
    out.add("run.skip_speedup", many / few, "x", Kind::Simulated, "run", note);
    let (few, many) = (skipping.bytes()?, dense.bytes()?);
    let note = format!("bytes per token in decode, dense {many:.0} against {few:.0}; {what}");
    out.add("run.bytes_ratio", many / few, "x", Kind::Simulated, "run", note);
    Ok(())
}

/// Part of stories15M's weights that is the classifier: 32,000 outputs of 288, in 6 layers of 4 x 288 x 288 and
/// 3 x 288 x 768.
const CLASSIFIER_SHARE: f64 = {
    let classifier = 32_000.0 * 288.0;
    let layers = 6.0 * (4.0 * 288.0 * 288.0 + 3.0 * 288.0 * 768.0);
    classifier / (classifier + layers)
};

/// Times the whole check.
///
/// # Errors
/// A check that fails.
pub fn suite(out: &mut Recorder) -> Result<()> {
    let clean = !Path::new("target").exists();
    let begin = Instant::now();
    let status = Command::new("make").arg("test").status().context("make cannot be started")?;
    ensure!(status.success(), "make test fails");
    let cores = std::thread::available_parallelism()?;
    let state =
        if clean { "nothing built before" } else { "products of earlier builds as they were" };
    let note = format!("`make test` on {cores} cores, {state}");
    let seconds = begin.elapsed().as_secs_f64();
    out.add("run.test_seconds", seconds, "s", Kind::Measured, "suite", note);
    Ok(())
}

/// The page that [`recorded`] writes.
const PAGE: &str = "docs/runs.md";

/// Runs of other kinds: key, and what is written after the name of the command.
const RECORDED: &[(&str, &[&str])] = &[
    ("kv_reuse", &["--tokens", "32"]),
    ("dense", &["--tokens", "32", "--dense"]),
    ("partial_skip", &["--tokens", "32", "--partial-skip"]),
    ("other_prompt", &["--tokens", "32", "--prompt", "The little dog was sad because"]),
    ("long", &["--tokens", "128"]),
];

/// Runs what [`RECORDED`] lists, as many at a time as there are cores, and writes a page with text and cost of each, and what
/// `make run` prints in the README.
///
/// # Errors
/// A run that fails, a page that cannot be written.
pub fn recorded(out: &mut Recorder) -> Result<()> {
    let mut page = String::from(
        "# Recorded runs\n\nstories15M on `cosim`, the Verilated core between models of HBM2 and DDR4, every logit compared with the exact backend bit for \
         bit. This page is written by `cargo run --release -p skipopu-system -- runs`, its table from the ledger by `skipopu figures tables`.\n",
    );
    let runs = || RECORDED.par_iter().map(|(_, arguments)| Run::with(None, arguments)).collect();
    let (printed, runs): (Result<String>, Result<Vec<Run>>) = rayon::join(printed, runs);
    let (printed, runs) = (printed?, runs?);
    for ((name, arguments), run) in RECORDED.iter().zip(&runs) {
        let shown: Vec<String> = arguments
            .iter()
            .map(|a| if a.contains(' ') { format!("\"{a}\"") } else { a.to_string() })
            .collect();
        let shown = format!("skipopu run {}", shown.join(" "));
        let (compared, wrong) = (run.number("logits_compared")?, run.number("logit_mismatches")?);
        ensure!(compared > 0.0 && wrong == 0.0, "{wrong} of {compared} logits differ");
        let skipped = run.report["skips"]["rate"].as_f64().unwrap_or(0.0);
        let speed = run.report["speed"]["tokens_per_second"].as_f64().context("no speed")?;
        let text = run.text.trim().replace('\n', "\n>\n> ");
        page += &format!("\n    {shown}\n\n> {text}\n");
        let mut add = |key: &str, value: f64, unit: &str, kind: Kind, what: &str| {
            let note = format!("{what}{shown}");
            out.add(&format!("runs.{name}.{key}"), value, unit, kind, "runs", note);
        };
        let simulated = Kind::Simulated;
        let what = "compared bit for bit, none differs; ";
        add("logits", compared, "logits", simulated, what);
        add("skip_rate", 100.0 * skipped, "%", simulated, "sub-modules; ");
        add("cycles_per_token", run.per_token("cycles")?, "cycles", simulated, "in decode; ");
        add("bytes_per_token", run.bytes()?, "B", simulated, "in decode, all memories; ");
        let what = "in decode, at the configuration's clock; ";
        add("tokens_per_second", speed, "1/s", simulated, what);
        let what = "of the simulated core, on two cores that other work shared; ";
        add("seconds", run.number("seconds")?, "s", Kind::Measured, what);
    }
    page += "\n<!-- figures:begin runs -->\n<!-- figures:end -->\n";
    std::fs::write(PAGE, page).with_context(|| format!("cannot write {PAGE}"))?;
    print!("{printed}");
    transcript(&printed)
}

/// Page, begin and end of what [`transcript`] writes.
const OUTPUT: [&str; 3] = ["README.md", "<!-- output:begin -->\n", "<!-- output:end -->"];

/// What `make run` prints.
///
/// # Errors
/// A run that fails.
fn printed() -> Result<String> {
    let output = Command::new(program()?)
        .arg("run")
        .stderr(Stdio::inherit())
        .output()
        .context("skipopu cannot be started")?;
    ensure!(output.status.success(), "skipopu run fails");
    Ok(String::from_utf8(output.stdout)?)
}

/// Puts what `make run` prints in the README.
///
/// # Errors
/// A page without its markers or that cannot be written.
fn transcript(printed: &str) -> Result<()> {
    let [page, begin, end] = OUTPUT;
    let text = std::fs::read_to_string(page).with_context(|| format!("cannot read {page}"))?;
    let (before, rest) = text.split_once(begin).context("the page has no place for the output")?;
    let (_, after) = rest.split_once(end).context("the place for the output has no end")?;
    let text = format!("{before}{begin}```text\n{}\n```\n{end}{after}", printed.trim());
    std::fs::write(page, text).with_context(|| format!("cannot write {page}"))
}

struct Run {
    report: Value,
    text: String,
}

impl Run {
    fn of(cache: &Path, tokens: u32, arguments: &[&str]) -> Result<Run> {
        let tokens = tokens.to_string();
        Run::with(Some(cache), &[&["--tokens", &tokens], arguments].concat())
    }

    /// With what `cache` holds, or the usual one.
    fn with(cache: Option<&Path>, arguments: &[&str]) -> Result<Run> {
        println!("skipopu run {}", arguments.join(" "));
        let output = Command::new(program()?)
            .args(["run", "--json"])
            .args(arguments)
            .envs(cache.map(|folder| ("SKIPOPU_CACHE", folder)))
            .stderr(Stdio::inherit())
            .output()
            .context("skipopu cannot be started")?;
        ensure!(output.status.success(), "skipopu run fails");
        let mut all: Value = serde_json::from_slice(&output.stdout)?;
        let text = all["text"].as_str().context("the report has no text")?.to_string();
        println!("{text}");
        Ok(Run { report: all["report"].take(), text })
    }

    fn number(&self, field: &str) -> Result<f64> {
        self.report[field].as_f64().with_context(|| format!("the report has no {field}"))
    }

    /// A counter per decoded token.
    fn per_token(&self, counter: &str) -> Result<f64> {
        let decode = &self.report["decode"];
        let tokens = decode["tokens"].as_f64().context("nothing was decoded")?;
        let count = decode["counts"][counter].as_f64();
        Ok(count.with_context(|| format!("the report has no {counter}"))? / tokens)
    }

    /// Bytes of all memories per decoded token.
    fn bytes(&self) -> Result<f64> {
        let decode = &self.report["decode"];
        let tokens = decode["tokens"].as_f64().context("nothing was decoded")?;
        let bytes: Ledger = serde_json::from_value(decode["bytes"].clone())?;
        Ok(bytes.external() as f64 / tokens)
    }
}

/// The program beside this one.
fn program() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("skipopu");
    ensure!(path.is_file(), "build it first: cargo build --release -p skipopu");
    Ok(path)
}
