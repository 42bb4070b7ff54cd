//! Expressions.

use super::path::{enum_variant, member_fn, path, strip_ref};
use crate::elab::Scopes;
use proc_macro2::TokenStream;
use quote::{quote, ToTokens};
use syn::punctuated::Punctuated;
use syn::{BinOp, Error, Expr, Lit, Member, Result, Token, UnOp};

/// An expression of type `VerilogExpression`.
pub(super) fn expr(e: &Expr, scopes: &Scopes) -> Result<TokenStream> {
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

pub(super) fn elaboration(e: &Expr) -> Result<TokenStream> {
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

pub(super) fn struct_field(f: &syn::ExprField, scopes: &Scopes) -> Result<TokenStream> {
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

pub(super) fn binary(b: &syn::ExprBinary, scopes: &Scopes) -> Result<TokenStream> {
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

pub(super) fn method(m: &syn::ExprMethodCall, scopes: &Scopes) -> Result<TokenStream> {
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

pub(super) fn unary_ext(op: TokenStream, amount: &Expr, x: &TokenStream) -> TokenStream {
    quote!(__k::ext(__k::Ext::#op(#amount), vec![#x]))
}

pub(super) fn call(c: &syn::ExprCall, scopes: &Scopes) -> Result<TokenStream> {
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
