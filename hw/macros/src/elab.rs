//! Which expressions are elaboration-time values, and which are hardware.

use std::collections::HashMap;
use syn::visit::{self, Visit};

/// Names bound in the kernel so far, innermost scope last: `true` for hardware.
#[derive(Default)]
pub struct Scopes(Vec<HashMap<String, bool>>);

impl Scopes {
    pub fn push(&mut self) {
        self.0.push(HashMap::new());
    }
    pub fn pop(&mut self) {
        self.0.pop();
    }
    fn bind(&mut self, name: &str, hardware: bool) {
        self.0.last_mut().expect("inside a scope").insert(name.to_string(), hardware);
    }
    pub fn bind_hardware(&mut self, name: &str) {
        self.bind(name, true);
    }
    /// Binds the names of a pattern to elaboration-time values.
    pub fn bind_elaboration(&mut self, pattern: &syn::Pat) {
        struct Names<'a>(&'a mut Scopes);
        impl<'ast> Visit<'ast> for Names<'_> {
            fn visit_pat_ident(&mut self, p: &'ast syn::PatIdent) {
                self.0.bind(&p.ident.to_string(), false);
                visit::visit_pat_ident(self, p);
            }
        }
        Names(self).visit_pat(pattern);
    }
    pub fn is_hardware(&self, name: &str) -> bool {
        self.0.iter().rev().find_map(|s| s.get(name)).copied().unwrap_or(false)
    }
    /// Does the expression have its value before any clock runs?
    pub fn is_elaboration(&self, e: &syn::Expr) -> bool {
        let mut v = Finder { scopes: self, hardware: false };
        v.visit_expr(e);
        !v.hardware
    }
}

struct Finder<'a> {
    scopes: &'a Scopes,
    hardware: bool,
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_expr_method_call(&mut self, m: &'ast syn::ExprMethodCall) {
        if m.method == "val" {
            self.hardware = true;
        }
        visit::visit_expr_method_call(self, m);
    }
    fn visit_expr_path(&mut self, p: &'ast syn::ExprPath) {
        if let Some(id) = p.path.get_ident() {
            self.hardware |= self.scopes.is_hardware(&id.to_string());
        }
    }
    fn visit_macro(&mut self, m: &'ast syn::Macro) {
        // The only expression macro of a kernel is `cat!`.
        self.hardware |= m.path.is_ident("cat");
    }
}
