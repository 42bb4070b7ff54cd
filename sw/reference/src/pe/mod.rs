//! The PE array's arithmetic: one column's dot product, in every variant and both modes.
//!
//! A column multiplies two vectors lane by lane and sums the products in block floating point: one
//! common exponent, an exact integer sum, one rounding at the end. Read `docs/numerics.md` beside
//! this module; every function here is one paragraph of it.
//!
//! | step | module |
//! |---|---|
//! | operands to sign, exponent, significand | [`fp16`] |
//! | Inf and NaN | [`special`] |
//! | two products per DSP | [`overpack`] |
//! | two INT4 weights per DSP | [`pair`] |
//! | shift to the common exponent | [`align`] |
//! | sum of aligned products (`bits22`, `bits15`) | [`product`] |
//! | the same sum in split DSP adders (`dsp15`) | [`two24`] |
//! | sum of products of aligned operands (`aligned`) | [`aligned`] |
//! | integer to FP16 or FP32 | [`round`] |
//! | the baseline, a chain of FP16 MACs | [`mac`] |
//! | exact result, error figures | [`oracle`], [`study`] |
//! | the published table | [`published`] |
//! | all of them under one name | [`mod@unit`] |

pub mod align;
pub mod aligned;
pub mod fp16;
pub mod mac;
pub mod oracle;
pub mod overpack;
pub mod pair;
pub mod product;
pub mod published;
pub mod round;
pub mod special;
pub mod study;
pub mod two24;
pub mod unit;

pub use aligned::{align_block, AlignedWidths, Block};
pub use round::Format;
pub use unit::Unit;

use fp16::Operand;
use special::Flags;

/// Most lanes of one column. At 128 lanes a sum of 15-bit products still fits the 24-bit half of a
/// split DSP adder with its carry bit, see [`two24`].
pub const MAX_LANES: usize = 128;

/// How a column sums its products. Each variant is one hardware design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// 22-bit products, aligned to the column's largest product exponent, adder tree in LUTs.
    Bits22,
    /// The same with products rounded to 15 bits as they are aligned.
    Bits15,
    /// The numbers of [`Variant::Bits15`], summed two columns at a time in split DSP adders.
    Dsp15,
    /// Operands aligned once per vector, products summed exactly down the DSP cascade.
    Aligned(AlignedWidths),
}

/// A request no hardware could have been asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeError {
    /// The two vectors differ in length.
    #[error("the operands have {left} and {right} lanes: give both the same number, with zeros in absent lanes")]
    LaneMismatch {
        /// Lanes of the first operand.
        left: usize,
        /// Lanes of the second operand.
        right: usize,
    },
    /// More than [`MAX_LANES`] lanes.
    #[error("{lanes} lanes do not fit one column: give at most {MAX_LANES} and add the results of several")]
    TooManyLanes {
        /// Lanes given.
        lanes: usize,
    },
    /// A weight outside -8 to 7.
    #[error("weight {value} in lane {lane} is not an INT4 value: use -8 to 7")]
    NotInt4 {
        /// The first offending lane.
        lane: usize,
        /// Its weight.
        value: i8,
    },
    /// A width of [`AlignedWidths`] outside its range.
    #[error("aligned width {field} = {bits} is out of range: use {low} to {high} bits")]
    Width {
        /// `a`, `b` or `int4`.
        field: &'static str,
        /// Value given.
        bits: u32,
        /// Least legal value.
        low: u32,
        /// Greatest legal value.
        high: u32,
    },
    /// Widths whose sum of products does not fit the DSP's accumulator.
    #[error(
        "aligned widths {a} and {b} over {lanes} lanes need {need} bits and the DSP sums in 48: narrow one of them"
    )]
    Accumulator {
        /// Width of the shared operand.
        a: u32,
        /// Width of the column's operand.
        b: u32,
        /// Lanes given.
        lanes: usize,
        /// Bits needed.
        need: u32,
    },
}

/// A column's sum before its one rounding: `integer * 2^exponent`, overruled by `flags`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Inf and NaN among the products.
    pub flags: Flags,
    /// The aligned integer sum.
    pub integer: i64,
    /// Weight of the integer's least significant bit.
    pub exponent: i32,
}

impl Sum {
    /// The result's encoding: the flags' value if any, else the integer rounded to nearest even. A
    /// zero sum is +0 whatever the signs of the operands.
    pub fn reconstruct(&self, format: Format) -> u32 {
        self.flags.encode(format).unwrap_or_else(|| {
            let magnitude = u128::from(self.integer.unsigned_abs());
            round::round(format, self.integer < 0, magnitude, self.exponent)
        })
    }
}

/// Dot product of two FP16 vectors of `0..=MAX_LANES` lanes, as the hardware gives it.
///
/// Returns the encoding in `format` (FP16 in the low 16 bits). Lanes that are absent or masked are
/// +0 in **both** operands; leaving them out gives the same bits.
///
/// ```
/// use skipopu_reference::pe::{dot_fp16, Format, Variant};
/// let (one, two) = (0x3C00, 0x4000);
/// let sum = dot_fp16(Variant::Bits15, &[one, two], &[two, two], Format::Fp16).unwrap();
/// assert_eq!(sum, 0x4600); // 1 * 2 + 2 * 2 = 6
/// ```
pub fn dot_fp16(variant: Variant, a: &[u16], b: &[u16], format: Format) -> Result<u32, PeError> {
    check_lanes(a.len(), b.len())?;
    let lanes = a.iter().zip(b).map(|(a, b)| (Operand::from_fp16(*a), Operand::from_fp16(*b)));
    let sum = match variant {
        Variant::Bits22 => product::sum(product::BITS22, lanes),
        Variant::Bits15 => product::sum(product::BITS15, lanes),
        Variant::Dsp15 => two24::sum(lanes),
        Variant::Aligned(widths) => aligned::sum_fp16(widths, a, b)?,
    };
    Ok(sum.reconstruct(format))
}

/// Dot product of an FP16 vector and INT4 weights (-8 to 7), without their scale.
///
/// Returns the encoding in `format` (FP16 in the low 16 bits). Absent or masked lanes are +0 with
/// weight 0.
///
/// ```
/// use skipopu_reference::pe::{dot_int4, AlignedWidths, Format, Variant};
/// let (one, two) = (0x3C00, 0x4000);
/// let variant = Variant::Aligned(AlignedWidths::default());
/// let sum = dot_int4(variant, &[one, two], &[-8, 7], Format::Fp32).unwrap();
/// assert_eq!(f32::from_bits(sum), 6.0); // 1 * -8 + 2 * 7
/// ```
pub fn dot_int4(
    variant: Variant,
    acts: &[u16],
    weights: &[i8],
    format: Format,
) -> Result<u32, PeError> {
    check_lanes(acts.len(), weights.len())?;
    if let Some(lane) = weights.iter().position(|w| !(-8..=7).contains(w)) {
        return Err(PeError::NotInt4 { lane, value: weights[lane] });
    }
    let lanes =
        acts.iter().zip(weights).map(|(a, w)| (Operand::from_fp16(*a), Operand::from_int4(*w)));
    let sum = match variant {
        Variant::Bits22 => product::sum(product::BITS22, lanes),
        Variant::Bits15 => product::sum(product::BITS15, lanes),
        Variant::Dsp15 => two24::sum(lanes),
        Variant::Aligned(widths) => aligned::sum_int4(widths, acts, weights)?,
    };
    Ok(sum.reconstruct(format))
}

fn check_lanes(left: usize, right: usize) -> Result<(), PeError> {
    if left != right {
        return Err(PeError::LaneMismatch { left, right });
    }
    if left > MAX_LANES {
        return Err(PeError::TooManyLanes { lanes: left });
    }
    Ok(())
}
