//! Statements: `let`, assignments, `if`, and the dispatch to the others.

use super::code::Code;
use super::expression::expr;
use super::labels::labels;
use super::path::{is_member, member_fn, path};
use super::setup::{join_or_link, macro_statement};
use crate::elab::Scopes;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Block, Error, Expr, Member, Pat, Result, Stmt};

pub(super) fn block(b: &Block, scopes: &mut Scopes) -> Result<Code> {
    scopes.push();
    let mut all = Code::default();
    for s in &b.stmts {
        let line = s.span().start().line;
        let Code { hdl, connect } = statement(s, scopes)?;
        let mark = if matches!(s, Stmt::Local(_)) {
            quote!()
        } else {
            quote!(__b.push(__k::at_line(#line));)
        };
        all.hdl.extend(quote!(#mark #hdl));
        all.connect.extend(connect);
    }
    scopes.pop();
    Ok(all)
}

/// A block whose statements go into a vector of their own.
pub(super) fn nested(b: &Block, scopes: &mut Scopes) -> Result<Code> {
    let Code { hdl, connect } = block(b, scopes)?;
    Ok(Code {
        hdl: quote!({ let mut __b: Vec<__ast::VerilogStatement> = Vec::new(); #hdl __b }),
        connect: quote!({ #connect }),
    })
}

pub(super) fn statement(s: &Stmt, scopes: &mut Scopes) -> Result<Code> {
    match s {
        Stmt::Local(l) => local(l, scopes),
        Stmt::Expr(e, _) => expression_statement(e, scopes),
        Stmt::Macro(m) => macro_statement(&m.mac),
        Stmt::Item(i) => {
            Err(Error::new_spanned(i, "items do not belong in a kernel; move it out of update"))
        }
    }
}

fn local(l: &syn::Local, scopes: &mut Scopes) -> Result<Code> {
    let Some(init) = &l.init else {
        return Err(Error::new_spanned(l, "a let in a kernel needs a value"));
    };
    if init.diverge.is_some() {
        return Err(Error::new_spanned(l, "`let else` has no hardware meaning"));
    }
    let pat = match &l.pat {
        Pat::Type(t) => &*t.pat,
        other => other,
    };
    let mutable = matches!(pat, Pat::Ident(p) if p.mutability.is_some());
    if !mutable && scopes.is_elaboration(&init.expr) {
        scopes.bind_elaboration(&l.pat);
        return Ok(Code { hdl: quote!(#l), connect: quote!(#l) });
    }
    let Pat::Ident(p) = pat else {
        return Err(Error::new_spanned(
            &l.pat,
            "a hardware let binds one name: write `let name = value;`",
        ));
    };
    let (id, name) = (&p.ident, p.ident.to_string());
    let value = expr(&init.expr, scopes)?;
    scopes.bind_hardware(&name);
    let line = l.span().start().line;
    Ok(Code::hdl(quote! {
        __b.push(__k::at_line(#line));
        let #id = {
            let __v = #value;
            let __s = format!("let${}${}", #name, __n);
            __n += 1;
            __b.push(__k::assign(__s.clone(), __v));
            __k::sig(__s)
        };
    }))
}

fn expression_statement(e: &Expr, scopes: &mut Scopes) -> Result<Code> {
    match e {
        Expr::Assign(a) => assignment(a, scopes),
        Expr::If(i) => conditional(i, scopes),
        Expr::Match(m) => match_statement(m, scopes),
        Expr::ForLoop(f) => for_loop(f, scopes),
        Expr::Block(b) => {
            let Code { hdl, connect } = block(&b.block, scopes)?;
            Ok(Code { hdl: quote!({ #hdl }), connect: quote!({ #connect }) })
        }
        Expr::MethodCall(m) if m.method == "set_slice" => set_slice(m, scopes),
        Expr::Call(c) => join_or_link(c),
        Expr::Macro(m) => macro_statement(&m.mac),
        Expr::Paren(p) => expression_statement(&p.expr, scopes),
        _ => Err(Error::new_spanned(
            e,
            "not a kernel statement: use an assignment to .next, let, if, match, for, dff_setup!, join or link",
        )),
    }
}

fn assignment(a: &syn::ExprAssign, scopes: &Scopes) -> Result<Code> {
    let value = expr(&a.right, scopes)?;
    if let Expr::Path(p) = &*a.left {
        if let Some(id) = p.path.get_ident().filter(|id| scopes.is_hardware(&id.to_string())) {
            return Ok(Code::hdl(quote!({
                let __v = #value;
                __b.push(__ast::VerilogStatement::Assignment(#id.clone(), __v));
            })));
        }
    }
    let Expr::Field(f) = &*a.left else {
        return Err(Error::new_spanned(
            &a.left,
            "assign to `self.<signal>.next` or to a `let mut` of the kernel",
        ));
    };
    if is_member(&f.member, "next") {
        let target = path(&f.base)?;
        let base = &f.base;
        return Ok(Code {
            hdl: quote!({ let __v = #value; __b.push(__k::assign(#target, __v)); }),
            connect: quote!(::skipopu_hdl::rust_hdl::prelude::Logic::connect(&mut #base);),
        });
    }
    // self.x.next.field = value
    match &*f.base {
        Expr::Field(n) if is_member(&n.member, "next") => {
            let (target, base, whole) = (path(&n.base)?, &n.base, &f.base);
            let Member::Named(field) = &f.member else {
                return Err(Error::new_spanned(&f.member, "a struct field has a name"));
            };
            let (width, offset) = (member_fn("width", field), member_fn("offset", field));
            Ok(Code {
                hdl: quote!({
                    let __v = #value;
                    __b.push(__ast::VerilogStatement::SliceAssignment {
                        base: __k::sig(#target),
                        width: #whole.#width(),
                        offset: __k::lit(#whole.#offset()),
                        replacement: __v,
                    });
                }),
                connect: quote!(::skipopu_hdl::rust_hdl::prelude::Logic::connect(&mut #base);),
            })
        }
        _ => {
            Err(Error::new_spanned(&a.left, "assign to `.next` (the value is read with `.val()`)"))
        }
    }
}

fn set_slice(m: &syn::ExprMethodCall, scopes: &Scopes) -> Result<Code> {
    let target = match &*m.receiver {
        Expr::Field(f) if is_member(&f.member, "next") => &f.base,
        other => {
            return Err(Error::new_spanned(other, "set_slice is called on `self.<signal>.next`"))
        }
    };
    let (Some(offset), Some(value), 2) = (m.args.first(), m.args.last(), m.args.len()) else {
        return Err(Error::new_spanned(m, "set_slice takes an offset and a value"));
    };
    let (name, offset, value) = (path(target)?, expr(offset, scopes)?, expr(value, scopes)?);
    Ok(Code {
        hdl: quote!({ let (__o, __v) = (#offset, #value); __b.push(__k::assign_slice(#name, __o, __v)); }),
        connect: quote!(::skipopu_hdl::rust_hdl::prelude::Logic::connect(&mut #target);),
    })
}

fn conditional(i: &syn::ExprIf, scopes: &mut Scopes) -> Result<Code> {
    if matches!(&*i.cond, Expr::Let(_)) {
        return Err(Error::new_spanned(&i.cond, "`if let` has no hardware meaning; use match"));
    }
    let otherwise = i.else_branch.as_ref().map(|(_, e)| &**e);
    if scopes.is_elaboration(&i.cond) {
        let cond = &i.cond;
        let then = block(&i.then_branch, scopes)?;
        let other =
            otherwise.map(|e| expression_statement(e, scopes)).transpose()?.unwrap_or_default();
        let (th, tc, oh, oc) = (then.hdl, then.connect, other.hdl, other.connect);
        return Ok(Code {
            hdl: quote!(if #cond { #th } else { #oh }),
            connect: quote!(if #cond { #tc } else { #oc }),
        });
    }
    let test = expr(&i.cond, scopes)?;
    let then = nested(&i.then_branch, scopes)?;
    let (th, tc) = (then.hdl, then.connect);
    let (oh, oc) = match otherwise {
        None => (quote!(__ast::VerilogBlockOrConditional::None), quote!()),
        Some(e) => {
            let other = expression_statement(e, scopes)?;
            let h = other.hdl;
            (
                quote!(__ast::VerilogBlockOrConditional::Block({
                    let mut __b: Vec<__ast::VerilogStatement> = Vec::new();
                    #h
                    __b
                })),
                other.connect,
            )
        }
    };
    Ok(Code {
        hdl: quote!({
            let __test = #test;
            let __then = #th;
            let __otherwise = #oh;
            __b.push(__ast::VerilogStatement::If(__ast::VerilogConditional {
                test: __test, then: __then, otherwise: __otherwise,
            }));
        }),
        connect: quote!(#tc { #oc }),
    })
}

fn match_statement(m: &syn::ExprMatch, scopes: &mut Scopes) -> Result<Code> {
    let elaboration = scopes.is_elaboration(&m.expr);
    let (mut hdl, mut connect) = (Vec::new(), Vec::new());
    for arm in &m.arms {
        if let (Some((_, guard)), false) = (&arm.guard, elaboration) {
            return Err(Error::new_spanned(
                guard,
                "a match guard has no hardware meaning; use an if inside the arm",
            ));
        }
        let body = match &*arm.body {
            Expr::Block(b) => b.block.clone(),
            other => {
                let stmt = Stmt::Expr(other.clone(), Some(Default::default()));
                Block { brace_token: Default::default(), stmts: vec![stmt] }
            }
        };
        let pat = &arm.pat;
        if elaboration {
            scopes.push();
            scopes.bind_elaboration(pat);
            let code = block(&body, scopes);
            scopes.pop();
            let Code { hdl: h, connect: c } = code?;
            let guard = arm.guard.as_ref().map(|(_, g)| quote!(if #g));
            hdl.push(quote!(#pat #guard => { #h }));
            connect.push(quote!(#pat #guard => { #c }));
        } else {
            let Code { hdl: h, connect: c } = nested(&body, scopes)?;
            for label in labels(pat)? {
                hdl.push(
                    quote!(__cases.push(__ast::VerilogCase { condition: #label, block: #h });),
                );
            }
            connect.push(c);
        }
    }
    if elaboration {
        let e = &m.expr;
        return Ok(Code {
            hdl: quote!(match #e { #(#hdl)* }),
            connect: quote!(match #e { #(#connect)* }),
        });
    }
    let test = expr(&m.expr, scopes)?;
    Ok(Code {
        hdl: quote!({
            let __test = #test;
            let mut __cases = Vec::new();
            #(#hdl)*
            __b.push(__ast::VerilogStatement::Match(__ast::VerilogMatch { test: __test, cases: __cases }));
        }),
        connect: quote!(#(#connect)*),
    })
}

fn for_loop(f: &syn::ExprForLoop, scopes: &mut Scopes) -> Result<Code> {
    if !scopes.is_elaboration(&f.expr) {
        return Err(Error::new_spanned(
            &f.expr,
            "loop bounds are elaboration-time values: they cannot read .val()",
        ));
    }
    scopes.push();
    scopes.bind_elaboration(&f.pat);
    let code = block(&f.body, scopes);
    scopes.pop();
    let Code { hdl, connect } = code?;
    let (pat, range) = (&f.pat, &f.expr);
    Ok(Code {
        hdl: quote!(for #pat in #range { #hdl }),
        connect: quote!(for #pat in #range { #connect }),
    })
}
