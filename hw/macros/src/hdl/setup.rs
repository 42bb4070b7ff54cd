//! Interface joins and links, and the clock macros.

use super::code::Code;
use super::path::{path, strip_ref};
use proc_macro2::Ident;
use quote::{quote, ToTokens};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Result, Token};

pub(super) fn join_or_link(c: &syn::ExprCall) -> Result<Code> {
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

pub(super) fn macro_statement(m: &syn::Macro) -> Result<Code> {
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
