//! Tables and constants of the nonlinear functions, shared by reference and hardware.
//!
//! A function is a straight line in each of 2^`index_bits` segments of its argument. With `i` the upper and `r`
//! the lower bits of the argument the result is
//!
//! ```text
//! (offset[i] * 2^(shift - OFFSET_FRACTION) +- slope[i] * r + 2^(shift - 1)) >> shift
//! ```
//!
//! `+` for a rising, `-` for a falling function: one multiplication and one addition, as a DSP slice does them.
//! [`generate`] makes the tables from the functions' definitions; `cargo run -p skipopu-tables --example write`
//! writes them, and a test compares them.

mod exp2;
pub mod generate;
mod reciprocal;
mod rsqrt;

/// Fraction bits of a fixed-point logarithm, the argument of 2^x.
pub const LOG_FRACTION: u32 = 14;

/// log2(e) to 17 significant bits, as FP32.
pub const LOG2_E: u32 = 0x3FB8_AA00;

/// Fraction bits of e^-|x| where SiLU adds it to 1.
pub const DENOMINATOR_FRACTION: u32 = 20;

/// Fraction bits of an offset, in units of the result.
pub const OFFSET_FRACTION: u32 = 3;

/// Bits of an offset; the top one is always set.
pub const OFFSET_BITS: u32 = 20;

/// Bits of a slope.
pub const SLOPE_BITS: u32 = 13;

/// A function as straight lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// The function.
    pub name: &'static str,
    /// Bits of the argument that number the segment.
    pub index_bits: u32,
    /// Bits of the argument below them.
    pub rest_bits: u32,
    /// Fraction bits of the sum that is cut to the result.
    pub shift: u32,
    /// Is the product subtracted?
    pub falling: bool,
    /// Result at the start of each segment, with [`OFFSET_FRACTION`] fraction bits.
    pub offset: &'static [u32],
    /// Change of the result per unit of `r`, without its sign, with `shift` fraction bits.
    pub slope: &'static [u32],
}

/// `2^16 * 2^(x / 2^14)` for a fraction `x` of 14 bits: a significand of 17 bits.
pub const EXP2: Segments = Segments {
    name: "exp2",
    index_bits: 6,
    rest_bits: 8,
    shift: 10,
    falling: false,
    offset: &exp2::OFFSET,
    slope: &exp2::SLOPE,
};

/// `2^17 / (1 + x / 2^23)` for a fraction `x` of 23 bits.
pub const RECIPROCAL: Segments = Segments {
    name: "reciprocal",
    index_bits: 7,
    rest_bits: 16,
    shift: 19,
    falling: true,
    offset: &reciprocal::OFFSET,
    slope: &reciprocal::SLOPE,
};

/// `2^17 / sqrt(2^h * (1 + x / 2^23))` for `h` of one bit above a fraction `x` of 23 bits.
pub const RSQRT: Segments = Segments {
    name: "rsqrt",
    index_bits: 7,
    rest_bits: 17,
    shift: 20,
    falling: true,
    offset: &rsqrt::OFFSET,
    slope: &rsqrt::SLOPE,
};

/// All of them.
pub const ALL: [Segments; 3] = [EXP2, RECIPROCAL, RSQRT];
