//! Inf and NaN, in two flag bits per lane.

use super::fp16::{Class, Operand};
use super::round::Format;

/// Two bits per lane, OR-ed over the column. Only `positive`: +Inf. Only `negative`: -Inf. Both: NaN,
/// whether one lane said so or two lanes held infinities of opposite signs; the OR needs no third bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// A product is +Inf or NaN.
    pub positive: bool,
    /// A product is -Inf or NaN.
    pub negative: bool,
}

impl Flags {
    /// Both bits: NaN.
    pub const NAN: Flags = Flags { positive: true, negative: true };

    /// Flags of one product: NaN if an operand is NaN or the product is Inf * 0, else Inf with the
    /// product's sign if an operand is Inf, else none.
    #[inline]
    pub fn of_product(a: Operand, b: Operand) -> Flags {
        use Class::{Infinite, Nan, Zero};
        match (a.class, b.class) {
            (Nan, _) | (_, Nan) | (Infinite, Zero) | (Zero, Infinite) => Flags::NAN,
            (Infinite, _) | (_, Infinite) => {
                let negative = a.negative != b.negative;
                Flags { positive: !negative, negative }
            }
            _ => Flags::default(),
        }
    }

    /// The OR over lanes.
    #[inline]
    pub fn or(self, other: Flags) -> Flags {
        Flags { positive: self.positive | other.positive, negative: self.negative | other.negative }
    }

    /// The result they force, `None` when no bit is set.
    pub fn encode(self, format: Format) -> Option<u32> {
        match (self.positive, self.negative) {
            (false, false) => None,
            (true, true) => Some(format.nan()),
            (_, negative) => Some(format.infinity(negative)),
        }
    }
}
