//! `#[hdl]`: from the kernel's Rust text to connections and hardware description.

use crate::elab::Scopes;
use proc_macro2::{Ident, TokenStream};
use quote::{quote, ToTokens};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{BinOp, Block, Error, Expr, Lit, Member, Pat, Result, Stmt, Token, UnOp};

/// Arguments of `#[hdl(...)]`.
pub struct Args {
    parameters: Vec<(Ident, Expr)>,
    latency: Option<Expr>,
    no_inline: bool,
}

impl Parse for Args {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut args = Args { parameters: Vec::new(), latency: None, no_inline: false };
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if name == "no_inline" {
                args.no_inline = true;
            } else {
                input.parse::<Token![=]>()?;
                let value: Expr = input.parse()?;
                if name == "latency" {
                    args.latency = Some(value);
                } else {
                    args.parameters.push((name, value));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }
}

pub fn expand(args: Args, function: syn::ItemFn) -> Result<TokenStream> {
    if function.sig.ident != "update" || function.sig.inputs.len() != 1 {
        return Err(Error::new_spanned(
            &function.sig,
            "#[hdl] goes on `fn update(&mut self)` of a Logic implementation",
        ));
    }
    let line = function.sig.span().start().line;
    let mut scopes = Scopes::default();
    let Code { hdl, connect } = block(&function.block, &mut scopes)?;
    let (names, values): (Vec<_>, Vec<_>) =
        args.parameters.iter().map(|(n, v)| (n.to_string(), v)).unzip();
    let latency = args.latency.map_or(quote!(None), |l| quote!(Some(#l)));
    let no_inline = args.no_inline;
    Ok(quote! {
        #function

        #[allow(clippy::all, unused)]
        fn connect(&mut self) {
            #connect
        }

        #[allow(clippy::all, unused)]
        fn hdl(&self) -> ::skipopu_hdl::ast::Verilog {
            use ::skipopu_hdl::{ast as __ast, kernel as __k};
            let mut __n = 0usize;
            let mut __b: Vec<__ast::VerilogStatement> = Vec::new();
            #hdl
            __ast::Verilog::Combinatorial(__b)
        }

        fn timing(&self) -> Vec<::skipopu_hdl::rust_hdl::prelude::TimingInfo> {
            ::skipopu_hdl::kernel::Tag {
                rust_type: ::std::any::type_name::<Self>().into(),
                source: format!("{}:{}", file!(), #line),
                parameters: vec![#((#names.to_string(), (#values).to_string())),*],
                latency: #latency,
                no_inline: #no_inline,
            }
            .to_timing()
        }
    })
}

/// Generated code of a piece of kernel.
#[derive(Default)]
struct Code {
    /// Pushes statements of the syntax tree onto `__b`.
    hdl: TokenStream,
    /// Calls `connect()` on everything the kernel drives.
    connect: TokenStream,
}

impl Code {
    fn hdl(hdl: TokenStream) -> Code {
        Code { hdl, connect: TokenStream::new() }
    }
}

fn block(b: &Block, scopes: &mut Scopes) -> Result<Code> {
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
fn nested(b: &Block, scopes: &mut Scopes) -> Result<Code> {
    let Code { hdl, connect } = block(b, scopes)?;
    Ok(Code {
        hdl: quote!({ let mut __b: Vec<__ast::VerilogStatement> = Vec::new(); #hdl __b }),
        connect: quote!({ #connect }),
    })
}

fn statement(s: &Stmt, scopes: &mut Scopes) -> Result<Code> {
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

fn member_fn(what: &str, field: &Ident) -> Ident {
    Ident::new(&format!("get_my_{what}_{field}"), field.span())
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

/// The case labels of a pattern, as expressions of type `String`.
fn labels(p: &Pat) -> Result<Vec<TokenStream>> {
    match p {
        Pat::Wild(_) => Ok(vec![quote!("default".to_string())]),
        Pat::Or(o) => Ok(o.cases.iter().map(labels).collect::<Result<Vec<_>>>()?.concat()),
        Pat::Paren(p) => labels(&p.pat),
        Pat::Lit(l) => match &l.lit {
            Lit::Int(i) => {
                let digits = i.base10_digits().to_string();
                Ok(vec![quote!(#digits.to_string())])
            }
            Lit::Bool(b) => {
                let text = b.value.to_string();
                Ok(vec![quote!(#text.to_string())])
            }
            other => Err(Error::new_spanned(
                other,
                "a case label is an integer, a bool, a constant or an enum variant",
            )),
        },
        Pat::Path(p) => match enum_variant(&p.path) {
            Some(name) => Ok(vec![quote!(#name.to_string())]),
            None => Ok(vec![quote!((#p as u64).to_string())]),
        },
        Pat::Ident(i)
            if i.subpat.is_none() && i.ident.to_string().chars().all(|c| !c.is_lowercase()) =>
        {
            Ok(vec![quote!((#i as u64).to_string())])
        }
        other => Err(Error::new_spanned(
            other,
            "a case label is an integer, a bool, a constant or an enum variant",
        )),
    }
}

/// `Type::Variant` as rust-hdl names it; `None` for anything that reads like a constant.
fn enum_variant(path: &syn::Path) -> Option<String> {
    let n = path.segments.len();
    let last = path.segments.last()?.ident.to_string();
    if n < 2 || !last.chars().any(|c| c.is_lowercase()) {
        return None;
    }
    Some(format!("{}${last}", path.segments[n - 2].ident))
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

fn join_or_link(c: &syn::ExprCall) -> Result<Code> {
    let problem = || {
        Error::new_spanned(
            c,
            "only `Interface::join(&mut self.a, &mut self.b)` and `::link` are statements",
        )
    };
    let Expr::Path(p) = &*c.func else { return Err(problem()) };
    let mut call = p.path.clone();
    let name = call.segments.pop().ok_or_else(problem)?.into_value().ident.to_string();
    if (name != "join" && name != "link") || call.segments.is_empty() || c.args.len() != 2 {
        return Err(problem());
    }
    let hdl_fn = Ident::new(&format!("{name}_hdl"), c.span());
    let connect_fn = Ident::new(&format!("logic_connect_{name}_fn"), c.span());
    call.segments.pop_punct();
    let (a, b) = (&c.args[0], &c.args[1]);
    let (left, right) = (path(strip_ref(a))?, path(strip_ref(b))?);
    Ok(Code {
        hdl: quote!(__b.push(__ast::VerilogStatement::Link(<#call>::#hdl_fn("", &#left, &#right)));),
        connect: quote!(::skipopu_hdl::rust_hdl::prelude::logic::#connect_fn(#a, #b);),
    })
}

struct DffSetup {
    me: Expr,
    clock: Ident,
    registers: Punctuated<Ident, Token![,]>,
}

impl Parse for DffSetup {
    fn parse(input: ParseStream) -> Result<Self> {
        let me = input.parse()?;
        input.parse::<Token![,]>()?;
        let clock = input.parse()?;
        input.parse::<Token![,]>()?;
        Ok(DffSetup { me, clock, registers: Punctuated::parse_terminated(input)? })
    }
}

fn macro_statement(m: &syn::Macro) -> Result<Code> {
    let name = m.path.to_token_stream().to_string();
    match name.as_str() {
        // Checks of the simulation only.
        "assert" | "assert_eq" | "debug_assert" | "debug_assert_eq" | "comment" => {
            Ok(Code::default())
        }
        "dff_setup" | "clock" => {
            let DffSetup { me, clock, registers } = m.parse_body()?;
            let clock = clock.to_string();
            let mut all = Code::default();
            for r in &registers {
                let name = r.to_string();
                all.hdl.extend(
                    quote!(__b.push(__k::assign(concat!(#name, "$clock"), __k::sig(#clock)));),
                );
                all.connect.extend(
                    quote!(::skipopu_hdl::rust_hdl::prelude::Logic::connect(&mut #me.#r.clock);),
                );
            }
            if m.path.is_ident("dff_setup") {
                for r in &registers {
                    let name = r.to_string();
                    all.hdl.extend(quote!(__b.push(__k::assign(concat!(#name, "$d"), __k::sig(concat!(#name, "$q"))));));
                    all.connect.extend(
                        quote!(::skipopu_hdl::rust_hdl::prelude::Logic::connect(&mut #me.#r.d);),
                    );
                }
            }
            Ok(all)
        }
        _ => Err(Error::new_spanned(
            &m.path,
            "only dff_setup!, clock! and assertions are kernel macros",
        )),
    }
}

fn is_member(m: &Member, name: &str) -> bool {
    matches!(m, Member::Named(n) if n == name)
}

fn strip_ref(e: &Expr) -> &Expr {
    match e {
        Expr::Reference(r) => strip_ref(&r.expr),
        Expr::Paren(p) => strip_ref(&p.expr),
        _ => e,
    }
}

/// The rust-hdl name of `self.a[i].b`, as an expression of type `String`: `a$i$b`.
fn path(e: &Expr) -> Result<TokenStream> {
    let (mut text, mut indices) = (Vec::new(), Vec::new());
    collect_path(e, &mut text, &mut indices)?;
    let format = text.join("$");
    Ok(quote!(format!(#format #(, { let __i: usize = #indices; __i })*)))
}

fn collect_path(e: &Expr, text: &mut Vec<String>, indices: &mut Vec<TokenStream>) -> Result<()> {
    match e {
        Expr::Path(p) if p.path.is_ident("self") => Ok(()),
        Expr::Field(f) => {
            collect_path(&f.base, text, indices)?;
            text.push(f.member.to_token_stream().to_string());
            Ok(())
        }
        Expr::Index(i) => {
            collect_path(&i.expr, text, indices)?;
            text.push("{}".into());
            indices.push(i.index.to_token_stream());
            Ok(())
        }
        Expr::Paren(p) => collect_path(&p.expr, text, indices),
        _ => Err(Error::new_spanned(
            e,
            "a signal is written self.<name>, with fields and constant indices",
        )),
    }
}

/// An expression of type `VerilogExpression`.
fn expr(e: &Expr, scopes: &Scopes) -> Result<TokenStream> {
    match e {
        Expr::Paren(p) => return expr(&p.expr, scopes),
        Expr::Reference(r) => return expr(&r.expr, scopes),
        // The emitter tells the index of a sum from a sum of indices by the parentheses.
        Expr::MethodCall(m)
            if m.method == "index"
                && !scopes.is_elaboration(e)
                && matches!(strip_ref(&m.receiver), Expr::Binary(_) | Expr::Unary(_)) =>
        {
            let x = expr(&m.receiver, scopes)?;
            return Ok(quote!(__ast::VerilogExpression::Paren(Box::new(#x))));
        }
        Expr::MethodCall(m)
            if m.args.is_empty()
                && (["into", "to_bits", "index"].contains(&&*m.method.to_string())
                    || m.method == "clone" && !scopes.is_elaboration(e)) =>
        {
            return expr(&m.receiver, scopes)
        }
        Expr::Macro(m) if m.mac.path.is_ident("cat") => {
            let parts = m.mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated)?;
            let parts = parts.iter().map(|p| expr(p, scopes)).collect::<Result<Vec<_>>>()?;
            return Ok(quote!(__k::ext(__k::Ext::Concat, vec![#(#parts),*])));
        }
        _ => {}
    }
    if scopes.is_elaboration(e) {
        return elaboration(e);
    }
    match e {
        Expr::Path(p) => Ok(quote!(#p.clone())),
        Expr::Field(f) => struct_field(f, scopes),
        Expr::Binary(b) => binary(b, scopes),
        Expr::Unary(u) => {
            let op = match u.op {
                UnOp::Not(_) => quote!(Not),
                UnOp::Neg(_) => quote!(Neg),
                _ => return Err(Error::new_spanned(u, "this operator has no hardware meaning")),
            };
            let x = expr(&u.expr, scopes)?;
            Ok(quote!(__k::un(__ast::VerilogOpUnary::#op, #x)))
        }
        Expr::MethodCall(m) => method(m, scopes),
        Expr::Call(c) => call(c, scopes),
        _ => Err(Error::new_spanned(e, "this expression has no hardware meaning")),
    }
}

fn elaboration(e: &Expr) -> Result<TokenStream> {
    match e {
        Expr::Lit(l) => match &l.lit {
            Lit::Bool(b) => Ok(quote!(__k::flag(#b))),
            _ => Ok(quote!(__k::lit(#e))),
        },
        Expr::Unary(u) if matches!(u.op, UnOp::Neg(_)) => {
            let x = elaboration(strip_ref(&u.expr))?;
            Ok(quote!(__k::un(__ast::VerilogOpUnary::Neg, #x)))
        }
        Expr::Path(p) => match enum_variant(&p.path) {
            Some(name) => Ok(quote!(__k::sig(#name))),
            None => Ok(quote!(__k::lit(#e))),
        },
        _ => Ok(quote!(__k::lit(#e))),
    }
}

fn struct_field(f: &syn::ExprField, scopes: &Scopes) -> Result<TokenStream> {
    let Member::Named(field) = &f.member else {
        return Err(Error::new_spanned(&f.member, "a struct field has a name"));
    };
    let base = &f.base;
    let (x, width, offset) =
        (expr(base, scopes)?, member_fn("width", field), member_fn("offset", field));
    Ok(
        quote!(__ast::VerilogExpression::Slice(Box::new(#x), #base.#width(), Box::new(__k::lit(#base.#offset())))),
    )
}

fn binary(b: &syn::ExprBinary, scopes: &Scopes) -> Result<TokenStream> {
    let op = match b.op {
        BinOp::Add(_) => quote!(Add),
        BinOp::Sub(_) => quote!(Sub),
        BinOp::Mul(_) => quote!(Mul),
        BinOp::And(_) => quote!(LogicalAnd),
        BinOp::Or(_) => quote!(LogicalOr),
        BinOp::BitXor(_) => quote!(BitXor),
        BinOp::BitAnd(_) => quote!(BitAnd),
        BinOp::BitOr(_) => quote!(BitOr),
        BinOp::Shl(_) => quote!(Shl),
        BinOp::Shr(_) => quote!(Shr),
        BinOp::Eq(_) => quote!(Eq),
        BinOp::Ne(_) => quote!(Ne),
        BinOp::Lt(_) => quote!(Lt),
        BinOp::Le(_) => quote!(Le),
        BinOp::Gt(_) => quote!(Gt),
        BinOp::Ge(_) => quote!(Ge),
        _ => return Err(Error::new_spanned(b, "this operator has no hardware meaning")),
    };
    let (l, r) = (expr(&b.left, scopes)?, expr(&b.right, scopes)?);
    Ok(quote!(__k::bin(#l, __ast::VerilogOp::#op, #r)))
}

fn method(m: &syn::ExprMethodCall, scopes: &Scopes) -> Result<TokenStream> {
    let name = m.method.to_string();
    if name == "val" {
        let p = path(&m.receiver)?;
        return Ok(quote!(__k::sig(#p)));
    }
    let x = expr(&m.receiver, scopes)?;
    let args: Vec<&Expr> = m.args.iter().collect();
    let constant = |i: usize| -> Result<&Expr> {
        let a = args.get(i).ok_or_else(|| Error::new_spanned(m, "an argument is missing"))?;
        if scopes.is_elaboration(a) {
            Ok(a)
        } else {
            Err(Error::new_spanned(
                a,
                "this argument is an elaboration-time value: it cannot read .val()",
            ))
        }
    };
    let hardware = |i: usize| -> Result<TokenStream> {
        expr(args.get(i).ok_or_else(|| Error::new_spanned(m, "an argument is missing"))?, scopes)
    };
    Ok(match name.as_str() {
        "any" => quote!(__k::un(__ast::VerilogOpUnary::Any, #x)),
        "all" => quote!(__k::un(__ast::VerilogOpUnary::All, #x)),
        "xor" => quote!(__k::un(__ast::VerilogOpUnary::Xor, #x)),
        "bit" | "get_bit" => {
            let i = hardware(0)?;
            quote!(__ast::VerilogExpression::Index(Box::new(#x), Box::new(#i)))
        }
        "get_bits" => {
            let width = m.turbofish.as_ref().and_then(|t| t.args.first());
            let width =
                width.ok_or_else(|| Error::new_spanned(m, "write get_bits::<WIDTH>(offset)"))?;
            let o = hardware(0)?;
            quote!(__ast::VerilogExpression::Slice(Box::new(#x), #width, Box::new(#o)))
        }
        "slice" => {
            let width = constant(1)?;
            if scopes.is_elaboration(args[0]) {
                let o = args[0];
                quote!(__k::ext(__k::Ext::Slice(#o, #width), vec![#x]))
            } else {
                let o = hardware(0)?;
                quote!(__k::ext(__k::Ext::DynSlice(#width), vec![#x, #o]))
            }
        }
        "replace_bit" => {
            let (i, v) = (hardware(0)?, hardware(1)?);
            quote!(__ast::VerilogExpression::IndexReplace(Box::new(#x), Box::new(#i), Box::new(#v)))
        }
        "zext" => unary_ext(quote!(Zext), constant(0)?, &x),
        "sext" => unary_ext(quote!(Sext), constant(0)?, &x),
        "trunc" => unary_ext(quote!(Trunc), constant(0)?, &x),
        "sra" => unary_ext(quote!(Sra), constant(0)?, &x),
        "lt_signed" => {
            let y = hardware(0)?;
            quote!(__k::ext(__k::Ext::LtSigned, vec![#x, #y]))
        }
        "mul_signed" => {
            let y = hardware(0)?;
            quote!(__k::ext(__k::Ext::MulSigned, vec![#x, #y]))
        }
        "to_signed_bits" => quote!(__k::ext(__k::Ext::AsSigned, vec![#x])),
        _ => return Err(Error::new_spanned(&m.method, "this method has no hardware meaning")),
    })
}

fn unary_ext(op: TokenStream, amount: &Expr, x: &TokenStream) -> TokenStream {
    quote!(__k::ext(__k::Ext::#op(#amount), vec![#x]))
}

fn call(c: &syn::ExprCall, scopes: &Scopes) -> Result<TokenStream> {
    let Expr::Path(p) = &*c.func else {
        return Err(Error::new_spanned(c, "this call has no hardware meaning"));
    };
    let last =
        p.path.segments.last().ok_or_else(|| Error::new_spanned(c, "a call needs a name"))?;
    let args = c.args.iter().map(|a| expr(a, scopes)).collect::<Result<Vec<_>>>()?;
    let generic = |i: usize| -> Result<TokenStream> {
        match &last.arguments {
            syn::PathArguments::AngleBracketed(g) if g.args.len() > i => {
                Ok(g.args[i].to_token_stream())
            }
            _ => Err(Error::new_spanned(c, "write the widths out, e.g. bit_cast::<16, 8>(x)")),
        }
    };
    match (last.ident.to_string().as_str(), &args[..]) {
        ("mux", [c, a, b]) => Ok(quote!(__k::ext(__k::Ext::Mux, vec![#c, #a, #b]))),
        ("bit_cast" | "unsigned_bit_cast", [x]) => {
            let m = generic(0)?;
            Ok(quote!(__ast::VerilogExpression::Cast(Box::new(#x), #m)))
        }
        ("signed_bit_cast", [x]) => {
            let (m, n) = (generic(0)?, generic(1)?);
            Ok(quote!(__k::ext(
                __k::Ext::AsSigned,
                vec![
                    __k::ext(if #m >= #n { __k::Ext::Sext(#m) } else { __k::Ext::Trunc(#m) }, vec![#x])
                ]
            )))
        }
        ("signed_cast", [x]) => Ok(quote!(__k::ext(__k::Ext::AsSigned, vec![#x]))),
        ("unsigned_cast", [x]) => Ok(quote!(__ast::VerilogExpression::Unsigned(Box::new(#x)))),
        // `Word::from(bit)` and the like
        ("from", [x]) => Ok(x.clone()),
        _ => Err(Error::new_spanned(
            &c.func,
            "a call on hardware values has no hardware meaning; write the expression out",
        )),
    }
}
