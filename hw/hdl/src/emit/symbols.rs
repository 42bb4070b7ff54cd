//! The names a block's kernel can use, with width, sign and role.

use super::names::Taken;
use super::probe::{AtomInfo, Scope};
use crate::design::Dir;
use crate::{Module, Word};
use rust_hdl::prelude::AtomKind;
use std::collections::HashMap;

/// The role of a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Class {
    /// Input port; `true` for a clock.
    In(bool),
    /// Output port.
    Out,
    /// Tri-state port.
    InOut,
    /// Local signal of the kernel.
    Local,
    /// A `let` of the kernel.
    Let,
    /// A constant's value.
    Const(Word),
    /// An enum variant's value.
    Variant(Word),
    /// Port of a child module: child index, port index.
    ChildPort(usize, usize),
    /// Next state of a register.
    DffD(usize),
    /// State of a register.
    DffQ(usize),
    /// Clock of a register.
    DffClock(usize),
}

/// One name.
#[derive(Clone, Debug)]
pub struct Symbol {
    pub width: usize,
    pub signed: bool,
    pub class: Class,
    /// Verilog identifier; empty until a child port gets its net.
    pub clean: String,
}

/// What stands at each child's place.
#[derive(Clone, Debug, Hash)]
pub enum ChildKind {
    /// An instance of an emitted module.
    Module(usize),
    /// A register, written out as a clocked process.
    Dff { width: usize, signed: bool, init: String },
}

/// A child of the block being lowered.
#[derive(Clone, Debug, Hash)]
pub struct Child {
    /// rust-hdl instance name.
    pub inst: String,
    pub kind: ChildKind,
}

/// Symbol table of one module.
pub struct Symbols {
    map: HashMap<String, Symbol>,
    pub taken: Taken,
}

/// An emitted module as its parents see it: the rust-hdl names of its ports.
pub struct Emitted {
    pub module: Module,
    pub raw_ports: Vec<String>,
}

fn class_of(a: &AtomInfo) -> Class {
    match a.kind {
        AtomKind::InputParameter => Class::In(a.clock),
        AtomKind::OutputParameter | AtomKind::OutputPassthrough => Class::Out,
        AtomKind::InOutParameter => Class::InOut,
        AtomKind::Constant => Class::Const(constant(a)),
        _ => Class::Local,
    }
}

fn constant(a: &AtomInfo) -> Word {
    a.literal.as_deref().and_then(|l| literal(l, a.width)).unwrap_or_else(|| Word::zero(a.width))
}

/// Reads a literal as rust-hdl or [`Word`] prints it (`8'hff`, `5'b101`, `8'h-5`).
pub fn literal(text: &str, width: usize) -> Option<Word> {
    let (_, rest) = text.split_once('\'')?;
    let (radix, digits) = rest.split_at(rest.len().min(1));
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(d) => (true, d),
        None => (false, digits),
    };
    let value = match radix {
        "h" => Word::from_hex(width.max(digits.len() * 4), digits)?,
        "b" => Word::from_limbs(width.max(64), &[u64::from_str_radix(digits, 2).ok()?]),
        _ => return None,
    };
    let value = value.slice(0, width);
    Some(if negative { -value } else { value })
}

impl Symbols {
    /// Every name of `scope`, whose children have been emitted. Two enums that share a name but not
    /// the values are reported through `clash`.
    pub fn new(
        scope: &Scope,
        children: &[Child],
        emitted: &[Emitted],
        mut clash: impl FnMut(&str),
    ) -> Symbols {
        let mut s = Symbols { map: HashMap::new(), taken: Taken::default() };
        // Ports first: their names are what the outside knows them by.
        let is_port = |a: &&AtomInfo| Dir::of(a.kind).is_some();
        let (ports, others): (Vec<_>, Vec<_>) = scope.atoms.iter().partition(is_port);
        for a in ports.into_iter().chain(others) {
            let class = class_of(a);
            let clean = if matches!(class, Class::Const(_)) {
                String::new()
            } else {
                s.taken.fresh(&a.name)
            };
            s.map.insert(a.name.clone(), Symbol { width: a.width, signed: a.signed, class, clean });
        }
        for v in &scope.variants {
            let class = Class::Variant(Word::from_limbs(v.width, &[v.value as u64]));
            match s.map.get(&v.name) {
                // Widths first: words of different widths do not compare.
                Some(old) if old.width != v.width || old.class != class => clash(&v.name),
                Some(_) => {}
                None => {
                    let clean = s.taken.fresh(&v.name);
                    s.map.insert(
                        v.name.clone(),
                        Symbol { width: v.width, signed: false, class, clean },
                    );
                }
            }
        }
        for (i, c) in children.iter().enumerate() {
            let inst = s.taken.fresh(&c.inst);
            let mut add = |port: &str, width, signed, class, clean: &str| {
                s.map.insert(
                    format!("{}${port}", c.inst),
                    Symbol { width, signed, class, clean: clean.into() },
                );
            };
            match &c.kind {
                ChildKind::Dff { width, signed, .. } => {
                    add("d", *width, *signed, Class::DffD(i), "");
                    add("q", *width, *signed, Class::DffQ(i), &inst);
                    add("clock", 1, false, Class::DffClock(i), "");
                }
                ChildKind::Module(ix) => {
                    let e = &emitted[*ix];
                    for (p, (raw, port)) in e.raw_ports.iter().zip(&e.module.ports).enumerate() {
                        add(raw, port.width, port.signed, Class::ChildPort(i, p), "");
                    }
                }
            }
            s.map.insert(
                format!("{}$", c.inst),
                Symbol { width: 0, signed: false, class: Class::Local, clean: inst },
            );
        }
        s
    }

    /// The Verilog instance (or register) name of a child.
    pub fn instance(&self, c: &Child) -> String {
        self.map[&format!("{}$", c.inst)].clean.clone()
    }

    pub fn get(&self, name: &str) -> Option<&Symbol> {
        self.map.get(name)
    }

    pub fn class(&self, name: &str) -> Option<&Class> {
        self.map.get(name).map(|s| &s.class)
    }

    /// The Verilog identifier of a name.
    pub fn clean(&self, name: &str) -> &str {
        self.map.get(name).map_or("", |s| &s.clean)
    }

    pub fn set_clean(&mut self, name: &str, clean: &str) {
        if let Some(s) = self.map.get_mut(name) {
            s.clean = clean.into();
        }
    }

    /// How many variants the enum of this variant has.
    pub fn variants_of(&self, variant: &str) -> usize {
        let of = |n: &str| n.rsplit_once('$').map(|p| p.0.to_string());
        let ty = of(variant);
        self.map.iter().filter(|(n, s)| matches!(s.class, Class::Variant(_)) && of(n) == ty).count()
    }

    /// Declares a `let` of the kernel.
    pub fn declare_let(&mut self, name: &str, width: usize, signed: bool) {
        let want = name.split('$').nth(1).unwrap_or(name).to_string();
        let clean = self.taken.fresh(&want);
        self.map.insert(name.into(), Symbol { width, signed, class: Class::Let, clean });
    }

    /// The closest known name, for a message.
    pub fn suggest(&self, name: &str) -> Option<&str> {
        let prefix = name.split('$').next().unwrap_or(name);
        let mut close: Vec<&String> =
            self.map.keys().filter(|k| !k.ends_with('$') && k.starts_with(prefix)).collect();
        close.sort();
        close.first().map(|s| s.as_str())
    }
}

impl Dir {
    /// Direction of a rust-hdl port kind.
    pub(super) fn of(kind: AtomKind) -> Option<Dir> {
        match kind {
            AtomKind::InputParameter => Some(Dir::In),
            AtomKind::OutputParameter | AtomKind::OutputPassthrough => Some(Dir::Out),
            AtomKind::InOutParameter => Some(Dir::InOut),
            _ => None,
        }
    }
}
