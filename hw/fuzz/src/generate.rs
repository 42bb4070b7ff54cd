//! Random programs.

use crate::program::{Name, Op, Program, Reduction, Target, Test, E, S};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::Word;
use skipopu_sim::random_word;
use std::sync::Arc;

/// Inputs of every top block, so that a suite can share them.
pub const INPUTS: [usize; 10] = [1, 1, 3, 5, 8, 8, 17, 64, 65, 130];

/// Widths of everything else.
const WIDTHS: [usize; 14] = [1, 1, 2, 3, 7, 8, 8, 16, 31, 33, 64, 65, 100, 140];

/// The program of a seed.
pub fn program(seed: u64) -> Arc<Program> {
    let mut rng = SmallRng::seed_from_u64(seed);
    Arc::new(block(&mut rng, 0))
}

fn pick<T: Clone>(rng: &mut SmallRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())].clone()
}

fn block(rng: &mut SmallRng, level: usize) -> Program {
    let mut widths = |n: usize| -> Vec<usize> { (0..n).map(|_| pick(rng, &WIDTHS)).collect() };
    let inputs = if level == 0 { INPUTS.to_vec() } else { widths(3) };
    let (outputs, locals, registers) = (widths(2), widths(2), widths(2));
    let registers = registers.into_iter().map(|w| random_word(rng, w)).collect();
    let children = match level {
        0 if rng.random_ratio(1, 3) => {
            let child = Arc::new(block(rng, 1));
            let n = rng.random_range(1..3);
            vec![child; n]
        }
        _ => Vec::new(),
    };
    let mut p = Program { inputs, outputs, locals, registers, children, body: Vec::new() };
    let mut known: Vec<(Name, usize)> =
        p.inputs.iter().enumerate().map(|(i, w)| (Name::Input(i), *w)).collect();
    known.extend(p.registers.iter().enumerate().map(|(i, r)| (Name::State(i), r.width())));
    let mut g = Generator { rng, known, lets: 0 };
    p.body = g.body(&p);
    p
}

struct Generator<'a> {
    rng: &'a mut SmallRng,
    /// What may be read here, with widths.
    known: Vec<(Name, usize)>,
    lets: usize,
}

impl Generator<'_> {
    fn body(&mut self, p: &Program) -> Vec<S> {
        let mut out = Vec::new();
        // Targets that have a value on every path so far, with widths.
        let mut targets: Vec<(Target, usize)> = Vec::new();
        let registers = p.registers.iter().enumerate();
        for (i, r) in registers {
            let w = r.width();
            out.push(S::Set(Target::Next(i), E::Read(Name::State(i), w)));
            targets.push((Target::Next(i), w));
        }
        let locals = p.locals.iter().enumerate().map(|(i, w)| (Target::Local(i), *w));
        let outputs = p.outputs.iter().enumerate().map(|(i, w)| (Target::Output(i), *w));
        let mut first: Vec<(Target, usize)> = locals.chain(outputs).collect();
        for (c, child) in p.children.iter().enumerate() {
            for (i, w) in child.inputs.iter().enumerate() {
                let e = self.expr(*w, 2);
                out.push(S::Set(Target::Child(c, i), e));
            }
            let outputs = child.outputs.iter().enumerate();
            self.known.extend(outputs.map(|(i, w)| (Name::Child(c, i), *w)));
        }
        while !first.is_empty() {
            let (t, w) = first.remove(self.rng.random_range(0..first.len()));
            let e = self.expr(w, 3);
            out.push(S::Set(t, e));
            targets.push((t, w));
            match t {
                Target::Local(i) => self.known.push((Name::Local(i), w)),
                Target::Output(i) => self.known.push((Name::Output(i), w)),
                _ => {}
            }
            let n = self.rng.random_range(0..3);
            self.statements(&mut targets, n, 2, &mut out);
        }
        out
    }

    fn statements(
        &mut self,
        targets: &mut Vec<(Target, usize)>,
        n: usize,
        depth: usize,
        out: &mut Vec<S>,
    ) {
        for _ in 0..n {
            let (t, w) = pick(self.rng, targets);
            let s = match self.rng.random_range(0..10) {
                0..=1 => {
                    let w = pick(self.rng, &WIDTHS);
                    let e = self.expr(w, 3);
                    let i = self.lets;
                    self.lets += 1;
                    self.known.push((Name::Let(i), w));
                    targets.push((Target::Let(i), w));
                    S::Declare(i, e)
                }
                2..=4 => S::Set(t, self.expr(w, 3)),
                5 if !matches!(t, Target::Let(_)) => self.set_slice(t, w),
                6..=8 if depth > 0 => {
                    let c = self.expr(1, 2);
                    let a = self.branch(targets, depth);
                    let empty = self.rng.random_ratio(1, 3);
                    let b = if empty { Vec::new() } else { self.branch(targets, depth) };
                    S::If(c, a, b)
                }
                9 if depth > 0 => {
                    let w = self.rng.random_range(1..6);
                    let subject = self.expr(w, 2);
                    let arms = (0..self.rng.random_range(1..4))
                        .map(|_| {
                            let n = self.rng.random_range(1..3);
                            let labels = (0..n).map(|_| self.rng.random_range(0..1 << w)).collect();
                            (labels, self.branch(targets, depth))
                        })
                        .collect();
                    S::Match(subject, arms, self.branch(targets, depth))
                }
                _ => S::Set(t, self.expr(w, 2)),
            };
            out.push(s);
        }
    }

    /// Statements whose `let`s end with them.
    fn branch(&mut self, targets: &[(Target, usize)], depth: usize) -> Vec<S> {
        let known = self.known.len();
        let mut targets = targets.to_vec();
        let n = self.rng.random_range(0..3);
        let mut out = Vec::new();
        self.statements(&mut targets, n, depth - 1, &mut out);
        self.known.truncate(known);
        out
    }

    fn set_slice(&mut self, t: Target, w: usize) -> S {
        let n = self.rng.random_range(1..=w);
        let room = w - n;
        let value = self.expr(n, 2);
        let bits = (room + 1).ilog2() as usize;
        let offset = if bits > 0 && self.rng.random() {
            self.expr(bits, 1)
        } else {
            E::Sized(Word::new(8, self.rng.random_range(0..=room) as u128))
        };
        S::SetSlice(t, offset, value)
    }

    fn boxed(&mut self, w: usize, depth: usize) -> Box<E> {
        Box::new(self.expr(w, depth))
    }

    fn any_width(&mut self) -> usize {
        pick(self.rng, &WIDTHS)
    }

    fn number(&mut self, w: usize) -> u64 {
        let bits = w.min(63);
        let small = self.rng.random::<bool>();
        let n = self.rng.random::<u64>() & ((1 << bits) - 1);
        if small {
            n & 15
        } else {
            n
        }
    }

    fn leaf(&mut self, w: usize) -> E {
        let same: Vec<(Name, usize)> = self.known.iter().filter(|k| k.1 == w).copied().collect();
        if !same.is_empty() && self.rng.random_ratio(2, 3) {
            let (n, w) = pick(self.rng, &same);
            return E::Read(n, w);
        }
        if self.rng.random_ratio(1, 6) {
            return E::Sized(random_word(self.rng, w));
        }
        let (n, k) = pick(self.rng, &self.known);
        let x = Box::new(E::Read(n, k));
        match k.cmp(&w) {
            std::cmp::Ordering::Equal => *x,
            std::cmp::Ordering::Less if self.rng.random() => E::Zext(x, w),
            std::cmp::Ordering::Less => E::Sext(x, w),
            std::cmp::Ordering::Greater if self.rng.random() => E::Trunc(x, w),
            std::cmp::Ordering::Greater => E::Slice(x, self.rng.random_range(0..k), w),
        }
    }

    /// An expression of `w` bits.
    fn expr(&mut self, w: usize, depth: usize) -> E {
        if depth == 0 || self.rng.random_ratio(1, 8) {
            return self.leaf(w);
        }
        let d = depth - 1;
        if w == 1 && self.rng.random_ratio(2, 3) {
            return self.one_bit(d);
        }
        let op = pick(self.rng, &[Op::Add, Op::Sub, Op::And, Op::Or, Op::Xor]);
        match self.rng.random_range(0..20) {
            0..=3 => E::Bin(op, self.boxed(w, d), self.boxed(w, d)),
            4 => {
                let a = self.boxed(w, d);
                E::BinNumber(op, a, self.number(w))
            }
            5 if w >= 2 => {
                let k = self.rng.random_range(1..w);
                let signed = self.rng.random();
                E::Mul(self.boxed(k, d), self.boxed(w - k, d), signed)
            }
            6 => {
                let n = pick(self.rng, &[1, 2, 3, 5, 8, 65]);
                E::Shift(self.rng.random(), self.boxed(w, d), self.boxed(n, d))
            }
            7 => {
                let left = self.rng.random();
                let a = self.boxed(w, d);
                E::ShiftBy(left, a, self.rng.random_range(0..w + 2))
            }
            8 => E::Not(self.boxed(w, d)),
            9 => E::Neg(self.boxed(w, d)),
            10 => {
                let a = self.boxed(w, d);
                let i = self.rng.random_range(0..w);
                E::ReplaceBit(a, i, self.boxed(1, d))
            }
            11 => {
                let k = self.any_width();
                let x = self.boxed(k, d);
                E::Slice(x, self.rng.random_range(0..k + 1), w)
            }
            12 => {
                let (k, n) = (self.any_width(), pick(self.rng, &[1, 2, 3, 5, 8]));
                E::DynSlice(self.boxed(k, d), self.boxed(n, d), w)
            }
            13 => {
                let k = self.rng.random_range(1..=w);
                E::Zext(self.boxed(k, d), w)
            }
            14 => {
                let k = self.rng.random_range(1..=w);
                E::Sext(self.boxed(k, d), w)
            }
            15 => {
                let k = w + self.rng.random_range(0..20);
                E::Trunc(self.boxed(k, d), w)
            }
            16 => {
                let a = self.boxed(w, d);
                E::Sra(a, self.rng.random_range(0..w + 2))
            }
            17 => E::Mux(self.boxed(1, d), self.boxed(w, d), self.boxed(w, d)),
            18 if w >= 2 => {
                let k = self.rng.random_range(1..w);
                E::Cat(vec![self.expr(w - k, d), self.expr(k, d)])
            }
            _ => self.leaf(w),
        }
    }

    fn one_bit(&mut self, d: usize) -> E {
        let k = self.any_width();
        let tests = [Test::Eq, Test::Ne, Test::Lt, Test::Le, Test::Gt, Test::Ge, Test::LtSigned];
        let test = pick(self.rng, &tests);
        match self.rng.random_range(0..7) {
            0..=2 => E::Test(test, self.boxed(k, d), self.boxed(k, d)),
            3 => {
                let a = self.boxed(k, d);
                E::TestNumber(test, a, self.number(k))
            }
            4 => E::Both(self.rng.random(), self.boxed(1, d), self.boxed(1, d)),
            5 => {
                let r = pick(self.rng, &[Reduction::Any, Reduction::All, Reduction::Xor]);
                E::Reduce(r, self.boxed(k, d))
            }
            _ => {
                let n = pick(self.rng, &[1, 3, 8]);
                E::Bit(self.boxed(k, d), self.boxed(n, d))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::program;

    /// The same seed is the same program, another seed another one.
    #[test]
    fn programs_are_reproducible() {
        assert_eq!(program(7), program(7));
        assert_ne!(program(7), program(8));
    }
}
