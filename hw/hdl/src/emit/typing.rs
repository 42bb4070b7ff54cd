//! Expressions of rust-hdl's untyped syntax tree get the widths and signs that Rust gives them.
//!
//! Before: a tree whose widths live only in Rust's types. After: [`Expr`], every extension, truncation
//! and sign explicit, so that printing cannot change a value. What the tree does not record (the
//! target width of rust-hdl's `signed_bit_cast`) is taken from the context or refused.

use super::env::Env;
use super::ir::{BinOp, CmpOp, Expr};
use super::symbols::{Class, Symbols};
use crate::kernel::Ext;
use crate::Word;
use rust_hdl::prelude::ast::*;

type Ast = VerilogExpression;

/// What is known of an expression's width before its context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Natural {
    /// Exactly this.
    Fixed(usize),
    /// A sign cast of so many bits; rust-hdl does not record to how many.
    Flexible(usize),
    /// A plain number: whatever the context wants.
    Any,
}

use Natural::{Any, Fixed, Flexible};

fn join(a: Natural, b: Natural) -> Natural {
    match (a, b) {
        // `Bits + bool` is the one legal mixture; the wider side decides.
        (Fixed(x), Fixed(y)) => Fixed(x.max(y)),
        (Fixed(x), _) | (_, Fixed(x)) => Fixed(x),
        (Flexible(x), Flexible(y)) => Flexible(x.max(y)),
        (Flexible(x), Any) | (Any, Flexible(x)) => Flexible(x),
        (Any, Any) => Any,
    }
}

/// `1 bit`, `8 bits`.
pub fn bits(n: usize) -> String {
    format!("{n} bit{}", if n == 1 { "" } else { "s" })
}

/// Types expressions against a symbol table; problems are collected, not thrown.
pub struct Typer<'a> {
    pub symbols: &'a mut Symbols,
    pub problems: &'a mut Vec<String>,
    pub env: &'a Env,
}

impl Typer<'_> {
    fn problem(&mut self, text: String) {
        if !self.problems.contains(&text) {
            self.problems.push(text);
        }
    }

    /// What is known of the width of `e` on its own.
    pub fn natural(&mut self, e: &Ast) -> Natural {
        use VerilogOp::*;
        if let Some((op, args)) = Ext::decode(e) {
            return self.natural_ext(op, &args);
        }
        match e {
            Ast::Signal(s) => {
                if self.env.number(s).is_some() {
                    return Any;
                }
                let name = self.env.resolve(s, self.problems);
                self.symbols.get(&name).map_or(Any, |s| Fixed(s.width))
            }
            Ast::Literal(_) => Any,
            Ast::Cast(_, w) => Fixed(*w),
            Ast::Signed(x) => match self.natural(x) {
                Fixed(w) => Flexible(w),
                other => other,
            },
            Ast::Unsigned(x) | Ast::Paren(x) => self.natural(x),
            Ast::Binary(l, op, r) => match op {
                Add | Sub | BitXor | BitAnd | BitOr => join(self.natural(l), self.natural(r)),
                Mul => Fixed(self.factor_width(l) + self.factor_width(r)),
                Shl | Shr => self.natural(l),
                _ => Fixed(1),
            },
            Ast::Unary(op, x) => match op {
                VerilogOpUnary::Not | VerilogOpUnary::Neg => self.natural(x),
                _ => Fixed(1),
            },
            Ast::Index(..) => Fixed(1),
            Ast::Slice(_, w, _) => Fixed(*w),
            Ast::IndexReplace(a, ..) => self.natural(a),
        }
    }

    fn natural_ext(&mut self, op: Ext, args: &[&Ast]) -> Natural {
        match op {
            Ext::Concat => {
                let sum = args.iter().map(|a| match self.natural(a) {
                    Fixed(w) => w,
                    _ => 0,
                });
                Fixed(sum.sum())
            }
            Ext::Mux => join(self.natural(args[1]), self.natural(args[2])),
            Ext::Zext(w)
            | Ext::Sext(w)
            | Ext::Trunc(w)
            | Ext::Slice(_, w)
            | Ext::DynSlice(w)
            | Ext::Sized(w) => Fixed(w),
            Ext::Sra(_) | Ext::AsSigned => self.natural(args[0]),
            Ext::LtSigned => Fixed(1),
            Ext::MulSigned => Fixed(self.factor_width(args[0]) + self.factor_width(args[1])),
        }
    }

    /// rust-hdl's own products are 16 x 16; a [`Word`]'s factor has its own width.
    fn factor_width(&mut self, e: &Ast) -> usize {
        match self.natural(e) {
            Fixed(w) => w,
            _ => 16,
        }
    }

    /// The width of an expression that must have one of its own.
    fn own_width(&mut self, e: &Ast, what: &str) -> usize {
        match self.natural(e) {
            Fixed(w) => w,
            Flexible(w) => {
                self.problem(format!(
                    "the width of a signed cast is not recorded by rust-hdl, so {what} is ambiguous; assign it to a Local signal first"
                ));
                w
            }
            Any => {
                self.problem(format!(
                    "{what} needs a width: use a sized word instead of a bare number"
                ));
                32
            }
        }
    }

    /// A condition or flag.
    pub fn flag(&mut self, e: &Ast) -> Expr {
        self.typed(e, 1)
    }

    /// An index, an offset, a case subject: `usize` in Rust, so that sums on it do not wrap. The index
    /// of a sum, which does, stands in parentheses.
    pub fn index(&mut self, e: &Ast) -> Expr {
        use VerilogOp::*;
        let grows = matches!(e, Ast::Binary(_, Add | Sub | Mul | Shl | Shr, _));
        let wide = match e {
            Ast::Binary(_, BitAnd | BitOr | BitXor, _) => true,
            Ast::Unary(op, _) => matches!(op, VerilogOpUnary::Not | VerilogOpUnary::Neg),
            _ => false,
        };
        let hardware = match self.natural(e) {
            Fixed(w) => grows || wide && w > 1,
            _ => false,
        };
        let value = self.alone(e);
        // What loop variables and numbers make is computed in `usize` here, too.
        if hardware && value.as_lit().is_none() {
            self.problem(
                "arithmetic on an index is done in `usize`, which does not wrap and has no width in \
                 hardware; compute on the value, then take `.index()` of it"
                    .into(),
            );
        }
        value
    }

    /// An expression in a context that takes any width, such as a shift amount.
    pub fn alone(&mut self, e: &Ast) -> Expr {
        let w = match self.natural(e) {
            Any => 32,
            _ => self.own_width(e, "this expression"),
        };
        self.typed(e, w)
    }

    /// `e` as an expression of exactly `w` bits.
    pub fn typed(&mut self, e: &Ast, w: usize) -> Expr {
        if let Fixed(k) = self.natural(e) {
            if k != w {
                self.problem(format!(
                    "a value of {} stands where one of {} belongs; extend or truncate it",
                    bits(k),
                    bits(w)
                ));
                let x = self.typed(e, k);
                return if k < w { x.zext(w) } else { x.slice(0, w) };
            }
        }
        if let Some((op, args)) = Ext::decode(e) {
            return self.typed_ext(op, &args, w);
        }
        match e {
            Ast::Signal(s) => self.signal(s, w),
            Ast::Literal(l) => self.literal(l, w),
            Ast::Paren(x) => self.typed(x, w),
            Ast::Cast(x, _) => match self.natural(x) {
                Any => self.typed(x, w).with_sign(false),
                _ => {
                    let x = self.operand(x, "the value cast").with_sign(false);
                    if x.width < w {
                        x.zext(w)
                    } else {
                        x.slice(0, w)
                    }
                }
            },
            Ast::Signed(x) => match self.natural(x) {
                Any => self.typed(x, w).with_sign(true),
                _ => {
                    let x = self.operand(x, "the value cast");
                    let x = if x.width < w { x.sext(w) } else { x.slice(0, w) };
                    x.with_sign(true)
                }
            },
            Ast::Unsigned(x) => self.typed(x, w).with_sign(false),
            Ast::Binary(l, op, r) => self.binary(l, op, r, w),
            Ast::Unary(op, x) => self.unary(op, x, w),
            Ast::Index(x, i) => {
                let (x, i) = (self.operand(x, "the word indexed"), self.index(i));
                Expr::dyn_slice(x, i, 1)
            }
            Ast::Slice(x, n, o) => {
                let (x, o) = (self.operand(x, "the word sliced"), self.index(o));
                // rust-hdl's `get_bits` of a signed value is signed.
                let signed = x.signed;
                Expr::dyn_slice(x, o, *n).with_sign(signed)
            }
            Ast::IndexReplace(a, i, v) => {
                let (a, i, v) = (self.typed(a, w), self.index(i), self.flag(v));
                replace_bit(a, i, v)
            }
        }
    }

    fn operand(&mut self, e: &Ast, what: &str) -> Expr {
        let w = self.own_width(e, what);
        self.typed(e, w)
    }

    fn signal(&mut self, s: &str, w: usize) -> Expr {
        if let Some(n) = self.env.number(s) {
            return self.number(Word::from(n as u64), w);
        }
        let name = self.env.resolve(s, self.problems);
        let Some(sym) = self.symbols.get(&name) else {
            let hint = if name.contains('_') && name.split('$').any(|p| p.starts_with('_')) {
                "; a field whose name starts with _ is invisible to rust-hdl".to_string()
            } else {
                match self.symbols.suggest(&name) {
                    Some(near) => format!("; did you mean `{}`?", near.replace('$', ".")),
                    None => "; a const or const generic must be passed as a Constant, or the kernel written with #[hdl]".into(),
                }
            };
            self.problem(format!("unknown signal `{}`{hint}", name.replace('$', ".")));
            return Expr::lit(Word::zero(w));
        };
        match &sym.class {
            Class::Const(v) => Expr::lit(v.clone()).with_sign(sym.signed),
            Class::Variant(_) => {
                Expr { kind: super::ir::Kind::Label(name), width: w, signed: false }
            }
            _ => Expr::sig(name, sym.width, sym.signed),
        }
    }

    fn literal(&mut self, l: &VerilogLiteral, w: usize) -> Expr {
        match super::symbols::literal(&l.to_string(), 256) {
            Some(v) => self.number(v, w),
            None => {
                self.problem(format!("the literal {l} cannot be read"));
                Expr::lit(Word::zero(w))
            }
        }
    }

    fn number(&mut self, v: Word, w: usize) -> Expr {
        if v.slice(w, v.width().max(64)).any() {
            let digits = format!("{v:x}");
            let digits = digits.trim_start_matches('0');
            self.problem(format!("the number 0x{digits} does not fit in {}", bits(w)));
        }
        Expr::lit(v.slice(0, w))
    }

    fn binary(&mut self, l: &Ast, op: &VerilogOp, r: &Ast, w: usize) -> Expr {
        use VerilogOp::*;
        let bin = |op| match op {
            Add => Some(BinOp::Add),
            Sub => Some(BinOp::Sub),
            BitAnd | LogicalAnd => Some(BinOp::And),
            BitOr | LogicalOr => Some(BinOp::Or),
            BitXor => Some(BinOp::Xor),
            _ => None,
        };
        match op {
            LogicalAnd | LogicalOr => {
                let (a, b) = (self.flag(l), self.flag(r));
                Expr::bin(bin(op.clone()).expect("logical operator"), a, b)
            }
            Add | Sub | BitAnd | BitOr | BitXor => {
                let (a, b) = (self.side(l, w), self.side(r, w));
                Expr::bin(bin(op.clone()).expect("arithmetic operator"), a, b)
            }
            Mul => {
                let (wl, wr) = (self.factor_width(l), self.factor_width(r));
                let (a, b) = (self.typed(l, wl), self.typed(r, wr));
                let signed = a.signed || b.signed;
                Expr::mul(a, b, signed)
            }
            Shl | Shr => {
                let (a, n) = (self.typed(l, w), self.alone(r));
                if a.signed && matches!(op, Shr) {
                    self.problem("a signed value is shifted right; use .sra(n), or cast it to unsigned first".into());
                }
                Expr::shift(matches!(op, Shl), a, n)
            }
            _ => self.compare(l, op, r),
        }
    }

    /// An operand of a `w`-bit operation; a one-bit flag may meet a wider word.
    fn side(&mut self, e: &Ast, w: usize) -> Expr {
        if self.natural(e) == Fixed(1) && w > 1 {
            return self.typed(e, 1).zext(w);
        }
        self.typed(e, w)
    }

    fn compare(&mut self, l: &Ast, op: &VerilogOp, r: &Ast) -> Expr {
        let w = match join(self.natural(l), self.natural(r)) {
            Fixed(w) => w,
            Flexible(w) => {
                self.problem(
                    "the width of a signed cast is not recorded by rust-hdl, so comparing two of them is ambiguous; assign them to Local signals first".into(),
                );
                w
            }
            Any => 64,
        };
        let (a, b) = (self.typed(l, w), self.typed(r, w));
        let op = match op {
            VerilogOp::Eq => CmpOp::Eq,
            VerilogOp::Ne => CmpOp::Ne,
            VerilogOp::Lt => CmpOp::Lt,
            VerilogOp::Le => CmpOp::Le,
            VerilogOp::Gt => CmpOp::Gt,
            _ => CmpOp::Ge,
        };
        let signed = a.signed || b.signed;
        Expr::cmp(op, signed, a, b)
    }

    fn unary(&mut self, op: &VerilogOpUnary, x: &Ast, w: usize) -> Expr {
        match op {
            VerilogOpUnary::Not => Expr::not(self.typed(x, w)),
            VerilogOpUnary::Neg => Expr::neg(self.typed(x, w)),
            VerilogOpUnary::All => Expr::reduce('&', self.operand(x, "the word reduced")),
            VerilogOpUnary::Any => Expr::reduce('|', self.operand(x, "the word reduced")),
            VerilogOpUnary::Xor => Expr::reduce('^', self.operand(x, "the word reduced")),
        }
    }

    fn typed_ext(&mut self, op: Ext, args: &[&Ast], w: usize) -> Expr {
        match op {
            Ext::Concat => {
                let parts = args.iter().map(|a| self.operand(a, "a part of cat!")).collect();
                Expr::concat(parts)
            }
            Ext::Mux => {
                let c = self.flag(args[0]);
                let (a, b) = (self.typed(args[1], w), self.typed(args[2], w));
                Expr::mux(c, a, b)
            }
            Ext::Zext(_) => self.extension_source(args[0], w, "zext").with_sign(false).zext(w),
            // A word carries no sign: only the operation reads its operands as signed.
            Ext::Sext(_) => self.extension_source(args[0], w, "sext").sext(w).with_sign(false),
            Ext::Trunc(_) => {
                let x = self.operand(args[0], "the word truncated");
                if x.width < w {
                    self.problem(format!(
                        "trunc to {} of a value of {} would extend it",
                        bits(w),
                        bits(x.width)
                    ));
                    return x.zext(w);
                }
                x.slice(0, w)
            }
            Ext::Slice(o, n) => {
                let x = self.operand(args[0], "the word sliced");
                Expr::filled_slice(x, o, n)
            }
            Ext::DynSlice(n) => {
                let (x, o) = (self.operand(args[0], "the word sliced"), self.index(args[1]));
                Expr::dyn_slice(x, o, n)
            }
            Ext::Sized(_) => self.typed(args[0], w),
            Ext::Sra(n) => self.typed(args[0], w).sext(w + n).slice(n, w),
            Ext::AsSigned => self.typed(args[0], w).with_sign(true),
            Ext::LtSigned => {
                let n = self.own_width(args[0], "the left side of lt_signed");
                let (a, b) = (self.typed(args[0], n), self.typed(args[1], n));
                Expr::cmp(CmpOp::Lt, true, a, b)
            }
            Ext::MulSigned => {
                let (a, b) = (self.operand(args[0], "a factor"), self.operand(args[1], "a factor"));
                Expr::mul(a, b, true).with_sign(false)
            }
        }
    }

    fn extension_source(&mut self, e: &Ast, w: usize, what: &str) -> Expr {
        if self.natural(e) == Any {
            return self.typed(e, w);
        }
        let x = self.operand(e, "the word extended");
        if x.width > w {
            self.problem(format!(
                "{what} to {} of a value of {} would truncate it",
                bits(w),
                bits(x.width)
            ));
            return x.slice(0, w);
        }
        x
    }
}

fn replace_bit(a: Expr, i: Expr, v: Expr) -> Expr {
    let w = a.width;
    if let Some(i) = i.as_lit().map(Word::index) {
        if i >= w {
            return a;
        }
        let mut parts = Vec::new();
        if i + 1 < w {
            parts.push(a.clone().slice(i + 1, w - 1 - i));
        }
        parts.push(v);
        if i > 0 {
            parts.push(a.slice(0, i));
        }
        return Expr::concat(parts);
    }
    let one = Expr::shift(true, Expr::lit(Word::new(w, 1)), i.clone());
    let cleared = Expr::bin(BinOp::And, a, Expr::not(one));
    Expr::bin(BinOp::Or, cleared, Expr::shift(true, v.zext(w), i))
}
