//! The typed intermediate form: every expression knows its width, every extension is explicit.

use crate::Word;
use std::collections::{BTreeSet, HashSet};

/// Bits of the widest shift amount that is printed as it stands.
const WIDEST_AMOUNT: usize = 31;

/// A typed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// Bits.
    pub width: usize,
    /// Two's complement?
    pub signed: bool,
}

/// Expression forms. Operands of `Bin` have the result's width, those of `Cmp` a common one.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A signal by its rust-hdl name.
    Sig(String),
    /// An enum variant by its rust-hdl name.
    Label(String),
    /// A constant.
    Lit(Word),
    /// Zero extension.
    Zext(Box<Expr>),
    /// Sign extension.
    Sext(Box<Expr>),
    /// Bits from a constant offset, all inside the operand.
    Slice(Box<Expr>, usize),
    /// Bits from a variable offset that cannot reach past the operand's end.
    DynSlice(Box<Expr>, Box<Expr>),
    /// `+ - & | ^`.
    Bin(BinOp, Box<Expr>, Box<Expr>),
    /// Product of operands already extended to the result's width.
    Mul(Box<Expr>, Box<Expr>),
    /// Comparison; `true` = signed.
    Cmp(CmpOp, bool, Box<Expr>, Box<Expr>),
    /// `<<` (true) or `>>` (false).
    Shift(bool, Box<Expr>, Box<Expr>),
    /// `~`.
    Not(Box<Expr>),
    /// `-`.
    Neg(Box<Expr>),
    /// `& | ^` over all bits.
    Reduce(char, Box<Expr>),
    /// `c ? a : b`.
    Mux(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Most significant part first.
    Concat(Vec<Expr>),
}

/// Operators whose operands and result share a width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinOp {
    Add,
    Sub,
    And,
    Or,
    Xor,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CmpOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl CmpOp {
    /// Does the ordering satisfy the comparison?
    pub fn holds(self, o: std::cmp::Ordering) -> bool {
        match self {
            CmpOp::Eq => o.is_eq(),
            CmpOp::Ne => o.is_ne(),
            CmpOp::Lt => o.is_lt(),
            CmpOp::Le => o.is_le(),
            CmpOp::Gt => o.is_gt(),
            CmpOp::Ge => o.is_ge(),
        }
    }
}

/// What an assignment writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// rust-hdl name of the signal.
    pub name: String,
    /// Offset and width of a partial write.
    pub slice: Option<(Expr, usize)>,
}

/// A typed statement with the source line it came from, where known.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Line in the block's source file.
    pub line: Option<usize>,
}

/// Statement forms.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `target = value`.
    Assign(Target, Expr),
    /// `if (cond) then else otherwise`.
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    /// `case (subject)`; `None` is the default arm.
    Case(Expr, Vec<(Option<Expr>, Vec<Stmt>)>),
}

impl Expr {
    /// A signal.
    pub fn sig(name: impl Into<String>, width: usize, signed: bool) -> Expr {
        Expr { kind: Kind::Sig(name.into()), width, signed }
    }

    /// A constant.
    pub fn lit(w: Word) -> Expr {
        Expr { width: w.width(), kind: Kind::Lit(w), signed: false }
    }

    /// The constant, if it is one.
    pub fn as_lit(&self) -> Option<&Word> {
        match &self.kind {
            Kind::Lit(w) => Some(w),
            _ => None,
        }
    }

    /// Is it the constant whose bits are all `bit`?
    fn is_all(&self, bit: bool) -> bool {
        self.as_lit().is_some_and(|w| if bit { w.all() } else { !w.any() })
    }

    fn new(kind: Kind, width: usize, signed: bool) -> Expr {
        Expr { kind, width, signed }
    }

    /// Zero-extended (or left alone) to `width`.
    pub fn zext(self, width: usize) -> Expr {
        match self.kind {
            _ if self.width == width => self,
            Kind::Lit(w) => Expr::lit(w.zext(width)),
            _ => Expr::new(Kind::Zext(Box::new(self)), width, false),
        }
    }

    /// Sign-extended (or left alone) to `width`.
    pub fn sext(self, width: usize) -> Expr {
        let signed = self.signed;
        match self.kind {
            _ if self.width == width => self,
            Kind::Lit(w) => Expr { signed, ..Expr::lit(w.sext(width)) },
            _ => Expr::new(Kind::Sext(Box::new(self)), width, signed),
        }
    }

    /// The same bits, read as two's complement or not.
    pub fn with_sign(mut self, signed: bool) -> Expr {
        self.signed = signed;
        self
    }

    /// `width` bits from `offset`, all inside; simplified where the operand allows.
    pub fn slice(self, offset: usize, width: usize) -> Expr {
        debug_assert!(offset + width <= self.width);
        if width == self.width {
            return self.with_sign(false);
        }
        let low = offset == 0;
        let cut = |e: Expr| Box::new(e.slice(0, width));
        match self.kind {
            Kind::Lit(w) => Expr::lit(w.slice(offset, width)),
            Kind::Slice(x, o) => x.slice(o + offset, width),
            Kind::Zext(x) if offset + width <= x.width => x.slice(offset, width),
            Kind::Zext(x) if offset >= x.width => Expr::lit(Word::zero(width)),
            Kind::Zext(x) if offset < x.width => {
                let inside = x.width - offset;
                x.slice(offset, inside).zext(width)
            }
            Kind::Sext(x) if offset + width <= x.width => x.slice(offset, width),
            Kind::Sext(x) if low => x.sext(width).with_sign(false),
            // Every bit of these depends on the same bit of the operands.
            Kind::Bin(op @ (BinOp::And | BinOp::Or | BinOp::Xor), a, b) => {
                Expr::bin(op, a.slice(offset, width), b.slice(offset, width)).with_sign(false)
            }
            Kind::Mux(c, a, b) => {
                Expr::mux(*c, a.slice(offset, width), b.slice(offset, width)).with_sign(false)
            }
            // Low bits of these depend on low bits only.
            Kind::Bin(op, a, b) if low => Expr::new(Kind::Bin(op, cut(*a), cut(*b)), width, false),
            Kind::Not(a) => Expr::new(Kind::Not(Box::new(a.slice(offset, width))), width, false),
            Kind::Neg(a) if low => Expr::new(Kind::Neg(cut(*a)), width, false),
            Kind::Shift(true, a, n) if low && n.as_lit().is_some() => {
                Expr::shift(true, *cut(*a), *n)
            }
            Kind::Shift(false, a, n)
                if n.as_lit().is_some_and(|n| {
                    n.to_u128() + ((offset + width) as u128) <= a.width as u128
                }) =>
            {
                let n = n.as_lit().map_or(0, |n| n.index());
                a.slice(offset + n, width)
            }
            Kind::Concat(parts) => Expr::slice_concat(parts, offset, width),
            kind => Expr::new(
                Kind::Slice(Box::new(Expr::new(kind, self.width, false)), offset),
                width,
                false,
            ),
        }
    }

    fn slice_concat(parts: Vec<Expr>, offset: usize, width: usize) -> Expr {
        let mut at: usize = parts.iter().map(|p| p.width).sum();
        let mut picked = Vec::new();
        for p in parts {
            at -= p.width;
            let (lo, hi) = (offset.max(at), (offset + width).min(at + p.width));
            if lo < hi {
                picked.push(p.slice(lo - at, hi - lo));
            }
        }
        Expr::concat(picked)
    }

    /// Concatenation, most significant first; a single part stands for itself.
    pub fn concat(mut parts: Vec<Expr>) -> Expr {
        if parts.len() == 1 {
            return parts.remove(0).with_sign(false);
        }
        let width = parts.iter().map(|p| p.width).sum();
        if let Some(lits) = parts.iter().map(|p| p.as_lit().cloned()).collect::<Option<Vec<Word>>>()
        {
            return Expr::lit(Word::concat(&lits));
        }
        Expr::new(Kind::Concat(parts), width, false)
    }

    /// `a op b` at the operands' common width.
    pub fn bin(op: BinOp, a: Expr, b: Expr) -> Expr {
        debug_assert_eq!(a.width, b.width);
        let (width, signed) = (a.width, a.signed || b.signed);
        if let (Some(x), Some(y)) = (a.as_lit(), b.as_lit()) {
            let (x, y) = (x.clone(), y.clone());
            let v = match op {
                BinOp::Add => x + y,
                BinOp::Sub => x - y,
                BinOp::And => x & y,
                BinOp::Or => x | y,
                BinOp::Xor => x ^ y,
            };
            return Expr::lit(v).with_sign(signed);
        }
        Expr::new(Kind::Bin(op, Box::new(a), Box::new(b)), width, signed)
    }

    /// Product of the full width, operands extended by their signs.
    pub fn mul(a: Expr, b: Expr, signed: bool) -> Expr {
        let width = a.width + b.width;
        let grow = |e: Expr| if signed { e.sext(width) } else { e.zext(width) };
        if let (Some(x), Some(y)) = (a.as_lit(), b.as_lit()) {
            let v = if signed { x.mul_signed(y) } else { x.clone() * y.clone() };
            return Expr::lit(v).with_sign(signed);
        }
        Expr::new(Kind::Mul(Box::new(grow(a)), Box::new(grow(b))), width, signed)
    }

    /// Comparison of operands of one width.
    pub fn cmp(op: CmpOp, signed: bool, a: Expr, b: Expr) -> Expr {
        debug_assert_eq!(a.width, b.width);
        if let (Some(x), Some(y)) = (a.as_lit(), b.as_lit()) {
            return Expr::lit(op.holds(order(signed, x, y)).into());
        }
        // Linters object to unsigned comparisons whose result no operand changes.
        if !signed {
            let (least, most) = (|e: &Expr| e.is_all(false), |e: &Expr| e.is_all(true));
            let known = match op {
                CmpOp::Ge if least(&b) || most(&a) => Some(true),
                CmpOp::Le if least(&a) || most(&b) => Some(true),
                CmpOp::Lt if least(&b) || most(&a) => Some(false),
                CmpOp::Gt if least(&a) || most(&b) => Some(false),
                _ => None,
            };
            if let Some(v) = known {
                return Expr::lit(v.into());
            }
        }
        Expr::new(Kind::Cmp(op, signed, Box::new(a), Box::new(b)), 1, false)
    }

    /// Shift; zero fills.
    pub fn shift(left: bool, a: Expr, n: Expr) -> Expr {
        let width = a.width;
        if let Some(k) = n.as_lit() {
            if *k >= width {
                return Expr::lit(Word::zero(width));
            }
            if !k.any() {
                return a;
            }
            if let Some(v) = a.as_lit() {
                let (v, k) = (v.clone(), k.index());
                return Expr::lit(if left { v << k } else { v >> k });
            }
        }
        let signed = a.signed;
        if n.width > WIDEST_AMOUNT {
            // Verilator refuses wider amounts where it finds them constant.
            let beyond = n.clone().slice(WIDEST_AMOUNT, n.width - WIDEST_AMOUNT);
            let within = Expr::shift(left, a, n.slice(0, WIDEST_AMOUNT));
            let zero = Expr::lit(Word::zero(width)).with_sign(signed);
            return Expr::mux(Expr::reduce('|', beyond), zero, within);
        }
        Expr::new(Kind::Shift(left, Box::new(a), Box::new(n)), width, signed)
    }

    /// Complement.
    pub fn not(a: Expr) -> Expr {
        let (width, signed) = (a.width, a.signed);
        match a.kind {
            Kind::Lit(w) => Expr::lit(!w).with_sign(signed),
            kind => Expr::new(Kind::Not(Box::new(Expr::new(kind, width, signed))), width, signed),
        }
    }

    /// Two's complement negation.
    pub fn neg(a: Expr) -> Expr {
        let (width, signed) = (a.width, a.signed);
        match a.kind {
            Kind::Lit(w) => Expr::lit(-w).with_sign(signed),
            kind => Expr::new(Kind::Neg(Box::new(Expr::new(kind, width, signed))), width, signed),
        }
    }

    /// Reduction by `&`, `|` or `^`.
    pub fn reduce(op: char, a: Expr) -> Expr {
        if a.width == 1 {
            return a.with_sign(false);
        }
        if let Some(w) = a.as_lit() {
            let value = match op {
                '&' => w.all(),
                '|' => w.any(),
                _ => w.xor(),
            };
            return Expr::lit(value.into());
        }
        Expr::new(Kind::Reduce(op, Box::new(a)), 1, false)
    }

    /// `c ? a : b`.
    pub fn mux(c: Expr, a: Expr, b: Expr) -> Expr {
        if let Some(w) = c.as_lit() {
            return if w.any() { a } else { b };
        }
        let (width, signed) = (a.width, a.signed || b.signed);
        Expr::new(Kind::Mux(Box::new(c), Box::new(a), Box::new(b)), width, signed)
    }

    /// `width` bits from a variable offset, zero-filled past the end.
    pub fn dyn_slice(x: Expr, offset: Expr, width: usize) -> Expr {
        if let Some(o) = offset.as_lit() {
            let at = if *o >= x.width { usize::MAX } else { o.index() };
            return Expr::filled_slice(x, at, width);
        }
        let reach =
            if offset.width < 30 { (1usize << offset.width) - 1 + width } else { usize::MAX };
        if reach <= x.width {
            let offset = offset.zext(index_width(x.width));
            return Expr::new(Kind::DynSlice(Box::new(x), Box::new(offset)), width, false);
        }
        let whole = x.width.max(width);
        Expr::shift(false, x.with_sign(false).zext(whole), offset).slice(0, width)
    }

    /// `width` bits from a constant offset, zero-filled past the end.
    pub fn filled_slice(x: Expr, offset: usize, width: usize) -> Expr {
        if offset >= x.width {
            return Expr::lit(Word::zero(width));
        }
        let inside = width.min(x.width - offset);
        x.slice(offset, inside).zext(width)
    }

    /// Calls `f` on every signal the expression reads.
    pub fn for_each_read(&self, f: &mut impl FnMut(&str)) {
        match &self.kind {
            Kind::Sig(s) => f(s),
            Kind::Label(_) | Kind::Lit(_) => {}
            Kind::Zext(x)
            | Kind::Sext(x)
            | Kind::Slice(x, _)
            | Kind::Not(x)
            | Kind::Neg(x)
            | Kind::Reduce(_, x) => x.for_each_read(f),
            Kind::DynSlice(a, b)
            | Kind::Bin(_, a, b)
            | Kind::Mul(a, b)
            | Kind::Cmp(_, _, a, b)
            | Kind::Shift(_, a, b) => {
                a.for_each_read(f);
                b.for_each_read(f);
            }
            Kind::Mux(a, b, c) => {
                a.for_each_read(f);
                b.for_each_read(f);
                c.for_each_read(f);
            }
            Kind::Concat(v) => v.iter().for_each(|x| x.for_each_read(f)),
        }
    }

    /// The signals the expression reads.
    pub fn reads(&self) -> HashSet<String> {
        let mut out = HashSet::new();
        self.for_each_read(&mut |s| {
            out.insert(s.to_string());
        });
        out
    }
}

/// How two words of one width compare.
pub fn order(signed: bool, x: &Word, y: &Word) -> std::cmp::Ordering {
    if x == y {
        return std::cmp::Ordering::Equal;
    }
    let less = if signed { x.lt_signed(y) } else { x < y };
    if less {
        std::cmp::Ordering::Less
    } else {
        std::cmp::Ordering::Greater
    }
}

/// Bits of an offset into `width` bits: what linters want an index to have.
pub fn index_width(width: usize) -> usize {
    (usize::BITS - (width - 1).leading_zeros()).max(1) as usize
}

impl Stmt {
    /// Collects what the statement reads and writes.
    pub fn uses(&self, reads: &mut HashSet<String>, writes: &mut BTreeSet<String>) {
        let read = |e: &Expr, reads: &mut HashSet<String>| {
            e.for_each_read(&mut |s| {
                reads.insert(s.to_string());
            });
        };
        match &self.kind {
            StmtKind::Assign(t, e) => {
                read(e, reads);
                if let Some((o, _)) = &t.slice {
                    read(o, reads);
                }
                writes.insert(t.name.clone());
            }
            StmtKind::If(c, a, b) => {
                read(c, reads);
                a.iter().chain(b).for_each(|s| s.uses(reads, writes));
            }
            StmtKind::Case(e, arms) => {
                read(e, reads);
                arms.iter().flat_map(|a| &a.1).for_each(|s| s.uses(reads, writes));
            }
        }
    }

    /// A full, unconditional write of one signal: the signal and its value.
    pub fn whole_assign(&self) -> Option<(&str, &Expr)> {
        match &self.kind {
            StmtKind::Assign(Target { name, slice: None }, e) => Some((name, e)),
            _ => None,
        }
    }
}
