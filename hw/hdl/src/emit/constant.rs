//! Pass 5: evaluates what depends on no signal.
//!
//! Before: sequential groups, some of which read only what they write themselves. After: each of their
//! targets is assigned a constant. An `always @*` without inputs would never run in an event simulator;
//! neither would one whose inputs stand in a branch that is never taken, so that such branches go first.

use super::ir::{order, BinOp, Expr, Kind, Stmt, StmtKind, Target};
use super::partition::{self, Partition};
use super::symbols::{Class, Symbols};
use super::Problem;
use crate::Word;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Splits the statements, those of constant groups replaced by their results.
pub fn settle(stmts: &mut Vec<Stmt>, symbols: &Symbols, problems: &mut Vec<Problem>) -> Partition {
    prune(stmts, symbols);
    let known = problems.len();
    let p = partition::split(stmts, symbols, problems);
    if problems.len() > known {
        return p;
    }
    let mut results: BTreeMap<usize, Vec<Stmt>> = BTreeMap::new();
    let mut gone = BTreeSet::new();
    for group in p.combinational.iter().chain(&p.clocked) {
        let (mut reads, mut writes) = (HashSet::new(), BTreeSet::new());
        group.iter().for_each(|&i| stmts[i].uses(&mut reads, &mut writes));
        if reads.iter().any(|r| !writes.contains(r)) {
            continue;
        }
        let mut values = Values::new();
        let body: Vec<&Stmt> = group.iter().map(|&i| &stmts[i]).collect();
        run(&body, symbols, &mut values);
        values.retain(|name, _| {
            let inner = matches!(symbols.class(name), Some(Class::Local | Class::Let));
            let read = |(i, s): (usize, &Stmt)| {
                !group.contains(&i) && {
                    let (mut reads, mut writes) = (HashSet::new(), BTreeSet::new());
                    s.uses(&mut reads, &mut writes);
                    reads.contains(name)
                }
            };
            !inner || stmts.iter().enumerate().any(read)
        });
        let line = stmts[group[0]].line;
        let assign = |(name, value): (String, Word)| Stmt {
            kind: StmtKind::Assign(Target { name, slice: None }, Expr::lit(value)),
            line,
        };
        results.insert(group[0], values.into_iter().map(assign).collect());
        gone.extend(group.iter().copied());
    }
    if gone.is_empty() {
        return p;
    }
    *stmts = std::mem::take(stmts)
        .into_iter()
        .enumerate()
        .flat_map(|(i, s)| match gone.contains(&i) {
            true => results.remove(&i).unwrap_or_default(),
            false => vec![s],
        })
        .collect();
    partition::split(stmts, symbols, problems)
}

/// Puts the branch that is taken in the place of every `if` and `match` on a constant.
fn prune(stmts: &mut Vec<Stmt>, symbols: &Symbols) {
    let constant = |e: &Expr| e.reads().is_empty().then(|| eval(e, symbols, &Values::new()));
    let mut kept = Vec::with_capacity(stmts.len());
    for mut s in std::mem::take(stmts) {
        match &mut s.kind {
            StmtKind::Assign(..) => {}
            StmtKind::If(c, a, b) => {
                prune(a, symbols);
                prune(b, symbols);
                if let Some(c) = constant(c) {
                    kept.append(if c.any() { a } else { b });
                    continue;
                }
            }
            StmtKind::Case(subject, arms) => {
                arms.iter_mut().for_each(|(_, body)| prune(body, symbols));
                if let Some(subject) = constant(subject) {
                    let hits = |label: &Option<Expr>| {
                        label.as_ref().is_none_or(|l| constant(l).as_ref() == Some(&subject))
                    };
                    if let Some((_, body)) = arms.iter_mut().find(|(label, _)| hits(label)) {
                        kept.append(body);
                    }
                    continue;
                }
            }
        }
        kept.push(s);
    }
    *stmts = kept;
}

type Values = BTreeMap<String, Word>;

/// Runs statements in order. Every name is written before it is read: the group was split without a
/// problem.
fn run<'a>(stmts: impl IntoIterator<Item = &'a &'a Stmt>, symbols: &Symbols, values: &mut Values) {
    for s in stmts {
        match &s.kind {
            StmtKind::Assign(Target { name, slice }, e) => {
                let value = eval(e, symbols, values);
                match slice {
                    None => drop(values.insert(name.clone(), value)),
                    Some((offset, _)) => {
                        let width = symbols.get(name).map_or(value.width(), |s| s.width);
                        let at = eval(offset, symbols, values).index();
                        let whole = values.entry(name.clone()).or_insert_with(|| Word::zero(width));
                        whole.set_slice(at, &value);
                    }
                }
            }
            StmtKind::If(c, a, b) => {
                let taken = if eval(c, symbols, values).any() { a } else { b };
                run(&taken.iter().collect::<Vec<_>>(), symbols, values);
            }
            StmtKind::Case(subject, arms) => {
                let subject = eval(subject, symbols, values);
                let hit = arms.iter().find(|(label, _)| {
                    label.as_ref().is_none_or(|l| eval(l, symbols, values) == subject)
                });
                if let Some((_, body)) = hit {
                    run(&body.iter().collect::<Vec<_>>(), symbols, values);
                }
            }
        }
    }
}

/// The value of an expression over known names.
fn eval(e: &Expr, symbols: &Symbols, values: &Values) -> Word {
    let of = |x: &Expr| eval(x, symbols, values);
    match &e.kind {
        Kind::Sig(s) => values.get(s).cloned().unwrap_or_else(|| Word::zero(e.width)),
        Kind::Label(s) => match symbols.class(s) {
            Some(Class::Variant(w)) => w.clone(),
            _ => Word::zero(e.width),
        },
        Kind::Lit(w) => w.clone(),
        Kind::Zext(x) => of(x).zext(e.width),
        Kind::Sext(x) => of(x).sext(e.width),
        Kind::Slice(x, o) => of(x).slice(*o, e.width),
        Kind::DynSlice(x, o) => of(x).slice(of(o).index(), e.width),
        Kind::Bin(op, a, b) => match op {
            BinOp::Add => of(a) + of(b),
            BinOp::Sub => of(a) - of(b),
            BinOp::And => of(a) & of(b),
            BinOp::Or => of(a) | of(b),
            BinOp::Xor => of(a) ^ of(b),
        },
        // The operands have the result's width already.
        Kind::Mul(a, b) => (of(a) * of(b)).trunc(e.width),
        Kind::Cmp(op, signed, a, b) => op.holds(order(*signed, &of(a), &of(b))).into(),
        Kind::Shift(true, a, n) => of(a) << of(n),
        Kind::Shift(false, a, n) => of(a) >> of(n),
        Kind::Not(x) => !of(x),
        Kind::Neg(x) => -of(x),
        Kind::Reduce('&', x) => of(x).all().into(),
        Kind::Reduce('|', x) => of(x).any().into(),
        Kind::Reduce(_, x) => of(x).xor().into(),
        Kind::Mux(c, a, b) => {
            if of(c).any() {
                of(a)
            } else {
                of(b)
            }
        }
        Kind::Concat(parts) => Word::concat(&parts.iter().map(of).collect::<Vec<_>>()),
    }
}
