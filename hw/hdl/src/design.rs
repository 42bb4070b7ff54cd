//! What the emitter produces: a [`Design`] of Verilog [`Module`]s, children before parents.

use crate::Constraint;
use serde::Serialize;

/// Direction of a module port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dir {
    /// Driven from outside.
    In,
    /// Driven by the module.
    Out,
    /// Driven from either side (tri-state).
    InOut,
}

/// One port of an emitted module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Verilog identifier, e.g. `in_valid` for the field `valid` of the interface `in`.
    pub name: String,
    /// Direction.
    pub dir: Dir,
    /// Bits.
    pub width: usize,
    /// Is it a clock (rust-hdl type `Clock`)?
    pub clock: bool,
    /// Is it two's complement (rust-hdl type `Signed`)?
    pub signed: bool,
}

/// One emitted module: a structurally distinct block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Verilog identifier.
    pub name: String,
    /// Ports in declaration order.
    pub ports: Vec<Port>,
    /// The whole `module ... endmodule` text.
    pub text: String,
    /// How often the block occurs in the elaborated design.
    pub instances: usize,
    /// Elaboration parameters by name (widths, counts), for the header and the manifest.
    pub parameters: Vec<(String, String)>,
    /// Cycles from input to output, where the block states it.
    pub latency: Option<usize>,
    /// Names of the modules it instantiates, each once, in first-use order.
    pub children: Vec<String>,
    /// Rust path of the block's type, e.g. `skipopu_hw::primitives::fifo::Fifo`.
    pub rust_type: Option<String>,
    /// Where the block is written: `file:line`.
    pub source: Option<String>,
    /// What its clock-domain crossings ask of placement and routing.
    pub constraints: Vec<Constraint>,
}

/// An elaborated, emitted design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Design {
    /// Modules, every one after those it instantiates; the last is the top.
    pub modules: Vec<Module>,
    /// Blocks in the elaborated hierarchy (registers included), before de-duplication.
    pub blocks: usize,
    /// Declarations of external cores that hand-written blocks name, each once.
    pub externs: Vec<String>,
}

impl Design {
    /// The top module.
    pub fn top(&self) -> &Module {
        self.modules.last().expect("a design has a top module")
    }

    /// A module by name.
    pub fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|m| m.name == name)
    }

    /// All modules in one text, children first.
    pub fn text(&self) -> String {
        let externs = self.externs.iter().map(|e| format!("{e}\n\n"));
        externs.chain(self.modules.iter().map(|m| format!("{}\n", m.text))).collect()
    }

    /// The text needed for `name` alone: external cores, its children, itself.
    pub fn text_of(&self, name: &str) -> String {
        let externs = self.externs.iter().map(|e| format!("{e}\n\n"));
        externs.chain(self.closure(name).iter().map(|m| format!("{}\n", m.text))).collect()
    }

    /// The modules needed for `name` alone, itself last.
    pub fn closure(&self, name: &str) -> Vec<&Module> {
        let mut need = vec![name.to_string()];
        let mut picked: Vec<&Module> = Vec::new();
        for m in self.modules.iter().rev() {
            if need.contains(&m.name) {
                need.extend(m.children.iter().cloned());
                picked.push(m);
            }
        }
        picked.reverse();
        picked
    }
}
