//! Names: `self.a[i].b` as rust-hdl writes it.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, ToTokens};
use syn::{Error, Expr, Member, Result};

pub(super) fn is_member(m: &Member, name: &str) -> bool {
    matches!(m, Member::Named(n) if n == name)
}

pub(super) fn strip_ref(e: &Expr) -> &Expr {
    match e {
        Expr::Reference(r) => strip_ref(&r.expr),
        Expr::Paren(p) => strip_ref(&p.expr),
        _ => e,
    }
}

/// The rust-hdl name of `self.a[i].b`, as an expression of type `String`: `a$i$b`.
pub(super) fn path(e: &Expr) -> Result<TokenStream> {
    let (mut text, mut indices) = (Vec::new(), Vec::new());
    collect_path(e, &mut text, &mut indices)?;
    let format = text.join("$");
    Ok(quote!(format!(#format #(, { let __i: usize = #indices; __i })*)))
}

pub(super) fn collect_path(
    e: &Expr,
    text: &mut Vec<String>,
    indices: &mut Vec<TokenStream>,
) -> Result<()> {
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

/// `Type::Variant` as rust-hdl names it; `None` for anything that reads like a constant.
pub(super) fn enum_variant(path: &syn::Path) -> Option<String> {
    let n = path.segments.len();
    let last = path.segments.last()?.ident.to_string();
    if n < 2 || !last.chars().any(|c| c.is_lowercase()) {
        return None;
    }
    Some(format!("{}${last}", path.segments[n - 2].ident))
}

pub(super) fn member_fn(what: &str, field: &Ident) -> Ident {
    Ident::new(&format!("get_my_{what}_{field}"), field.span())
}
