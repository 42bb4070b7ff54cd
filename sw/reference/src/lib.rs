//! Bit-exact reference of the arithmetic, written from `docs/numerics.md`.
//!
//! Two levels, never mixed: the integer models the hardware must equal bit for bit ([`pe`]), and the
//! exact oracle that tells how far they are from the true result ([`pe::oracle`], [`pe::study`]).

pub mod pe;
