//! Small hand-written designs.

use skipopu_hdl::{Design, Dir, Module, Port};

/// A module whose ports are written as `"in clk"`, `"out y 8"`.
pub fn module(name: &str, ports: &[&str], children: &[&str], text: &str) -> Module {
    let port = |p: &&str| {
        let words: Vec<&str> = p.split(' ').collect();
        Port {
            name: words[1].into(),
            dir: if words[0] == "in" { Dir::In } else { Dir::Out },
            width: words.get(2).map_or(1, |w| w.parse().unwrap()),
            clock: words[1] == "clk",
            signed: false,
        }
    };
    let ports: Vec<Port> = ports.iter().map(port).collect();
    let list: Vec<String> = ports
        .iter()
        .map(|p| {
            let dir = if p.dir == Dir::In { "input" } else { "output" };
            format!("    {dir} wire [{}:0] {}", p.width - 1, p.name).replace("[0:0] ", "")
        })
        .collect();
    Module {
        name: name.into(),
        text: format!("module {name} (\n{}\n);\n{text}\nendmodule\n", list.join(",\n")),
        ports,
        instances: 1,
        parameters: vec![],
        latency: None,
        children: children.iter().map(|c| c.to_string()).collect(),
        rust_type: None,
        source: None,
        constraints: Vec::new(),
    }
}

/// A design of modules, children first.
pub fn design(modules: Vec<Module>) -> Design {
    let blocks = modules.len();
    Design { modules, blocks, externs: Vec::new() }
}
