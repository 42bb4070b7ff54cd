//! What each cell adds to the graph: arcs with their levels, starts and ends of paths.

use super::graph::{Graph, Pin, Terminal};
use super::Summary;
use crate::synth::cells::{kind, CellKind};
use crate::synth::netlist::{Cell, NetModule};
use std::collections::HashSet;

/// Carry outputs of the module: a carry input driven by one continues its chain.
pub(super) fn carry_outs(module: &NetModule) -> HashSet<u32> {
    let carries = module.cells.values().filter(|c| matches!(kind(&c.kind), CellKind::Carry(_)));
    carries.flat_map(|c| c.nets("CO").collect::<Vec<_>>()).collect()
}

impl Graph {
    pub(super) fn add_cell(&mut self, name: &str, cell: &Cell, carries: &HashSet<u32>) {
        match kind(&cell.kind) {
            CellKind::Lut if cell.kind == "LUT6_2" => self.add_lut_pair(cell),
            CellKind::Lut | CellKind::Muxf => self.add_logic(cell, 1),
            CellKind::Buffer => self.add_logic(cell, 0),
            CellKind::Carry(bits) => self.add_carry(cell, bits, carries),
            CellKind::Dsp => self.add_dsp(name, cell),
            CellKind::Srl => self.add_read(name, cell, |pin| pin.starts_with('A')),
            CellKind::LutRam(_) => self.add_read(name, cell, |pin| {
                pin.starts_with('A') || pin.starts_with("DPRA") || pin.starts_with("RADDR")
            }),
            CellKind::Constant => {}
            _ => self.add_register(name, cell),
        }
    }

    /// Two functions of shared inputs: each output hangs on the inputs that its table tells apart.
    fn add_lut_pair(&mut self, cell: &Cell) {
        let Some(init) = cell.number("INIT") else { return self.add_logic(cell, 1) };
        for (output, inputs) in [("O5", 5), ("O6", 6)] {
            let table = |n: u32| init >> n & 1;
            let used = (0..inputs).filter(|i| {
                (0..1 << inputs).any(|n| n >> i & 1 == 0 && table(n) != table(n | 1 << i))
            });
            let from: Vec<u32> = used.flat_map(|i| cell.nets(&format!("I{i}"))).collect();
            self.block(&from, &cell.nets(output).collect::<Vec<_>>(), 1);
        }
    }

    fn add_logic(&mut self, cell: &Cell, levels: u32) {
        let (inputs, outputs) = pins(cell);
        let nets = |pins: &[&str]| pins.iter().flat_map(|p| cell.nets(p)).collect::<Vec<_>>();
        self.block(&nets(&inputs), &nets(&outputs), levels);
    }

    /// All outputs start paths, all inputs but clocks end them.
    fn add_register(&mut self, name: &str, cell: &Cell) {
        let (inputs, outputs) = pins(cell);
        let label = self.register_name(name, cell);
        for pin in inputs.into_iter().filter(|p| !is_clock(p)) {
            for net in cell.nets(pin) {
                self.end(&label, pin, net);
            }
        }
        for net in outputs.into_iter().flat_map(|p| cell.nets(p)) {
            self.start(net, 0);
        }
    }

    /// A flip-flop is best known by what it drives.
    fn register_name(&self, cell_name: &str, cell: &Cell) -> String {
        let driven = cell.nets("Q").next().and_then(|q| self.names.get(&q));
        driven.cloned().unwrap_or_else(|| cell_name.into())
    }

    /// A memory with clocked write and asynchronous read through the pins of `address`.
    fn add_read(&mut self, name: &str, cell: &Cell, address: impl Fn(&str) -> bool) {
        let (inputs, outputs) = pins(cell);
        let read: Vec<u32> =
            inputs.iter().filter(|p| address(p)).flat_map(|p| cell.nets(p)).collect();
        let out: Vec<u32> = outputs.iter().flat_map(|p| cell.nets(p)).collect();
        self.block(&read, &out, 1);
        for pin in inputs.into_iter().filter(|p| !is_clock(p) && !address(p)) {
            for net in cell.nets(pin) {
                self.end(name, pin, net);
            }
        }
        for net in out {
            self.start(net, 0);
        }
    }

    /// Bit by bit: a sum bit depends on the operand bits below it alone.
    fn add_carry(&mut self, cell: &Cell, bits: usize, carries: &HashSet<u32>) {
        let bit = |pin: &str, i: usize| cell.connections.get(pin)?.get(i)?.net();
        for i in 0..bits {
            let (sum, carry) = (bit("O", i), bit("CO", i));
            for net in ["CI", "CYINIT"].into_iter().filter_map(|p| bit(p, 0)) {
                let levels = u32::from(!carries.contains(&net));
                [sum, carry].into_iter().flatten().for_each(|out| self.arc(net, out, levels));
            }
            if let (true, Some(net)) = (i >= 4, bit("CI_TOP", 0)) {
                let levels = u32::from(!carries.contains(&net));
                [sum, carry].into_iter().flatten().for_each(|out| self.arc(net, out, levels));
            }
            for j in 0..=i {
                if let Some(s) = bit("S", j) {
                    [sum, carry].into_iter().flatten().for_each(|out| self.arc(s, out, 1));
                }
                if let Some(d) = bit("DI", j) {
                    let reached = [sum.filter(|_| j < i), carry];
                    reached.into_iter().flatten().for_each(|out| self.arc(d, out, 1));
                }
            }
        }
    }

    /// A DSP slice, by its register parameters (absent ones have the vendor's default of 1).
    fn add_dsp(&mut self, name: &str, cell: &Cell) {
        let stages = |p: &str| cell.number(p).unwrap_or(1);
        let (inputs, outputs) = pins(cell);
        let result_registered = stages("PREG") > 0;
        let multiplier_registered = stages("MREG") > 0;
        let registered = |pin: &str| {
            let own = match pin {
                "A" | "ACIN" => stages("AREG") > 0,
                "B" | "BCIN" => stages("BREG") > 0,
                "C" => stages("CREG") > 0,
                "D" => stages("DREG") > 0,
                "CARRYIN" => stages("CARRYINREG") > 0,
                "OPMODE" => stages("OPMODEREG") > 0,
                "ALUMODE" => stages("ALUMODEREG") > 0,
                "INMODE" => stages("INMODEREG") > 0,
                "CARRYINSEL" => stages("CARRYINSELREG") > 0,
                "PCIN" | "CARRYCASCIN" | "MULTSIGNIN" => false,
                _ => true, // enables and resets
            };
            own || (multiplier_registered && matches!(pin, "D" | "INMODE"))
        };
        let mut passing = Vec::new();
        for pin in inputs.into_iter().filter(|p| !is_clock(p)) {
            for net in cell.nets(pin) {
                if result_registered || registered(pin) {
                    self.end(name, pin, net);
                } else {
                    passing.push(net);
                }
            }
        }
        let cascades = |pin: &str| matches!(pin, "ACOUT" | "BCOUT");
        let results: Vec<u32> =
            outputs.iter().filter(|p| !cascades(p)).flat_map(|p| cell.nets(p)).collect();
        let levels = u32::from(!result_registered);
        results.iter().for_each(|net| self.start(*net, levels));
        self.block(&passing, &results, 1);
        for (out, direct, cascade, reg) in
            [("ACOUT", "A", "ACIN", "ACASCREG"), ("BCOUT", "B", "BCIN", "BCASCREG")]
        {
            let to: Vec<u32> = cell.nets(out).collect();
            if stages(reg) > 0 {
                to.iter().for_each(|net| self.start(*net, 0));
            } else {
                let from: Vec<u32> = cell.nets(direct).chain(cell.nets(cascade)).collect();
                self.block(&from, &to, 0);
            }
        }
    }

    pub(super) fn add_child(&mut self, name: &str, cell: &Cell, child: &Summary) {
        let net = |(port, bit): &Pin| cell.connections.get(port)?.get(*bit)?.net();
        for (pin, (levels, label)) in &child.ends {
            if let Some(n) = net(pin) {
                let label = format!("{name}.{label}").into();
                self.ends.push(Terminal { node: self.node(n), levels: *levels, label });
            }
        }
        for (pin, (levels, label)) in &child.starts {
            if let Some(n) = net(pin) {
                let label = format!("{name}.{label}").into();
                self.starts.push(Terminal { node: self.node(n), levels: *levels, label });
            }
        }
        for (from, to, levels) in &child.arcs {
            if let (Some(from), Some(to)) = (net(from), net(to)) {
                self.arc(from, to, *levels);
            }
        }
    }
}

/// Input and output pins of a cell.
fn pins(cell: &Cell) -> (Vec<&str>, Vec<&str>) {
    let (outputs, inputs): (Vec<&str>, Vec<&str>) =
        cell.connections.keys().map(String::as_str).partition(|p| cell.is_output(p));
    (inputs, outputs)
}

fn is_clock(pin: &str) -> bool {
    matches!(pin, "C" | "G" | "CLK" | "WCLK" | "CLKARDCLK" | "CLKBWRCLK")
}
