//! The mapped netlist, as `write_json` gives it.

use crate::EdaError;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A net of a module, or a constant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Bit {
    Net(u32),
    Constant(String),
}

impl Bit {
    pub(crate) fn net(&self) -> Option<u32> {
        match self {
            Bit::Net(n) => Some(*n),
            Bit::Constant(_) => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Port {
    pub direction: String,
    pub bits: Vec<Bit>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Cell {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub parameters: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    pub port_directions: BTreeMap<String, String>,
    #[serde(default)]
    pub connections: BTreeMap<String, Vec<Bit>>,
}

impl Cell {
    /// Is the port an output? Bidirectional ports count as inputs.
    pub(crate) fn is_output(&self, port: &str) -> bool {
        self.port_directions.get(port).is_some_and(|d| d == "output")
    }

    /// A numeric parameter; Yosys writes binary text.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match self.parameters.get(name)? {
            serde_json::Value::Number(n) => n.as_u64(),
            serde_json::Value::String(s) => u64::from_str_radix(s, 2).ok(),
            _ => None,
        }
    }

    /// The nets of a port, constants left out.
    pub(crate) fn nets(&self, port: &str) -> impl Iterator<Item = u32> + '_ {
        self.connections.get(port).into_iter().flatten().filter_map(Bit::net)
    }
}

#[derive(Serialize, Deserialize)]
struct NetName {
    #[serde(default)]
    hide_name: u8,
    bits: Vec<Bit>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct NetModule {
    #[serde(default)]
    attributes: BTreeMap<String, serde_json::Value>,
    pub ports: BTreeMap<String, Port>,
    pub cells: BTreeMap<String, Cell>,
    netnames: BTreeMap<String, NetName>,
}

impl NetModule {
    /// A readable name for every net: a declared one where there is one.
    pub(crate) fn names(&self) -> HashMap<u32, String> {
        let mut names: HashMap<u32, (u8, String)> = HashMap::new();
        for (name, net) in &self.netnames {
            for (i, bit) in net.bits.iter().enumerate() {
                let Some(n) = bit.net() else { continue };
                let text = match net.bits.len() {
                    1 => name.clone(),
                    _ => format!("{name}[{i}]"),
                };
                let better = names.get(&n).is_none_or(|(hidden, old)| {
                    (net.hide_name, text.len(), &text) < (*hidden, old.len(), old)
                });
                if better {
                    names.insert(n, (net.hide_name, text));
                }
            }
        }
        names.into_iter().map(|(n, (_, text))| (n, text)).collect()
    }
}

#[derive(Deserialize)]
struct File {
    modules: BTreeMap<String, NetModule>,
}

/// The modules that the top reaches.
pub(crate) struct Netlist {
    pub modules: BTreeMap<String, NetModule>,
    /// Names, children before parents; the top is last.
    pub order: Vec<String>,
}

impl Netlist {
    /// Of modules mapped by themselves or together.
    pub(crate) fn new(
        top: &str,
        modules: BTreeMap<String, NetModule>,
    ) -> Result<Netlist, EdaError> {
        if !modules.contains_key(top) {
            let message = "the top is missing".into();
            return Err(EdaError::Netlist { module: top.into(), message });
        }
        let mut order = Vec::new();
        visit(&modules, top, &mut order);
        Ok(Netlist { modules, order })
    }

    /// How often each module occurs below the top.
    pub(crate) fn instances(&self) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<String, u64> = self.order.iter().map(|n| (n.clone(), 0)).collect();
        *counts.get_mut(self.order.last().expect("a top")).expect("counted") = 1;
        for name in self.order.iter().rev() {
            let times = counts[name];
            for cell in self.modules[name].cells.values() {
                if let Some(count) = counts.get_mut(&cell.kind) {
                    *count += times;
                }
            }
        }
        counts
    }
}

/// Reads the text of `write_json`; vendor cells are dropped, and so are modules of which only the ports were given.
pub(crate) fn parse(top: &str, json: &str) -> Result<Netlist, EdaError> {
    let bad = |message: String| EdaError::Netlist { module: top.into(), message };
    let file: File = serde_json::from_str(json).map_err(|e| bad(e.to_string()))?;
    let library =
        |m: &NetModule| ["blackbox", "whitebox"].iter().any(|a| m.attributes.contains_key(*a));
    Netlist::new(top, file.modules.into_iter().filter(|(_, m)| !library(m)).collect())
}

fn visit(modules: &BTreeMap<String, NetModule>, name: &str, order: &mut Vec<String>) {
    if order.iter().any(|n| n == name) {
        return;
    }
    for cell in modules[name].cells.values() {
        if modules.contains_key(&cell.kind) {
            visit(modules, &cell.kind, order);
        }
    }
    order.push(name.into());
}
