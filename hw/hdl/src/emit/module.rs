//! Pass 8: one module's text from its partitioned statements: nets, assignments, instances, processes.

use super::constant;
use super::ir::{Expr, Kind, Stmt};
use super::lower;
use super::partition::{self, Partition};
use super::print::{range, select, Printer};
use super::probe::Scope;
use super::stores;
use super::symbols::{literal, Child, ChildKind, Class, Emitted, Symbols};
use super::Problem;
use crate::design::{Dir, Port};
use rust_hdl::prelude::ast::Verilog;
use rust_hdl::prelude::AtomKind;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

/// A module's ports (with their rust-hdl names) and text.
pub struct Body {
    pub ports: Vec<Port>,
    pub raw_ports: Vec<String>,
    pub text: String,
}

/// Writes the module of one block.
pub fn write(
    name: &str,
    scope: &Scope,
    children: &[Child],
    emitted: &[Emitted],
    problems: &mut Vec<Problem>,
) -> Body {
    let mut clashes = Vec::new();
    let mut symbols = Symbols::new(scope, children, emitted, |n| clashes.push(n.to_string()));
    for n in clashes {
        let text = format!(
            "the enum variant {} has two values: two enums of the same name meet in this block",
            n.replace('$', "::")
        );
        problems.push(Problem { line: None, text });
    }
    for a in &scope.atoms {
        if a.width == 0 {
            let text = format!(
                "`{}` has no bits (an enum needs at least two variants)",
                a.name.replace('$', ".")
            );
            problems.push(Problem { line: None, text });
        }
    }
    let (ports, raw_ports) = ports(scope, &symbols);
    for (p, raw) in ports.iter().zip(&raw_ports) {
        if !matches!(scope.code, Verilog::Blackbox(_)) && p.name != super::names::port(raw) {
            let (raw, name) = (raw.replace('$', "."), super::names::port(raw));
            let text = format!("two ports are called `{name}` in Verilog; rename `{raw}`");
            problems.push(Problem { line: None, text });
        }
    }
    let mut w = Writer { name, scope, children, emitted, problems, ports: &ports };
    let text = match &scope.code {
        Verilog::Combinatorial(code) => {
            let mut found = Vec::new();
            let stmts = lower::lower(code, &mut symbols, &mut found);
            w.problems.extend(found);
            w.kernel(stmts, symbols)
        }
        Verilog::Empty => w.kernel(Vec::new(), symbols),
        Verilog::Wrapper(v) => w.verbatim(&v.code, &symbols, true),
        Verilog::Custom(code) => w.verbatim(code, &symbols, false),
        Verilog::Blackbox(_) => String::new(),
    };
    Body { ports, raw_ports, text }
}

fn ports(scope: &Scope, symbols: &Symbols) -> (Vec<Port>, Vec<String>) {
    let black_box = matches!(scope.code, Verilog::Blackbox(_));
    let mut out = (Vec::new(), Vec::new());
    for a in &scope.atoms {
        let Some(dir) = Dir::of(a.kind) else { continue };
        let name = if black_box { a.name.clone() } else { symbols.clean(&a.name).to_string() };
        out.0.push(Port { name, dir, width: a.width, clock: a.clock, signed: a.signed });
        out.1.push(a.name.clone());
    }
    out
}

struct Writer<'a> {
    name: &'a str,
    scope: &'a Scope,
    children: &'a [Child],
    emitted: &'a [Emitted],
    problems: &'a mut Vec<Problem>,
    ports: &'a [Port],
}

/// How each net of the module is driven.
struct Nets {
    /// Text connected to a child's port, by rust-hdl name.
    connections: HashMap<String, String>,
    /// Continuous assignments that became part of something else.
    absorbed: HashSet<String>,
    /// Child inputs whose value goes straight into the port map.
    folded: Vec<String>,
}

impl Writer<'_> {
    fn problem(&mut self, text: String) {
        self.problems.push(Problem { line: None, text });
    }

    fn header(&self, registers: &HashSet<String>, signed: bool) -> String {
        let ports = self.ports.iter().map(|p| {
            let dir = match p.dir {
                Dir::In => "input  wire ",
                Dir::InOut => "inout  wire ",
                Dir::Out if registers.contains(&p.name) => "output reg  ",
                Dir::Out => "output wire ",
            };
            let sign = if signed && p.signed { "signed " } else { "" };
            format!("    {dir}{sign}{}{}", range(p.width), p.name)
        });
        let pragma = match &self.scope.tag {
            Some(t) if t.no_inline => "    /* verilator no_inline_module */\n",
            _ => "",
        };
        format!("module {} (\n{}\n);\n{pragma}", self.name, ports.collect::<Vec<_>>().join(",\n"))
    }

    /// Hand-written text, its rust-hdl names replaced by ours.
    fn verbatim(&mut self, code: &str, symbols: &Symbols, wires: bool) -> String {
        if !self.children.is_empty() && !wires {
            self.problem(
                "a block with hand-written Verilog cannot have children; wrap them in the text"
                    .into(),
            );
        }
        let code = rename(code, symbols);
        // rust-hdl declares a custom block's outputs as registers; only those it assigns in a process are.
        let registers = self
            .ports
            .iter()
            .filter(|p| {
                p.dir == Dir::Out && !wires && !code.contains(&format!("assign {}", p.name))
            })
            .map(|p| p.name.clone())
            .collect();
        let body: String = code.trim().lines().map(|l| format!("    {}\n", l.trim_end())).collect();
        let body = body.replace("    \n", "\n").replace("    `", "`");
        self.header(&registers, true) + &body + "endmodule\n"
    }

    fn kernel(&mut self, mut stmts: Vec<Stmt>, mut symbols: Symbols) -> String {
        let tristates = self.take_tristates(&mut stmts, &symbols);
        stores::tidy(&mut stmts, &symbols);
        let mut found = Vec::new();
        let p = constant::settle(&mut stmts, &symbols, &mut found);
        self.problems.extend(found);
        self.check_driven(&p, &tristates);
        let values = partition::continuous_values(&p, &stmts);
        let mut declarations = Vec::new();
        let nets = self.plan_nets(&p, &values, &mut symbols, &mut declarations, tristates);
        let registers = self.declare_locals(&p, &symbols, &mut declarations);

        let mut printer = Printer::new(&mut symbols);
        printer.nets = declarations;
        let mut connections = nets.connections;
        for key in &nets.folded {
            let text = printer.expr(values[key.as_str()]);
            connections.insert(key.clone(), text);
        }
        let mut clocked = BTreeMap::new();
        let assigns = self.assigns(&p, &stmts, &nets.absorbed, &values, &mut printer, &mut clocked);
        self.register_inputs(&values, &mut printer, &mut clocked);
        let mut processes = String::new();
        for g in &p.combinational {
            let group: Vec<&Stmt> = g.iter().map(|&i| &stmts[i]).collect();
            write!(processes, "    always @* begin\n{}    end\n", printer.process(&group))
                .expect("writing to a string");
        }
        for g in &p.clocked {
            let group: Vec<&Stmt> = g.iter().map(|&i| &stmts[i]).collect();
            let body = printer.clocked(&group);
            let child = p.writes[g[0]].iter().next().and_then(|w| match printer.symbols.class(w) {
                Some(Class::DffD(c)) => Some(*c),
                _ => None,
            });
            let clock = child
                .map_or(String::new(), |c| self.clock(&self.children[c], &values, &mut printer));
            clocked.entry(clock).or_default().push_str(&body);
        }
        for (clock, body) in clocked.iter().filter(|(_, b)| !b.is_empty()) {
            write!(processes, "    always @(posedge {clock}) begin\n{body}    end\n")
                .expect("writing to a string");
        }
        let instances = self.instances(&connections, printer.symbols);
        let labels = self.labels(&printer);
        let nets: String = printer.nets.iter().map(|n| format!("    {n}\n")).collect();
        self.header(&registers, false)
            + &labels
            + &nets
            + &assigns
            + &instances
            + &processes
            + "endmodule\n"
    }

    /// Tri-state links are aliases: removed from the statements, child port to own port.
    fn take_tristates(&self, stmts: &mut Vec<Stmt>, symbols: &Symbols) -> HashMap<String, String> {
        let mut out = HashMap::new();
        let is_child = |n: &str| match symbols.class(n) {
            Some(Class::ChildPort(c, p)) => match self.children[*c].kind {
                ChildKind::Module(ix) => self.emitted[ix].module.ports[*p].dir == Dir::InOut,
                ChildKind::Dff { .. } => false,
            },
            _ => false,
        };
        stmts.retain(|s| {
            let Some((to, Expr { kind: Kind::Sig(from), .. })) = s.whole_assign() else {
                return true;
            };
            let own = |n: &str| matches!(symbols.class(n), Some(Class::InOut));
            if is_child(to) && own(from) {
                out.insert(to.to_string(), from.clone());
            } else if is_child(from) && own(to) {
                out.insert(from.clone(), to.to_string());
            } else {
                return true;
            }
            false
        });
        out
    }

    /// Everything that must be driven is, and clocks come straight from a clock input.
    fn check_driven(&mut self, p: &Partition, tristates: &HashMap<String, String>) {
        let mut missing = Vec::new();
        for a in &self.scope.atoms {
            let used = match a.kind {
                AtomKind::OutputParameter => true,
                AtomKind::LocalSignal => p.read.contains(&a.name),
                _ => false,
            };
            if used && !p.written.contains(&a.name) {
                missing.push(format!("`{}` is never driven", a.name.replace('$', ".")));
            }
        }
        for c in self.children {
            let inputs: Vec<String> = match &c.kind {
                ChildKind::Dff { .. } => vec!["d".into(), "clock".into()],
                ChildKind::Module(ix) => {
                    let e = &self.emitted[*ix];
                    let input =
                        |(raw, port): (&String, &Port)| (port.dir != Dir::Out).then(|| raw.clone());
                    e.raw_ports.iter().zip(&e.module.ports).filter_map(input).collect()
                }
            };
            for i in inputs {
                let full = format!("{}${i}", c.inst);
                if !p.written.contains(&full) && !tristates.contains_key(&full) {
                    missing.push(format!("the input `{}` is never driven", full.replace('$', ".")));
                }
            }
        }
        missing.into_iter().for_each(|m| self.problem(m));
    }

    fn is_clock_input(&self, key: &str, symbols: &Symbols) -> bool {
        match symbols.class(key) {
            Some(Class::DffClock(_)) => true,
            Some(Class::ChildPort(c, p)) => match self.children[*c].kind {
                ChildKind::Module(ix) => self.emitted[ix].module.ports[*p].clock,
                ChildKind::Dff { .. } => false,
            },
            _ => false,
        }
    }

    /// Decides the net of every child port and register, and declares it.
    fn plan_nets(
        &mut self,
        p: &Partition,
        values: &HashMap<&str, &Expr>,
        symbols: &mut Symbols,
        declarations: &mut Vec<String>,
        tristates: HashMap<String, String>,
    ) -> Nets {
        let mut nets =
            Nets { connections: HashMap::new(), absorbed: HashSet::new(), folded: Vec::new() };
        self.check_clocks(values, p, symbols);
        for (child, own) in &tristates {
            nets.connections.insert(child.clone(), symbols.clean(own).to_string());
        }
        self.alias_outputs(values, symbols, &mut nets);
        for c in self.children {
            let inst = symbols.instance(c);
            match &c.kind {
                ChildKind::Dff { width, init, .. } => {
                    let init = literal(init, *width).unwrap_or_else(|| crate::Word::zero(*width));
                    declarations.push(format!(
                        "reg {}{inst} = {};",
                        range(*width),
                        super::print::literal(&init)
                    ));
                    let d = format!("{}$d", c.inst);
                    let own_net = p.read.contains(&d)
                        || p.combinational.iter().flatten().any(|&i| p.writes[i].contains(&d));
                    if own_net {
                        let kind = if values.contains_key(d.as_str()) { "wire" } else { "reg" };
                        let net = symbols.taken.fresh(&format!("{inst}_next"));
                        declarations.push(format!("{kind} {}{net};", range(*width)));
                        symbols.set_clean(&d, &net);
                    } else {
                        symbols.set_clean(&d, &inst);
                    }
                }
                ChildKind::Module(ix) => {
                    self.plan_ports(c, *ix, &inst, p, values, symbols, declarations, &mut nets)
                }
            }
        }
        nets
    }

    #[allow(clippy::too_many_arguments)]
    fn plan_ports(
        &self,
        c: &Child,
        ix: usize,
        inst: &str,
        p: &Partition,
        values: &HashMap<&str, &Expr>,
        symbols: &mut Symbols,
        declarations: &mut Vec<String>,
        nets: &mut Nets,
    ) {
        let e = &self.emitted[ix];
        for (raw, port) in e.raw_ports.iter().zip(&e.module.ports) {
            let key = format!("{}${raw}", c.inst);
            if nets.connections.contains_key(&key) {
                continue;
            }
            let read = p.read.contains(&key);
            if port.dir != Dir::In && !read {
                nets.connections.insert(key, String::new());
                continue;
            }
            let value = values.get_key_value(key.as_str());
            if let (Dir::In, Some((k, _)), false) = (port.dir, value, read) {
                nets.folded.push(k.to_string());
                nets.absorbed.insert(k.to_string());
                continue;
            }
            let wire = port.dir != Dir::In
                || value.is_some()
                || p.slices.iter().any(|&i| p.writes[i].contains(&key));
            let net = symbols.taken.fresh(&format!("{inst}_{}", port.name));
            declarations.push(format!(
                "{} {}{net};",
                if wire { "wire" } else { "reg" },
                range(port.width)
            ));
            symbols.set_clean(&key, &net);
            nets.connections.insert(key, net);
        }
    }

    fn check_clocks(&mut self, values: &HashMap<&str, &Expr>, p: &Partition, symbols: &Symbols) {
        let mut bad: Vec<String> = Vec::new();
        for key in &p.written {
            if !self.is_clock_input(key, symbols) {
                continue;
            }
            let straight = match values.get(key.as_str()).map(|e| &e.kind) {
                Some(Kind::Sig(s)) => matches!(symbols.class(s), Some(Class::In(true))),
                _ => false,
            };
            if !straight {
                bad.push(format!(
                    "the clock `{}` does not come straight from a clock input of this block; clocks go top-down, ungated",
                    key.replace('$', ".")
                ));
            }
        }
        bad.sort();
        bad.into_iter().for_each(|b| self.problem(b));
    }

    /// `y = child.o` connects the child's port to `y` itself.
    fn alias_outputs(&self, values: &HashMap<&str, &Expr>, symbols: &mut Symbols, nets: &mut Nets) {
        let mut targets: Vec<&str> = values.keys().copied().collect();
        targets.sort_unstable();
        for to in targets {
            let Kind::Sig(from) = &values[to].kind else { continue };
            let (Some(Class::Out), Some(Class::ChildPort(c, p))) =
                (symbols.class(to), symbols.class(from))
            else {
                continue;
            };
            let ChildKind::Module(ix) = self.children[*c].kind else { continue };
            let driven_by_child = self.emitted[ix].module.ports[*p].dir == Dir::Out;
            let clean = symbols.clean(to).to_string();
            if driven_by_child && !nets.connections.contains_key(from) {
                symbols.set_clean(from, &clean);
                nets.connections.insert(from.clone(), clean);
                nets.absorbed.insert(to.to_string());
            }
        }
    }

    /// Locals and lets get nets; outputs written in a process become `reg`.
    fn declare_locals(
        &self,
        p: &Partition,
        symbols: &Symbols,
        declarations: &mut Vec<String>,
    ) -> HashSet<String> {
        let in_process: HashSet<&String> =
            p.combinational.iter().flatten().flat_map(|&i| &p.writes[i]).collect();
        let mut names: Vec<&String> = p
            .written
            .iter()
            .filter(|w| matches!(symbols.class(w), Some(Class::Local | Class::Let)))
            .collect();
        names.sort();
        for n in names {
            let Some(s) = symbols.get(n) else { continue };
            let kind = if in_process.contains(n) { "reg" } else { "wire" };
            declarations.push(format!("{kind} {}{};", range(s.width), s.clean));
        }
        let out = in_process.iter().filter(|n| matches!(symbols.class(n), Some(Class::Out)));
        out.map(|n| symbols.clean(n).to_string()).collect()
    }

    fn assigns(
        &mut self,
        p: &Partition,
        stmts: &[Stmt],
        absorbed: &HashSet<String>,
        values: &HashMap<&str, &Expr>,
        printer: &mut Printer,
        clocked: &mut BTreeMap<String, String>,
    ) -> String {
        let mut out = String::new();
        for &i in &p.continuous {
            let Some((name, value)) = stmts[i].whole_assign() else { continue };
            let Some(class) = printer.symbols.class(name).cloned() else { continue };
            if absorbed.contains(name) || matches!(class, Class::DffClock(_)) {
                continue;
            }
            let clean = printer.symbols.clean(name).to_string();
            if let Class::DffD(c) = class {
                let child = &self.children[c];
                if clean == printer.symbols.instance(child) {
                    let clock = self.clock(child, values, printer);
                    let body = printer.clocked(&[&stmts[i]]);
                    clocked.entry(clock).or_default().push_str(&body);
                    continue;
                }
            }
            let text = printer.expr(value);
            writeln!(out, "    assign {clean} = {text};").expect("writing to a string");
        }
        for &i in &p.slices {
            if let super::ir::StmtKind::Assign(t, e) = &stmts[i].kind {
                let Some((o, w)) = &t.slice else { continue };
                let whole = printer.symbols.get(&t.name).map_or(e.width, |s| s.width);
                let part = select(whole, o.as_lit().map_or(0, crate::Word::index), *w);
                let text = printer.expr(e);
                writeln!(out, "    assign {}{part} = {text};", printer.symbols.clean(&t.name))
                    .expect("writing to a string");
            }
        }
        out
    }

    /// Registers whose next state has a net of its own.
    fn register_inputs(
        &mut self,
        values: &HashMap<&str, &Expr>,
        printer: &mut Printer,
        clocked: &mut BTreeMap<String, String>,
    ) {
        for c in self.children {
            if !matches!(c.kind, ChildKind::Dff { .. }) {
                continue;
            }
            let (q, d) = (
                printer.symbols.instance(c),
                printer.symbols.clean(&format!("{}$d", c.inst)).to_string(),
            );
            if q != d {
                let clock = self.clock(c, values, printer);
                writeln!(clocked.entry(clock).or_default(), "        {q} <= {d};")
                    .expect("writing to a string");
            }
        }
    }

    fn clock(&self, c: &Child, values: &HashMap<&str, &Expr>, printer: &mut Printer) -> String {
        // A missing or odd clock has been reported by `check_clocks` or `check_driven`.
        values.get(format!("{}$clock", c.inst).as_str()).map_or(String::new(), |e| printer.expr(e))
    }

    fn instances(&self, connections: &HashMap<String, String>, symbols: &Symbols) -> String {
        let mut out = String::new();
        for c in self.children {
            let ChildKind::Module(ix) = c.kind else { continue };
            let e = &self.emitted[ix];
            let ports = e.raw_ports.iter().zip(&e.module.ports).map(|(raw, port)| {
                let net = connections.get(&format!("{}${raw}", c.inst)).map_or("", String::as_str);
                format!("        .{}({net})", port.name)
            });
            let ports = ports.collect::<Vec<_>>().join(",\n");
            writeln!(out, "    {} {} (\n{ports}\n    );", e.module.name, symbols.instance(c))
                .expect("writing to a string");
        }
        out
    }

    /// The enum values that the text names.
    fn labels(&self, printer: &Printer) -> String {
        let mut out = String::new();
        for v in self.scope.variants.iter().filter(|v| printer.labels.contains(&v.name)) {
            let clean = printer.symbols.clean(&v.name);
            writeln!(out, "    localparam {}{clean} = {}'d{};", range(v.width), v.width, v.value)
                .expect("writing to a string");
        }
        out
    }
}

/// Replaces rust-hdl names by Verilog identifiers in hand-written text.
fn rename(text: &str, symbols: &Symbols) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_alphanumeric() || c == '_' || c == '$' {
            word.push(c);
            continue;
        }
        match symbols.get(&word) {
            Some(s) if !s.clean.is_empty() => out.push_str(&s.clean),
            _ => out.push_str(&word),
        }
        word.clear();
        out.push(c);
    }
    out
}
