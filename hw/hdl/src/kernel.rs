//! What `#[hdl]` generates code against: builders of rust-hdl's syntax tree.
//!
//! rust-hdl's tree has no node for a few operations that hardware needs (sign extension, ternary,
//! concatenation, run-time-width slices). They are encoded here as [`Ext`] nodes inside the ordinary
//! tree, and decoded in the emitter; nothing else knows the encoding.

use crate::{Constraint, Word};
use rust_hdl::prelude::ast::*;
use rust_hdl::prelude::TimingInfo;

type E = VerilogExpression;

/// An operation that rust-hdl's syntax tree lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ext {
    /// `{first, second, ...}`.
    Concat,
    /// `cond ? a : b`.
    Mux,
    /// Zero-extend to `.0` bits.
    Zext(usize),
    /// Sign-extend to `.0` bits.
    Sext(usize),
    /// Low `.0` bits.
    Trunc(usize),
    /// `.1` bits from constant offset `.0`, zero-filled past the end.
    Slice(usize, usize),
    /// `.0` bits from an offset given by the second operand, zero-filled past the end.
    DynSlice(usize),
    /// Arithmetic shift right by the constant `.0`.
    Sra(usize),
    /// Signed `<`.
    LtSigned,
    /// Signed product, sum of the widths.
    MulSigned,
    /// A literal of `.0` bits.
    Sized(usize),
    /// The same bits read as two's complement.
    AsSigned,
}

/// Marks an extension node; no Rust identifier starts like it.
const MARK: &str = "@ext:";

impl Ext {
    fn encode(self) -> String {
        match self {
            Ext::Concat => "concat".into(),
            Ext::Mux => "mux".into(),
            Ext::Zext(w) => format!("zext,{w}"),
            Ext::Sext(w) => format!("sext,{w}"),
            Ext::Trunc(w) => format!("trunc,{w}"),
            Ext::Slice(o, w) => format!("slice,{o},{w}"),
            Ext::DynSlice(w) => format!("dynslice,{w}"),
            Ext::Sra(n) => format!("sra,{n}"),
            Ext::LtSigned => "lts".into(),
            Ext::MulSigned => "muls".into(),
            Ext::Sized(w) => format!("sized,{w}"),
            Ext::AsSigned => "signed".into(),
        }
    }

    fn parse(text: &str) -> Option<Ext> {
        let mut parts = text.split(',');
        let name = parts.next()?;
        let mut num = || parts.next()?.parse::<usize>().ok();
        Some(match name {
            "concat" => Ext::Concat,
            "mux" => Ext::Mux,
            "zext" => Ext::Zext(num()?),
            "sext" => Ext::Sext(num()?),
            "trunc" => Ext::Trunc(num()?),
            "slice" => Ext::Slice(num()?, num()?),
            "dynslice" => Ext::DynSlice(num()?),
            "sra" => Ext::Sra(num()?),
            "lts" => Ext::LtSigned,
            "muls" => Ext::MulSigned,
            "sized" => Ext::Sized(num()?),
            "signed" => Ext::AsSigned,
            _ => return None,
        })
    }

    /// Reads an extension node back: the operation and its operands.
    pub fn decode(e: &E) -> Option<(Ext, Vec<&E>)> {
        let E::Index(head, args) = e else { return None };
        let E::Signal(name) = &**head else { return None };
        let op = Ext::parse(name.strip_prefix(MARK)?)?;
        let mut operands = Vec::new();
        let mut rest = &**args;
        // Right-nested list, closed by the mark itself.
        while let E::Index(first, tail) = rest {
            operands.push(&**first);
            rest = tail;
        }
        Some((op, operands))
    }
}

/// An extension node.
pub fn ext(op: Ext, operands: Vec<E>) -> E {
    let nil = E::Signal(MARK.into());
    let list =
        operands.into_iter().rev().fold(nil, |tail, e| E::Index(Box::new(e), Box::new(tail)));
    E::Index(Box::new(E::Signal(format!("{MARK}{}", op.encode()))), Box::new(list))
}

/// A named signal.
pub fn sig(name: impl Into<String>) -> E {
    E::Signal(name.into())
}

/// An elaboration-time value used as hardware: an unsized literal, or one of a word's width.
pub fn lit(value: impl Into<Word>) -> E {
    let w: Word = value.into();
    if w.width() <= 128 {
        let v = E::Literal(w.to_u128().into());
        return if w.width() == 0 { v } else { ext(Ext::Sized(w.width()), vec![v]) };
    }
    let parts = (0..w.width().div_ceil(64))
        .rev()
        .map(|i| lit(w.slice(i * 64, (w.width() - i * 64).min(64))));
    ext(Ext::Concat, parts.collect())
}

/// A one-bit literal.
pub fn flag(value: bool) -> E {
    lit(Word::from(value))
}

/// `a op b`.
pub fn bin(a: E, op: VerilogOp, b: E) -> E {
    E::Binary(Box::new(a), op, Box::new(b))
}

/// `op a`.
pub fn un(op: VerilogOpUnary, a: E) -> E {
    E::Unary(op, Box::new(a))
}

/// `target = value`.
pub fn assign(target: impl Into<String>, value: E) -> VerilogStatement {
    VerilogStatement::Assignment(sig(target), value)
}

/// `target[offset +: width of value] = value`; the width is the value's own.
pub fn assign_slice(target: impl Into<String>, offset: E, value: E) -> VerilogStatement {
    VerilogStatement::SliceAssignment { base: sig(target), width: 0, offset, replacement: value }
}

/// Marks the source line of the statements that follow.
pub fn at_line(line: usize) -> VerilogStatement {
    VerilogStatement::Comment(format!("@line:{line}"))
}

/// Reads a line mark back.
pub fn line_of(comment: &str) -> Option<usize> {
    comment.strip_prefix("@line:")?.parse().ok()
}

/// What a block tells the emitter about itself, carried through rust-hdl's `Logic::timing`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// Full Rust type name.
    pub rust_type: String,
    /// `file:line`.
    pub source: String,
    /// Elaboration parameters in declaration order.
    pub parameters: Vec<(String, String)>,
    /// Cycles from input to output.
    pub latency: Option<usize>,
    /// Keep the module a function of its own in Verilated code (big regular blocks).
    pub no_inline: bool,
    /// What its clock-domain crossings ask of placement and routing.
    pub constraints: Vec<Constraint>,
}

const TAG: &str = "@block";

impl Tag {
    /// For `Logic::timing`.
    pub fn to_timing(&self) -> Vec<TimingInfo> {
        let mut outputs = vec![format!("source={}", self.source)];
        outputs.extend(self.latency.map(|l| format!("latency={l}")));
        outputs.extend(self.no_inline.then(|| "no_inline".to_string()));
        outputs.extend(self.constraints.iter().map(|c| {
            let text = serde_json::to_string(c).expect("a constraint is plain data");
            format!("constraint={text}")
        }));
        vec![TimingInfo {
            name: self.rust_type.clone(),
            clock: TAG.into(),
            inputs: self.parameters.iter().map(|(k, v)| format!("{k}={v}")).collect(),
            outputs,
        }]
    }

    /// Reads a block's tag back; `None` for a block that carries none.
    pub fn from_timing(timing: &[TimingInfo]) -> Option<Tag> {
        let t = timing.iter().find(|t| t.clock == TAG)?;
        let mut tag = Tag { rust_type: t.name.clone(), ..Tag::default() };
        let pair = |s: &str| s.split_once('=').map(|(k, v)| (k.to_string(), v.to_string()));
        tag.parameters = t.inputs.iter().filter_map(|s| pair(s)).collect();
        for o in &t.outputs {
            match pair(o) {
                Some((k, v)) if k == "source" => tag.source = v,
                Some((k, v)) if k == "latency" => tag.latency = v.parse().ok(),
                Some((k, v)) if k == "constraint" => {
                    tag.constraints.extend(serde_json::from_str::<Constraint>(&v));
                }
                _ if o == "no_inline" => tag.no_inline = true,
                _ => {}
            }
        }
        Some(tag)
    }
}

/// Names a hand-written block (one whose `hdl()` is Verilog text) to the emitter: put it inside
/// `impl Logic`. Blocks written with `#[hdl]` carry their tag already.
///
/// `block_tag!(self; width = self._width, depth = self._depth; latency = 2)`: the parameters, the
/// latency or both may be absent; `; no_inline = true` may follow parameters, and
/// `; constraints = EXPRESSION`, a `Vec<Constraint>`, the latency.
#[macro_export]
macro_rules! block_tag {
    ($me:ident) => {
        $crate::block_tag!(@ $me, [], None, false, Vec::new());
    };
    ($me:ident; latency = $latency:expr) => {
        $crate::block_tag!(@ $me, [], Some($latency), false, Vec::new());
    };
    ($me:ident; $($name:ident = $value:expr),+; latency = $latency:expr) => {
        $crate::block_tag!(@ $me, [$(($name, $value)),+], Some($latency), false, Vec::new());
    };
    ($me:ident; $($name:ident = $value:expr),+; no_inline = $no_inline:expr) => {
        $crate::block_tag!(@ $me, [$(($name, $value)),+], None, $no_inline, Vec::new());
    };
    ($me:ident; $($name:ident = $value:expr),+) => {
        $crate::block_tag!(@ $me, [$(($name, $value)),+], None, false, Vec::new());
    };
    ($me:ident; $($name:ident = $value:expr),+; constraints = $constraints:expr) => {
        $crate::block_tag!(@ $me, [$(($name, $value)),+], None, false, $constraints);
    };
    ($me:ident; $($name:ident = $value:expr),+; latency = $latency:expr; constraints = $constraints:expr) => {
        $crate::block_tag!(@ $me, [$(($name, $value)),+], Some($latency), false, $constraints);
    };
    (@ $me:ident, [$(($name:ident, $value:expr)),*], $latency:expr, $no_inline:expr, $constraints:expr) => {
        fn timing(&$me) -> Vec<$crate::rust_hdl::prelude::TimingInfo> {
            $crate::kernel::Tag {
                rust_type: std::any::type_name::<Self>().into(),
                source: concat!(file!(), ":", line!()).into(),
                parameters: vec![$((stringify!($name).into(), format!("{}", $value))),*],
                latency: $latency,
                no_inline: $no_inline,
                constraints: $constraints,
            }
            .to_timing()
        }
    };
}
