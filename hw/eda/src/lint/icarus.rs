//! `iverilog -g2005 -t null`, one module as top.
//!
//! Children are replaced by empty modules with the same ports, so that the work is linear in the
//! text and not in the number of instances.

use super::{Finding, LIMIT};
use crate::cache::Key;
use crate::tool::{Program, Tool};
use crate::workdir::Workdir;
use crate::EdaError;
use skipopu_hdl::{Design, Dir, Module};

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

/// Empty modules with the ports of the children.
fn shells(design: &Design, module: &Module) -> String {
    let children = module.children.iter().filter_map(|name| design.module(name));
    children.map(shell).collect()
}

fn shell(module: &Module) -> String {
    let ports = module.ports.iter().map(|p| {
        let dir = match p.dir {
            Dir::In => "input",
            Dir::Out => "output",
            Dir::InOut => "inout",
        };
        match p.width {
            1 => format!("    {dir} wire {}", p.name),
            w => format!("    {dir} wire [{}:0] {}", w - 1, p.name),
        }
    });
    format!("module {} (\n{}\n);\nendmodule\n", module.name, ports.collect::<Vec<_>>().join(",\n"))
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
