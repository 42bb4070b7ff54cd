//! Yosys `hierarchy -check; proc; check -assert`, and no latch. One process sees the whole design.

use super::{Finding, LIMIT};
use crate::cache::Key;
use crate::tool::{Program, Tool};
use crate::workdir::Workdir;
use crate::EdaError;
use skipopu_hdl::Design;

/// Which side of `` `ifdef SYNTHESIS `` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// Behavioural models, as simulators see them.
    Behavioural,
    /// Vendor primitives, with Yosys's library of their ports.
    Primitives,
}

/// Cell types of latches after `proc`.
const LATCHES: &str = "t:$dlatch t:$adlatch t:$dlatchsr t:$_DLATCH*";

/// The branches that exist: two where any module asks for the macro.
pub(super) fn branches(design: &Design) -> Vec<Branch> {
    let split =
        |text: &str| text.contains("`ifdef SYNTHESIS") || text.contains("`ifndef SYNTHESIS");
    match design.modules.iter().any(|m| split(&m.text)) {
        true => vec![Branch::Behavioural, Branch::Primitives],
        false => vec![Branch::Behavioural],
    }
}

fn script(design: &Design, branch: Branch, files: &str) -> String {
    let top = &design.top().name;
    let read = match branch {
        Branch::Behavioural => format!("read_verilog -noautowire -nosynthesis {files}"),
        Branch::Primitives => format!(
            "read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v; read_verilog -noautowire {files}"
        ),
    };
    format!(
        "{read}; hierarchy -check -top {top}; proc; select -assert-none {LATCHES}; check -assert"
    )
}

pub(super) fn key(program: &Program, design: &Design, branch: Branch) -> Key {
    let script = script(design, branch, "");
    let fixed = [program.version.as_str(), script.as_str()];
    let modules = design.modules.iter().map(|m| m.text.as_str());
    Key::new(fixed.into_iter().chain(modules).chain(design.externs.iter().map(String::as_str)))
}

pub(super) fn check(
    program: &Program,
    design: &Design,
    branch: Branch,
) -> Result<Vec<Finding>, EdaError> {
    let top = &design.top().name;
    let work = Workdir::new(design, &design.modules)?;
    let script = script(design, branch, &work.files().join(" "));
    std::fs::write(work.path().join("check.ys"), script.replace("; ", "\n") + "\n")
        .map_err(|source| EdaError::Folder { folder: work.path().display().to_string(), source })?;
    let arguments = ["-q", "-s", "check.ys"].map(String::from);
    let outcome = program.run(top, &arguments, work.path(), LIMIT)?;
    if outcome.success {
        return Ok(Vec::new());
    }
    let findings = parse(design, &outcome.text);
    match findings.is_empty() {
        true => Err(program.failure(top, &outcome.text)),
        false => Ok(findings),
    }
}

/// Reads the warnings of `check`, the cells of a failed `select` and errors of the parser.
fn parse(design: &Design, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut latches = false;
    for line in text.lines().map(str::trim) {
        if line.contains("selection is not empty") {
            latches = true;
        } else if let Some(message) = line.strip_prefix("Warning: ") {
            findings.push(finding(design, "CHECK", message));
        } else if latches && !line.starts_with("Selection contains") && line.contains('/') {
            let (module, cell) = line.split_once('/').unwrap_or((line, ""));
            findings.push(Finding {
                module: module.trim_start_matches('\\').into(),
                ..finding(design, "LATCH", &format!("latch inferred: {cell}"))
            });
        } else if let Some((at, message)) = line.split_once("ERROR: ") {
            let mut f = finding(design, "ERROR", message);
            if let Some((file, row)) = at.trim_end_matches(": ").split_once(".v:") {
                f.module = file.rsplit('/').next().unwrap_or(file).into();
                f.line = row.parse().ok();
            }
            // `check -assert` ends with a summary of what its warnings have said.
            if !message.starts_with("Found ") || findings.is_empty() {
                findings.push(f);
            }
        }
    }
    findings
}

/// A finding whose module is the one the sentence names, else the top.
fn finding(design: &Design, warning: &str, message: &str) -> Finding {
    let names = |m: &str| {
        [
            format!(" {m}."),
            format!(" \\{m}."),
            format!("`{m}."),
            format!("`\\{m}."),
            format!(" {m}:"),
            format!(" \\{m}:"),
        ]
        .iter()
        .any(|p| message.contains(p.as_str()))
    };
    let named = design.modules.iter().find(|m| names(&m.name));
    Finding {
        tool: Tool::Yosys,
        module: named.unwrap_or(design.top()).name.clone(),
        warning: warning.into(),
        signal: None,
        line: None,
        message: message.into(),
    }
}
