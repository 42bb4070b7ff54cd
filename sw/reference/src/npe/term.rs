//! What a reduction adds: non-negative numbers of one form, whatever they come from.

use super::fixed::{Log, FRACTION};

/// Fraction bits of a term's significand.
pub const FRACTION_BITS: u32 = 25;

/// Exponent of a tile or row without terms; no term has a lower one.
pub const LOWEST: i32 = -(1 << 17);

/// The number `significand * 2^(exponent - 25)`, below `2^(exponent + 1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// From [`LOWEST`] to `-LOWEST - 1`.
    pub exponent: i32,
    /// Below 2^26.
    pub significand: u32,
}

/// What a value contributes to its row's sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contribution {
    /// Nothing: masked, or exactly zero.
    Nothing,
    /// A term.
    Term(Term),
    /// The row has no meaning.
    Invalid,
}

/// The square of an FP16 value, exactly. Inf and NaN are invalid.
pub fn square(value: u16) -> Contribution {
    let (field, fraction) = (i32::from(value >> 10 & 31), u32::from(value & 0x3FF));
    if field == 31 {
        return Contribution::Invalid;
    }
    let significand = if field == 0 { fraction } else { fraction + 1024 };
    if significand == 0 {
        return Contribution::Nothing;
    }
    // value^2 = significand^2 * 2^(2 (e - 25)); four zeros below make room up to 2^26.
    let term =
        Term { exponent: 2 * field.max(1) - 29, significand: (significand * significand) << 4 };
    Contribution::Term(term)
}

/// `2^t`: the fraction through the exponential, the integer part as exponent. -Inf contributes
/// nothing, NaN is invalid.
pub fn exponential(t: Log) -> Contribution {
    if t.nan {
        return Contribution::Invalid;
    }
    if t.value == i32::MIN {
        return Contribution::Nothing;
    }
    let fraction = Log { value: t.value & ((1 << FRACTION) - 1), nan: false };
    // 1 to below 2, 16 fraction bits.
    let power = super::exp2(fraction);
    let significand = (1 << 16 | power >> 7 & 0xFFFF) << (FRACTION_BITS - 16);
    Contribution::Term(Term { exponent: t.value >> FRACTION, significand })
}

/// `2^(t - exponent)` as E8M16: what [`exponential`] contributes, against a row's exponent. 0 from
/// 2^-127 down and for what contributes nothing; Inf from 2^128 up.
pub fn relative(t: Log, exponent: i32) -> u32 {
    let Contribution::Term(term) = exponential(t) else { return 0 };
    match term.exponent - exponent + 127 {
        field if field <= 0 => 0,
        field if field >= 255 => 255 << 23,
        field => (field as u32) << 23 | (term.significand >> 9 & 0xFFFF) << 7,
    }
}
