//! [`dut!`](crate::dut): a struct of port handles, checked against the module when it is bound.

/// Declares a struct with one handle per port of a module.
///
/// `bind(&model)` looks every port up and checks name, kind (`clock`, `in`, `out`) and width, and that
/// the module has no further port. Widths are expressions; parameters after the name make them
/// run-time values.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let verilated: skipopu_sim::Verilated = unimplemented!();
/// skipopu_sim::dut! {
///     /// An adder with a registered sum.
///     pub struct AdderPorts(width: usize) {
///         clock clk;
///         in a: width;
///         in b: width;
///         out y: width + 1;
///     }
/// }
/// let mut adder = verilated.model()?;
/// let p = AdderPorts::bind(&adder, 16)?;
/// adder.set_u64(p.a, 3);
/// adder.set_u64(p.b, 4);
/// adder.tick(p.clk)?;
/// assert_eq!(adder.get_u64(p.y), 7);
/// # Ok(()) }
/// ```
#[macro_export]
macro_rules! dut {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(($($param:ident : $type:ty),* $(,)?))? {
            $( $(#[$port_meta:meta])* $kind:ident $port:ident $(: $width:expr)? ; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        $vis struct $name {
            $(
                $(#[$port_meta])*
                #[doc = concat!("Port `", stringify!($port), "`.")]
                pub $port: $crate::dut!(@type $kind),
            )*
        }

        impl $name {
            /// Looks up and checks every port.
            ///
            /// # Errors
            /// The first port that differs from the module, or the ports left out.
            $vis fn bind(
                model: &$crate::Model
                $($(, $param: $type)*)?
            ) -> ::std::result::Result<Self, $crate::ModelError> {
                let bound = Self {
                    $( $port: $crate::dut!(@bind $kind model, $port $(, $width)?)?, )*
                };
                model.all_bound(&[$($crate::dut!(@name $port)),*])?;
                ::std::result::Result::Ok(bound)
            }
        }
    };
    (@name $port:ident) => { stringify!($port).trim_start_matches("r#") };
    (@type clock) => { $crate::In };
    (@type in) => { $crate::In };
    (@type out) => { $crate::Out };
    (@bind clock $model:ident, $port:ident) => { $model.clock($crate::dut!(@name $port)) };
    (@bind in $model:ident, $port:ident, $width:expr) => { $model.input($crate::dut!(@name $port), $width) };
    (@bind out $model:ident, $port:ident, $width:expr) => { $model.output($crate::dut!(@name $port), $width) };
}
