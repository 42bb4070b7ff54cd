//! The table of blocks that share one set of ports.

/// Inputs of every block in a table.
pub const INPUTS: [&str; 10] = ["clock", "a", "b", "c", "s", "t", "f", "g", "w", "x"];

/// `Name: type of y, [further fields] { fn update(&mut self) { ... } }` becomes a block. The attribute, which
/// the caller writes because it must see the kernel's `self`, reads the kernel: `hdl_gen` is rust-hdl's
/// macro, `hdl` ours.
macro_rules! traps {
    ($hash:tt $macro:tt as $module:ident, $($n:ident: $y:ty, [$($extra:ident: $et:ty),*] { $($update:tt)* })*) => {
        #[allow(clippy::all)]
        pub mod $module {
            use super::*;
            $(
                #[derive(LogicBlock, Ports, Default)]
                pub struct $n {
                    pub clock: Signal<In, Clock>,
                    pub a: Signal<In, Bits<8>>,
                    pub b: Signal<In, Bits<8>>,
                    pub c: Signal<In, Bits<8>>,
                    pub s: Signal<In, Signed<8>>,
                    pub t: Signal<In, Signed<8>>,
                    pub f: Signal<In, Bit>,
                    pub g: Signal<In, Bit>,
                    pub w: Signal<In, Bits<48>>,
                    pub x: Signal<In, Bits<128>>,
                    pub y: Signal<Out, $y>,
                    $($extra: $et,)*
                }
                impl Logic for $n {
                    $hash $macro
                    $($update)*
                }
            )*
            pub fn cases() -> Vec<skipopu_fuzz::Case> {
                vec![$(skipopu_fuzz::case(concat!(stringify!($module), "_", stringify!($n)), $n::default)),*]
            }
        }
    };
    // The same kernels through both macros.
    ($h:tt $stock:tt and $g:tt $own:tt, $($table:tt)*) => {
        traps!($h $stock as stock, $($table)*);
        traps!($g $own as own, $($table)*);
        fn both() -> Vec<skipopu_fuzz::Case> {
            stock::cases().into_iter().chain(own::cases()).collect()
        }
    };
}
