//! Columns that align each product to the largest product exponent: `bits22`, `bits15`, `dsp15`.
//!
//! Two columns share a [`ColumnPair`], because each of its DSPs multiplies one activation with an
//! operand of both.

mod adder_tree;
mod aligner;
mod column;
mod dsp_tree;
mod lane;
mod largest;
mod multiplier;
mod pair;

pub use adder_tree::{AdderTree, TreeNode};
pub use aligner::Aligner;
pub use column::ProductColumn;
pub use dsp_tree::DspTree;
pub use lane::{LaneExponent, PRODUCT_EXPONENT_BITS};
pub use largest::{LargestDigit, LargestExponent};
pub use multiplier::{Kept, OverpackedMultiplier, PRODUCT_BITS};
pub use pair::{ColumnPair, ProductSum};

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
