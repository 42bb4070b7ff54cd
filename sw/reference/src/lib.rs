//! Bit-exact reference of the arithmetic, written from `docs/numerics.md` and
//! `docs/npe-numerics.md`.
//!
//! Two levels, never mixed: the integer models the hardware must equal bit for bit ([`pe`], [`psum`], [`npe`]), and the
//! exact oracles that tell how far they are from the true result ([`pe::oracle`], [`pe::study`], [`npe::ulp`]).

pub mod npe;
pub mod pe;
pub mod psum;
