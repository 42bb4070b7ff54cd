//! Pass 6: splits the statements into independent pieces of hardware.
//!
//! Before: one sequential list. After: single writes that stand alone (continuous assignments), groups
//! that must stay sequential (`always @*`), and groups that only feed registers (clocked processes).
//! Refuses what has no faithful hardware: latches and values read before they are written.

use super::ir::{Stmt, StmtKind};
use super::stores::uses;
use super::symbols::{Class, Symbols};
use super::Problem;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The statements of a module by what they become. Indices point into the statement list.
#[derive(Default)]
pub struct Partition {
    /// Whole-signal single writes, in program order.
    pub continuous: Vec<usize>,
    /// Single constant-slice writes.
    pub slices: Vec<usize>,
    /// Sequential groups.
    pub combinational: Vec<Vec<usize>>,
    /// Sequential groups whose targets are all unread register inputs.
    pub clocked: Vec<Vec<usize>>,
    /// Names written by each statement.
    pub writes: Vec<BTreeSet<String>>,
    /// Names read anywhere.
    pub read: HashSet<String>,
    /// Names written anywhere.
    pub written: HashSet<String>,
}

/// Splits `stmts`.
pub fn split(stmts: &[Stmt], symbols: &Symbols, problems: &mut Vec<Problem>) -> Partition {
    let usage: Vec<_> = stmts.iter().map(uses).collect();
    let mut writers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut readers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, (reads, writes)) in usage.iter().enumerate() {
        writes.iter().for_each(|w| writers.entry(w).or_default().push(i));
        reads.iter().for_each(|r| readers.entry(r).or_default().push(i));
    }
    let mut groups = Groups::new(stmts.len());
    writers.values().for_each(|w| w.windows(2).for_each(|p| groups.join(p[0], p[1])));
    for (name, rs) in &readers {
        let Some(ws) = writers.get(name) else { continue };
        for &r in rs {
            // A read between writes sees the sequential value, so it stays with them.
            if ws.iter().any(|&w| w > r) {
                groups.join(r, ws[0]);
            }
            let plain = name.replace('$', ".");
            if is_child_input(name, symbols) {
                // Rust reads the value that has arrived in the child, a process the present one.
                if ws.iter().any(|&w| w >= r) {
                    let text = format!("`{plain}`, an input of a child, is read before its last assignment; compute the value in a Local and read that");
                    problems.push(Problem { line: stmts[r].line, text });
                }
                continue;
            }
            let written = ws.iter().any(|&w| w < r && stmts[w].whole_assign().is_some());
            let before = ws.iter().copied().filter(|&w| w < r).chain([r]).map(|i| &stmts[i]);
            if !written && may_read_first(before, name, &mut false) {
                let text = format!("`{plain}` is read before it is written (a stale value or a combinational loop)");
                problems.push(Problem { line: stmts[r].line, text });
            }
        }
    }
    groups.close_circles(&writers, &readers);
    let mut p = Partition {
        read: readers.keys().map(|s| s.to_string()).collect(),
        written: writers.keys().map(|s| s.to_string()).collect(),
        writes: usage.iter().map(|u| u.1.clone()).collect(),
        ..Partition::default()
    };
    for group in groups.all() {
        place(group, stmts, symbols, &mut p, problems);
    }
    p
}

fn is_child_input(name: &str, symbols: &Symbols) -> bool {
    // Its outputs and states are never written here.
    matches!(symbols.class(name), Some(Class::ChildPort(..) | Class::DffD(_) | Class::DffClock(_)))
}

/// Does some path read `name` before writing it? `written` is carried along straight-line code.
fn may_read_first<'a>(
    stmts: impl IntoIterator<Item = &'a Stmt>,
    name: &str,
    written: &mut bool,
) -> bool {
    let reads = |e: &super::ir::Expr| {
        let mut hit = false;
        e.for_each_read(&mut |s| hit |= s == name);
        hit
    };
    for s in stmts {
        match &s.kind {
            StmtKind::Assign(t, e) => {
                if !*written && (reads(e) || t.slice.as_ref().is_some_and(|(o, _)| reads(o))) {
                    return true;
                }
                *written |= t.name == name && t.slice.is_none();
            }
            StmtKind::If(c, a, b) => {
                let (mut wa, mut wb) = (*written, *written);
                if (!*written && reads(c))
                    || may_read_first(a, name, &mut wa)
                    || may_read_first(b, name, &mut wb)
                {
                    return true;
                }
                *written = wa && wb;
            }
            StmtKind::Case(c, arms) => {
                if !*written && reads(c) {
                    return true;
                }
                let mut all = !arms.is_empty();
                for (_, body) in arms {
                    let mut w = *written;
                    if may_read_first(body, name, &mut w) {
                        return true;
                    }
                    all &= w;
                }
                *written |= all;
            }
        }
    }
    false
}

fn place(
    group: Vec<usize>,
    stmts: &[Stmt],
    symbols: &Symbols,
    p: &mut Partition,
    problems: &mut Vec<Problem>,
) {
    if let [i] = group[..] {
        if stmts[i].whole_assign().is_some() {
            p.continuous.push(i);
            return;
        }
        if let StmtKind::Assign(t, _) = &stmts[i].kind {
            if t.slice.as_ref().is_some_and(|(o, _)| o.as_lit().is_some()) {
                incomplete(&t.name, &group, stmts, problems);
                p.slices.push(i);
                return;
            }
        }
    }
    let writes: BTreeSet<String> =
        group.iter().flat_map(|&i| p.writes[i].iter().cloned()).collect();
    let to_register =
        |w: &String| matches!(symbols.class(w), Some(Class::DffD(_))) && !p.read.contains(w);
    if writes.iter().all(to_register) && writes.iter().all(|w| assigned(&group, stmts, w)) {
        p.clocked.push(group);
        return;
    }
    for w in &writes {
        // A `let` inside a branch lives only there; it gets a default where it is declared.
        if !matches!(symbols.class(w), Some(Class::Let)) {
            incomplete(w, &group, stmts, problems);
        }
    }
    p.combinational.push(group);
}

fn incomplete(name: &str, group: &[usize], stmts: &[Stmt], problems: &mut Vec<Problem>) {
    if !assigned(group, stmts, name) {
        problems.push(Problem {
            line: stmts[group[0]].line,
            text: format!(
                "`{}` is not assigned on every path (a latch); assign a default first",
                name.replace('$', ".")
            ),
        });
    }
}

/// Is every bit of `name` assigned on every path through the group?
fn assigned(group: &[usize], stmts: &[Stmt], name: &str) -> bool {
    let all: Vec<&Stmt> = group.iter().map(|&i| &stmts[i]).collect();
    covers(&all, name)
}

fn covers(stmts: &[&Stmt], name: &str) -> bool {
    let refs = |b: &[Stmt]| -> bool { covers(&b.iter().collect::<Vec<_>>(), name) };
    stmts.iter().any(|s| match &s.kind {
        StmtKind::Assign(t, _) => t.name == name && t.slice.is_none(),
        StmtKind::If(_, a, b) => refs(a) && refs(b),
        StmtKind::Case(_, arms) => {
            arms.iter().any(|a| a.0.is_none()) && arms.iter().all(|a| refs(&a.1))
        }
    })
}

/// Union-find over statement indices; the smallest index leads its group.
struct Groups(Vec<usize>);

impl Groups {
    fn new(n: usize) -> Groups {
        Groups((0..n).collect())
    }

    fn find(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b)] = a.min(b);
    }

    /// Joins groups that depend on each other. No statement does, for reads come after writes; but a
    /// wire between two statements of one process would look like a combinational loop.
    fn close_circles(
        &mut self,
        writers: &BTreeMap<&str, Vec<usize>>,
        readers: &BTreeMap<&str, Vec<usize>>,
    ) {
        let n = self.0.len();
        let (mut forward, mut backward) = (vec![BTreeSet::new(); n], vec![BTreeSet::new(); n]);
        for (name, rs) in readers {
            // All writers of a name are in one group.
            let Some(w) = writers.get(name).map(|ws| self.find(ws[0])) else { continue };
            for &r in rs {
                let r = self.find(r);
                if r != w {
                    forward[w].insert(r);
                    backward[r].insert(w);
                }
            }
        }
        let mut order = Vec::new();
        let mut seen = vec![false; n];
        for start in 0..n {
            visit(start, &forward, &mut seen, &mut order);
        }
        seen.fill(false);
        for &start in order.iter().rev() {
            let mut circle = Vec::new();
            visit(start, &backward, &mut seen, &mut circle);
            circle.windows(2).for_each(|p| self.join(p[0], p[1]));
        }
    }

    fn all(mut self) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for i in 0..self.0.len() {
            let lead = self.find(i);
            groups.entry(lead).or_default().push(i);
        }
        groups.into_values().collect()
    }
}

/// Appends what can be reached from `start` and has not been seen, each after what it leads to.
fn visit(start: usize, edges: &[BTreeSet<usize>], seen: &mut [bool], out: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[start], true) {
        return;
    }
    let mut path = vec![(start, edges[start].iter())];
    while let Some((at, rest)) = path.last_mut() {
        match rest.find(|next| !seen[**next]) {
            Some(&next) => {
                seen[next] = true;
                path.push((next, edges[next].iter()));
            }
            None => {
                out.push(*at);
                path.pop();
            }
        }
    }
}

/// Maps each name to the value of its continuous assignment.
pub fn continuous_values<'a>(
    p: &Partition,
    stmts: &'a [Stmt],
) -> HashMap<&'a str, &'a super::ir::Expr> {
    p.continuous.iter().filter_map(|&i| stmts[i].whole_assign()).collect()
}
