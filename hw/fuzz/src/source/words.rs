//! A program of the kernel language as the Rust source that `#[hdl]` reads.

use super::Block;
use crate::generate;
use crate::program::{Name, Op, Program, Reduction, Target, Test, E, S};
use skipopu_hdl::Word;
use std::fmt::Write as _;

/// The block of a seed's program.
pub fn block(seed: u64) -> Block {
    let program = generate::program(seed);
    let mut items = String::from("pub mod word {\nuse super::*;\n");
    if let Some(child) = program.children.first() {
        items += &text("Child", child);
    }
    items += &text("Top", &program);
    items += "}\n";
    Block { items, tops: vec![("word::Top".into(), "new")] }
}

fn text(name: &str, p: &Program) -> String {
    let wires = |widths: &[usize]| -> String {
        widths.iter().map(|w| format!("Wire::new({w}), ")).collect()
    };
    let registers: String =
        p.registers.iter().map(|r| format!("Reg::with_init({}), ", word(r))).collect();
    let (field, make) = match p.children.len() {
        0 => ("", String::new()),
        n => (
            "children: Vec<Child>,\n",
            format!("children: (0..{n}).map(|_| Child::new()).collect(),\n"),
        ),
    };
    let (inputs, outputs, locals) = (wires(&p.inputs), wires(&p.outputs), wires(&p.locals));
    let mut body = format!(
        "for r in 0..{} {{ self.registers[r].clock.next = self.clock.val(); }}\n",
        p.registers.len()
    );
    if !p.children.is_empty() {
        let n = p.children.len();
        let _ =
            writeln!(body, "for c in 0..{n} {{ self.children[c].clock.next = self.clock.val(); }}");
    }
    statements(&p.body, &mut body);
    format!(
        "#[derive(LogicBlock, Ports)]\npub struct {name} {{\npub clock: Signal<In, Clock>,\n\
         pub a: Vec<Wire<In>>,\npub y: Vec<Wire<Out>>,\nlocals: Vec<Wire<Local>>,\n\
         registers: Vec<Reg>,\n{field}}}\nimpl {name} {{\npub fn new() -> {name} {{\n{name} {{\n\
         clock: Default::default(),\na: vec![{inputs}],\ny: vec![{outputs}],\n\
         locals: vec![{locals}],\nregisters: vec![{registers}],\n{make}}}\n}}\n}}\n\
         impl Logic for {name} {{\n#[hdl]\nfn update(&mut self) {{\n{body}}}\n}}\n"
    )
}

fn word(w: &Word) -> String {
    let limbs: Vec<String> = w.limbs().iter().map(|l| format!("{l:#x}")).collect();
    format!("Word::from_limbs({}, &[{}])", w.width(), limbs.join(", "))
}

fn statements(body: &[S], out: &mut String) {
    for s in body {
        let _ = match s {
            S::Declare(i, e) => writeln!(out, "let mut t{i} = {};", value(e)),
            S::Set(t, e) => writeln!(out, "{} = {};", target(*t), value(e)),
            // Lists of signals are borrowed as a whole.
            S::SetSlice(t, o, e) => writeln!(
                out,
                "{{ let o = {};\nlet v = {};\n{}.set_slice(o, &v); }}",
                index(o),
                value(e),
                target(*t)
            ),
            S::If(c, a, b) => {
                let _ = writeln!(out, "if {} {{", flag(c));
                statements(a, out);
                if !b.is_empty() {
                    let _ = writeln!(out, "}} else {{");
                    statements(b, out);
                }
                writeln!(out, "}}")
            }
            S::Match(e, arms, default) => {
                let _ = writeln!(out, "match {} {{", index(e));
                for (labels, body) in arms {
                    let labels: Vec<String> = labels.iter().map(u64::to_string).collect();
                    let _ = writeln!(out, "{} => {{", labels.join(" | "));
                    statements(body, out);
                    let _ = writeln!(out, "}}");
                }
                let _ = writeln!(out, "_ => {{");
                statements(default, out);
                writeln!(out, "}}\n}}")
            }
        };
    }
}

fn target(t: Target) -> String {
    match t {
        Target::Output(i) => format!("self.y[{i}].next"),
        Target::Local(i) => format!("self.locals[{i}].next"),
        Target::Next(i) => format!("self.registers[{i}].d.next"),
        Target::Let(i) => format!("t{i}"),
        Target::Child(c, i) => format!("self.children[{c}].a[{i}].next"),
    }
}

fn read(n: Name) -> String {
    match n {
        Name::Input(i) => format!("self.a[{i}].val()"),
        Name::Output(i) => format!("self.y[{i}].val()"),
        Name::Local(i) => format!("self.locals[{i}].val()"),
        Name::State(i) => format!("self.registers[{i}].q.val()"),
        Name::Let(i) => format!("t{i}.clone()"),
        Name::Child(c, i) => format!("self.children[{c}].y[{i}].val()"),
    }
}

/// As an index: of Rust's own integer type where the macro sees no hardware.
fn index(e: &E) -> String {
    format!("{}.index()", value(e))
}

/// A condition.
fn flag(e: &E) -> String {
    match e {
        E::Test(Test::LtSigned, a, b) => format!("{}.lt_signed(&{})", value(a), value(b)),
        E::Test(t, a, b) => format!("({} {} {})", value(a), comparison(*t), value(b)),
        E::TestNumber(t, a, n) => format!("({} {} {n}u64)", value(a), comparison(*t)),
        E::Both(and, a, b) => {
            format!("({} {} {})", flag(a), if *and { "&&" } else { "||" }, flag(b))
        }
        E::Reduce(r, a) => {
            let r = match r {
                Reduction::Any => "any",
                Reduction::All => "all",
                Reduction::Xor => "xor",
            };
            format!("{}.{r}()", value(a))
        }
        E::Bit(a, i) => format!("{}.bit({})", value(a), index(i)),
        _ => format!("{}.any()", value(e)),
    }
}

fn comparison(t: Test) -> &'static str {
    match t {
        Test::Eq | Test::LtSigned => "==",
        Test::Ne => "!=",
        Test::Lt => "<",
        Test::Le => "<=",
        Test::Gt => ">",
        Test::Ge => ">=",
    }
}

fn operator(op: Op) -> &'static str {
    match op {
        Op::Add => "+",
        Op::Sub => "-",
        Op::And => "&",
        Op::Or => "|",
        Op::Xor => "^",
    }
}

/// A word.
fn value(e: &E) -> String {
    let shift = |left: &bool| if *left { "<<" } else { ">>" };
    match e {
        E::Read(n, _) => read(*n),
        E::Sized(w) => word(w),
        E::Bin(op, a, b) => format!("({} {} {})", value(a), operator(*op), value(b)),
        E::BinNumber(op, a, n) => format!("({} {} {n}u64)", value(a), operator(*op)),
        E::Mul(a, b, false) => format!("({} * {})", value(a), value(b)),
        E::Mul(a, b, true) => format!("{}.mul_signed(&{})", value(a), value(b)),
        E::Shift(left, a, n) => format!("({} {} {})", value(a), shift(left), value(n)),
        E::ShiftBy(left, a, n) => format!("({} {} {n}usize)", value(a), shift(left)),
        E::Not(a) => format!("(!{})", value(a)),
        E::Neg(a) => format!("(-{})", value(a)),
        E::ReplaceBit(a, i, v) => format!("{}.replace_bit({i}, {})", value(a), flag(v)),
        E::Slice(a, o, w) => format!("{}.slice({o}, {w})", value(a)),
        E::DynSlice(a, o, w) => format!("{}.slice({}, {w})", value(a), index(o)),
        E::Zext(a, w) => format!("{}.zext({w})", value(a)),
        E::Sext(a, w) => format!("{}.sext({w})", value(a)),
        E::Trunc(a, w) => format!("{}.trunc({w})", value(a)),
        E::Sra(a, n) => format!("{}.sra({n})", value(a)),
        E::Mux(c, a, b) => format!("mux({}, {}, {})", flag(c), value(a), value(b)),
        E::Cat(parts) => {
            format!("cat!({})", parts.iter().map(value).collect::<Vec<_>>().join(", "))
        }
        E::Test(..) | E::TestNumber(..) | E::Both(..) | E::Reduce(..) | E::Bit(..) => {
            format!("Word::from({})", flag(e))
        }
    }
}
