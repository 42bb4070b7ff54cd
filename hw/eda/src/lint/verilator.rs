//! `verilator --lint-only -Wall`, one module as top.
//!
//! The design's top is read with all modules below it, which shows loops through several of them. Elsewhere children are replaced by
//! empty modules with the same ports. Warnings inside children are left to the children's own runs.

use super::shell::shells;
use super::{Finding, LIMIT};
use crate::cache::Key;
use crate::tool::{Program, Tool};
use crate::workdir::Workdir;
use crate::EdaError;
use skipopu_hdl::{Design, Module};

const FLAGS: &[&str] = &["--lint-only", "-Wall", "-Wno-fatal", "--top-module"];

pub(super) fn key(program: &Program, design: &Design, module: &Module) -> Key {
    let fixed = [program.version.as_str(), "lint"].into_iter().chain(FLAGS.iter().copied());
    let externs = design.externs.iter().map(String::as_str);
    let shells = match is_top(design, module) {
        true => String::new(),
        false => shells(design, module),
    };
    let texts = read(design, module).into_iter().map(|m| m.text.as_str());
    Key::new(fixed.chain(texts).chain([shells.as_str()]).chain(externs))
}

fn is_top(design: &Design, module: &Module) -> bool {
    design.top().name == module.name
}

/// Modules that are read whole, the top last.
fn read<'d>(design: &'d Design, module: &'d Module) -> Vec<&'d Module> {
    match is_top(design, module) {
        true => design.closure(&module.name),
        false => vec![module],
    }
}

pub(super) fn check(
    program: &Program,
    design: &Design,
    module: &Module,
) -> Result<Vec<Finding>, EdaError> {
    let mut work = Workdir::new(design, read(design, module))?;
    let mut arguments: Vec<String> = FLAGS.iter().map(|f| f.to_string()).collect();
    arguments.push(module.name.clone());
    // The module itself first: its file decides the default time unit and name checks.
    arguments.extend(work.files().iter().rev().cloned());
    if !is_top(design, module) {
        work.write("shells.v", &shells(design, module))?;
        arguments.push("shells.v".into());
    }
    let outcome = program.run(&module.name, &arguments, work.path(), LIMIT)?;
    let all: Vec<Finding> = outcome.text.lines().filter_map(parse).collect();
    if !outcome.success && !all.iter().any(|f| f.warning == "ERROR") {
        return Err(program.failure(&module.name, &outcome.text));
    }
    Ok(all.into_iter().filter(|f| f.module == module.name || f.warning == "ERROR").collect())
}

/// Reads `%Warning-CODE: FILE.v:LINE:COLUMN: sentence 'signal'` and `%Error...`.
fn parse(line: &str) -> Option<Finding> {
    let rest = line.strip_prefix('%')?;
    let (head, rest) = rest.split_once(": ")?;
    let warning = match head.strip_prefix("Warning-") {
        Some(code) => code,
        None if head.starts_with("Error") => "ERROR",
        None => return None,
    };
    let mut parts = rest.splitn(4, ':');
    let (file, row, _, message) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let message = message.trim();
    Some(Finding {
        tool: Tool::Verilator,
        module: file.rsplit('/').next()?.trim_end_matches(".v").into(),
        warning: warning.into(),
        signal: message.split('\'').nth(1).map(str::to_string),
        line: row.parse().ok(),
        message: message.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_warnings_and_errors() {
        let f = parse("%Warning-UNUSEDSIGNAL: kid.v:2:7: Bits of signal are not used: 'u'[3:1]")
            .unwrap();
        assert_eq!(
            (f.module.as_str(), f.warning.as_str(), f.line),
            ("kid", "UNUSEDSIGNAL", Some(2))
        );
        assert_eq!(f.signal.as_deref(), Some("u"));
        let e = parse("%Error: a/m.v:3:1: syntax error, unexpected ';'").unwrap();
        assert_eq!((e.module.as_str(), e.warning.as_str()), ("m", "ERROR"));
        let e = parse("%Error-PINNOTFOUND: m.v:3:1: Pin not found: 'x'").unwrap();
        assert_eq!(e.warning, "ERROR");
        assert_eq!(parse("%Error: Exiting due to 1 error(s)"), None);
        assert_eq!(parse("    2 |  wire w;"), None);
    }
}
