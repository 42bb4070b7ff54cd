//! Blocks of rust-hdl's own types: registers, states, structs, arrays, children.

use super::expressions::{Expressions, Type};
use super::{pick, Block, Macro};
use rand::rngs::SmallRng;
use rand::Rng;
use std::fmt::Write as _;

/// Ports of every block, so that a suite can share them.
const PORTS: &str = "pub clock: Signal<In, Clock>,
pub a: Signal<In, Bits<8>>,
pub b: Signal<In, Bits<8>>,
pub c: Signal<In, Bits<16>>,
pub s: Signal<In, Signed<8>>,
pub t: Signal<In, Signed<8>>,
pub f: Signal<In, Bit>,
pub g: Signal<In, Bit>,
pub w: Signal<In, Bits<48>>,
pub x: Signal<In, Bits<128>>,
pub u: [Signal<In, Bits<8>>; 4],
";

const STATES: [&str; 6] = ["Idle", "Load", "Run", "Wait", "Drain", "Stop"];

/// A kernel being written.
struct Kernel<'a> {
    e: Expressions<'a>,
    fields: String,
    body: String,
    /// What has a value on every path so far.
    targets: Vec<(String, Type)>,
    registers: Vec<&'static str>,
    lets: usize,
    states: usize,
}

/// A block whose kernel each of `macros` reads.
pub fn block(rng: &mut SmallRng, macros: &[Macro]) -> Block {
    let own = !macros.contains(&Macro::Stock);
    let states = rng.random_range(2..=STATES.len());
    let child = child(rng, own);
    let known = [
        ("a", Type::Bits(8)),
        ("b", Type::Bits(8)),
        ("c", Type::Bits(16)),
        ("s", Type::Signed(8)),
        ("t", Type::Signed(8)),
        ("f", Type::Bit),
        ("g", Type::Bit),
        ("w", Type::Bits(48)),
        ("x", Type::Bits(128)),
    ];
    let known = known.map(|(n, t)| (format!("self.{n}.val()"), t)).to_vec();
    let mut k = Kernel {
        e: Expressions { rng, known, own },
        fields: PORTS.into(),
        body: String::new(),
        targets: Vec::new(),
        registers: Vec::new(),
        lets: 0,
        states,
    };
    let children = k.write();
    let mut items = format!(
        "#[derive(Copy, Clone, Debug, PartialEq, LogicState)]\npub enum Phase {{ {} }}\n\
         #[derive(Copy, Clone, Debug, PartialEq, Default, LogicStruct)]\n\
         pub struct Pair {{ pub lo: Bits<8>, pub flag: Bits<1>, pub hi: Bits<16> }}\n",
        STATES[..states].join(", ")
    );
    let mut tops = Vec::new();
    for m in macros {
        let (module, attribute) = (m.module(), m.attribute());
        let _ = write!(items, "pub mod {module} {{\nuse super::*;\n");
        if children {
            let _ = writeln!(items, "{}", child.replace("#ATTRIBUTE", attribute));
        }
        let _ = write!(
            items,
            "#[derive(LogicBlock, Ports, Default)]\npub struct Top {{\n{}}}\n\
             impl Logic for Top {{\n{attribute}\nfn update(&mut self) {{\n{}}}\n}}\n}}\n",
            k.fields, k.body
        );
        tops.push((format!("{module}::Top"), "default"));
    }
    Block { items, tops }
}

/// A block of two 8-bit inputs in an array, a wider one and a flag, with or without a register.
fn child(rng: &mut SmallRng, own: bool) -> String {
    let registered = rng.random();
    let known = [
        ("self.u[0].val()", Type::Bits(8)),
        ("self.u[1].val()", Type::Bits(8)),
        ("self.v.val()", Type::Bits(16)),
        ("self.en.val()", Type::Bit),
    ];
    let mut known = known.map(|(n, t)| (n.to_string(), t)).to_vec();
    if registered {
        known.push(("self.r.q.val()".into(), Type::Bits(8)));
    }
    let mut e = Expressions { rng, known, own };
    // `tame` reads ports that a child lacks.
    e.own = false;
    let (field, body) = if registered {
        let (hold, next, out) = (e.bit(1), e.value(Type::Bits(8), 2), e.value(Type::Bits(8), 1));
        let body = format!(
            "dff_setup!(self, clock, r);\nif {hold} {{ self.r.d.next = {next}; }}\n\
             self.o.next = {out};\n"
        );
        ("r: DFF<Bits<8>>,\n", body)
    } else {
        ("", format!("self.o.next = {};\n", e.value(Type::Bits(8), 3)))
    };
    format!(
        "#[derive(LogicBlock, Default)]\npub struct Child {{\npub clock: Signal<In, Clock>,\n\
         pub u: [Signal<In, Bits<8>>; 2],\npub v: Signal<In, Bits<16>>,\npub en: Signal<In, Bit>,\n\
         pub o: Signal<Out, Bits<8>>,\n{field}}}\nimpl Logic for Child {{\n#ATTRIBUTE\n\
         fn update(&mut self) {{\n{body}}}\n}}\n"
    )
}

impl Kernel<'_> {
    fn line(&mut self, s: String) {
        self.body += &s;
        self.body.push('\n');
    }

    fn know(&mut self, name: &str, t: Type) {
        self.e.known.push((name.into(), t));
    }

    fn register(&mut self, name: &'static str, t: &str) {
        let _ = writeln!(self.fields, "{name}: DFF<{t}>,");
        self.registers.push(name);
    }

    /// A signal with a first value; read from here on.
    fn define(&mut self, name: &str, direction: &str, t: Type) {
        let access = if direction == "Out" { "pub " } else { "" };
        let _ = writeln!(self.fields, "{access}{name}: Signal<{direction}, {}>,", t.text());
        let v = self.e.value(t, 3);
        self.line(format!("self.{name}.next = {v};"));
        self.know(&format!("self.{name}.val()"), t);
        self.targets.push((format!("self.{name}.next"), t));
    }

    /// The whole kernel; does it use the child?
    fn write(&mut self) -> bool {
        let n = self.e.width();
        let has: [bool; 5] = std::array::from_fn(|_| self.e.below(5) < 2);
        let [register, state, pair, array, children] = has;
        if register {
            self.register("r", &Type::Bits(n).text());
            self.register("rs", "Signed<16>");
            self.know("self.r.q.val()", Type::Bits(n));
            self.know("self.rs.q.val()", Type::Signed(16));
            self.targets.push(("self.r.d.next".into(), Type::Bits(n)));
            self.targets.push(("self.rs.d.next".into(), Type::Signed(16)));
        }
        if state {
            self.register("state", "Phase");
            for s in &STATES[..self.states] {
                self.know(&format!("(self.state.q.val() == Phase::{s})"), Type::Bit);
            }
        }
        if pair {
            self.register("rp", "Pair");
            self.know_pair("self.rp.q.val()");
        }
        if !self.registers.is_empty() {
            self.line(format!("dff_setup!(self, clock, {});", self.registers.join(", ")));
        }
        if children {
            self.children();
        }
        if pair {
            self.pair();
        }
        if array {
            self.array();
        }
        // The only place for a signed cast under both macros: a whole assignment.
        self.fields += "e: Signal<Local, Signed<16>>,\n";
        let tame = self.e.tame();
        self.line(format!("self.e.next = signed_bit_cast::<16, {tame};"));
        self.know("self.e.val()", Type::Signed(16));
        let (l, y) = (self.e.width(), self.e.width());
        self.define("l", "Local", Type::Bits(l));
        self.define("k", "Local", Type::Bit);
        self.define("y", "Out", Type::Bits(y));
        if state {
            self.state_machine();
        }
        self.define("z", "Out", Type::Bit);
        self.define("v", "Out", Type::Signed(8));
        let n = 1 + self.e.below(4);
        self.statements(n, 2);
        if register {
            let c = self.e.bit(1);
            let text = match self.e.below(3) {
                0 => format!("if {c} {{ self.r.d.next = self.r.q.val(); }}"),
                1 => format!("if {c} {{ self.r.d.next = {}.into(); }}", self.e.below(2)),
                _ => format!("if {c} {{ self.rs.d.next = (-3).into(); }}"),
            };
            self.line(text);
        }
        children
    }

    fn know_pair(&mut self, value: &str) {
        self.know(&format!("{value}.lo"), Type::Bits(8));
        self.know(&format!("{value}.flag"), Type::Bits(1));
        self.know(&format!("{value}.hi"), Type::Bits(16));
    }

    fn pair(&mut self) {
        self.fields += "p: Signal<Local, Pair>,\n";
        for target in ["p", "rp.d"] {
            for (field, w) in [("hi", 16), ("lo", 8), ("flag", 1)] {
                if target == "p" || self.e.below(3) > 0 {
                    let v = self.e.value(Type::Bits(w), 2);
                    self.line(format!("self.{target}.next.{field} = {v};"));
                }
            }
        }
        self.know_pair("self.p.val()");
    }

    /// An array of locals, written in a loop, folded in another.
    fn array(&mut self) {
        self.fields += "m: [Signal<Local, Bits<8>>; 4],\nh: Signal<Local, Bits<8>>,\n";
        let v = self.looped(2);
        self.line(format!("for i in 0..4 {{\nself.m[i].next = {v};"));
        if self.e.rng.random() {
            let (v, n) = (self.looped(1), self.e.below(4));
            self.line(format!("if i == {n} {{ self.m[i].next = {v}; }}"));
        }
        self.line("}".into());
        for i in 0..4 {
            self.know(&format!("self.m[{i}].val()"), Type::Bits(8));
        }
        let first = self.e.value(Type::Bits(8), 1);
        let op = pick(self.e.rng, &["^", "+", "-"]);
        let turn = self.e.below(8);
        self.line(format!(
            "self.h.next = {first};\nfor i in 0..4 {{ \
             self.h.next = (self.h.val() << {turn}) {op} self.m[i].val(); }}"
        ));
        self.know("self.h.val()", Type::Bits(8));
    }

    /// Three children: the first reads the ports, the others the one before too.
    fn children(&mut self) {
        self.fields += "ch: [Child; 3],\n";
        self.line("for i in 0..3 {\nself.ch[i].clock.next = self.clock.val();".into());
        let (v, en) = (self.e.value(Type::Bits(16), 1), self.e.bit(1));
        self.line(format!("self.ch[i].v.next = {v};\nself.ch[i].en.next = {en};\n}}"));
        let (a, b) = (self.looped(1), self.looped(2));
        self.line(format!("for i in 0..3 {{ for j in 0..2 {{ self.ch[i].u[j].next = {a}; }} }}"));
        self.line(format!("for i in 0..3 {{ self.ch[2 - i].u[1].next = {b}; }}"));
        if self.e.rng.random() {
            self.line("for i in 1..3 { self.ch[i].u[0].next = self.ch[i - 1].o.val(); }".into());
        }
        for i in 0..3 {
            self.know(&format!("self.ch[{i}].o.val()"), Type::Bits(8));
        }
    }

    /// 8 bits that depend on the loop variable `i`, in 0..4.
    fn looped(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.e.below(if self.e.own { 9 } else { 7 }) {
                0 | 1 => "self.u[i].val()".into(),
                2 => format!("self.u[(i + {}) % 4].val()", self.e.below(4)),
                3 => "self.u[3 - i].val()".into(),
                4 => format!("self.x.val().get_bits::<8>(i * {} + 3)", 1 + self.e.below(40)),
                5 => "self.w.val().get_bits::<8>(i * 8)".into(),
                6 => pick(self.e.rng, &["self.a.val()", "self.b.val()"]).into(),
                // A cast of an indexed signal is more than rust-hdl's macro can read.
                7 => "bit_cast::<8, 16>(bit_cast::<16, 8>(self.u[i].val()) << (i as u64))".into(),
                _ => "bit_cast::<8, 32>(bit_cast::<16, 8>(self.u[i].val()) * self.c.val())".into(),
            };
        }
        let d = depth - 1;
        match self.e.below(6) {
            0 => format!("(!{})", self.looped(d)),
            1 => format!("({} << {})", self.looped(d), self.e.below(9)),
            2 => format!("{}.replace_bit(i, {})", self.looped(d), "self.f.val()"),
            n => {
                let op = ["+", "-", "^"][n - 3];
                format!("({} {op} {})", self.looped(d), self.looped(d))
            }
        }
    }

    /// A `match` over all states, without a default.
    fn state_machine(&mut self) {
        self.line("match self.state.q.val() {".into());
        for s in &STATES[..self.states] {
            self.line(format!("Phase::{s} => {{"));
            let next = STATES[self.e.below(self.states)];
            let c = self.e.bit(1);
            self.line(format!("if {c} {{ self.state.d.next = Phase::{next}; }}"));
            self.branch(1);
            self.line("}".into());
        }
        self.line("}".into());
        if self.e.rng.random() {
            let next = STATES[self.e.below(self.states)];
            self.line(format!("if self.g.val() {{ self.state.d.next = Phase::{next}; }}"));
        }
    }

    fn set(&mut self) {
        let (target, t) = pick(self.e.rng, &self.targets);
        let v = self.e.value(t, 3);
        self.line(format!("{target} = {v};"));
    }

    fn branch(&mut self, depth: usize) {
        let known = self.e.known.len();
        let n = self.e.below(3);
        self.statements(n, depth);
        self.e.known.truncate(known);
    }

    fn statements(&mut self, n: usize, depth: usize) {
        for _ in 0..n {
            match self.e.below(8) {
                0..=2 if depth > 0 => {
                    let c = self.e.bit(2);
                    self.line(format!("if {c} {{"));
                    self.branch(depth - 1);
                    if self.e.rng.random() {
                        let c = self.e.bit(1);
                        self.line(format!("}} else if {c} {{"));
                        self.branch(depth - 1);
                    }
                    if self.e.rng.random() {
                        self.line("} else {".into());
                        self.branch(depth - 1);
                    }
                    self.line("}".into());
                }
                3 if depth > 0 => self.cases(depth),
                4 if depth > 0 => {
                    let c = self.e.bit(1);
                    self.line(format!("match {c} {{\ntrue => {{"));
                    self.branch(depth - 1);
                    self.line("}\nfalse => {".into());
                    self.branch(depth - 1);
                    self.line("}\n}".into());
                }
                5 if self.e.own => {
                    let w = self.e.width();
                    let v = self.e.value(Type::Bits(w), 3);
                    let name = format!("q{}", self.lets);
                    self.lets += 1;
                    self.line(format!("let {name} = {v};"));
                    self.know(&name, Type::Bits(w));
                }
                _ => self.set(),
            }
        }
    }

    fn cases(&mut self, depth: usize) {
        let w = pick(self.e.rng, &[3, 4, 8]);
        let subject = self.e.bits(w, 2);
        self.line(format!("match {subject}.index() {{"));
        let first = self.e.below(4);
        for label in [first, first + 2] {
            let label = match self.e.below(3) {
                0 => format!("{label:#x}"),
                1 if self.e.own => format!("{label} | {}", label + 1),
                _ => label.to_string(),
            };
            self.line(format!("{label} => {{"));
            self.branch(depth - 1);
            self.line("}".into());
        }
        self.line("_ => {".into());
        self.branch(depth - 1);
        self.line("}\n}".into());
    }
}
