//! Operands of the array: sign, exponent, significand and class of one value, in one layout for FP16
//! and INT4, so that nothing behind it knows the mode.
//!
//! | bits | field |
//! |---|---|
//! | 10:0 | significand, hidden bit included |
//! | 15:11 | exponent, 0 to 30 |
//! | 16 | sign |
//! | 18:17 | class: 0 zero or absent, 1 finite, 2 Inf, 3 NaN |
//!
//! The value is `(-1)^sign * significand * 2^(exponent - 25)`; docs/numerics.md, section 2.

mod unpack;

pub use unpack::{OperandFormat, UnpackFp16, UnpackInt4, UnpackVector};

use crate::entry::Entry;

const LEGAL: &str = "the catalogue's parameters are legal";

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "unpack-fp16",
        summary: "FP16 values of all lanes to sign, exponent, significand and class",
        latency: |_| Some(UnpackVector::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::operand",
        build: |c| {
            Box::new(UnpackVector::new(OperandFormat::Fp16, c.array.lanes as usize).expect(LEGAL))
        },
    },
    Entry {
        name: "unpack-int4",
        summary: "INT4 weights of all lanes to the same operands",
        latency: |_| Some(UnpackVector::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::operand",
        build: |c| {
            Box::new(UnpackVector::new(OperandFormat::Int4, c.array.lanes as usize).expect(LEGAL))
        },
    },
];

/// Bits of an unpacked operand.
pub const OPERAND_BITS: usize = 19;
/// Bits of the significand, the lowest of an operand.
pub const SIGNIFICAND_BITS: usize = 11;
/// Bits of the head of an operand: exponent, sign and class.
pub const HEAD_BITS: usize = OPERAND_BITS - SIGNIFICAND_BITS;
/// Place of the exponent.
pub const EXPONENT: usize = 11;
/// Bits of the exponent.
pub const EXPONENT_BITS: usize = 5;
/// Place of the sign.
pub const SIGN: usize = 16;
/// Place of the class bit that is 1 for a finite nonzero value and for NaN.
pub const CLASS_DIGITS: usize = 17;
/// Place of the class bit that is 1 for Inf and NaN.
pub const CLASS_SPECIAL: usize = 18;
