//! The blocks of the overlay, written in rust-hdl.
//!
//! | module | holds |
//! |---|---|
//! | [`axi`] | the AXI ports |
//! | [`cdc`] | what crosses clocks |
//! | [`dma`] | reads and writes of external memory |
//! | [`primitives`] | device primitives with their Verilog text |
//! | [`stream`] | the valid/ready stream and what moves it |
//! | [`kv`] | K and V of earlier tokens: schedule, invariance buffer, delivery |
//! | [`pe_array`] | the multiplier array |
//! | [`npe`] | everything that is not a matrix product |
//! | [`datapath`] | what feeds the array and takes its results, loads and stores |
//! | [`control`] | fetches the program and hands instructions to the units |
//! | [`overlay`] | the core: all of them behind its ports |
//! | [`parameter`] | what is said of a block that cannot be built |
//! | [`catalogue`] | every block with its contract |

pub mod axi;
pub mod catalogue;
pub mod cdc;
pub mod control;
pub mod datapath;
pub mod dma;
mod entry;
pub mod kv;
pub mod npe;
pub mod overlay;
pub mod parameter;
pub mod pe_array;
pub mod primitives;
pub mod stream;
