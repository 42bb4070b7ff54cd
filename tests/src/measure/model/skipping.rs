//! The trained routers and the repaired weights that come along.

use super::{exact_of, f32_of, picture, text::Text, GROUP};
use crate::record::Recorder;
use anyhow::{anyhow, Context, Result};
use skipopu_forward::evaluate::Evaluation;
use skipopu_forward::{Engine, Skipping};
use skipopu_forward::{Network, Session, F32};
use skipopu_ledger::Kind;
use skipopu_model::{adapter, Model};
use skipopu_quant::{quantise, Method};
use std::path::Path;

/// Attaches the adapter, quantises, and evaluates with and without KV reuse; `dense` is the model as trained on
/// the same text.
///
/// # Errors
/// An adapter of another model.
pub fn measure(
    model: &Model,
    seen: &[Vec<u32>],
    text: &Text,
    dense: &Evaluation,
    out: &mut Recorder,
) -> Result<()> {
    let trained = trained(model)?;
    let before = "trained routers, repaired weights not quantised, f32 arithmetic";
    for (key, skipping) in
        [("skip_partial_f32", Skipping::Partial), ("skip_kv_reuse_f32", Skipping::KvReuse)]
    {
        let what = format!("{before}, {}", skipping.name());
        text.ppl(out, key, &mut f32_of(&trained, skipping)?, &what)?;
    }
    let method = Method::Gptq(seen, Skipping::KvReuse);
    curve(&trained, dense, text, out)?;
    let gptq = quantise(&trained, 4, GROUP, method, |_| ())?;
    let what = "trained routers, repaired weights INT4 by GPTQ, group 64, the array's numerics";
    let mut partial = exact_of(&gptq, Skipping::Partial)?;
    text.ppl(out, "skip_partial", &mut partial, &format!("{what}, partial-skip"))?;
    let mut reuse = exact_of(&gptq, Skipping::KvReuse)?;
    let found = text.ppl(out, "skip_kv_reuse", &mut reuse, &format!("{what}, kv-reuse"))?;
    let mut add = |key: &str, value: f64, unit: &str, note: &str| {
        out.add(key, value, unit, Kind::Measured, "model", note);
    };
    let stats = reuse.stats();
    add("model.skip.rate", 100.0 * stats.skip_rate(), "%", "sub-modules skipped, stories15M with kv-reuse on the TinyStories sample, the array's numerics");
    add(
        "model.kv.bytes_saved_percent",
        100.0 * stats.kv_saved(),
        "%",
        "K and V not stored, the same",
    );
    add(
        "model.skip.agreement",
        100.0 * found.agreement(dense),
        "%",
        "predictions whose most probable token is that of the dense model in f32, the same",
    );
    Ok(())
}

/// stories15M with its adapter.
pub fn trained(model: &Model) -> Result<Model> {
    Ok(adapter::stories15m()?.apply(model, Path::new(adapter::STORIES15M))?)
}

/// Added to the routers' second logits, with names for the ledger.
const BIASES: [(&str, f32); 11] = [
    ("m01", -0.1),
    ("m005", -0.05),
    ("m002", -0.02),
    ("0", 0.0),
    ("p05", 0.5),
    ("p1", 1.0),
    ("p2", 2.0),
    ("p4", 4.0),
    ("p8", 8.0),
    ("p16", 16.0),
    ("p64", 64.0),
];

/// Where the curve is drawn.
const PICTURE: &str = "docs/skip-curve.svg";

/// Perplexity against skip rate: the same weights, the routers' thresholds moved; `dense` is the model as trained.
///
/// # Errors
/// A text that cannot be evaluated, a picture that cannot be written.
pub fn curve(trained: &Model, dense: &Evaluation, text: &Text, out: &mut Recorder) -> Result<()> {
    let mut points = Vec::new();
    for (name, bias) in BIASES {
        let network = Network::new(F32, trained, Skipping::KvReuse)?.with_bias(bias);
        let mut session = Session::new(network);
        let what =
            format!("trained routers with {bias} added to the logits of running, f32, kv-reuse");
        let found = text.ppl(out, &format!("bias.{name}"), &mut session, &what)?;
        let stats = session.stats();
        let note = format!("{what}; {:.1} % of K and V not stored", 100.0 * stats.kv_saved());
        let (key, rate) = (format!("model.skip.bias.{name}"), 100.0 * stats.skip_rate());
        out.add(&key, rate, "%", Kind::Measured, "model", note);
        points.push((rate, found.perplexity()));
    }
    let mut picture = String::new();
    picture::draw(&points, dense.perplexity(), &mut picture)
        .map_err(|e| anyhow!("cannot draw: {e}"))?;
    std::fs::write(PICTURE, picture).with_context(|| format!("cannot write {PICTURE}"))
}
