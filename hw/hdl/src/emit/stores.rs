//! Pass 4: tidies the statement list. Before: `dff_setup!` defaults that are overwritten, packed buses
//! written slice by slice. After: dead stores gone, complete slice sets one concatenation.

use super::ir::{Expr, Stmt, StmtKind, Target};
use super::symbols::Symbols;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Reads and writes of one statement.
pub fn uses(s: &Stmt) -> (HashSet<String>, BTreeSet<String>) {
    let (mut r, mut w) = (HashSet::new(), BTreeSet::new());
    s.uses(&mut r, &mut w);
    (r, w)
}

/// Runs both clean-ups.
pub fn tidy(stmts: &mut Vec<Stmt>, symbols: &Symbols) {
    drop_dead(stmts);
    join_slices(stmts, symbols);
}

/// Removes whole-signal stores that are overwritten, unread, by a later whole-signal store.
fn drop_dead(stmts: &mut Vec<Stmt>) {
    let mut overwritten: HashSet<String> = HashSet::new();
    let mut keep = vec![true; stmts.len()];
    for (i, s) in stmts.iter().enumerate().rev() {
        let (reads, _) = uses(s);
        match s.whole_assign() {
            Some((name, _)) if overwritten.contains(name) => {
                keep[i] = false;
                continue;
            }
            Some((name, _)) => {
                overwritten.insert(name.to_string());
            }
            None => {}
        }
        for r in &reads {
            overwritten.remove(r);
        }
    }
    retain(stmts, &keep);
}

fn retain(stmts: &mut Vec<Stmt>, keep: &[bool]) {
    let mut i = 0;
    stmts.retain(|_| {
        i += 1;
        keep[i - 1]
    });
}

/// `y[7:0] = a; y[15:8] = b;` becomes `y = {b, a};` where nothing reads `y` or changes `a` between.
fn join_slices(stmts: &mut Vec<Stmt>, symbols: &Symbols) {
    let usage: Vec<_> = stmts.iter().map(uses).collect();
    let mut writers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, (_, writes)) in usage.iter().enumerate() {
        for w in writes {
            writers.entry(w).or_default().push(i);
        }
    }
    let mut replace: HashMap<usize, Stmt> = HashMap::new();
    let mut keep = vec![true; stmts.len()];
    for (name, at) in &writers {
        let Some(sym) = symbols.get(name) else { continue };
        let Some(parts) = parts_of(stmts, at) else { continue };
        if !tiles(&parts, sym.width) || !undisturbed(name, at, stmts, &usage) {
            continue;
        }
        let last = at[at.len() - 1];
        at.iter().for_each(|&i| keep[i] = i == last);
        let value = Expr::concat(parts.into_iter().rev().map(|p| p.1).collect());
        let kind = StmtKind::Assign(Target { name: name.to_string(), slice: None }, value);
        replace.insert(last, Stmt { kind, line: stmts[last].line });
    }
    for (i, s) in replace {
        stmts[i] = s;
    }
    retain(stmts, &keep);
}

/// Offset and value of every slice written, lowest first; `None` when a writer is anything else than
/// a constant slice (a constant default in front may go).
fn parts_of(stmts: &[Stmt], at: &[usize]) -> Option<Vec<(usize, Expr)>> {
    let mut parts = Vec::new();
    for (n, &i) in at.iter().enumerate() {
        match &stmts[i].kind {
            StmtKind::Assign(Target { slice: Some((o, _)), .. }, e) => {
                parts.push((o.as_lit()?.index(), e.clone()))
            }
            StmtKind::Assign(Target { slice: None, .. }, e) if n == 0 && e.as_lit().is_some() => {}
            _ => return None,
        }
    }
    parts.sort_by_key(|p| p.0);
    Some(parts)
}

fn tiles(parts: &[(usize, Expr)], width: usize) -> bool {
    let mut next = 0;
    parts.iter().all(|(o, e)| {
        let fits = *o == next;
        next = o + e.width;
        fits
    }) && next == width
}

/// Does nothing read `name`, nor change what a slice was written from, before the last slice?
fn undisturbed(
    name: &str,
    at: &[usize],
    stmts: &[Stmt],
    usage: &[(HashSet<String>, BTreeSet<String>)],
) -> bool {
    let last = at[at.len() - 1];
    at.iter().all(|&i| {
        let sources = match &stmts[i].kind {
            StmtKind::Assign(_, e) => e.reads(),
            _ => return false,
        };
        (i + 1..=last).all(|j| {
            let (reads, writes) = &usage[j];
            !reads.contains(name) && writes.iter().all(|w| !sources.contains(w))
        })
    })
}
