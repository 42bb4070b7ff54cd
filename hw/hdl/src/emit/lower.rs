//! Pass 3: a block's kernel becomes typed statements.
//!
//! Before: rust-hdl's syntax tree with loops, macros, links and textual indices. After: a flat list of
//! [`Stmt`] with every loop unrolled, every name resolved against the symbol table and every
//! expression typed.

use super::env::{rust_integer, Env};
use super::ir::{index_width, Expr, Kind, Stmt, StmtKind, Target};
use super::symbols::{Class, Symbols};
use super::typing::{bits, Natural, Typer};
use super::Problem;
use crate::{kernel, Word};
use rust_hdl::prelude::ast::*;

/// Lowers a kernel. Problems carry the line they were met on, where the kernel records it.
pub fn lower(
    code: &[VerilogStatement],
    symbols: &mut Symbols,
    problems: &mut Vec<Problem>,
) -> Vec<Stmt> {
    let mut l = Lower { symbols, problems, env: Env::default(), line: None };
    let mut out = Vec::new();
    l.block(code, &mut out);
    out
}

struct Lower<'a> {
    symbols: &'a mut Symbols,
    problems: &'a mut Vec<Problem>,
    env: Env,
    line: Option<usize>,
}

impl Lower<'_> {
    fn problem(&mut self, text: String) {
        self.problems.push(Problem { line: self.line, text });
    }

    /// Runs `f` with a typer, keeping its problems with their line.
    fn with_typer<T>(&mut self, f: impl FnOnce(&mut Typer) -> T) -> T {
        let mut texts = Vec::new();
        let r = f(&mut Typer { symbols: self.symbols, problems: &mut texts, env: &self.env });
        for t in texts {
            self.problem(t);
        }
        r
    }

    fn resolve(&mut self, name: &str) -> String {
        let mut texts = Vec::new();
        let r = self.env.resolve(name, &mut texts);
        texts.into_iter().for_each(|t| self.problem(t));
        r
    }

    fn block(&mut self, code: &[VerilogStatement], out: &mut Vec<Stmt>) {
        for s in code {
            self.statement(s, out);
        }
    }

    fn nested(&mut self, code: &[VerilogStatement]) -> Vec<Stmt> {
        let mut out = Vec::new();
        self.block(code, &mut out);
        out
    }

    fn statement(&mut self, s: &VerilogStatement, out: &mut Vec<Stmt>) {
        match s {
            VerilogStatement::Comment(c) => {
                if let Some(line) = kernel::line_of(c) {
                    self.line = Some(line);
                }
            }
            VerilogStatement::Macro(v) => self.block(v, out),
            VerilogStatement::Assignment(target, value) => self.assignment(target, value, out),
            VerilogStatement::SliceAssignment { base, width, offset, replacement } => {
                self.slice_assignment(base, *width, offset, replacement, out);
            }
            VerilogStatement::If(c) => self.conditional(c, out),
            VerilogStatement::Match(m) => self.case(m, out),
            VerilogStatement::Loop(l) => {
                for i in l.from.as_usize()..l.to.as_usize() {
                    self.env.enter(&l.index, i as i64);
                    self.block(&l.block, out);
                    self.env.leave();
                }
            }
            VerilogStatement::Link(links) => links.iter().for_each(|l| self.link(l, out)),
        }
    }

    fn target_name(&mut self, e: &VerilogExpression) -> Option<String> {
        match e {
            VerilogExpression::Signal(s) => Some(self.resolve(s)),
            VerilogExpression::Paren(p) => self.target_name(p),
            _ => {
                self.problem("only a signal can be assigned".into());
                None
            }
        }
    }

    /// Width of a target that may be assigned; `None` after reporting why not.
    fn target_width(&mut self, name: &str) -> Option<usize> {
        let plain = name.replace('$', ".");
        match self.symbols.get(name).map(|s| (s.width, s.class.clone())) {
            None => self.problem(format!("unknown signal `{plain}` is assigned")),
            Some((_, Class::In(_))) => self.problem(format!(
                "`{plain}` is an input of this block and cannot be assigned in it"
            )),
            Some((_, Class::Const(_) | Class::Variant(_) | Class::DffQ(_))) => {
                self.problem(format!("`{plain}` cannot be assigned"));
            }
            Some((w, _)) => return Some(w),
        }
        None
    }

    fn push(&self, out: &mut Vec<Stmt>, kind: StmtKind) {
        // A branch whose bodies are empty (all of it was elaboration-time code, say) is nothing.
        let empty = match &kind {
            StmtKind::Assign(..) => false,
            StmtKind::If(_, a, b) => a.is_empty() && b.is_empty(),
            StmtKind::Case(_, arms) => arms.iter().all(|a| a.1.is_empty()),
        };
        if empty {
            return;
        }
        out.push(Stmt { kind, line: self.line });
    }

    fn assignment(
        &mut self,
        target: &VerilogExpression,
        value: &VerilogExpression,
        out: &mut Vec<Stmt>,
    ) {
        let Some(name) = self.target_name(target) else { return };
        if name.starts_with("let$") && self.symbols.get(&name).is_none() {
            let value = self.with_typer(|t| match t.natural(value) {
                Natural::Fixed(w) => t.typed(value, w),
                _ => t.alone(value),
            });
            self.symbols.declare_let(&name, value.width, value.signed);
            self.push(out, StmtKind::Assign(Target { name, slice: None }, value));
            return;
        }
        let Some(width) = self.target_width(&name) else { return };
        let value = self.with_typer(|t| t.typed(value, width));
        self.push(out, StmtKind::Assign(Target { name, slice: None }, value));
    }

    fn slice_assignment(
        &mut self,
        base: &VerilogExpression,
        width: usize,
        offset: &VerilogExpression,
        value: &VerilogExpression,
        out: &mut Vec<Stmt>,
    ) {
        let Some(name) = self.target_name(base) else { return };
        let Some(whole) = self.target_width(&name) else { return };
        let (offset, value) = self.with_typer(|t| {
            let offset = t.index(offset);
            let value = match t.natural(value) {
                Natural::Fixed(w) if width == 0 => t.typed(value, w),
                _ if width == 0 => t.alone(value),
                _ => t.typed(value, width),
            };
            (offset, value)
        });
        let width = value.width;
        let past = match offset.as_lit() {
            Some(o) => *o >= whole || o.index() + width > whole,
            None => offset.width >= 30 || (1usize << offset.width) - 1 + width > whole,
        };
        if past {
            let name = name.replace('$', ".");
            self.problem(format!(
                "{} written into `{name}` can reach past its {}",
                bits(width),
                bits(whole)
            ));
            return;
        }
        // An offset that cannot reach past the end has no more bits than an index has.
        let offset = match offset.as_lit() {
            Some(_) => offset,
            None => offset.zext(index_width(whole)),
        };
        let slice = (width < whole).then_some((offset, width));
        self.push(out, StmtKind::Assign(Target { name, slice }, value));
    }

    fn conditional(&mut self, c: &VerilogConditional, out: &mut Vec<Stmt>) {
        let test = self.with_typer(|t| t.flag(&c.test));
        let then = self.nested(&c.then);
        let otherwise = match &c.otherwise {
            VerilogBlockOrConditional::Block(b) => self.nested(b),
            VerilogBlockOrConditional::Conditional(s) => self.nested(std::slice::from_ref(s)),
            VerilogBlockOrConditional::None => Vec::new(),
        };
        match test.as_lit() {
            Some(w) if w.any() => out.extend(then),
            Some(_) => out.extend(otherwise),
            None => self.push(out, StmtKind::If(test, then, otherwise)),
        }
    }

    fn case(&mut self, m: &VerilogMatch, out: &mut Vec<Stmt>) {
        let line = self.line;
        let subject = self.with_typer(|t| t.index(&m.test));
        let mut arms = Vec::new();
        for c in &m.cases {
            self.line = line;
            let label = if c.condition == "default" {
                None
            } else {
                self.label(&c.condition, subject.width)
            };
            arms.push((label, self.nested(&c.block)));
        }
        self.line = line;
        self.drop_unreachable(&mut arms);
        if let Some(known) = subject.as_lit() {
            let hit = |label: &Option<Expr>| match label {
                None => Some(true),
                Some(l) => self.value(l).map(|v| v == *known),
            };
            if arms.iter().all(|a| hit(&a.0).is_some()) {
                let taken = arms.into_iter().find(|a| hit(&a.0) == Some(true));
                out.extend(taken.map_or(Vec::new(), |a| a.1));
                return;
            }
        }
        self.close_case(&subject, &mut arms);
        self.push(out, StmtKind::Case(subject, arms));
    }

    fn label(&mut self, text: &str, width: usize) -> Option<Expr> {
        let flag = match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        if let Some(b) = flag {
            return Some(Expr::lit(b.into()));
        }
        if let Some(v) = rust_integer(text) {
            let w = Word::from(v);
            if w.slice(width, 64).any() {
                self.problem(format!(
                    "the case label {text} does not fit in the {} matched",
                    bits(width)
                ));
            }
            return Some(Expr::lit(w.slice(0, width)));
        }
        let name = self.resolve(text);
        match self.symbols.class(&name) {
            Some(Class::Variant(_)) => Some(Expr { kind: Kind::Label(name), width, signed: false }),
            _ => {
                self.problem(format!("the case label `{text}` is not a constant rust-hdl records; write the number, or use #[hdl]"));
                Some(Expr::lit(Word::zero(width)))
            }
        }
    }

    /// In Rust the first matching arm is taken, `_` included; in Verilog the default comes last wherever
    /// it stands.
    fn drop_unreachable(&self, arms: &mut Vec<(Option<Expr>, Vec<Stmt>)>) {
        if let Some(default) = arms.iter().position(|a| a.0.is_none()) {
            arms.truncate(default + 1);
        }
        let mut seen: Vec<Word> = Vec::new();
        arms.retain(|(label, _)| match label.as_ref().and_then(|l| self.value(l)) {
            Some(v) if seen.contains(&v) => false,
            Some(v) => {
                seen.push(v);
                true
            }
            None => true,
        });
    }

    /// Rust's exhaustive match need not be exhaustive over bit patterns: the last arm becomes the
    /// default, so that no latch appears.
    fn close_case(&mut self, subject: &Expr, arms: &mut [(Option<Expr>, Vec<Stmt>)]) {
        if arms.iter().any(|a| a.0.is_none()) {
            return;
        }
        let distinct = arms
            .iter()
            .filter_map(|a| Some(self.value(a.0.as_ref()?)?.to_u128()))
            .collect::<std::collections::BTreeSet<u128>>();
        let variants = arms.iter().find_map(|a| match &a.0.as_ref()?.kind {
            Kind::Label(name) => Some(self.symbols.variants_of(name)),
            _ => None,
        });
        let all = variants
            .map_or_else(|| 1u128.checked_shl(subject.width as u32).unwrap_or(0), |n| n as u128);
        if distinct.len() as u128 == all {
            if let Some(last) = arms.last_mut() {
                last.0 = None;
            }
        }
    }

    /// The value of a label.
    fn value(&self, e: &Expr) -> Option<Word> {
        match &e.kind {
            Kind::Lit(w) => Some(w.clone()),
            Kind::Label(n) => match self.symbols.class(n) {
                Some(Class::Variant(w)) => Some(w.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    fn link(&mut self, l: &VerilogLink, out: &mut Vec<Stmt>) {
        let (d, forward) = match l {
            VerilogLink::Forward(d) | VerilogLink::Bidirectional(d) => (d, true),
            VerilogLink::Backward(d) => (d, false),
        };
        let mine = self.resolve(&d.my_name);
        let mut full = |side: &str| {
            let side = self.resolve(side);
            if mine.is_empty() {
                side
            } else {
                format!("{side}${mine}")
            }
        };
        let (other, owner) = (full(&d.other_name), full(&d.owner_name));
        let (to, from) = if forward { (other, owner) } else { (owner, other) };
        if matches!(l, VerilogLink::Bidirectional(_)) {
            // Tri-state: an alias, settled when the instance is written.
            let width = self.symbols.get(&to).map_or(1, |s| s.width);
            self.push(
                out,
                StmtKind::Assign(Target { name: to, slice: None }, Expr::sig(from, width, false)),
            );
            return;
        }
        self.assignment(&VerilogExpression::Signal(to), &VerilogExpression::Signal(from), out);
    }
}
