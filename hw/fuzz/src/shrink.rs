//! Makes a failing program smaller while it still fails.

use crate::program::{Name, Program, Target, E, S};
use skipopu_hdl::Word;
use std::sync::Arc;

/// Tries at most; each runs a simulator.
const TRIES: usize = 300;

/// Statements of a program, nested ones included.
pub fn size(p: &Program) -> usize {
    fn of(body: &[S]) -> usize {
        let inner = |s: &S| match s {
            S::If(_, a, b) => of(a) + of(b),
            S::Match(_, arms, d) => arms.iter().map(|a| of(&a.1)).sum::<usize>() + of(d),
            _ => 0,
        };
        body.iter().map(|s| 1 + inner(s)).sum()
    }
    of(&p.body)
}

/// The smallest program found for which `fails` holds, as it does for `p`.
pub fn shrink(p: &Arc<Program>, fails: impl Fn(&Arc<Program>) -> bool) -> Arc<Program> {
    let mut best = p.clone();
    let mut tries = 0;
    loop {
        let found = smaller(&best).find(|candidate| {
            tries += 1;
            tries <= TRIES && fails(candidate)
        });
        match found {
            Some(found) if tries <= TRIES => best = found,
            _ => return best,
        }
    }
}

/// Programs one step smaller: no children, a statement less, a branch in place of its `if`, an
/// expression replaced by an operand of its width or by zero.
fn smaller(p: &Arc<Program>) -> impl Iterator<Item = Arc<Program>> {
    let p = p.clone();
    let childless = (!p.children.is_empty()).then(|| {
        Arc::new(Program { children: Vec::new(), body: orphaned(&p.body), ..(*p).clone() })
    });
    let bodies = lists(&p.body).into_iter().filter(|b| declared(b));
    let programs = bodies.map(move |body| Arc::new(Program { body, ..(*p).clone() }));
    childless.into_iter().chain(programs)
}

/// `body` without its children: their inputs are not written, expressions that read them are zero.
fn orphaned(body: &[S]) -> Vec<S> {
    fn value(e: &E) -> E {
        fn reads(e: &E) -> bool {
            matches!(e, E::Read(Name::Child(..), _)) || e.operands().into_iter().any(reads)
        }
        if reads(e) {
            E::Sized(Word::zero(e.width()))
        } else {
            e.clone()
        }
    }
    let kept = body.iter().filter(|s| !matches!(s, S::Set(Target::Child(..), _)));
    kept.map(|s| match s {
        S::Declare(i, e) => S::Declare(*i, value(e)),
        S::Set(t, e) => S::Set(*t, value(e)),
        S::SetSlice(t, o, e) => S::SetSlice(*t, value(o), value(e)),
        S::If(c, a, b) => S::If(value(c), orphaned(a), orphaned(b)),
        S::Match(e, arms, d) => {
            let arms = arms.iter().map(|(labels, a)| (labels.clone(), orphaned(a))).collect();
            S::Match(value(e), arms, orphaned(d))
        }
    })
    .collect()
}

/// Variants of a statement list, the boldest first.
fn lists(body: &[S]) -> Vec<Vec<S>> {
    let mut out = Vec::new();
    let mut replace = |i: usize, with: Vec<S>| {
        let mut b = body.to_vec();
        b.splice(i..=i, with);
        out.push(b);
    };
    for (i, s) in body.iter().enumerate() {
        // The first writes of a target are its defaults.
        if !matches!(s, S::Set(..)) {
            replace(i, Vec::new());
        }
        match s {
            S::If(_, a, b) => {
                replace(i, a.clone());
                replace(i, b.clone());
            }
            S::Match(_, arms, d) => {
                arms.iter().for_each(|a| replace(i, a.1.clone()));
                replace(i, d.clone());
            }
            _ => {}
        }
    }
    for (i, s) in body.iter().enumerate() {
        match s {
            S::Set(t, e) => exprs(e).into_iter().for_each(|e| replace(i, vec![S::Set(*t, e)])),
            S::Declare(n, e) => {
                exprs(e).into_iter().for_each(|e| replace(i, vec![S::Declare(*n, e)]));
            }
            S::SetSlice(t, o, e) => {
                exprs(e).into_iter().for_each(|e| replace(i, vec![S::SetSlice(*t, o.clone(), e)]));
            }
            S::If(c, a, b) => {
                for a in lists(a) {
                    replace(i, vec![S::If(c.clone(), a, b.clone())]);
                }
                for b in lists(b) {
                    replace(i, vec![S::If(c.clone(), a.clone(), b)]);
                }
                exprs(c).into_iter().for_each(|c| replace(i, vec![S::If(c, a.clone(), b.clone())]));
            }
            S::Match(e, arms, d) => {
                for (n, (labels, body)) in arms.iter().enumerate() {
                    for a in lists(body) {
                        let mut arms = arms.clone();
                        arms[n] = (labels.clone(), a);
                        replace(i, vec![S::Match(e.clone(), arms, d.clone())]);
                    }
                }
                for d in lists(d) {
                    replace(i, vec![S::Match(e.clone(), arms.clone(), d)]);
                }
                for e in exprs(e) {
                    replace(i, vec![S::Match(e, arms.clone(), d.clone())]);
                }
            }
        }
    }
    out
}

fn exprs(e: &E) -> Vec<E> {
    let zero = E::Sized(Word::zero(e.width()));
    let mut out = Vec::new();
    if *e != zero {
        out.push(zero);
    }
    out.extend(e.operands().into_iter().filter(|o| o.width() == e.width()).cloned());
    out
}

/// Is every `let` declared before it is used?
fn declared(body: &[S]) -> bool {
    fn reads(e: &E, lets: &[usize]) -> bool {
        let own = !matches!(e, E::Read(Name::Let(i), _) if !lets.contains(i));
        own && e.operands().into_iter().all(|o| reads(o, lets))
    }
    fn list(body: &[S], lets: &mut Vec<usize>) -> bool {
        body.iter().all(|s| match s {
            S::Declare(i, e) => {
                let ok = reads(e, lets);
                lets.push(*i);
                ok
            }
            S::Set(t, e) => {
                let known = !matches!(t, Target::Let(i) if !lets.contains(i));
                known && reads(e, lets)
            }
            S::SetSlice(_, o, e) => reads(o, lets) && reads(e, lets),
            S::If(c, a, b) => {
                reads(c, lets) && list(a, &mut lets.clone()) && list(b, &mut lets.clone())
            }
            S::Match(e, arms, d) => {
                reads(e, lets)
                    && arms.iter().all(|a| list(&a.1, &mut lets.clone()))
                    && list(d, &mut lets.clone())
            }
        })
    }
    list(body, &mut Vec::new())
}
