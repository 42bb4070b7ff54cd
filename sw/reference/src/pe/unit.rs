//! Everything that computes a dot product, under one name: what an error table has as rows.

use super::mac::{chain_fp16, chain_int4, Subnormals};
use super::oracle;
use super::round::{from_f64, Format};
use super::{dot_fp16, dot_int4, AlignedWidths, PeError, Variant};

/// A dot-product unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The exact sum rounded once: the best any unit can do. NaN when an operand is not finite.
    Exact,
    /// One of our columns.
    Column(Variant),
    /// The baseline chain of FP16 MACs. An FP32 result is its FP16 one, widened.
    Chain(Subnormals),
}

impl Unit {
    /// Every unit once, the columns as they ship.
    pub fn all() -> [Unit; 7] {
        [
            Unit::Exact,
            Unit::Column(Variant::Bits22),
            Unit::Column(Variant::Bits15),
            Unit::Column(Variant::Dsp15),
            Unit::Column(Variant::Aligned(AlignedWidths::default())),
            Unit::Chain(Subnormals::Flush),
            Unit::Chain(Subnormals::Keep),
        ]
    }

    /// Short name, without the widths of an aligned column.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Exact => "exact",
            Unit::Column(Variant::Bits22) => "bits22",
            Unit::Column(Variant::Bits15) => "bits15",
            Unit::Column(Variant::Dsp15) => "dsp15",
            Unit::Column(Variant::Aligned(_)) => "aligned",
            Unit::Chain(Subnormals::Flush) => "mac_flush",
            Unit::Chain(Subnormals::Keep) => "mac_subnormal",
        }
    }

    /// Dot product of FP16 vectors; errors as [`dot_fp16`].
    pub fn fp16(self, a: &[u16], b: &[u16], format: Format) -> Result<u32, PeError> {
        match self {
            Unit::Exact => Ok(encode(oracle::dot_fp16(a, b), format)),
            Unit::Column(variant) => dot_fp16(variant, a, b, format),
            Unit::Chain(subnormals) => Ok(widen(chain_fp16(a, b, subnormals), format)),
        }
    }

    /// Dot product of an FP16 vector and INT4 weights; errors as [`dot_int4`].
    pub fn int4(self, acts: &[u16], weights: &[i8], format: Format) -> Result<u32, PeError> {
        match self {
            Unit::Exact => Ok(encode(oracle::dot_int4(acts, weights), format)),
            Unit::Column(variant) => dot_int4(variant, acts, weights, format),
            Unit::Chain(subnormals) => Ok(widen(chain_int4(acts, weights, subnormals), format)),
        }
    }
}

fn encode(exact: Option<oracle::Exact>, format: Format) -> u32 {
    exact.map_or(format.nan(), |exact| exact.round(format))
}

fn widen(fp16: u16, format: Format) -> u32 {
    from_f64(format, Format::Fp16.decode(fp16.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_agrees_where_nothing_rounds() {
        let (a, b, w) = ([0x3C00, 0x4000, 0xBC00], [0x4000, 0x3800, 0x4400], [7, -8, 3]);
        let mut names = Vec::new();
        for unit in Unit::all() {
            let fp32 = |bits: Result<u32, PeError>| f32::from_bits(bits.expect("legal operands"));
            assert_eq!(fp32(unit.fp16(&a, &b, Format::Fp32)), -1.0);
            assert_eq!(fp32(unit.int4(&a, &w, Format::Fp32)), -12.0);
            assert_eq!(unit.fp16(&[0x7C00], &[0], Format::Fp16), Ok(0x7E00));
            names.push(unit.name());
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Unit::all().len());
    }
}
