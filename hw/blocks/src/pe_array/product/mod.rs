//! Columns that align each product to the largest product exponent: `bits22`, `bits15`, `dsp15`.

mod multiplier;

pub use multiplier::{Kept, OverpackedMultiplier, PRODUCT_BITS};
