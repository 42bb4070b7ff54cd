//! Pass 7: typed expressions and statements as Verilog text.
//!
//! Widths are already explicit, so printing only has to keep them: operands are parenthesised, and an
//! operand that Verilog cannot select bits from gets a name of its own first.

use super::ir::{BinOp, CmpOp, Expr, Kind, Stmt, StmtKind};
use super::symbols::{Class, Symbols};
use crate::Word;
use std::collections::HashSet;
use std::fmt::Write as _;

/// Parts of a concatenation in one line; Verilator takes 40,000 tokens a line.
const LINE: usize = 256;

/// Prints into one module; collects the declarations that hoisted operands need.
pub struct Printer<'a> {
    pub symbols: &'a mut Symbols,
    /// Declarations so far, without indentation.
    pub nets: Vec<String>,
    /// Enum variants that were printed.
    pub labels: HashSet<String>,
    process: Option<Process>,
}

/// State while printing one `always @*`.
struct Process {
    /// Names the process writes: what depends on them must be computed in place.
    writes: HashSet<String>,
    /// Assignments to hoisted operands, to go before the statement being printed.
    before: Vec<String>,
    /// Defaults at the top of the process, so that hoisted operands are no latches.
    defaults: Vec<String>,
}

/// `[7:0] ` or nothing.
pub fn range(width: usize) -> String {
    if width == 1 {
        String::new()
    } else {
        format!("[{}:0] ", width - 1)
    }
}

/// A sized literal.
pub fn literal(w: &Word) -> String {
    if w.width() == 1 || *w < 10u32 {
        format!("{}'d{}", w.width(), w.limbs()[0])
    } else {
        let digits = format!("{w:x}");
        let digits = digits.trim_start_matches('0');
        format!("{}'h{digits}", w.width())
    }
}

/// `[hi:lo]` of a `whole`-bit signal, or nothing when that is all of it.
pub fn select(whole: usize, offset: usize, width: usize) -> String {
    if width == whole {
        String::new()
    } else if width == 1 {
        format!("[{offset}]")
    } else {
        format!("[{}:{offset}]", offset + width - 1)
    }
}

impl<'a> Printer<'a> {
    pub fn new(symbols: &'a mut Symbols) -> Self {
        Printer { symbols, nets: Vec::new(), labels: HashSet::new(), process: None }
    }

    /// An expression that stands alone.
    pub fn expr(&mut self, e: &Expr) -> String {
        self.text(e).0
    }

    /// An expression as an operand.
    fn operand(&mut self, e: &Expr) -> String {
        let (t, primary) = self.text(e);
        if primary {
            t
        } else {
            format!("({t})")
        }
    }

    /// Text, and whether it is a primary (needs no parentheses).
    fn text(&mut self, e: &Expr) -> (String, bool) {
        match &e.kind {
            Kind::Sig(s) => (self.symbols.clean(s).to_string(), true),
            Kind::Label(s) => {
                self.labels.insert(s.clone());
                (self.symbols.clean(s).to_string(), true)
            }
            Kind::Lit(w) => (literal(w), true),
            Kind::Zext(x) => {
                let t = self.expr(x);
                (format!("{{{}'d0, {t}}}", e.width - x.width), true)
            }
            Kind::Sext(x) => {
                let n = self.named(x);
                let sign = format!("{n}{}", select(x.width, x.width - 1, 1));
                (format!("{{{{{}{{{sign}}}}}, {n}}}", e.width - x.width), true)
            }
            Kind::Slice(x, o) => {
                let n = self.named(x);
                (format!("{n}{}", select(x.width, *o, e.width)), true)
            }
            Kind::DynSlice(x, o) => {
                let n = self.named(x);
                if x.width == 1 {
                    return (n, true);
                }
                let o = self.expr(o);
                let part =
                    if e.width == 1 { format!("[{o}]") } else { format!("[{o} +: {}]", e.width) };
                (n + &part, true)
            }
            Kind::Bin(op, a, b) => self.infix(bin_symbol(*op), a, b),
            Kind::Mul(a, b) => self.infix("*", a, b),
            Kind::Cmp(op, false, a, b) => self.infix(cmp_symbol(*op), a, b),
            Kind::Cmp(op, true, a, b) => {
                let (a, b) = (self.expr(a), self.expr(b));
                (format!("$signed({a}) {} $signed({b})", cmp_symbol(*op)), false)
            }
            Kind::Shift(left, a, n) => {
                let a = self.operand(a);
                let n = match n.as_lit() {
                    Some(w) => w.limbs()[0].to_string(),
                    None => self.operand(n),
                };
                (format!("{a} {} {n}", if *left { "<<" } else { ">>" }), false)
            }
            Kind::Not(x) => (format!("~{}", self.unary_operand(x)), false),
            Kind::Neg(x) => (format!("-{}", self.unary_operand(x)), false),
            Kind::Reduce(op, x) => (format!("{op}{}", self.unary_operand(x)), false),
            Kind::Mux(c, a, b) => {
                let (c, a, b) = (self.operand(c), self.operand(a), self.operand(b));
                (format!("{c} ? {a} : {b}"), false)
            }
            Kind::Concat(parts) => {
                let parts: Vec<String> = parts.iter().map(|p| self.expr(p)).collect();
                let lines: Vec<String> = parts.chunks(LINE).map(|l| l.join(", ")).collect();
                (format!("{{{}}}", lines.join(",\n        ")), true)
            }
        }
    }

    fn infix(&mut self, op: &str, a: &Expr, b: &Expr) -> (String, bool) {
        let (a, b) = (self.operand(a), self.operand(b));
        (format!("{a} {op} {b}"), false)
    }

    fn unary_operand(&mut self, x: &Expr) -> String {
        let t = self.operand(x);
        // `&&a` and `|-a` would lex or read wrongly.
        if t.starts_with(['&', '|', '^', '~', '-']) {
            format!("({t})")
        } else {
            t
        }
    }

    /// A name for `e`: its own if it is a signal, else a net or variable computed for it.
    fn named(&mut self, e: &Expr) -> String {
        if let Kind::Sig(s) = &e.kind {
            return self.symbols.clean(s).to_string();
        }
        let t = self.expr(e);
        let name = self.symbols.taken.fresh("tmp");
        let inside =
            self.process.as_ref().is_some_and(|p| e.reads().iter().any(|r| p.writes.contains(r)));
        match &mut self.process {
            Some(p) if inside => {
                self.nets.push(format!("reg {}{name};", range(e.width)));
                p.defaults.push(format!("{name} = {}'d0;", e.width));
                p.before.push(format!("{name} = {t};"));
            }
            _ => self.nets.push(format!("wire {}{name} = {t};", range(e.width))),
        }
        name
    }

    /// The body of an `always @*` over `stmts`.
    pub fn process(&mut self, stmts: &[&Stmt]) -> String {
        let (mut reads, mut writes) = (HashSet::new(), std::collections::BTreeSet::new());
        stmts.iter().for_each(|s| s.uses(&mut reads, &mut writes));
        let mut defaults = Vec::new();
        for w in &writes {
            if let (Some(Class::Let), Some(s)) = (self.symbols.class(w), self.symbols.get(w)) {
                defaults.push(format!("{} = {}'d0;", s.clean, s.width));
            }
        }
        self.process =
            Some(Process { writes: writes.into_iter().collect(), before: Vec::new(), defaults });
        let mut body = String::new();
        stmts.iter().for_each(|s| self.statement(s, 2, "=", &mut body));
        let p = self.process.take().expect("set above");
        let defaults: String = p.defaults.iter().map(|d| format!("        {d}\n")).collect();
        defaults + &body
    }

    /// Statements of a clocked process.
    pub fn clocked(&mut self, stmts: &[&Stmt]) -> String {
        let mut body = String::new();
        let (mut reads, mut written) = (HashSet::new(), std::collections::BTreeSet::new());
        for s in stmts {
            if !s.whole_assign().is_some_and(|(d, e)| holds(d, e) && !written.contains(d)) {
                self.statement(s, 2, "<=", &mut body);
            }
            s.uses(&mut reads, &mut written);
        }
        body
    }

    fn before(&mut self, pad: &str, out: &mut String) {
        if let Some(p) = &mut self.process {
            for l in p.before.drain(..) {
                writeln!(out, "{pad}{l}").expect("writing to a string");
            }
        }
    }

    fn statement(&mut self, s: &Stmt, depth: usize, op: &str, out: &mut String) {
        let pad = "    ".repeat(depth);
        match &s.kind {
            StmtKind::Assign(t, e) => {
                let value = self.expr(e);
                let whole = self.symbols.get(&t.name).map_or(e.width, |s| s.width);
                let part = match &t.slice {
                    None => String::new(),
                    Some((o, w)) => match o.as_lit() {
                        Some(o) => select(whole, o.index(), *w),
                        None => format!("[{} +: {w}]", self.expr(o)),
                    },
                };
                self.before(&pad, out);
                writeln!(out, "{pad}{}{part} {op} {value};", self.symbols.clean(&t.name))
                    .expect("writing to a string");
            }
            StmtKind::If(c, a, b) => self.conditional(c, a, b, depth, op, out),
            StmtKind::Case(e, arms) => {
                let subject = self.expr(e);
                self.before(&pad, out);
                writeln!(out, "{pad}case ({subject})").expect("writing to a string");
                for (label, body) in arms {
                    let label = label.as_ref().map_or("default".to_string(), |l| self.expr(l));
                    writeln!(out, "{pad}    {label}: begin").expect("writing to a string");
                    body.iter().for_each(|s| self.statement(s, depth + 2, op, out));
                    writeln!(out, "{pad}    end").expect("writing to a string");
                }
                writeln!(out, "{pad}endcase").expect("writing to a string");
            }
        }
    }

    fn conditional(
        &mut self,
        c: &Expr,
        a: &[Stmt],
        b: &[Stmt],
        depth: usize,
        op: &str,
        out: &mut String,
    ) {
        let pad = "    ".repeat(depth);
        let test = self.expr(c);
        self.before(&pad, out);
        writeln!(out, "{pad}if ({test}) begin").expect("writing to a string");
        a.iter().for_each(|s| self.statement(s, depth + 1, op, out));
        if let [Stmt { kind: StmtKind::If(c2, a2, b2), .. }] = b {
            // `else if`, unless its test needs an operand computed first.
            let mut chained = String::new();
            self.conditional(c2, a2, b2, depth, op, &mut chained);
            if let Some(rest) = chained.strip_prefix(&format!("{pad}if ")) {
                write!(out, "{pad}end else if {rest}").expect("writing to a string");
                return;
            }
        }
        if !b.is_empty() {
            writeln!(out, "{pad}end else begin").expect("writing to a string");
            b.iter().for_each(|s| self.statement(s, depth + 1, op, out));
        }
        writeln!(out, "{pad}end").expect("writing to a string");
    }
}

/// `q <= q` says nothing, unless it takes back an earlier write.
fn holds(d: &str, e: &Expr) -> bool {
    matches!(&e.kind, Kind::Sig(q)
        if d.strip_suffix("$d").is_some_and(|d| q.strip_suffix("$q") == Some(d)))
}

fn bin_symbol(op: BinOp) -> &'static str {
    match op {
        BinOp::Add => "+",
        BinOp::Sub => "-",
        BinOp::And => "&",
        BinOp::Or => "|",
        BinOp::Xor => "^",
    }
}

fn cmp_symbol(op: CmpOp) -> &'static str {
    match op {
        CmpOp::Eq => "==",
        CmpOp::Ne => "!=",
        CmpOp::Lt => "<",
        CmpOp::Le => "<=",
        CmpOp::Gt => ">",
        CmpOp::Ge => ">=",
    }
}
