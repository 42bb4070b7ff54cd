//! [`Code`]: what becomes of a piece of kernel.

use proc_macro2::TokenStream;

/// Generated code of a piece of kernel.
#[derive(Default)]
pub(super) struct Code {
    /// Pushes statements of the syntax tree onto `__b`.
    pub(super) hdl: TokenStream,
    /// Calls `connect()` on everything the kernel drives.
    pub(super) connect: TokenStream,
}

impl Code {
    pub(super) fn hdl(hdl: TokenStream) -> Code {
        Code { hdl, connect: TokenStream::new() }
    }
}
