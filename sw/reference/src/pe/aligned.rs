//! Sums of products of aligned operands: the variant `aligned`.
//!
//! Each operand vector is converted once, at the edge, to a block: one exponent and signed integers.
//! A column is then an exact integer dot product, one DSP per lane, summed down the PCIN cascade.

use super::align::{align, Rounding};
use super::fp16::{Class, Operand, EXCESS};
use super::special::Flags;
use super::{PeError, Sum};

/// Bits of an FP16 significand, and the least width of an aligned one.
pub const SIGNIFICAND_BITS: u32 = 11;

/// Magnitude bits of the aligned operands; the signed integers have one more.
///
/// Wider is more accurate and costs block-converter LUTs, nothing in the columns. The widths are
/// bounded by the DSP48E2: 18 and 27-bit signed inputs, 48-bit sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlignedWidths {
    /// Shared operand (activations) in FP16xFP16, DSP port B: 11 to 17.
    pub a: u32,
    /// Column operand (K, V, router weights) in FP16xFP16, DSP port A: 11 to 26.
    pub b: u32,
    /// Shared operand in FP16xINT4, DSP port B: 11 to 17. Limited by the cascade's length, see
    /// [`super::pair::activation_bits`]; the result depends on this width only.
    pub int4: u32,
}

impl Default for AlignedWidths {
    /// 17, 17 and 14: the port B limit twice, and what two weights per DSP leave over 64 lanes.
    fn default() -> AlignedWidths {
        AlignedWidths { a: 17, b: 17, int4: 14 }
    }
}

impl AlignedWidths {
    /// Whether the DSP holds these widths over `lanes` lanes. Errors name the width and its range.
    pub fn check(&self, lanes: usize) -> Result<(), PeError> {
        let fields = [("a", self.a, 17), ("b", self.b, 26), ("int4", self.int4, 17)];
        for (field, bits, high) in fields {
            if !(SIGNIFICAND_BITS..=high).contains(&bits) {
                return Err(PeError::Width { field, bits, low: SIGNIFICAND_BITS, high });
            }
        }
        let need = self.a + self.b + lanes.max(1).next_power_of_two().ilog2() + 1;
        if need > 48 {
            return Err(PeError::Accumulator { a: self.a, b: self.b, lanes, need });
        }
        Ok(())
    }
}

/// A block-aligned vector: value `i` is `integers[i] * 2^unit_exponent()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Two's complement integers, magnitude at most `2^bits - 2^(bits - 11)`.
    pub integers: Vec<i32>,
    /// Largest exponent among the nonzero values, 1 to 30; 0 when all are zero.
    pub exponent: u8,
    /// Magnitude bits.
    pub bits: u32,
    /// The block holds an Inf or a NaN: every dot product with it is NaN.
    pub nonfinite: bool,
}

impl Block {
    /// Weight of the integers' least significant bit.
    pub fn unit_exponent(&self) -> i32 {
        unit_exponent(self.exponent, self.bits)
    }
}

/// The block converter: FP16 values to integers of `bits` magnitude bits (11 to 26) and a sign.
///
/// Each significand, `bits - 11` zeros appended, goes right by the distance of its exponent from the
/// block's and is rounded to nearest, ties away from zero. Exact within a distance of `bits - 11`.
///
/// ```
/// use skipopu_reference::pe::align_block;
/// let block = align_block(&[0x3C00, 0xB800, 0x0000], 17); // 1, -0.5, 0
/// assert_eq!((block.integers, block.exponent), (vec![1 << 16, -(1 << 15), 0], 15));
/// ```
///
/// Panics on a width outside its range: callers check [`AlignedWidths`].
pub fn align_block(values: &[u16], bits: u32) -> Block {
    align_block_with(values, bits, Rounding::HalfAway)
}

/// [`align_block`] with another rounding, for the comparison of roundings.
pub fn align_block_with(values: &[u16], bits: u32, rounding: Rounding) -> Block {
    assert!(
        (SIGNIFICAND_BITS..=26).contains(&bits),
        "a block has 11 to 26 magnitude bits, not {bits}"
    );
    let (exponent, nonfinite) = survey(values);
    let integers = values.iter().map(|v| integer(*v, exponent, bits, rounding)).collect();
    Block { integers, exponent, bits, nonfinite }
}

/// Weight of the last bit of a block with this exponent and width.
pub fn unit_exponent(exponent: u8, bits: u32) -> i32 {
    i32::from(exponent) - EXCESS - (bits - SIGNIFICAND_BITS) as i32
}

/// Largest exponent of the nonzero finite values, and whether any value is Inf or NaN.
#[inline]
fn survey(values: &[u16]) -> (u8, bool) {
    values.iter().fold((0, false), |(largest, nonfinite), v| {
        let op = Operand::from_fp16(*v);
        (largest.max(op.exponent), nonfinite | matches!(op.class, Class::Infinite | Class::Nan))
    })
}

#[inline]
fn integer(value: u16, largest: u8, bits: u32, rounding: Rounding) -> i32 {
    let op = Operand::from_fp16(value);
    let magnitude = u64::from(op.significand) << (bits - SIGNIFICAND_BITS);
    align(op.negative, magnitude, u32::from(largest - op.exponent), rounding) as i32
}

fn flags(nonfinite: bool) -> Flags {
    if nonfinite {
        Flags::NAN
    } else {
        Flags::default()
    }
}

/// The column's sum in FP16xFP16.
pub fn sum_fp16(widths: AlignedWidths, a: &[u16], b: &[u16]) -> Result<Sum, PeError> {
    widths.check(a.len())?;
    let (a_largest, a_nonfinite) = survey(a);
    let (b_largest, b_nonfinite) = survey(b);
    let product = |(a, b): (&u16, &u16)| {
        let x = integer(*a, a_largest, widths.a, Rounding::HalfAway);
        let y = integer(*b, b_largest, widths.b, Rounding::HalfAway);
        i64::from(x) * i64::from(y)
    };
    Ok(Sum {
        flags: flags(a_nonfinite || b_nonfinite),
        integer: a.iter().zip(b).map(product).sum(),
        exponent: unit_exponent(a_largest, widths.a) + unit_exponent(b_largest, widths.b),
    })
}

/// The column's sum in FP16xINT4; the weights are their own integers. Callers check their range.
pub fn sum_int4(widths: AlignedWidths, acts: &[u16], weights: &[i8]) -> Result<Sum, PeError> {
    widths.check(acts.len())?;
    let (largest, nonfinite) = survey(acts);
    let product = |(x, w): (&u16, &i8)| {
        i64::from(integer(*x, largest, widths.int4, Rounding::HalfAway)) * i64::from(*w)
    };
    Ok(Sum {
        flags: flags(nonfinite),
        integer: acts.iter().zip(weights).map(product).sum(),
        exponent: unit_exponent(largest, widths.int4),
    })
}
