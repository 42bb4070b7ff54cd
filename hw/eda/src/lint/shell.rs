//! Empty modules with the ports of the children, so that reading a module is linear in its text.

use skipopu_hdl::{Design, Dir, Module};

/// Of all children of a module.
pub(super) fn shells(design: &Design, module: &Module) -> String {
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
