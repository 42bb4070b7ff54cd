//! Figures inside Markdown pages.
//!
//! A region is filled with a table of the figures its selectors name, separated by blanks:
//!
//! ```text
//! <!-- figures:begin emit sim.prim.cycles_per_second -->
//! ...generated...
//! <!-- figures:end -->
//! ```
//!
//! A single figure stands in running text as `<!-- figure:KEY -->generated<!-- /figure -->` and is
//! filled with value and unit. Markers inside code fences and code spans are left alone.

use crate::ledger::replace;
use crate::{format_value, Ledger, LedgerError};
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- figures:begin ";
const END: &str = "<!-- figures:end -->";
const INLINE: &str = "<!-- figure:";
const INLINE_END: &str = "<!-- /figure -->";
const CLOSE: &str = "-->";

/// The pages that may hold figures: `README.md` and every Markdown file of `docs/` below `root`,
/// sorted.
///
/// # Errors
/// A folder that cannot be read.
pub fn find(root: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let mut pages = Vec::new();
    let readme = root.join("README.md");
    if readme.is_file() {
        pages.push(readme);
    }
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        let fail = |e| LedgerError::io("read", &folder, e);
        for item in std::fs::read_dir(&folder).map_err(fail)? {
            let path = item.map_err(fail)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// Rewrites the figures of every page; returns the pages that changed. If any page is wrong,
/// none is written.
///
/// # Errors
/// Markers that do not pair, selectors that match no figure, files that cannot be read or
/// written.
pub fn regenerate(ledger: &Ledger, pages: &[PathBuf]) -> Result<Vec<PathBuf>, LedgerError> {
    let mut changed = Vec::new();
    for path in pages {
        let (old, new, _) = render_page(ledger, path)?;
        if old != new {
            changed.push((path, new));
        }
    }
    for (path, text) in &changed {
        replace(path, text)?;
    }
    Ok(changed.into_iter().map(|(path, _)| path.clone()).collect())
}

/// Compares every page with the ledger; returns the number of generated places.
///
/// # Errors
/// As [`regenerate`], and [`LedgerError::Stale`] for the first line that differs.
pub fn check(ledger: &Ledger, pages: &[PathBuf]) -> Result<usize, LedgerError> {
    let mut places = 0;
    for path in pages {
        let (old, new, found) = render_page(ledger, path)?;
        if old != new {
            let line = old.lines().zip(new.lines()).take_while(|(a, b)| a == b).count() + 1;
            return Err(LedgerError::Stale { file: path.display().to_string(), line });
        }
        places += found;
    }
    Ok(places)
}

/// Old text, new text, generated places.
fn render_page(ledger: &Ledger, path: &Path) -> Result<(String, String, usize), LedgerError> {
    let old = std::fs::read_to_string(path).map_err(|e| LedgerError::io("read", path, e))?;
    let (new, places) = fill(ledger, &path.display().to_string(), &old)?;
    Ok((old, new, places))
}

/// The page `text` with its figures filled in; `file` names it in errors.
///
/// # Errors
/// Markers that do not pair and selectors that match no figure.
pub fn render(ledger: &Ledger, file: &str, text: &str) -> Result<String, LedgerError> {
    Ok(fill(ledger, file, text)?.0)
}

/// The filled page and the number of generated places.
fn fill(ledger: &Ledger, file: &str, text: &str) -> Result<(String, usize), LedgerError> {
    let mut places = 0;
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n').enumerate().map(|(i, line)| (i + 1, line));
    let mut fenced = false;
    while let Some((line, content)) = lines.next() {
        fenced ^= content.trim_start().starts_with("```");
        let marker = content.trim();
        if fenced {
            out.push_str(content);
        } else if let Some(rest) = marker.strip_prefix(BEGIN) {
            let Some(selectors) = rest.strip_suffix(CLOSE) else {
                return Err(unbalanced(file, line, marker, "`-->` on the same line"));
            };
            let selectors: Vec<&str> = selectors.split_whitespace().collect();
            places += 1;
            out.push_str(content);
            out.push_str(&region(ledger, file, line, &selectors)?);
            let end = lines.find(|(_, l)| l.trim() == END || l.trim().starts_with(BEGIN));
            match end {
                Some((_, l)) if l.trim() == END => out.push_str(l),
                _ => return Err(unbalanced(file, line, marker, "`<!-- figures:end -->`")),
            }
        } else if marker == END {
            return Err(unbalanced(file, line, marker, "`<!-- figures:begin ... -->`"));
        } else {
            let (filled, found) = inline(ledger, file, line, content)?;
            out.push_str(&filled);
            places += found;
        }
    }
    Ok((out, places))
}

fn region(
    ledger: &Ledger,
    file: &str,
    line: usize,
    selectors: &[&str],
) -> Result<String, LedgerError> {
    for selector in selectors {
        if *selector != "*" && ledger.select(selector).is_empty() {
            return Err(no_such_figure(ledger, file, line, selector));
        }
    }
    match ledger.render_table(selectors) {
        table if table.is_empty() => Ok("No figures are recorded yet.\n".into()),
        table => Ok(table),
    }
}

/// Fills the figures of one line of running text; also their number.
fn inline(
    ledger: &Ledger,
    file: &str,
    line: usize,
    text: &str,
) -> Result<(String, usize), LedgerError> {
    let (mut out, mut places) = (String::new(), 0);
    let mut rest = text;
    while let Some(at) = rest.find(INLINE) {
        let (before, marked) = rest.split_at(at);
        out.push_str(before);
        if out.matches('`').count() % 2 == 1 {
            out.push_str(INLINE);
            rest = &marked[INLINE.len()..];
            continue;
        }
        let missing = |partner| unbalanced(file, line, INLINE.trim_end(), partner);
        let (key, _) = marked[INLINE.len()..].split_once(CLOSE).ok_or_else(|| missing("`-->`"))?;
        let (_, after) =
            marked.split_once(INLINE_END).ok_or_else(|| missing("`<!-- /figure -->`"))?;
        let key = key.trim();
        let entry = ledger.get(key).ok_or_else(|| no_such_figure(ledger, file, line, key))?;
        let unit = match entry.unit.as_str() {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        out.push_str(&format!(
            "{INLINE}{key} {CLOSE}{}{unit}{INLINE_END}",
            format_value(entry.value)
        ));
        rest = after;
        places += 1;
    }
    out.push_str(rest);
    Ok((out, places))
}

fn unbalanced(file: &str, line: usize, marker: &str, partner: &'static str) -> LedgerError {
    LedgerError::Unbalanced { file: file.into(), line, marker: marker.into(), partner }
}

fn no_such_figure(ledger: &Ledger, file: &str, line: usize, selector: &str) -> LedgerError {
    let score = |key: &str| strsim::jaro_winkler(selector, key);
    let nearest = ledger.entries().max_by(|a, b| score(&a.key).total_cmp(&score(&b.key)));
    LedgerError::NoSuchFigure {
        file: file.into(),
        line,
        selector: selector.into(),
        hint: nearest.map(|e| format!(", the nearest is `{}`", e.key)).unwrap_or_default(),
    }
}
