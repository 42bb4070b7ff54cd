//! Holds every module of a design, alone, against three independent readers.
//!
//! | check | tool | passes when |
//! |---|---|---|
//! | warnings | `verilator --lint-only -Wall`, the module as top, its children as empty shells; the design's top over all of its modules | every warning is waived by name, with a reason |
//! | reading | `iverilog -g2005 -t null`, the module as top, its children as empty shells | it elaborates |
//! | structure | Yosys `hierarchy -check; proc; check -assert` | no undriven or doubly driven wire, no loop, no latch |
//!
//! Yosys checks twice where the text depends on the macro `SYNTHESIS`: the behavioural branch and
//! the branch of vendor primitives.

mod icarus;
mod shell;
mod structure;
mod verilator;
mod waiver;

pub use waiver::Waiver;

use crate::cache::Cache;
use crate::table::Table;
use crate::tool::{Tool, Toolbox};
use crate::EdaError;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use skipopu_hdl::{Design, Module};
use std::time::Duration;

/// Longest time one tool may take for one module.
const LIMIT: Duration = Duration::from_secs(300);

/// What a tool objects to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Who says so.
    pub tool: Tool,
    /// Module concerned.
    pub module: String,
    /// Code of the warning, or `ERROR`, `LATCH`, `CHECK`.
    pub warning: String,
    /// Signal concerned, where the tool names one.
    pub signal: Option<String>,
    /// Line of the module's text, where known.
    pub line: Option<usize>,
    /// The tool's sentence.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = self.line.map(|l| format!(":{l}")).unwrap_or_default();
        write!(f, "{}.v{line}: {} ({}): {}", self.module, self.warning, self.tool, self.message)
    }
}

/// How to lint.
#[derive(Clone, Debug)]
pub struct LintOptions {
    /// Where the tools are.
    pub toolbox: Toolbox,
    /// Where passes are remembered.
    pub cache: Cache,
    /// Accepted warnings.
    pub waivers: Vec<Waiver>,
}

impl LintOptions {
    /// Installed tools, the standard cache and the project's waivers.
    ///
    /// # Errors
    /// [`EdaError::Waivers`] where the waiver file is damaged.
    pub fn standard() -> Result<LintOptions, EdaError> {
        Ok(LintOptions {
            toolbox: Toolbox::standard(),
            cache: Cache::standard(),
            waivers: Waiver::project()?,
        })
    }
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LintReport {
    /// Modules checked.
    pub modules: usize,
    /// Checks made, over all tools; those taken from the cache included.
    pub checks: usize,
    /// Checks taken from the cache.
    pub cached: usize,
    /// Objections that no waiver covers.
    pub findings: Vec<Finding>,
    /// How many warnings each waiver covered, in the order of [`LintOptions::waivers`].
    pub waived: Vec<usize>,
}

impl LintReport {
    /// Did every module pass?
    pub fn clean(&self) -> bool {
        self.findings.is_empty() && self.checks > 0
    }

    /// Adds the counts and findings of another design's report (same waivers).
    pub fn merge(&mut self, other: LintReport) {
        self.modules += other.modules;
        self.checks += other.checks;
        self.cached += other.cached;
        for finding in other.findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
        self.waived.resize(other.waived.len(), 0);
        for (sum, n) in self.waived.iter_mut().zip(other.waived) {
            *sum += n;
        }
    }

    /// The findings as a table.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&["module", ">line", "warning", "tool", "message"]);
        for f in &self.findings {
            table.row(vec![
                f.module.clone(),
                f.line.map(|l| l.to_string()).unwrap_or_default(),
                f.warning.clone(),
                f.tool.to_string(),
                f.message.clone(),
            ]);
        }
        table
    }
}

/// One check of one module (or, for Yosys, of the whole design).
enum Job<'d> {
    Warnings(&'d Module),
    Reading(&'d Module),
    Structure(structure::Branch),
}

/// Checks every module of `design`.
///
/// # Errors
/// A missing or failing tool, an empty design. What the tools object to is in the report.
pub fn check(design: &Design, options: &LintOptions) -> Result<LintReport, EdaError> {
    if design.modules.is_empty() {
        return Err(EdaError::Empty);
    }
    let mut jobs: Vec<Job> = structure::branches(design).into_iter().map(Job::Structure).collect();
    jobs.extend(design.modules.iter().map(Job::Warnings));
    jobs.extend(design.modules.iter().map(Job::Reading));

    let results: Vec<Result<(Vec<Finding>, bool), EdaError>> =
        jobs.par_iter().map(|job| run(job, design, options)).collect();

    let mut report = LintReport {
        modules: design.modules.len(),
        checks: jobs.len(),
        waived: vec![0; options.waivers.len()],
        ..LintReport::default()
    };
    for result in results {
        let (findings, cached) = result?;
        report.cached += usize::from(cached);
        for finding in findings {
            match options.waivers.iter().position(|w| w.covers(&finding)) {
                Some(i) => report.waived[i] += 1,
                None => report.findings.push(finding),
            }
        }
    }
    Ok(report)
}

/// Runs a check, or recalls it. Warnings are remembered before waiving; errors are not.
fn run(
    job: &Job,
    design: &Design,
    options: &LintOptions,
) -> Result<(Vec<Finding>, bool), EdaError> {
    let program = options.toolbox.find(match job {
        Job::Warnings(_) => Tool::Verilator,
        Job::Reading(_) => Tool::Icarus,
        Job::Structure(_) => Tool::Yosys,
    })?;
    let key = match job {
        Job::Warnings(module) => verilator::key(&program, design, module),
        Job::Reading(module) => icarus::key(&program, design, module),
        Job::Structure(branch) => structure::key(&program, design, *branch),
    };
    if let Some(findings) = options.cache.get(&key) {
        return Ok((findings, true));
    }
    let findings = match job {
        Job::Warnings(module) => verilator::check(&program, design, module),
        Job::Reading(module) => icarus::check(&program, design, module),
        Job::Structure(branch) => structure::check(&program, design, *branch),
    }?;
    if !findings.iter().any(|f| f.warning == "ERROR") {
        options.cache.put(&key, &findings);
    }
    Ok((findings, false))
}
