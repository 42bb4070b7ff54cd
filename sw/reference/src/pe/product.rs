//! Sums of aligned products: the variants `bits22` and `bits15`.
//!
//! Two passes over the lanes, as in the hardware: the largest product exponent first, then every
//! product shifted to it and summed as integers.

use super::align::{align, align_ones, Rounding};
use super::fp16::{Operand, EXCESS};
use super::special::Flags;
use super::Sum;

/// Bits of a product of two 11-bit significands.
pub const PRODUCT_BITS: u32 = 22;

/// How a product is cut as it is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Magnitude bits kept, 1 to 40; beyond [`PRODUCT_BITS`] they are fraction bits below the product.
    pub bits: u32,
    /// Treatment of the bits shifted out.
    pub rounding: Rounding,
}

/// The cut of [`super::Variant::Bits22`].
pub const BITS22: Cut = Cut { bits: 22, rounding: Rounding::HalfAway };

/// The cut of [`super::Variant::Bits15`] and [`super::Variant::Dsp15`].
pub const BITS15: Cut = Cut { bits: 15, rounding: Rounding::HalfAway };

/// One lane's exact product: `(-1)^negative * magnitude * 2^(exponent - 50)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Exclusive or of the signs.
    pub negative: bool,
    /// 22 bits.
    pub magnitude: u32,
    /// Sum of the operands' exponents, 2 to 60; 0 when the product is zero.
    pub exponent: u8,
}

impl Product {
    /// The product of two finite operands.
    #[inline]
    pub fn new(a: Operand, b: Operand) -> Product {
        let magnitude = u32::from(a.significand) * u32::from(b.significand);
        let exponent = if magnitude == 0 { 0 } else { a.exponent + b.exponent };
        Product { negative: a.negative != b.negative, magnitude, exponent }
    }

    /// The product in one's complement with its carry, aligned to `largest`, see [`align_ones`].
    #[inline]
    pub fn align_ones(self, largest: u8, cut: Cut) -> (i64, bool) {
        let (magnitude, shift) = self.window(largest, cut);
        align_ones(self.negative, magnitude, shift, cut.rounding)
    }

    #[inline]
    fn align(self, largest: u8, cut: Cut) -> i64 {
        let (magnitude, shift) = self.window(largest, cut);
        align(self.negative, magnitude, shift, cut.rounding)
    }

    /// The magnitude and how far right it goes: `cut.bits` bits stay at the largest exponent.
    #[inline]
    fn window(self, largest: u8, cut: Cut) -> (u64, u32) {
        let distance = u32::from(largest - self.exponent);
        let fraction = cut.bits.saturating_sub(PRODUCT_BITS);
        (u64::from(self.magnitude) << fraction, PRODUCT_BITS + fraction - cut.bits + distance)
    }
}

/// Weight of the last bit of products aligned to `largest` under `cut`.
pub fn unit_exponent(largest: u8, cut: Cut) -> i32 {
    i32::from(largest) - 2 * EXCESS + PRODUCT_BITS as i32 - cut.bits as i32
}

/// Flags and largest product exponent of a column; 0 when every product is zero.
#[inline]
pub fn survey(lanes: impl Iterator<Item = (Operand, Operand)>) -> (Flags, u8) {
    lanes.fold((Flags::default(), 0), |(flags, largest), (a, b)| {
        (flags.or(Flags::of_product(a, b)), largest.max(Product::new(a, b).exponent))
    })
}

/// The column's sum: every product aligned to the largest exponent, added as integers.
pub fn sum(cut: Cut, lanes: impl Iterator<Item = (Operand, Operand)> + Clone) -> Sum {
    let (flags, largest) = survey(lanes.clone());
    let integer = lanes.map(|(a, b)| Product::new(a, b).align(largest, cut)).sum();
    Sum { flags, integer, exponent: unit_exponent(largest, cut) }
}
