//! The `#[hdl]` attribute and the `Ports` derive.
//!
//! `#[hdl]` does what rust-hdl's `hdl_gen` does (one `update` function simulates, connects and emits)
//! without its walls: `let`, casts and slices inside loops, nested indices, run-time widths,
//! elaboration-time `if`, `for` and constants all work, and every statement carries its source line.

mod elab;
mod hdl;
mod ports;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Turns a block's `update` into its simulation, its connections and its hardware description.
///
/// Put it on `fn update(&mut self)` inside `impl Logic for Block`. Arguments, all optional:
/// `#[hdl(width = self._width, latency = Self::LATENCY, no_inline)]` — `name = value` pairs become
/// the module's parameters (in its name, header and manifest), `latency` its stated latency, and
/// `no_inline` keeps a big regular block a function of its own in Verilated code. `constraints` is a
/// `Vec<Constraint>` for a block that crosses clocks by registers of its own.
///
/// Inside the kernel, an expression that reads no `.val()` is an *elaboration-time* value: loop
/// bounds, `if` conditions, widths and constants are plain Rust. Everything else is hardware:
/// * `self.a.next = e;`, `self.y.next.set_slice(off, e);`, `let t = e;`, `let mut t = e; t = e;`
/// * `+ - * & | ^ ! << >> == != < <= > >= && ||`, `mux(c, a, b)`, `cat!(hi, lo)`
/// * `.slice(off, width)`, `.bit(i)`, `.zext(w)`, `.sext(w)`, `.trunc(w)`, `.sra(n)`,
///   `.lt_signed(b)`, `.mul_signed(b)`, `.any()`, `.all()`, `.xor()`, and rust-hdl's own
///   `bit_cast`, `get_bits`, `get_bit`, `replace_bit`
/// * `if`, `match`, `dff_setup!`, `Interface::join`, `Interface::link`
#[proc_macro_attribute]
pub fn hdl(attr: TokenStream, item: TokenStream) -> TokenStream {
    let args = parse_macro_input!(attr as hdl::Args);
    let function = parse_macro_input!(item as syn::ItemFn);
    hdl::expand(args, function).unwrap_or_else(|e| e.to_compile_error()).into()
}

/// Access to a block's (or interface's) public ports by their Verilog names.
#[proc_macro_derive(Ports)]
pub fn derive_ports(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    ports::expand(input).unwrap_or_else(|e| e.to_compile_error()).into()
}
