//! Logic depth: the longest path over the cells of a netlist.
//!
//! A module is one directed graph over its nets. Registers, memories and ports are the ends of
//! paths. A child module stands in its parent as the summary of its own analysis, bit by bit, so
//! that a kept hierarchy costs each module once and a loop is a loop only if bits really close it.

mod graph;
mod timing;

use super::netlist::{NetModule, Netlist};
use crate::EdaError;
use graph::{Graph, Pin, Reach};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Longest combinational paths, in levels. `None` where no such path exists.
///
/// | cell | levels |
/// |---|---|
/// | LUT, inverter, MUXF7/8/9 | 1 each |
/// | carry chain, however long | 1 on entering it |
/// | asynchronous read of LUT RAM or SRL | 1 |
/// | DSP without output register | 1 from the last register inside, or from its unregistered inputs |
/// | flip-flop, block RAM, UltraRAM, registered DSP output | 0: a path starts or ends there |
/// | clock and I/O buffer | 0 |
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// Between registers.
    pub reg_to_reg: Option<Path>,
    /// From an input of the module to a register.
    pub in_to_reg: Option<Path>,
    /// From a register to an output of the module.
    pub reg_to_out: Option<Path>,
    /// From an input to an output of the module.
    pub through: Option<Path>,
}

/// One path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// Levels of logic.
    pub levels: u32,
    /// Where it starts: a register's output net or an input port.
    pub from: String,
    /// Where it ends: a cell's pin or an output port.
    pub to: String,
}

impl Depth {
    /// The longest path of all, whatever its ends.
    pub fn worst(&self) -> Option<&Path> {
        [&self.reg_to_reg, &self.in_to_reg, &self.reg_to_out, &self.through]
            .into_iter()
            .flatten()
            .reduce(|a, b| if b.levels > a.levels { b } else { a })
    }

    /// Levels between registers; 0 where no path joins two.
    pub fn levels(&self) -> u32 {
        self.reg_to_reg.as_ref().map_or(0, |p| p.levels)
    }
}

/// What a parent needs to know of a module, by port and bit.
struct Summary {
    depth: Depth,
    /// Levels from this input to the farthest register, and which.
    ends: BTreeMap<Pin, (u32, Rc<str>)>,
    /// Levels from the farthest register to this output, and which.
    starts: BTreeMap<Pin, (u32, Rc<str>)>,
    /// Levels from input to output.
    arcs: Vec<(Pin, Pin, u32)>,
}

/// The depth of one instance of every module.
pub(super) fn analyse(netlist: &Netlist) -> Result<BTreeMap<String, Depth>, EdaError> {
    let mut summaries: HashMap<&str, Summary> = HashMap::new();
    for name in &netlist.order {
        let is_top = Some(name) == netlist.order.last();
        let summary = summarise(name, &netlist.modules[name], &summaries, is_top)?;
        summaries.insert(name, summary);
    }
    Ok(summaries.into_iter().map(|(name, s)| (name.to_string(), s.depth)).collect())
}

fn summarise(
    name: &str,
    module: &NetModule,
    children: &HashMap<&str, Summary>,
    is_top: bool,
) -> Result<Summary, EdaError> {
    let mut graph = Graph::new(module);
    let carries = timing::carry_outs(module);
    let mut depth = Depth::default();
    for (cell_name, cell) in &module.cells {
        match children.get(cell.kind.as_str()) {
            Some(child) => {
                longer(&mut depth.reg_to_reg, inside(cell_name, &child.depth.reg_to_reg));
                graph.add_child(cell_name, cell, child);
            }
            None => graph.add_cell(cell_name, cell, &carries),
        }
    }
    let order = graph.order().map_err(|nets| EdaError::Loop { module: name.into(), nets })?;
    let ports = |direction: &str| -> Vec<(String, usize, u32)> {
        let chosen = module.ports.iter().filter(|(_, p)| p.direction == direction);
        chosen
            .flat_map(|(port, p)| {
                p.bits
                    .iter()
                    .enumerate()
                    .filter_map(move |(i, b)| Some((port.clone(), i, b.net()?)))
            })
            .collect()
    };
    let (inputs, outputs) = (ports("input"), ports("output"));

    let from_registers =
        graph.forward(&order, graph.starts.iter().map(|s| (s.node, s.levels, s.label.clone())));
    let from_inputs = graph.forward(
        &order,
        inputs.iter().map(|(p, i, n)| (graph.node(*n), 0, bit_name(module, p, *i))),
    );
    for end in &graph.ends {
        let path = |reach: &Reach| reach.path(end.node, end.levels, &end.label);
        longer(&mut depth.reg_to_reg, path(&from_registers));
        longer(&mut depth.in_to_reg, path(&from_inputs));
    }
    let mut starts = BTreeMap::new();
    for (port, i, net) in &outputs {
        let (node, label) = (graph.node(*net), bit_name(module, port, *i));
        let start = from_registers.path(node, 0, &label);
        if let Some(p) = &start {
            starts.insert((port.clone(), *i), (p.levels, Rc::from(p.from.as_str())));
        }
        longer(&mut depth.reg_to_out, start);
        longer(&mut depth.through, from_inputs.path(node, 0, &label));
    }
    let (mut ends, mut arcs) = (BTreeMap::new(), Vec::new());
    if !is_top {
        ends = graph.backward(&order, &inputs);
        if depth.through.is_some() {
            arcs = graph.through(&order, &inputs, &outputs);
        }
    }
    Ok(Summary { depth, ends, starts, arcs })
}

/// Keeps the longer path; of equals, the first.
fn longer(best: &mut Option<Path>, candidate: Option<Path>) {
    if let Some(c) = candidate {
        if best.as_ref().is_none_or(|b| c.levels > b.levels) {
            *best = Some(c);
        }
    }
}

fn inside(cell: &str, path: &Option<Path>) -> Option<Path> {
    let p = path.as_ref()?;
    Some(Path {
        levels: p.levels,
        from: format!("{cell}.{}", p.from),
        to: format!("{cell}.{}", p.to),
    })
}

fn bit_name(module: &NetModule, port: &str, bit: usize) -> Rc<str> {
    match module.ports[port].bits.len() {
        1 => port.into(),
        _ => format!("{port}[{bit}]").into(),
    }
}
