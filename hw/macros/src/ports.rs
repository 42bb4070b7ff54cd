//! `#[derive(Ports)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Result, Visibility};

pub fn expand(input: DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "Ports is derived for blocks and interfaces, which are structs",
        ));
    };
    let fields: Vec<_> = data
        .fields
        .iter()
        .filter(|f| matches!(f.vis, Visibility::Public(_)))
        .filter_map(|f| f.ident.clone())
        .filter(|f| !f.to_string().starts_with('_'))
        .collect();
    let names: Vec<String> = fields.iter().map(ToString::to_string).collect();
    let name = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics ::skipopu_hdl::ports::Access for #name #ty_generics #where_clause {
            fn list(&self, name: &str, out: &mut Vec<::skipopu_hdl::Port>) {
                #(::skipopu_hdl::ports::Access::list(&self.#fields, &::skipopu_hdl::ports::member(name, #names), out);)*
            }
            fn poke(&mut self, name: &str, port: &str, value: &::skipopu_hdl::Word) -> bool {
                #(::skipopu_hdl::ports::Access::poke(
                    &mut self.#fields, &::skipopu_hdl::ports::member(name, #names), port, value) ||)* false
            }
            fn peek(&self, name: &str, port: &str) -> Option<::skipopu_hdl::Word> {
                None #(.or_else(|| ::skipopu_hdl::ports::Access::peek(
                    &self.#fields, &::skipopu_hdl::ports::member(name, #names), port)))*
            }
        }
        impl #impl_generics ::skipopu_hdl::Ports for #name #ty_generics #where_clause {
            fn ports(&self) -> Vec<::skipopu_hdl::Port> {
                let mut out = Vec::new();
                ::skipopu_hdl::ports::Access::list(self, "", &mut out);
                out
            }
            fn poke(&mut self, port: &str, value: &::skipopu_hdl::Word) {
                assert!(
                    ::skipopu_hdl::ports::Access::poke(self, "", port, value),
                    "block {} has no input {port}", stringify!(#name)
                );
            }
            fn peek(&self, port: &str) -> ::skipopu_hdl::Word {
                ::skipopu_hdl::ports::Access::peek(self, "", port)
                    .unwrap_or_else(|| panic!("block {} has no port {port}", stringify!(#name)))
            }
        }
    })
}
