//! Columns that align each product to the largest product exponent: `bits22`, `bits15`, `dsp15`.
//!
//! Two columns share a [`ColumnPair`], because each of its DSPs multiplies one activation with an
//! operand of both.

mod aligner;
mod array;
mod column;
mod dsp_tree;
mod edge;
mod lane;
mod largest;
mod multiplier;
mod pair;

pub use crate::pe_array::adder_tree::{AdderTree, TreeNode};
pub use aligner::Aligner;
pub use array::ProductArray;
pub use column::ProductColumn;
pub use dsp_tree::DspTree;
pub use edge::KerEdge;
pub use lane::{LaneExponent, PRODUCT_EXPONENT_BITS};
pub use largest::{LargestDigit, LargestExponent};
pub use multiplier::{Kept, OverpackedMultiplier, PRODUCT_BITS};
pub use pair::{ColumnPair, ProductSum};

use crate::entry::Entry;
use skipopu_config::{Accumulation, Config};

const LEGAL: &str = "the catalogue's parameters are legal";

/// How product-aligned columns sum under a configuration; `bits15` where it has others.
pub(super) fn product_sum(config: &Config) -> ProductSum {
    match config.array.accumulation {
        Accumulation::Bits22 => ProductSum::Bits22,
        Accumulation::Bits15 | Accumulation::Aligned => ProductSum::Bits15,
        Accumulation::Dsp15 => ProductSum::Dsp15,
    }
}

/// Rows of the catalogue.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "overpacked-multiplier",
        summary: "two exact products of 11-bit significands in one DSP",
        latency: |_| Some(OverpackedMultiplier::LATENCY),
        interval: |_| Some(1),
        test: "skipopu-hw::multiplier",
        build: |_| Box::new(OverpackedMultiplier::new(Kept::All).expect(LEGAL)),
    },
    Entry {
        name: "product-column-pair",
        summary: "two dot products of a shared vector, products aligned to the largest",
        latency: |c| Some(ColumnPair::latency(product_sum(c), c.array.lanes as usize)),
        interval: |_| Some(1),
        test: "skipopu-hw::product_column",
        build: |c| {
            let format = c.formats.accumulate_out;
            Box::new(ColumnPair::new(product_sum(c), format, c.array.lanes as usize).expect(LEGAL))
        },
    },
];

/// Bits of an aligned product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// 22 bits: no product bit is lost at the largest exponent.
    Bits22,
    /// 15 bits.
    Bits15,
}

impl Cut {
    /// Bits of an aligned magnitude.
    pub fn bits(self) -> usize {
        match self {
            Cut::Bits22 => 22,
            Cut::Bits15 => 15,
        }
    }

    /// Product bits that decide an aligned magnitude.
    pub fn kept(self) -> Kept {
        match self {
            Cut::Bits22 => Kept::All,
            Cut::Bits15 => Kept::Upper16,
        }
    }

    /// Bits of the distance that the shifter serves; beyond them nothing is left of a product.
    fn shift_bits(self) -> usize {
        match self {
            Cut::Bits22 => 5,
            Cut::Bits15 => 4,
        }
    }

    /// Bits of the sum over `lanes` lanes.
    fn sum_bits(self, lanes: usize) -> usize {
        self.bits() + 1 + lanes.ilog2() as usize
    }

    /// Exponent of the last kept bit where the largest product exponent is 0.
    fn unit(self) -> i32 {
        -50 + PRODUCT_BITS as i32 - self.bits() as i32
    }
}
