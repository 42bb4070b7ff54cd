//! Case labels: what a pattern of a `match` is in Verilog.

use super::path::enum_variant;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Lit, Pat, Result};

/// The case labels of a pattern, as expressions of type `String`.
pub(super) fn labels(p: &Pat) -> Result<Vec<TokenStream>> {
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
