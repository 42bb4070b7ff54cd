//! Figures as text.

use crate::{Entry, Ledger};
use std::fmt::Write as _;

impl Ledger {
    /// A Markdown table of the figures that any of the selectors names, in the order of the
    /// selectors ([`Ledger::select`]), each once. Empty where nothing matches.
    pub fn render_table<S: AsRef<str>>(&self, selectors: &[S]) -> String {
        let mut shown: Vec<&Entry> = Vec::new();
        for selector in selectors {
            for entry in self.select(selector.as_ref()) {
                if !shown.iter().any(|e| e.key == entry.key) {
                    shown.push(entry);
                }
            }
        }
        if shown.is_empty() {
            return String::new();
        }
        let mut out = String::from(
            "| figure | value | unit | kind | reproduce with | note |\n|---|---:|---|---|---|---|\n",
        );
        for e in shown {
            writeln!(
                out,
                "| `{}` | {} | {} | {} | {} | {} |",
                e.key,
                format_value(e.value),
                cell(&e.unit),
                e.kind.name(),
                match e.kind {
                    crate::Kind::Published => cell(&e.command),
                    _ => format!("`{}`", cell(&e.command)),
                },
                cell(&e.note)
            )
            .expect("writing to a string");
        }
        out
    }
}

/// Text that stays inside its table cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// A value for reading: whole numbers in full with thousands separated, others to four
/// significant digits.
pub fn format_value(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return thousands(value as i64);
    }
    if value.abs() >= 1000.0 {
        return thousands(value.round() as i64);
    }
    if value.abs() < 1e-4 {
        return format!("{value:.3e}");
    }
    let digits = value.abs().log10().floor() as i32;
    let text = format!("{value:.*}", (3 - digits).clamp(0, 8) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => text,
    }
}

fn thousands(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::from(if value < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
