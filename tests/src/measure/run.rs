//! The main job: a text on the simulated core with every logit compared, skipping against dense.

use crate::record::Recorder;
use anyhow::{ensure, Context, Result};
use serde_json::Value;
use skipopu_ledger::Kind;
use skipopu_runtime::Ledger;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Pictures of the first run.
const DECISIONS: &str = "docs/decisions.svg";
const TIMELINE: &str = "docs/timeline.svg";

/// Runs `skipopu run` twice, as `make run` does and with `--dense`.
///
/// # Errors
/// A program that is not built, a run that fails.
pub fn measure(out: &mut Recorder, tokens: u32) -> Result<()> {
    let begin = Instant::now();
    let skipping = Run::of(tokens, &["--svg", DECISIONS, "--timeline", TIMELINE])?;
    let total = begin.elapsed().as_secs_f64();
    let dense = Run::of(tokens, &["--dense"])?;
    let what = format!("stories15M on `cosim`, models of HBM2 and DDR4, {tokens} tokens, KV reuse");
    out.add("run.tokens", f64::from(tokens), "tokens", Kind::Simulated, "run", what.clone());
    let compared = skipping.number("logits_compared")? + dense.number("logits_compared")?;
    let wrong = skipping.number("logit_mismatches")? + dense.number("logit_mismatches")?;
    let note = format!("compared bit for bit with the exact backend; {what}, and dense");
    out.add("run.logits_compared", compared, "logits", Kind::Simulated, "run", note.clone());
    out.add("run.logit_mismatches", wrong, "logits", Kind::Simulated, "run", note);
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
    let begin = Instant::now();
    let status = Command::new("make").arg("test").status().context("make cannot be started")?;
    ensure!(status.success(), "make test fails");
    let note = "`make test`, products of earlier builds present as they were";
    let seconds = begin.elapsed().as_secs_f64();
    out.add("run.test_seconds", seconds, "s", Kind::Measured, "suite", note);
    Ok(())
}

struct Run {
    report: Value,
}

impl Run {
    fn of(tokens: u32, arguments: &[&str]) -> Result<Run> {
        println!("skipopu run --tokens {tokens} {}", arguments.join(" "));
        let output = Command::new(program()?)
            .args(["run", "--json", "--tokens", &tokens.to_string()])
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .context("skipopu cannot be started")?;
        ensure!(output.status.success(), "skipopu run fails");
        let mut all: Value = serde_json::from_slice(&output.stdout)?;
        println!("{}", all["text"].as_str().context("the report has no text")?);
        Ok(Run { report: all["report"].take() })
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
