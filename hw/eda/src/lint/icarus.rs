//! `iverilog -g2005 -t null`, one module as top.
//!
//! Children are replaced by empty modules with the same ports, so that the work is linear in the
//! text and not in the number of instances.

use super::shell::shells;
use super::{Finding, LIMIT};
use crate::cache::Key;
use crate::tool::{Program, Tool};
use crate::workdir::Workdir;
use crate::EdaError;
use skipopu_hdl::{Design, Module};

const FLAGS: &[&str] = &["-g2005", "-t", "null", "-s"];

pub(super) fn key(program: &Program, design: &Design, module: &Module) -> Key {
    let fixed = [program.version.as_str(), "read"].into_iter().chain(FLAGS.iter().copied());
    let shells = shells(design, module);
    let texts = [module.text.as_str(), shells.as_str()].into_iter();
    Key::new(fixed.chain(texts).chain(design.externs.iter().map(String::as_str)))
}

pub(super) fn check(
    program: &Program,
    design: &Design,
    module: &Module,
) -> Result<Vec<Finding>, EdaError> {
    let mut work = Workdir::new(design, [module])?;
    work.write("shells.v", &shells(design, module))?;
    let mut arguments: Vec<String> = FLAGS.iter().map(|f| f.to_string()).collect();
    arguments.push(module.name.clone());
    arguments.extend(work.files().iter().cloned());
    let outcome = program.run(&module.name, &arguments, work.path(), LIMIT)?;
    if outcome.success {
        return Ok(Vec::new());
    }
    let errors: Vec<Finding> =
        outcome.text.lines().filter_map(|l| parse(&module.name, l)).collect();
    match errors.is_empty() {
        true => Err(program.failure(&module.name, &outcome.text)),
        false => Ok(errors),
    }
}

/// Reads `FILE.v:LINE: error: sentence` and `FILE.v:LINE: syntax error`.
fn parse(top: &str, line: &str) -> Option<Finding> {
    let (file, rest) = line.split_once(".v:")?;
    let (row, message) = rest.split_once(": ")?;
    message.contains("error").then(|| Finding {
        tool: Tool::Icarus,
        module: if matches!(file, "shells" | "externs") { top.into() } else { file.into() },
        warning: "ERROR".into(),
        signal: None,
        line: row.parse().ok(),
        message: message.trim().into(),
    })
}
