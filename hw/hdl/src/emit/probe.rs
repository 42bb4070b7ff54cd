//! Pass 1: walks the block hierarchy with rust-hdl's `Probe` and collects what each block says of
//! itself. Before: a tree of Rust structs. After: a [`Scope`] per block, children inside parents.

use crate::kernel::Tag;
use rust_hdl::prelude::ast::*;
use rust_hdl::prelude::*;

/// A port, local or constant of a block.
#[derive(Clone, Debug)]
pub struct AtomInfo {
    /// rust-hdl name, interface fields as `interface$field`.
    pub name: String,
    pub kind: AtomKind,
    pub width: usize,
    pub signed: bool,
    pub clock: bool,
    /// Value of a constant, as rust-hdl prints it.
    pub literal: Option<String>,
}

/// An enum variant a block can name.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// `Type$Variant`.
    pub name: String,
    pub value: usize,
    pub width: usize,
    /// Number of variants of the type.
    pub of: usize,
}

/// One block of the hierarchy.
#[derive(Debug)]
pub struct Scope {
    /// Instance name in the parent.
    pub inst: String,
    pub tag: Option<Tag>,
    pub code: Verilog,
    pub atoms: Vec<AtomInfo>,
    pub variants: Vec<Variant>,
    pub children: Vec<Scope>,
    /// Set for a D flip-flop: its initial value as printed by its own text.
    pub dff_init: Option<String>,
}

/// Walks `top` and returns its scope.
pub fn collect(top: &dyn Block, name: &str) -> Option<Scope> {
    let mut c = Collector { stack: Vec::new(), namespaces: Vec::new(), done: None };
    top.accept(name, &mut c);
    c.done
}

struct Collector {
    stack: Vec<Scope>,
    namespaces: Vec<Vec<String>>,
    done: Option<Scope>,
}

impl Probe for Collector {
    fn visit_start_scope(&mut self, name: &str, node: &dyn Block) {
        let (timing, code) = (node.timing(), node.hdl());
        self.stack.push(Scope {
            inst: name.to_string(),
            tag: Tag::from_timing(&timing),
            dff_init: dff_init(&timing, &code),
            code,
            atoms: Vec::new(),
            variants: Vec::new(),
            children: Vec::new(),
        });
        self.namespaces.push(Vec::new());
    }

    fn visit_start_namespace(&mut self, name: &str, _: &dyn Block) {
        if let Some(n) = self.namespaces.last_mut() {
            n.push(name.to_string());
        }
    }

    fn visit_end_namespace(&mut self, _: &str, _: &dyn Block) {
        if let Some(n) = self.namespaces.last_mut() {
            n.pop();
        }
    }

    fn visit_atom(&mut self, name: &str, a: &dyn Atom) {
        let (Some(scope), Some(ns)) = (self.stack.last_mut(), self.namespaces.last()) else {
            return;
        };
        let d = a.descriptor();
        variants(&d, &mut scope.variants);
        let constant = a.kind() == AtomKind::Constant;
        scope.atoms.push(AtomInfo {
            name: ns.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("$"),
            kind: a.kind(),
            width: a.bits(),
            signed: matches!(d.kind, TypeKind::Signed(_)),
            clock: d.name == "clock",
            literal: constant.then(|| a.verilog().to_string()),
        });
    }

    fn visit_end_scope(&mut self, _: &str, _: &dyn Block) {
        self.namespaces.pop();
        let Some(mut scope) = self.stack.pop() else { return };
        match self.stack.last_mut() {
            Some(parent) => {
                // A register's state type is named in its parent's kernel.
                if scope.dff_init.is_some() {
                    for v in std::mem::take(&mut scope.variants) {
                        if !parent.variants.contains(&v) {
                            parent.variants.push(v);
                        }
                    }
                }
                parent.children.push(scope);
            }
            None => self.done = Some(scope),
        }
    }
}

fn variants(d: &TypeDescriptor, out: &mut Vec<Variant>) {
    match &d.kind {
        TypeKind::Enum(names) => {
            for (value, n) in names.iter().enumerate() {
                let v = Variant {
                    name: n.replace("::", "$"),
                    value,
                    width: clog2(names.len()).max(1),
                    of: names.len(),
                };
                if !out.contains(&v) {
                    out.push(v);
                }
            }
        }
        TypeKind::Composite(fields) => fields.iter().for_each(|f| variants(&f.kind, out)),
        _ => {}
    }
}

fn dff_init(timing: &[TimingInfo], code: &Verilog) -> Option<String> {
    let [t] = timing else { return None };
    let Verilog::Custom(text) = code else { return None };
    if t.name != "dff" || t.inputs != ["d"] || t.outputs != ["q"] {
        return None;
    }
    let init = text.split("q = ").nth(1)?.split(';').next()?;
    Some(init.trim().to_string())
}

impl Scope {
    /// Blocks below and including this one.
    pub fn blocks(&self) -> usize {
        1 + self.children.iter().map(Scope::blocks).sum::<usize>()
    }

    /// What to call the block in a message.
    pub fn describe(&self) -> String {
        match &self.tag {
            Some(t) => super::names::of_type(&t.rust_type),
            None => format!("instance {}", self.inst.replace('$', ".")),
        }
    }
}
