//! The blocks of the overlay, written in rust-hdl.
//!
//! | module | holds |
//! |---|---|
//! | [`primitives`] | device primitives with their Verilog text |
//! | [`stream`] | the valid/ready stream and what moves it |
//! | [`pe_array`] | the multiplier array |
//! | [`parameter`] | what is said of a block that cannot be built |
//! | [`catalogue`] | every block with its contract |

pub mod catalogue;
mod entry;
pub mod parameter;
pub mod pe_array;
pub mod primitives;
pub mod stream;
