//! Maps a module to UltraScale+ cells with Yosys and reports cells and logic depth.
//!
//! Cells are counted over the hierarchy, each module times its instances. Counts are of raw cells:
//! two small LUTs that a placer would pair in one LUT6 count as two. Logic depth comes from our own
//! longest path over the netlist ([`Depth`] says what counts as a level). Where the hierarchy is kept, very large modules are
//! mapped with less effort, and cost more LUTs than they need.

mod area;
mod cells;
mod depth;
mod netlist;

pub use area::{Area, Device, U280};
pub use depth::{Depth, Path};

use crate::cache::{Cache, Key};
use crate::table::Table;
use crate::tool::{Program, Tool, Toolbox};
use crate::workdir::Workdir;
use crate::EdaError;
use netlist::{NetModule, Netlist};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use skipopu_hdl::{Design, Module};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// Raise when the meaning of a report changes: older cached reports are then ignored.
const REPORT_VERSION: &str = "2";

/// Elaborated text above which the hierarchy is kept.
const FLAT_LIMIT_BYTES: usize = 1_000_000;

/// Text of a module, kept apart from others, above which its logic is mapped without the optimisations that take hours on
/// it: its LUTs are more than they need be.
const QUICK_LIMIT_BYTES: usize = 200_000;

/// How ABC maps such a module.
const QUICK: &str = "&if -W 300\n&mfs\n";

/// What becomes of module borders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hierarchy {
    /// Flattened while the design is small, kept beyond.
    #[default]
    Auto,
    /// Dissolved before mapping: logic is optimised across borders, depth is exact.
    Flatten,
    /// Kept: every distinct module is mapped once and by itself, however often it occurs, and remembered by content, so
    /// that a long run can be interrupted.
    Keep,
}

/// How to synthesise.
#[derive(Clone, Debug)]
pub struct SynthOptions {
    /// Where Yosys is.
    pub toolbox: Toolbox,
    /// Where reports are remembered.
    pub cache: Cache,
    /// What becomes of module borders.
    pub hierarchy: Hierarchy,
    /// May shift registers become SRL cells? Off by default (`-nosrl`): the blocks that want an
    /// SRL instantiate it.
    pub infer_srl: bool,
    /// Longest time Yosys may take.
    pub limit: Duration,
}

impl Default for SynthOptions {
    fn default() -> Self {
        SynthOptions {
            toolbox: Toolbox::standard(),
            cache: Cache::standard(),
            hierarchy: Hierarchy::Auto,
            infer_srl: false,
            limit: Duration::from_secs(3600),
        }
    }
}

/// What a module costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SynthReport {
    /// The module.
    pub module: String,
    /// First line of Yosys's version.
    pub tool: String,
    /// The mapping command, with all options.
    pub settings: String,
    /// Cells of the module and everything below it.
    pub area: Area,
    /// Longest logic paths of the module and everything below it.
    pub depth: Depth,
    /// The modules of the mapped netlist, children first: one if it was flattened.
    pub modules: Vec<ModuleReport>,
}

/// One module of a mapped netlist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleReport {
    /// The module.
    pub module: String,
    /// How often it occurs below the top.
    pub instances: u64,
    /// Cells of one instance, children included.
    pub area: Area,
    /// Longest paths of one instance, through its children.
    pub depth: Depth,
}

impl SynthReport {
    /// One row per module of the mapped netlist, the top last.
    pub fn table(&self) -> Table {
        table(self.modules.iter().map(|m| (m.module.as_str(), m.instances, &m.area, &m.depth)))
    }
}

/// A table over several reports, one row each.
pub fn summary<'r>(reports: impl IntoIterator<Item = &'r SynthReport>) -> Table {
    table(reports.into_iter().map(|r| (r.module.as_str(), 1, &r.area, &r.depth)))
}

fn table<'a>(rows: impl Iterator<Item = (&'a str, u64, &'a Area, &'a Depth)>) -> Table {
    let mut table = Table::new(&[
        "module",
        ">count",
        ">LUT",
        ">FF",
        ">DSP",
        ">CARRY8",
        ">BRAM",
        ">URAM",
        ">SRL",
        ">LUTRAM",
        ">MUXF",
        ">depth",
        ">in",
        ">out",
        ">through",
        "longest path",
    ]);
    let level = |p: &Option<Path>| p.as_ref().map_or("-".into(), |p| p.levels.to_string());
    for (name, count, a, d) in rows {
        table.row(vec![
            name.into(),
            count.to_string(),
            a.luts.to_string(),
            a.ffs.to_string(),
            a.dsps.to_string(),
            a.carry8.to_string(),
            a.brams().to_string(),
            a.urams.to_string(),
            a.srls.to_string(),
            a.lutrams.to_string(),
            a.muxf.to_string(),
            level(&d.reg_to_reg),
            level(&d.in_to_reg),
            level(&d.reg_to_out),
            level(&d.through),
            d.worst().map(|p| format!("{} -> {}", p.from, p.to)).unwrap_or_default(),
        ]);
    }
    table
}

/// Synthesises `module` of `design`, or recalls the report.
///
/// # Errors
/// A missing or failing Yosys, an unknown module, a combinational loop.
pub fn run(design: &Design, module: &str, options: &SynthOptions) -> Result<SynthReport, EdaError> {
    run_with(design, module, options, |_, _, _| ())
}

/// As [`run`]; where the hierarchy is kept, modules are mapped side by side, and `progress` hears of each before it is: its
/// name, how many were begun before, how many there are.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    design: &Design,
    module: &str,
    options: &SynthOptions,
    progress: impl FnMut(&str, usize, usize) + Send,
) -> Result<SynthReport, EdaError> {
    let job = Job::new(design, module, options)?;
    if let Some(report) = options.cache.get(&job.key) {
        return Ok(report);
    }
    let report = job.run(options, progress)?;
    options.cache.put(&job.key, &report);
    Ok(report)
}

/// The report of `module` if it is remembered; Yosys is asked for its version at most.
pub fn cached(design: &Design, module: &str, options: &SynthOptions) -> Option<SynthReport> {
    options.cache.get(&Job::new(design, module, options).ok()?.key)
}

struct Job<'d> {
    design: &'d Design,
    program: Program,
    module: String,
    modules: Vec<&'d Module>,
    flatten: bool,
    settings: String,
    key: Key,
}

impl<'d> Job<'d> {
    fn new(design: &'d Design, module: &str, options: &SynthOptions) -> Result<Job<'d>, EdaError> {
        if design.modules.is_empty() {
            return Err(EdaError::Empty);
        }
        if design.module(module).is_none() {
            return Err(EdaError::NoSuchModule {
                module: module.into(),
                top: design.top().name.clone(),
            });
        }
        let program = options.toolbox.find(Tool::Yosys)?;
        let modules = design.closure(module);
        let flatten = match options.hierarchy {
            Hierarchy::Flatten => true,
            Hierarchy::Keep => false,
            Hierarchy::Auto => elaborated_bytes(&modules) < FLAT_LIMIT_BYTES,
        };
        let settings = settings(module, flatten, options);
        let fixed = [REPORT_VERSION, program.version.as_str(), settings.as_str()];
        let key = Key::new(
            fixed
                .into_iter()
                .chain(modules.iter().map(|m| m.text.as_str()))
                .chain(design.externs.iter().map(String::as_str)),
        );
        Ok(Job { program, design, module: module.into(), modules, flatten, settings, key })
    }

    fn run(
        &self,
        options: &SynthOptions,
        progress: impl FnMut(&str, usize, usize) + Send,
    ) -> Result<SynthReport, EdaError> {
        if self.flatten {
            let whole = self.map(&self.module, &self.modules, &[], &self.settings, options)?;
            return self.report(&whole);
        }
        let begun = Mutex::new((0, progress));
        let one = |module: &&Module| {
            let mut begun = begun.lock().unwrap_or_else(|e| e.into_inner());
            let (number, progress) = &mut *begun;
            progress(&module.name, *number, self.modules.len());
            *number += 1;
            drop(begun);
            Ok((module.name.clone(), self.one(module, options)?))
        };
        let mapped: Result<BTreeMap<String, NetModule>, EdaError> =
            self.modules.par_iter().map(one).collect();
        self.report(&Netlist::new(&self.module, mapped?)?)
    }

    /// One module by itself, or what is remembered of it: of its children only the ports count.
    fn one(&self, module: &Module, options: &SynthOptions) -> Result<NetModule, EdaError> {
        let children: Vec<&Module> =
            module.children.iter().filter_map(|c| self.design.module(c)).collect();
        let ports: Vec<String> =
            children.iter().map(|c| format!("{} {:?}", c.name, c.ports)).collect();
        let settings = settings(&module.name, false, options);
        let quick = if module.text.len() > QUICK_LIMIT_BYTES { QUICK } else { "" };
        let fixed = [REPORT_VERSION, &self.program.version, &settings, quick, &module.text];
        let externs = self.design.externs.iter().map(String::as_str);
        let key =
            Key::new(fixed.into_iter().chain(ports.iter().map(String::as_str)).chain(externs));
        if let Some(known) = options.cache.get(&key) {
            return Ok(known);
        }
        let settings = match quick {
            "" => settings,
            _ => format!("scratchpad -set abc9.script quick.abc\n{settings}"),
        };
        let mut netlist = self.map(&module.name, &[module], &children, &settings, options)?;
        let mapped = netlist.modules.remove(&module.name).expect("a netlist has its top");
        options.cache.put(&key, &mapped);
        Ok(mapped)
    }

    /// Maps `modules`, of which `top` is one; of `boxes` only the ports are read.
    fn map(
        &self,
        top: &str,
        modules: &[&Module],
        boxes: &[&Module],
        settings: &str,
        options: &SynthOptions,
    ) -> Result<Netlist, EdaError> {
        let work = Workdir::new(self.design, modules.iter().copied())?;
        let unusable =
            |source| EdaError::Folder { folder: work.path().display().to_string(), source };
        let mut script = String::new();
        for module in boxes {
            let file = format!("{}.v", module.name);
            std::fs::write(work.path().join(&file), &module.text).map_err(unusable)?;
            script += &format!("read_verilog -noautowire -lib {file}\n");
        }
        script += &format!(
            "read_verilog -noautowire {}\n{settings}\nwrite_json netlist.json\n",
            work.files().join(" "),
        );
        std::fs::write(work.path().join("quick.abc"), QUICK).map_err(unusable)?;
        std::fs::write(work.path().join("synth.ys"), script).map_err(unusable)?;
        let arguments = ["-q", "-s", "synth.ys"].map(String::from);
        let outcome = self.program.run(top, &arguments, work.path(), options.limit)?;
        if !outcome.success {
            return Err(self.program.failure(top, &outcome.text));
        }
        let json = std::fs::read_to_string(work.path().join("netlist.json")).map_err(unusable)?;
        netlist::parse(top, &json)
    }

    fn report(&self, netlist: &Netlist) -> Result<SynthReport, EdaError> {
        let areas = area::count(netlist);
        let depths = depth::analyse(netlist)?;
        let instances = netlist.instances();
        let modules: Vec<ModuleReport> = netlist
            .order
            .iter()
            .map(|name| ModuleReport {
                module: name.clone(),
                instances: instances[name],
                area: areas[name].clone(),
                depth: depths[name].clone(),
            })
            .collect();
        let top = modules.last().expect("the top is in the netlist").clone();
        Ok(SynthReport {
            module: self.module.clone(),
            tool: self.program.version.clone(),
            settings: self.settings.clone(),
            area: top.area,
            depth: top.depth,
            modules,
        })
    }
}

/// The mapping command of a module.
fn settings(module: &str, flatten: bool, options: &SynthOptions) -> String {
    format!(
        "synth_xilinx -family xcup{} -abc9 -noiopad -noclkbuf{} -top {module}",
        if flatten { " -flatten" } else { "" },
        if options.infer_srl { "" } else { " -nosrl" },
    )
}

/// Bytes of text after elaboration: each module times its instances below the last.
fn elaborated_bytes(modules: &[&Module]) -> usize {
    let tops = modules.last().map_or(1, |m| m.instances.max(1));
    modules.iter().map(|m| m.text.len() * m.instances.max(1).div_ceil(tops)).sum()
}
