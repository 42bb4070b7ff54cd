//! Small hand-written designs for the tests.
#![allow(dead_code)] // every test binary uses its own share

pub mod axi;
pub mod dram;

use skipopu_hdl::{Design, Dir, Module, Port, Word};
use skipopu_sim::{Model, Verilate};

/// `kind` is `clock`, `in` or `out`.
pub fn port(kind: &str, name: &str, width: usize) -> Port {
    let dir = if kind == "out" { Dir::Out } else { Dir::In };
    Port { name: name.into(), dir, width, clock: kind == "clock", signed: false }
}

/// Ports from `"clock clk; in a 8; out y 9"`.
pub fn ports(list: &str) -> Vec<Port> {
    let one = |entry: &str| {
        let words: Vec<&str> = entry.split_whitespace().collect();
        port(words[0], words[1], words.get(2).map_or(1, |w| w.parse().unwrap()))
    };
    list.split(';').map(one).collect()
}

/// A module with the header made from its ports and the given body; outputs are wires.
pub fn module(name: &str, list: &str, body: &str) -> Module {
    let ports = ports(list);
    let header: Vec<String> = ports
        .iter()
        .map(|p| {
            let dir = if p.dir == Dir::Out { "output" } else { "input" };
            format!("{dir} wire [{}:0] {}", p.width - 1, p.name)
        })
        .collect();
    let text = format!("module {name} ({});\n{body}\nendmodule\n", header.join(", "));
    Module {
        name: name.into(),
        ports,
        text,
        instances: 1,
        parameters: Vec::new(),
        latency: None,
        children: Vec::new(),
        rust_type: None,
        source: None,
        constraints: Vec::new(),
    }
}

pub fn design(name: &str, list: &str, body: &str) -> Design {
    Design { modules: vec![module(name, list, body)], blocks: 1, externs: Vec::new() }
}

pub fn model(design: &Design) -> Model {
    Verilate::new(design).build().unwrap().model().unwrap()
}

pub fn word(width: usize, value: u128) -> Word {
    Word::new(width, value)
}

/// A registered adder with an initial value.
pub fn adder(width: usize) -> Design {
    let body = format!(
        "reg [{width}:0] sum = 0;\nassign y = sum;\nalways @(posedge clk) sum <= {{1'b0, a}} + {{1'b0, b}};"
    );
    design("Adder", &format!("clock clk; in a {width}; in b {width}; out y {}", width + 1), &body)
}
