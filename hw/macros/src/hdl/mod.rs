//! `#[hdl]`: from the kernel's Rust text to connections and hardware description.

mod code;
mod expression;
mod labels;
mod path;
mod setup;
mod statement;

use crate::elab::Scopes;
use code::Code;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use statement::block;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, Result, Token};

/// Arguments of `#[hdl(...)]`.
pub struct Args {
    parameters: Vec<(Ident, Expr)>,
    latency: Option<Expr>,
    constraints: Option<Expr>,
    no_inline: bool,
}

impl Parse for Args {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut args =
            Args { parameters: Vec::new(), latency: None, constraints: None, no_inline: false };
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if name == "no_inline" {
                args.no_inline = true;
            } else {
                input.parse::<Token![=]>()?;
                let value: Expr = input.parse()?;
                if name == "latency" {
                    args.latency = Some(value);
                } else if name == "constraints" {
                    args.constraints = Some(value);
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
    let constraints = args.constraints.map_or(quote!(Vec::new()), |c| quote!(#c));
    let no_inline = args.no_inline;
    Ok(quote! {
        // An `if` at elaboration around one in hardware is not one `if`; kernels have plain assignments only.
        #[allow(clippy::assign_op_pattern, clippy::collapsible_if)]
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
                constraints: #constraints,
            }
            .to_timing()
        }
    })
}
