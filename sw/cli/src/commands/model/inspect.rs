//! `skipopu model inspect`.

use crate::exit::Done;
use crate::output;
use serde_json::json;
use skipopu_model::{open, Opened, Scaling};
use std::collections::BTreeMap;

/// Runs the command.
pub fn run(model: &str, as_json: bool) -> Done {
    let opened = open(model)?;
    let s = opened.model.spec;
    let formats = formats(&opened);
    let routers = opened.model.routers.as_ref().map(|r| r.placement.name());
    let tokenizer =
        opened.tokenizer.as_ref().map(|t| format!("{}, {} tokens", t.kind().name(), t.vocab()));
    let bytes: usize = opened.model.matrices().map(|(_, m)| m.bytes()).sum::<usize>();
    if as_json {
        return output::json(&json!({
            "path": opened.path, "format": opened.format, "sizes": s,
            "parameters": s.parameters(), "tied": opened.model.classifier.is_none(),
            "matrices": formats, "matrix_bytes": bytes, "routers": routers,
            "tokenizer": tokenizer,
        }));
    }
    let scaling = match s.rope.scaling {
        Scaling::None => String::new(),
        Scaling::Linear { factor } => format!(", angles divided by {factor}"),
        Scaling::Llama3 { factor, original, .. } => {
            format!(", Llama 3 scaling by {factor} beyond {original} tokens")
        }
    };
    let tied = if opened.model.classifier.is_none() { ", tied to the classifier" } else { "" };
    let lines = [
        ("format", format!("{}, {}", opened.format, opened.path.display())),
        ("parameters", s.parameters().to_string()),
        ("layers", s.layers.to_string()),
        ("residual stream", s.dim.to_string()),
        ("feed-forward", s.hidden.to_string()),
        ("heads", format!("{} of {} values, {} for K and V", s.heads, s.head_dim, s.kv_heads)),
        (
            "vocabulary",
            format!("{}, embedding {}{tied}", s.vocab, opened.model.embedding.dtype().name()),
        ),
        (
            "context",
            format!(
                "{} tokens, {} bytes of K and V each in FP16",
                s.context,
                4 * s.kv_dim() * s.layers
            ),
        ),
        ("RoPE", format!("base {}{scaling}", s.rope.base)),
        ("norm epsilon", s.norm_eps.to_string()),
        (
            "matrices",
            formats.iter().map(|(f, n)| format!("{n} x {f}")).collect::<Vec<_>>().join(", "),
        ),
        ("matrix bytes", bytes.to_string()),
        ("routers", routers.unwrap_or("none").to_string()),
        ("tokenizer", tokenizer.unwrap_or("none".into())),
    ];
    lines.iter().try_for_each(|(name, value)| output::line(format!("{name:<16} {value}")))
}

/// How many matrices have which format.
fn formats(opened: &Opened) -> BTreeMap<String, usize> {
    opened.model.matrices().fold(BTreeMap::new(), |mut counts, (_, m)| {
        *counts.entry(m.format()).or_default() += 1;
        counts
    })
}
