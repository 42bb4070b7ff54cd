//! `skipopu eval`: perplexity, agreement, skipping, KV bytes.

use super::engine::{backend_name, engine, skipping, tokenizer};
use crate::args::{Backend, Eval, Skip};
use crate::exit::{Done, Failure};
use crate::output;
use crate::progress::Progress;
use serde::Serialize;
use skipopu_eda::table::Table;
use skipopu_forward::evaluate::{documents, evaluate, Evaluation, Window};
use skipopu_forward::Stats;
use skipopu_model::{open, sample, Model, Opened};
use std::path::Path;

/// One configuration.
#[derive(Serialize)]
struct Row {
    model: String,
    weights: String,
    backend: &'static str,
    skipping: &'static str,
    perplexity: f64,
    /// Part of the predictions with the most probable token of the first row.
    agreement: f64,
    skip_rate: f64,
    attention_skipped: Vec<f64>,
    ffn_skipped: Vec<f64>,
    kv_bytes_per_token: f64,
    kv_bytes_saved: f64,
    tokens_per_second: f64,
}

/// Reads a text.
pub fn read(path: &Path) -> Done<String> {
    std::fs::read_to_string(path)
        .map_err(|e| Failure::environment(format!("cannot read {}: {e}", path.display())))
}

/// Runs the command.
pub fn run(args: &Eval) -> Done {
    let opened = open(&args.model)?;
    let documents = tokens(args, &opened)?;
    let context = opened.model.spec.context;
    let window = Window::new(context, args.window, args.stride);
    let others: Vec<&String> = args.against.iter().chain(args.ablation.iter().flatten()).collect();
    let opened_others: Vec<Opened> = others.iter().map(|m| open(m)).collect::<Result<_, _>>()?;
    let cases = cases(args, &opened.model, &others, &opened_others);
    let mut progress = Progress::new("evaluating", cases.len() * documents.len());
    let mut rows: Vec<Row> = Vec::new();
    let mut first: Option<Evaluation> = None;
    for (name, model, backend, skip) in cases {
        let mut engine = engine(model, backend, skip, &args.config)?;
        let start = std::time::Instant::now();
        let label = format!("{} {}", backend_name(backend), skipping(skip).name());
        let found = evaluate(engine.as_mut(), &documents, window, |i| {
            progress.step(&format!("{label}, text {i}"))
        })?;
        let rate = engine.stats().tokens as f64 / start.elapsed().as_secs_f64();
        let first = first.get_or_insert_with(|| found.clone());
        let mut row = row(model, engine.stats(), &found, first);
        row.model = name.clone();
        (row.backend, row.skipping) = (backend_name(backend), skipping(skip).name());
        row.tokens_per_second = rate;
        rows.push(row);
    }
    drop(progress);
    let predicted = first.map_or(0, |f| f.tokens());
    if args.json {
        return output::json(&serde_json::json!({
            "documents": documents.len(), "predicted_tokens": predicted,
            "window": window.size, "stride": window.stride, "rows": rows,
        }));
    }
    output::line(format!(
        "{} documents, {predicted} predicted tokens, windows of {} that go on by {}",
        documents.len(),
        window.size,
        window.stride
    ))?;
    output::print(&table(&rows).text())?;
    let skipping: Vec<&Row> = rows.iter().filter(|r| r.skip_rate > 0.0).collect();
    match skipping.is_empty() {
        true => Ok(()),
        false => output::print(&layers(&skipping).text()),
    }
}

/// What is to be measured: name, model, arithmetic, skipping.
fn cases<'a>(
    args: &'a Eval,
    model: &'a Model,
    others: &[&'a String],
    opened: &'a [Opened],
) -> Vec<(&'a String, &'a Model, Backend, Skip)> {
    let other = |i: usize, backend| (others[i], &opened[i].model, backend, Skip::Dense);
    let own = |backend, skip| (&args.model, model, backend, skip);
    if args.ablation.is_some() {
        return vec![
            other(0, Backend::F32),
            other(1, Backend::F32),
            other(1, Backend::Exact),
            own(Backend::Exact, Skip::Partial),
            own(Backend::Exact, Skip::KvReuse),
        ];
    }
    let mut cases: Vec<_> = (0..others.len()).map(|i| other(i, Backend::F32)).collect();
    for backend in &args.backend {
        cases.extend(args.skip.iter().map(|skip| own(*backend, *skip)));
    }
    cases
}

/// How much each sub-module skips.
fn layers(rows: &[&Row]) -> Table {
    let mut table = Table::new(&[
        "backend",
        "skipping",
        ">layer",
        ">attention skipped",
        ">feed-forward skipped",
    ]);
    let percent = |x: f64| format!("{:.1} %", 100.0 * x);
    for r in rows {
        for (layer, (a, f)) in r.attention_skipped.iter().zip(&r.ffn_skipped).enumerate() {
            let (backend, skipping) = (r.backend.into(), r.skipping.into());
            table.row(vec![backend, skipping, layer.to_string(), percent(*a), percent(*f)]);
        }
    }
    table
}

/// The documents' tokens, cut after the limit.
fn tokens(args: &Eval, opened: &Opened) -> Done<Vec<Vec<u32>>> {
    let mut text = match &args.text {
        Some(path) => read(path)?,
        None => sample::TINYSTORIES.to_string(),
    };
    if args.single_newlines {
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        text = lines.join("\n");
    }
    encoded(opened, &text, args.limit.unwrap_or(usize::MAX))
}

/// The tokens of a text's documents, `limit` predictions in all.
///
/// # Errors
/// A model without tokenizer, a text without documents.
pub fn encoded(opened: &Opened, text: &str, limit: usize) -> Done<Vec<Vec<u32>>> {
    let tokenizer = tokenizer(opened)?;
    let mut rest = limit;
    let mut all = Vec::new();
    for document in documents(text) {
        let mut tokens = tokenizer.encode(document)?;
        tokens.truncate(rest.saturating_add(1));
        rest -= tokens.len().saturating_sub(1);
        if tokens.len() > 1 {
            all.push(tokens);
        }
    }
    match all.is_empty() {
        true => Err(Failure::usage("the text is empty: there is nothing to predict")),
        false => Ok(all),
    }
}

fn row(model: &Model, stats: &Stats, found: &Evaluation, first: &Evaluation) -> Row {
    let tokens = stats.tokens.max(1) as f64;
    let rates = |skipped: &[u64]| skipped.iter().map(|s| *s as f64 / tokens).collect();
    // K and V in FP16.
    let bytes = 4.0 * model.spec.kv_dim() as f64 * stats.kv_rows as f64;
    Row {
        model: String::new(),
        weights: model.layers[0].projections[0].format(),
        backend: "",
        skipping: "",
        perplexity: found.perplexity(),
        agreement: found.agreement(first),
        skip_rate: stats.skip_rate(),
        attention_skipped: rates(&stats.attention_skipped),
        ffn_skipped: rates(&stats.ffn_skipped),
        kv_bytes_per_token: bytes / tokens,
        kv_bytes_saved: stats.kv_saved(),
        tokens_per_second: 0.0,
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "model",
        "weights",
        "backend",
        "skipping",
        ">perplexity",
        ">agreement",
        ">skipped",
        ">KV bytes/token",
        ">KV saved",
        ">token/s",
    ]);
    let percent = |x: f64| format!("{:.2} %", 100.0 * x);
    for r in rows {
        table.row(vec![
            r.model.clone(),
            r.weights.clone(),
            r.backend.into(),
            r.skipping.into(),
            format!("{:.4}", r.perplexity),
            percent(r.agreement),
            percent(r.skip_rate),
            format!("{:.0}", r.kv_bytes_per_token),
            percent(r.kv_bytes_saved),
            format!("{:.0}", r.tokens_per_second),
        ]);
    }
    table
}
