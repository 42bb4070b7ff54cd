//! What the fields of instructions hold: numbers of a width, and choices by name.

/// A field's type.
pub trait Value: Copy {
    /// Bits in the encoding.
    const BITS: u32;
    /// Names of the values from 0 on, `-` for none; empty for a number.
    const NAMES: &'static [&'static str];
    /// What each of the names means.
    const MEANINGS: &'static [&'static str];

    /// The value's bits, below `2^BITS`.
    fn to_bits(self) -> u64;

    /// The value with these bits; `None` where none has them.
    fn from_bits(bits: u64) -> Option<Self>
    where
        Self: Sized;
}

/// An unsigned number of `N` bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number<const N: u32>(u32);

impl<const N: u32> Number<N> {
    /// The largest.
    pub const MAX: u32 = u32::MAX >> (32 - N);

    /// A number; `None` when it has more than `N` bits.
    pub fn new(value: u32) -> Option<Number<N>> {
        (value <= Self::MAX).then_some(Number(value))
    }

    /// Its value.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const N: u32> From<Number<N>> for usize {
    fn from(n: Number<N>) -> usize {
        n.0 as usize
    }
}

impl<const N: u32> Value for Number<N> {
    const BITS: u32 = N;
    const NAMES: &'static [&'static str] = &[];
    const MEANINGS: &'static [&'static str] = &[];

    fn to_bits(self) -> u64 {
        u64::from(self.0)
    }

    fn from_bits(bits: u64) -> Option<Self> {
        u32::try_from(bits).ok().and_then(Number::new)
    }
}

/// Declares a field that is one of several names.
macro_rules! choice {
    ($(#[doc = $about:literal])* $name:ident: $bits:literal {
        $(#[doc = $doc:literal] $variant:ident = $word:literal,)*
    }) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $(#[doc = $doc] $variant,)* }

        impl $name {
            /// All values, in the order of their encoding.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// Name in the assembler.
            pub fn name(self) -> &'static str {
                <$name as Value>::NAMES[self as usize]
            }
        }

        impl Value for $name {
            const BITS: u32 = $bits;
            const NAMES: &'static [&'static str] = &[$($word),*];
            const MEANINGS: &'static [&'static str] = &[$($doc),*];

            fn to_bits(self) -> u64 {
                self as u64
            }

            fn from_bits(bits: u64) -> Option<Self> {
                $name::ALL.get(usize::try_from(bits).ok()?).copied()
            }
        }
    };
}

choice! {
    /// Which rows of the block take part.
    Rows: 2 {
        /// All rows of the block.
        All = "all",
        /// The rows for which attention runs.
        Attention = "attention",
        /// The rows for which the feed-forward part runs.
        Forward = "forward",
        /// The last row of the block.
        Last = "last",
    }
}

choice! {
    /// A no or a yes.
    Flag: 1 {
        /// No.
        No = "no",
        /// Yes.
        Yes = "yes",
    }
}

choice! {
    /// How often a number of slices is moved.
    Repeat: 2 {
        /// Once.
        Once = "once",
        /// For each row of the block, from the address on.
        Rows = "rows",
        /// For each row of the block, from the row of its position on.
        Positions = "positions",
    }
}

choice! {
    /// One of the two operand memories.
    Operand: 1 {
        /// The first operand memory.
        First = "0",
        /// The second operand memory.
        Second = "1",
    }
}

choice! {
    /// A memory on chip that `load.data` fills.
    Space: 2 {
        /// The scratchpad.
        Scratchpad = "scratchpad",
        /// The constant memory: gains and routers.
        Constants = "constants",
        /// The RoPE factors of the block: row r of the instruction is those of row r.
        Rotation = "rotation",
    }
}

choice! {
    /// Which routers decide.
    Routers: 2 {
        /// No router: statistics alone.
        None = "none",
        /// The router of attention.
        Attention = "attention",
        /// The router of the feed-forward part.
        Forward = "forward",
        /// Both, from the same pass.
        Both = "both",
    }
}

choice! {
    /// What becomes of a product on its way out.
    Function: 3 {
        /// Rounded to FP16.
        Plain = "plain",
        /// Pairs turned by the row's RoPE factors, rounded to FP16.
        Rotate = "rotate",
        /// Pairs (gate, up) to `silu(gate) * up`, rounded to FP16; half as many outputs.
        Swiglu = "swiglu",
        /// Added to what the target holds, rounded to FP16.
        Residual = "residual",
        /// Left in FP32: an output takes two places, low half first.
        Wide = "wide",
    }
}

choice! {
    /// Where a product goes.
    Target: 2 {
        /// The scratchpad, by row of the block.
        Scratchpad = "scratchpad",
        /// The first operand memory, rows dense.
        Operand0 = "operand0",
        /// The second operand memory, rows dense.
        Operand1 = "operand1",
    }
}

choice! {
    /// How a vector operation passes over its data; the results are the same.
    Passes: 1 {
        /// While the array works: normalised slices and probabilities are multiplied as they come, statistics are taken while scores stream, a pair of heads begins while the one before ends.
        Fused = "fused",
        /// Row by row, in passes of their own, one after the other: the baseline.
        Rowwise = "rowwise",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_width() {
        assert_eq!(Number::<10>::MAX, 1023);
        assert_eq!(Number::<32>::MAX, u32::MAX);
        assert!(Number::<10>::new(1023).is_some() && Number::<10>::new(1024).is_none());
        assert_eq!(Number::<22>::from_bits(1 << 22), None);
    }

    #[test]
    fn names_fit_their_bits_and_come_back() {
        fn check<V: Value + PartialEq + std::fmt::Debug>(all: &[V]) {
            assert!(V::NAMES.len() <= 1 << V::BITS && V::NAMES.len() == V::MEANINGS.len());
            for v in all {
                assert_eq!(V::from_bits(v.to_bits()), Some(*v));
            }
            assert_eq!(V::from_bits(V::NAMES.len() as u64), None);
        }
        check(Rows::ALL);
        check(Flag::ALL);
        check(Repeat::ALL);
        check(Operand::ALL);
        check(Space::ALL);
        check(Routers::ALL);
        check(Function::ALL);
        check(Target::ALL);
        check(Passes::ALL);
    }
}
