//! Programs of the kernel language as data: interpreted over [`Word`] for the Rust simulation, turned
//! into the syntax tree that `#[hdl]` would make of them for the emitter.

use skipopu_hdl::ast::*;
use skipopu_hdl::kernel::{self, bin, ext, lit, sig, un, Ext, Tag};
use skipopu_hdl::prelude::*;
use std::sync::Arc;

/// Something that can be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Name {
    Input(usize),
    Output(usize),
    Local(usize),
    /// State of a register.
    State(usize),
    /// A `let`.
    Let(usize),
    /// Output `.1` of child `.0`.
    Child(usize, usize),
}

/// Operators on two words of one width with a result of that width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    Add,
    Sub,
    And,
    Or,
    Xor,
}

/// Comparisons; the result has one bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    LtSigned,
}

/// Reductions to one bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reduction {
    Any,
    All,
    Xor,
}

/// An expression of a known width.
#[derive(Clone, Debug, PartialEq)]
pub enum E {
    Read(Name, usize),
    Sized(Word),
    Bin(Op, Box<E>, Box<E>),
    /// With an unsized literal on the right.
    BinNumber(Op, Box<E>, u64),
    Mul(Box<E>, Box<E>, bool),
    Shift(bool, Box<E>, Box<E>),
    ShiftBy(bool, Box<E>, usize),
    Test(Test, Box<E>, Box<E>),
    TestNumber(Test, Box<E>, u64),
    /// `&&` (true) or `||` of one-bit values.
    Both(bool, Box<E>, Box<E>),
    Not(Box<E>),
    Neg(Box<E>),
    Reduce(Reduction, Box<E>),
    Bit(Box<E>, Box<E>),
    ReplaceBit(Box<E>, usize, Box<E>),
    Slice(Box<E>, usize, usize),
    DynSlice(Box<E>, Box<E>, usize),
    Zext(Box<E>, usize),
    Sext(Box<E>, usize),
    Trunc(Box<E>, usize),
    Sra(Box<E>, usize),
    Mux(Box<E>, Box<E>, Box<E>),
    Cat(Vec<E>),
}

/// What can be assigned as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    Output(usize),
    Local(usize),
    /// Next state of a register.
    Next(usize),
    Let(usize),
    /// Input `.1` of child `.0`.
    Child(usize, usize),
}

#[derive(Clone, Debug, PartialEq)]
pub enum S {
    /// `let mut`.
    Declare(usize, E),
    Set(Target, E),
    SetSlice(Target, E, E),
    If(E, Vec<S>, Vec<S>),
    /// Labels and bodies, then the default.
    Match(E, Vec<(Vec<u64>, Vec<S>)>, Vec<S>),
}

/// One block.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
    pub locals: Vec<usize>,
    /// Initial values.
    pub registers: Vec<Word>,
    pub children: Vec<Arc<Program>>,
    pub body: Vec<S>,
}

impl E {
    pub fn width(&self) -> usize {
        match self {
            E::Read(_, w) => *w,
            E::Sized(w) => w.width(),
            E::Bin(_, a, _) | E::BinNumber(_, a, _) => a.width(),
            E::Mul(a, b, _) => a.width() + b.width(),
            E::Shift(_, a, _) | E::ShiftBy(_, a, _) | E::Not(a) | E::Neg(a) | E::Sra(a, _) => {
                a.width()
            }
            E::Test(..) | E::TestNumber(..) | E::Both(..) | E::Reduce(..) | E::Bit(..) => 1,
            E::ReplaceBit(a, ..) => a.width(),
            E::Slice(_, _, w) | E::DynSlice(_, _, w) => *w,
            E::Zext(_, w) | E::Sext(_, w) | E::Trunc(_, w) => *w,
            E::Mux(_, a, _) => a.width(),
            E::Cat(parts) => parts.iter().map(E::width).sum(),
        }
    }

    /// The operands.
    pub fn operands(&self) -> Vec<&E> {
        match self {
            E::Read(..) | E::Sized(_) => vec![],
            E::Bin(_, a, b) | E::Mul(a, b, _) | E::Shift(_, a, b) | E::Test(_, a, b) => vec![a, b],
            E::Both(_, a, b) | E::Bit(a, b) | E::ReplaceBit(a, _, b) => vec![a, b],
            E::DynSlice(a, b, _) => vec![a, b],
            E::BinNumber(_, a, _) | E::ShiftBy(_, a, _) | E::TestNumber(_, a, _) => vec![a],
            E::Not(a) | E::Neg(a) | E::Reduce(_, a) | E::Slice(a, ..) => vec![a],
            E::Zext(a, _) | E::Sext(a, _) | E::Trunc(a, _) | E::Sra(a, _) => vec![a],
            E::Mux(a, b, c) => vec![a, b, c],
            E::Cat(parts) => parts.iter().collect(),
        }
    }
}

fn apply(op: Op, a: Word, b: impl Into<Word>) -> Word {
    match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
    }
}

/// A block that runs a program.
#[derive(LogicBlock, Ports)]
pub struct Machine {
    pub clock: Signal<In, Clock>,
    pub a: Vec<Wire<In>>,
    pub y: Vec<Wire<Out>>,
    locals: Vec<Wire<Local>>,
    registers: Vec<Reg>,
    children: Vec<Machine>,
    _program: Arc<Program>,
}

impl Machine {
    pub fn new(program: &Arc<Program>) -> Machine {
        Machine {
            clock: Default::default(),
            a: program.inputs.iter().map(|w| Wire::new(*w)).collect(),
            y: program.outputs.iter().map(|w| Wire::new(*w)).collect(),
            locals: program.locals.iter().map(|w| Wire::new(*w)).collect(),
            registers: program.registers.iter().map(|w| Reg::with_init(w.clone())).collect(),
            children: program.children.iter().map(Machine::new).collect(),
            _program: program.clone(),
        }
    }

    fn read(&self, lets: &[Option<Word>], name: Name) -> Word {
        match name {
            Name::Input(i) => self.a[i].val(),
            Name::Output(i) => self.y[i].val(),
            Name::Local(i) => self.locals[i].val(),
            Name::State(i) => self.registers[i].q.val(),
            Name::Let(i) => lets[i].clone().expect("a let is declared before it is read"),
            Name::Child(c, i) => self.children[c].y[i].val(),
        }
    }

    fn eval(&self, lets: &[Option<Word>], e: &E) -> Word {
        let of = |e: &E| self.eval(lets, e);
        let flag = |e: &E| self.eval(lets, e).any();
        match e {
            E::Read(n, _) => self.read(lets, *n),
            E::Sized(w) => w.clone(),
            E::Bin(op, a, b) => apply(*op, of(a), of(b)),
            E::BinNumber(op, a, n) => apply(*op, of(a), *n),
            E::Mul(a, b, false) => of(a) * of(b),
            E::Mul(a, b, true) => of(a).mul_signed(&of(b)),
            E::Shift(true, a, n) => of(a) << of(n),
            E::Shift(false, a, n) => of(a) >> of(n),
            E::ShiftBy(true, a, n) => of(a) << *n,
            E::ShiftBy(false, a, n) => of(a) >> *n,
            E::Test(t, a, b) => {
                let (a, b) = (of(a), of(b));
                Word::from(match t {
                    Test::Eq => a == b,
                    Test::Ne => a != b,
                    Test::Lt => a < b,
                    Test::Le => a <= b,
                    Test::Gt => a > b,
                    Test::Ge => a >= b,
                    Test::LtSigned => a.lt_signed(&b),
                })
            }
            E::TestNumber(t, a, n) => {
                let a = of(a);
                Word::from(match t {
                    Test::Eq | Test::LtSigned => a == *n,
                    Test::Ne => a != *n,
                    Test::Lt => a < *n,
                    Test::Le => a <= *n,
                    Test::Gt => a > *n,
                    Test::Ge => a >= *n,
                })
            }
            E::Both(and, a, b) => {
                let (a, b) = (flag(a), flag(b));
                Word::from(if *and { a && b } else { a || b })
            }
            E::Not(a) => !of(a),
            E::Neg(a) => -of(a),
            E::Reduce(Reduction::Any, a) => of(a).any().into(),
            E::Reduce(Reduction::All, a) => of(a).all().into(),
            E::Reduce(Reduction::Xor, a) => of(a).xor().into(),
            E::Bit(a, i) => of(a).bit(of(i).index()).into(),
            E::ReplaceBit(a, i, v) => of(a).replace_bit(*i, flag(v)),
            E::Slice(a, o, w) => of(a).slice(*o, *w),
            E::DynSlice(a, o, w) => of(a).slice(of(o).index(), *w),
            E::Zext(a, w) => of(a).zext(*w),
            E::Sext(a, w) => of(a).sext(*w),
            E::Trunc(a, w) => of(a).trunc(*w),
            E::Sra(a, n) => of(a).sra(*n),
            E::Mux(c, a, b) => mux(flag(c), of(a), of(b)),
            E::Cat(parts) => Word::concat(&parts.iter().map(of).collect::<Vec<_>>()),
        }
    }

    fn target(&mut self, t: Target) -> &mut Word {
        match t {
            Target::Output(i) => &mut self.y[i].next,
            Target::Local(i) => &mut self.locals[i].next,
            Target::Next(i) => &mut self.registers[i].d.next,
            Target::Child(c, i) => &mut self.children[c].a[i].next,
            Target::Let(_) => unreachable!("lets are kept apart"),
        }
    }

    fn run(&mut self, lets: &mut Vec<Option<Word>>, body: &[S]) {
        for s in body {
            match s {
                S::Declare(i, e) => {
                    let v = self.eval(lets, e);
                    lets.resize(lets.len().max(i + 1), None);
                    lets[*i] = Some(v);
                }
                S::Set(t, e) => {
                    let v = self.eval(lets, e);
                    match t {
                        Target::Let(i) => lets[*i] = Some(v),
                        t => *self.target(*t) = v,
                    }
                }
                S::SetSlice(t, o, e) => {
                    let (o, v) = (self.eval(lets, o).index(), self.eval(lets, e));
                    self.target(*t).set_slice(o, &v);
                }
                S::If(c, a, b) => {
                    let taken = if self.eval(lets, c).any() { a } else { b };
                    self.run(lets, taken);
                }
                S::Match(e, arms, default) => {
                    let v = self.eval(lets, e).to_u64();
                    let hit = arms.iter().find(|a| a.0.contains(&v));
                    self.run(lets, hit.map_or(default, |a| &a.1));
                }
            }
        }
    }
}

impl Logic for Machine {
    fn update(&mut self) {
        for r in &mut self.registers {
            r.clock.next = self.clock.val();
        }
        for c in &mut self.children {
            c.clock.next = self.clock.val();
        }
        let program = self._program.clone();
        self.run(&mut Vec::new(), &program.body);
    }

    fn connect(&mut self) {
        self.y.iter_mut().for_each(Logic::connect);
        self.locals.iter_mut().for_each(Logic::connect);
        for r in &mut self.registers {
            r.d.connect();
            r.clock.connect();
        }
        for c in &mut self.children {
            c.clock.connect();
            c.a.iter_mut().for_each(Logic::connect);
        }
    }

    fn hdl(&self) -> Verilog {
        let mut b = Vec::new();
        for i in 0..self.registers.len() {
            b.push(kernel::assign(format!("registers${i}$clock"), sig("clock")));
        }
        for i in 0..self.children.len() {
            b.push(kernel::assign(format!("children${i}$clock"), sig("clock")));
        }
        statements(&self._program.body, &mut b);
        Verilog::Combinatorial(b)
    }

    fn timing(&self) -> Vec<TimingInfo> {
        Tag { rust_type: "Machine".into(), ..Tag::default() }.to_timing()
    }
}

fn read(n: Name) -> String {
    match n {
        Name::Input(i) => format!("a${i}"),
        Name::Output(i) => format!("y${i}"),
        Name::Local(i) => format!("locals${i}"),
        Name::State(i) => format!("registers${i}$q"),
        Name::Let(i) => format!("let$t{i}$0"),
        Name::Child(c, i) => format!("children${c}$y${i}"),
    }
}

fn write(t: Target) -> String {
    match t {
        Target::Output(i) => format!("y${i}"),
        Target::Local(i) => format!("locals${i}"),
        Target::Next(i) => format!("registers${i}$d"),
        Target::Let(i) => format!("let$t{i}$0"),
        Target::Child(c, i) => format!("children${c}$a${i}"),
    }
}

fn operator(op: Op) -> VerilogOp {
    match op {
        Op::Add => VerilogOp::Add,
        Op::Sub => VerilogOp::Sub,
        Op::And => VerilogOp::BitAnd,
        Op::Or => VerilogOp::BitOr,
        Op::Xor => VerilogOp::BitXor,
    }
}

fn comparison(t: Test) -> VerilogOp {
    match t {
        Test::Eq | Test::LtSigned => VerilogOp::Eq,
        Test::Ne => VerilogOp::Ne,
        Test::Lt => VerilogOp::Lt,
        Test::Le => VerilogOp::Le,
        Test::Gt => VerilogOp::Gt,
        Test::Ge => VerilogOp::Ge,
    }
}

/// The tree that the macro makes of an expression.
pub fn tree(e: &E) -> VerilogExpression {
    let node = |op, operands: &[&E]| ext(op, operands.iter().map(|e| tree(e)).collect());
    match e {
        E::Read(n, _) => sig(read(*n)),
        E::Sized(w) => lit(w.clone()),
        E::Bin(op, a, b) => bin(tree(a), operator(*op), tree(b)),
        E::BinNumber(op, a, n) => bin(tree(a), operator(*op), lit(*n)),
        E::Mul(a, b, false) => bin(tree(a), VerilogOp::Mul, tree(b)),
        E::Mul(a, b, true) => node(Ext::MulSigned, &[a, b]),
        E::Shift(left, a, n) => bin(tree(a), shift(*left), tree(n)),
        E::ShiftBy(left, a, n) => bin(tree(a), shift(*left), lit(*n)),
        E::Test(Test::LtSigned, a, b) => node(Ext::LtSigned, &[a, b]),
        E::Test(t, a, b) => bin(tree(a), comparison(*t), tree(b)),
        E::TestNumber(t, a, n) => bin(tree(a), comparison(*t), lit(*n)),
        E::Both(and, a, b) => {
            let op = if *and { VerilogOp::LogicalAnd } else { VerilogOp::LogicalOr };
            bin(tree(a), op, tree(b))
        }
        E::Not(a) => un(VerilogOpUnary::Not, tree(a)),
        E::Neg(a) => un(VerilogOpUnary::Neg, tree(a)),
        E::Reduce(r, a) => {
            let op = match r {
                Reduction::Any => VerilogOpUnary::Any,
                Reduction::All => VerilogOpUnary::All,
                Reduction::Xor => VerilogOpUnary::Xor,
            };
            un(op, tree(a))
        }
        E::Bit(a, i) => VerilogExpression::Index(Box::new(tree(a)), Box::new(index(i))),
        E::ReplaceBit(a, i, v) => {
            VerilogExpression::IndexReplace(Box::new(tree(a)), Box::new(lit(*i)), Box::new(tree(v)))
        }
        E::Slice(a, o, w) => node(Ext::Slice(*o, *w), &[a]),
        E::DynSlice(a, o, w) => ext(Ext::DynSlice(*w), vec![tree(a), index(o)]),
        E::Zext(a, w) => node(Ext::Zext(*w), &[a]),
        E::Sext(a, w) => node(Ext::Sext(*w), &[a]),
        E::Trunc(a, w) => node(Ext::Trunc(*w), &[a]),
        E::Sra(a, n) => node(Ext::Sra(*n), &[a]),
        E::Mux(c, a, b) => node(Ext::Mux, &[c, a, b]),
        E::Cat(parts) => ext(Ext::Concat, parts.iter().map(tree).collect()),
    }
}

/// The tree of `e.index()`.
fn index(e: &E) -> VerilogExpression {
    match tree(e) {
        sum @ (VerilogExpression::Binary(..) | VerilogExpression::Unary(..)) => {
            VerilogExpression::Paren(Box::new(sum))
        }
        other => other,
    }
}

fn shift(left: bool) -> VerilogOp {
    if left {
        VerilogOp::Shl
    } else {
        VerilogOp::Shr
    }
}

fn nested(body: &[S]) -> Vec<VerilogStatement> {
    let mut out = Vec::new();
    statements(body, &mut out);
    out
}

fn statements(body: &[S], out: &mut Vec<VerilogStatement>) {
    for s in body {
        out.push(match s {
            S::Declare(i, e) => kernel::assign(read(Name::Let(*i)), tree(e)),
            S::Set(t, e) => kernel::assign(write(*t), tree(e)),
            S::SetSlice(t, o, e) => kernel::assign_slice(write(*t), index(o), tree(e)),
            S::If(c, a, b) => VerilogStatement::If(VerilogConditional {
                test: tree(c),
                then: nested(a),
                otherwise: match b.is_empty() {
                    true => VerilogBlockOrConditional::None,
                    false => VerilogBlockOrConditional::Block(nested(b)),
                },
            }),
            S::Match(e, arms, default) => {
                let label = |n: &u64, body: &[S]| VerilogCase {
                    condition: n.to_string(),
                    block: nested(body),
                };
                let mut cases: Vec<VerilogCase> =
                    arms.iter().flat_map(|(l, b)| l.iter().map(|n| label(n, b))).collect();
                cases.push(VerilogCase { condition: "default".into(), block: nested(default) });
                VerilogStatement::Match(VerilogMatch { test: index(e), cases })
            }
        });
    }
}
