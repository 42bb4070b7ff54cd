//! [`Bundle`]: many small designs as one, so that a suite pays for one build instead of hundreds.

use crate::lockstep::Recording;
use crate::stimulus::{Row, Stimulus};
use skipopu_hdl::{Design, Dir, Module, Port, Word};
use std::collections::BTreeMap;
use std::fmt::Write;
use thiserror::Error;

/// Designs that cannot share one text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BundleError {
    /// Two designs have a module of the same name.
    #[error("two designs have a module `{module}`: emit each with a prefix of its own")]
    SameName {
        /// The module.
        module: String,
    },
    /// Tri-state ports have no place in a bundle.
    #[error(
        "port `{port}` of `{top}` is bidirectional: bundle blocks with separate input and output"
    )]
    InOut {
        /// The design's top.
        top: String,
        /// The port.
        port: String,
    },
}

/// Many designs under one top module.
///
/// Inputs of the same name, width and kind are one port of the bundle, so that all members see the same
/// vectors; every member has its own outputs. Build and run [`Bundle::design`] once with a stimulus for
/// its ports; [`Bundle::stimulus`] and [`Bundle::recording`] give each member's share.
#[derive(Clone, Debug)]
pub struct Bundle {
    design: Design,
    members: Vec<Member>,
}

#[derive(Clone, Debug)]
struct Member {
    top: String,
    ports: Vec<Port>,
    /// Name in the bundle of each port.
    names: Vec<String>,
}

impl Bundle {
    /// Bundles `designs` under a top module `name`.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn new(name: &str, designs: &[Design]) -> Result<Bundle, BundleError> {
        let mut modules: BTreeMap<&str, &Module> = BTreeMap::new();
        for m in designs.iter().flat_map(|d| &d.modules) {
            if m.name == name || modules.insert(&m.name, m).is_some() {
                return Err(BundleError::SameName { module: m.name.clone() });
            }
        }
        let mut shared: Vec<Port> = Vec::new();
        let mut outputs: Vec<Port> = Vec::new();
        let mut members = Vec::new();
        for (i, d) in designs.iter().enumerate() {
            let top = d.top();
            let mut names = Vec::new();
            for p in &top.ports {
                match p.dir {
                    Dir::In => names.push(share(&mut shared, p)),
                    Dir::Out => {
                        let port = Port { name: format!("m{i}__{}", p.name), ..p.clone() };
                        names.push(port.name.clone());
                        outputs.push(port);
                    }
                    Dir::InOut => {
                        let (top, port) = (top.name.clone(), p.name.clone());
                        return Err(BundleError::InOut { top, port });
                    }
                }
            }
            members.push(Member { top: top.name.clone(), ports: top.ports.clone(), names });
        }
        let ports: Vec<Port> = shared.into_iter().chain(outputs).collect();
        let module = Module {
            name: name.to_string(),
            text: text(name, &ports, &members),
            ports,
            instances: 1,
            parameters: Vec::new(),
            latency: None,
            children: members.iter().map(|m| m.top.clone()).collect(),
            rust_type: None,
            source: None,
            constraints: Vec::new(),
        };
        let mut externs: Vec<String> = designs.iter().flat_map(|d| d.externs.clone()).collect();
        externs.sort();
        externs.dedup();
        let all = designs.iter().flat_map(|d| d.modules.iter().cloned()).chain([module]);
        let blocks = 1 + designs.iter().map(|d| d.blocks).sum::<usize>();
        Ok(Bundle { design: Design { modules: all.collect(), blocks, externs }, members })
    }

    /// The designs as one.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Are there no members?
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Name of a member's top module.
    ///
    /// # Panics
    /// As [`Bundle::stimulus`].
    pub fn top(&self, member: usize) -> &str {
        &self.members[member].top
    }

    /// What member `member` sees of a stimulus of the bundle.
    ///
    /// # Panics
    /// When there is no such member or the stimulus is not one for the bundle's ports.
    pub fn stimulus(&self, member: usize, whole: &Stimulus) -> Stimulus {
        let m = &self.members[member];
        let mut own = Stimulus::new(&m.ports).compare_from(whole.compare_from);
        let name_of = |port: &str| {
            let at = m.ports.iter().position(|p| p.name == port).expect("a port of the member");
            &m.names[at]
        };
        let found = |at: Option<usize>| at.expect("a stimulus for the bundle's ports");
        let inputs: Vec<usize> = own
            .inputs
            .iter()
            .map(|p| found(whole.inputs.iter().position(|q| q.name == *name_of(&p.name))))
            .collect();
        let clocks: Vec<usize> = own
            .clocks
            .iter()
            .map(|c| found(whole.clocks.iter().position(|q| q == name_of(c))))
            .collect();
        own.rows = whole
            .rows
            .iter()
            .map(|r| Row {
                inputs: inputs.iter().map(|i| r.inputs[*i].clone()).collect(),
                rising: clocks.iter().map(|i| r.rising[*i]).collect(),
            })
            .collect();
        own
    }

    /// What member `member` answered in a recording of the bundle.
    ///
    /// # Panics
    /// When there is no such member or the recording is not one of the bundle.
    pub fn recording(&self, member: usize, whole: &Recording) -> Recording {
        let m = &self.members[member];
        let outputs: Vec<Port> = m.ports.iter().filter(|p| p.dir == Dir::Out).cloned().collect();
        let own = m.ports.iter().zip(&m.names).filter(|(p, _)| p.dir == Dir::Out);
        let columns: Vec<usize> = own
            .map(|(_, name)| {
                let at = whole.outputs.iter().position(|p| p.name == *name);
                at.expect("a recording of the bundle")
            })
            .collect();
        let pick = |rows: &[Vec<Word>]| {
            rows.iter().map(|r| columns.iter().map(|c| r[*c].clone()).collect()).collect()
        };
        Recording {
            label: format!("{}/{}", whole.label, m.top),
            outputs,
            settled: pick(&whole.settled),
            edge: if m.ports.iter().any(|p| p.clock) { pick(&whole.edge) } else { Vec::new() },
        }
    }
}

/// The bundle's port for a member's input.
fn share(shared: &mut Vec<Port>, p: &Port) -> String {
    let (plain, sized) = (p.name.clone(), format!("{}__{}", p.name, p.width));
    for name in [plain, sized] {
        match shared.iter().find(|q| q.name == name) {
            Some(q) if (q.width, q.clock) == (p.width, p.clock) => return name,
            Some(_) => {}
            None => {
                shared.push(Port { name: name.clone(), ..p.clone() });
                return name;
            }
        }
    }
    // A clock and a one-bit input of one name.
    let name = format!("{}__{}_{}", p.name, p.width, if p.clock { "clock" } else { "data" });
    if !shared.iter().any(|q| q.name == name) {
        shared.push(Port { name: name.clone(), ..p.clone() });
    }
    name
}

fn text(name: &str, ports: &[Port], members: &[Member]) -> String {
    let list = ports.iter().map(|p| {
        let dir = if p.dir == Dir::Out { "output" } else { "input" };
        format!("    {dir} wire [{}:0] {}", p.width - 1, p.name)
    });
    let mut v = format!("module {name} (\n{}\n);\n", list.collect::<Vec<_>>().join(",\n"));
    for (i, m) in members.iter().enumerate() {
        let pins = m.ports.iter().zip(&m.names).map(|(p, net)| format!(".{}({net})", p.name));
        let _ = writeln!(v, "    {} m{i} ({});", m.top, pins.collect::<Vec<_>>().join(", "));
    }
    v + "endmodule\n"
}
