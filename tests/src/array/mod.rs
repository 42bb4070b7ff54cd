//! A Verilated PE array under random loads, swaps and vectors, against the reference.

mod run;
pub mod vectors;

pub use run::{Outcome, Subject};
