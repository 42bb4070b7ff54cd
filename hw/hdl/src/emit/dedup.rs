//! Pass 2: one module per structurally distinct block.
//!
//! Before: the elaborated hierarchy. After: each distinct block written once, named after its type and
//! parameters; blocks are equal when type, ports, kernel and children are.

use super::module;
use super::names;
use super::probe::Scope;
use super::symbols::{Child, ChildKind, Emitted};
use super::{Diagnostic, EmitError, EmitOptions, Problem};
use crate::{Design, Module};
use rust_hdl::prelude::ast::Verilog;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// Emits a walked hierarchy.
pub fn emit(scope: Scope, top: &str, options: &EmitOptions) -> Result<Design, EmitError> {
    let blocks = scope.blocks();
    let mut e = Emitter {
        options,
        emitted: Vec::new(),
        by_key: HashMap::new(),
        names: HashMap::new(),
        externs: BTreeSet::new(),
        diagnostics: Vec::new(),
    };
    e.names.insert(top.to_string(), 1);
    e.block(scope, Some(top));
    if !e.diagnostics.is_empty() {
        return Err(EmitError { diagnostics: e.diagnostics });
    }
    let modules = e.emitted.into_iter().map(|m| m.module).filter(|m| !m.text.is_empty()).collect();
    Ok(Design { modules, blocks, externs: e.externs.into_iter().collect() })
}

struct Emitter<'a> {
    options: &'a EmitOptions,
    emitted: Vec<Emitted>,
    by_key: HashMap<[u8; 32], usize>,
    names: HashMap<String, usize>,
    externs: BTreeSet<String>,
    diagnostics: Vec<Diagnostic>,
}

/// Feeds formatted text to a hash.
struct Hasher(Sha256);

impl std::fmt::Write for Hasher {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.0.update(s.as_bytes());
        Ok(())
    }
}

impl Emitter<'_> {
    /// Emits a block after its children; returns what its parent sees.
    fn block(&mut self, mut scope: Scope, top: Option<&str>) -> Child {
        let inst = scope.inst.clone();
        if let (Some(init), None) = (&scope.dff_init, top) {
            let q = scope.atoms.iter().find(|a| a.name == "q");
            let (width, signed) = q.map_or((1, false), |q| (q.width, q.signed));
            return Child { inst, kind: ChildKind::Dff { width, signed, init: init.clone() } };
        }
        let children: Vec<Child> =
            std::mem::take(&mut scope.children).into_iter().map(|c| self.block(c, None)).collect();
        let key = self.key(&scope, &children);
        if let (Some(&ix), None) = (self.by_key.get(&key), top) {
            self.emitted[ix].module.instances += 1;
            return Child { inst, kind: ChildKind::Module(ix) };
        }
        let name = self.name(&scope, top);
        let emitted = self.write(&name, &scope, &children);
        let ix = self.emitted.len();
        self.emitted.push(emitted);
        self.by_key.insert(key, ix);
        Child { inst, kind: ChildKind::Module(ix) }
    }

    fn key(&self, scope: &Scope, children: &[Child]) -> [u8; 32] {
        let mut h = Hasher(Sha256::new());
        let untagged = scope.tag.is_none().then(|| names::without_index(&scope.inst));
        write!(
            h,
            "{:?}|{untagged:?}|{:?}|{:?}|{:?}|{children:?}",
            scope.tag, scope.code, scope.atoms, scope.variants
        )
        .expect("hashing does not fail");
        h.0.finalize().into()
    }

    fn name(&mut self, scope: &Scope, top: Option<&str>) -> String {
        if let Some(t) = top {
            return t.to_string();
        }
        if let Verilog::Blackbox(b) = &scope.code {
            return b.name.clone();
        }
        let base = match &scope.tag {
            Some(t) => names::of_module(&t.rust_type, &t.parameters),
            None => names::without_index(&scope.inst),
        };
        let base = format!("{}{base}", self.options.prefix);
        let base = if names::is_keyword(&base) { base + "_" } else { base };
        let n = self.names.entry(base.clone()).or_insert(0);
        *n += 1;
        if *n == 1 {
            base
        } else {
            format!("{base}_v{n}")
        }
    }

    fn write(&mut self, name: &str, scope: &Scope, children: &[Child]) -> Emitted {
        match &scope.code {
            Verilog::Blackbox(b) => self.add_extern(&b.code),
            Verilog::Wrapper(w) => self.add_extern(&w.cores),
            _ => {}
        }
        let mut problems: Vec<Problem> = Vec::new();
        let body = module::write(name, scope, children, &self.emitted, &mut problems);
        let tag = scope.tag.clone().unwrap_or_default();
        for c in &tag.constraints {
            let unmet = c.unmet(&body.ports, &body.text).into_iter();
            problems.extend(unmet.map(|text| Problem { line: None, text }));
        }
        for p in problems {
            self.report(scope, &tag.source, p);
        }
        let mut used: Vec<String> = Vec::new();
        for c in children {
            if let ChildKind::Module(ix) = c.kind {
                let m = &self.emitted[ix].module;
                if !used.contains(&m.name) && !m.text.is_empty() {
                    used.push(m.name.clone());
                }
            }
        }
        let known = |s: String| (!s.is_empty()).then_some(s);
        Emitted {
            module: Module {
                name: name.to_string(),
                ports: body.ports,
                text: body.text,
                instances: 1,
                parameters: tag.parameters,
                latency: tag.latency,
                children: used,
                rust_type: known(tag.rust_type),
                source: known(tag.source),
                constraints: tag.constraints,
            },
            raw_ports: body.raw_ports,
        }
    }

    fn add_extern(&mut self, code: &str) {
        if !code.trim().is_empty() {
            self.externs.insert(code.trim().to_string());
        }
    }

    fn report(&mut self, scope: &Scope, source: &str, p: Problem) {
        let source = match (source.rsplit_once(':'), p.line) {
            (Some((file, _)), Some(line)) => Some(format!("{file}:{line}")),
            (Some(_), None) => Some(source.to_string()),
            _ => None,
        };
        let d = Diagnostic { block: scope.describe(), source, text: p.text };
        if !self.diagnostics.contains(&d) {
            self.diagnostics.push(d);
        }
    }
}
