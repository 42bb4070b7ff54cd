//! [`FaultKind`]: what a unit can find wrong.

/// In place of a port: the fault concerns a memory on chip.
pub const NO_PORT: u32 = 255;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $text:literal;)*) => {
        /// The kind of a unit's fault. Numbers up to 3 are AXI's responses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultKind { $($(#[doc = $doc])+ $name = $code,)* }

        impl FaultKind {
            /// All kinds, by number.
            pub const ALL: &'static [FaultKind] = &[$(FaultKind::$name),*];

            /// A clause for the host.
            pub const fn text(self) -> &'static str {
                match self { $(FaultKind::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// None.
    None = 0, "no fault";
    /// An exclusive access succeeded, or a response had an ID that was never used.
    Foreign = 1, "the memory answered something that was not asked";
    /// The slave failed.
    Slave = 2, "the memory answered with an error";
    /// No slave has the address.
    Decode = 3, "no memory has the address";
    /// The command was not legal; no access was made.
    Refused = 4, "the address or length is none that the port takes";
    /// An address outside a memory on chip.
    OnChip = 5, "the address is outside the memory on chip";
    /// The weights of a product end before or after those that were loaded.
    Weights = 6, "a product takes more or fewer weights than were loaded for it";
    /// A layer or token that the tables of keys and values do not have.
    KvTable = 7, "the tables of keys and values have no such layer or token";
    /// A product or attention for which no row runs.
    NoRow = 8, "a product or attention has no row to run for";
}

impl FaultKind {
    /// Bits of its number.
    pub const BITS: usize = 4;

    /// Its number in the register.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The kind of a number.
    pub fn from_code(code: u32) -> Option<FaultKind> {
        FaultKind::ALL.get(code as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_fit() {
        for (i, kind) in FaultKind::ALL.iter().enumerate() {
            assert_eq!((kind.code(), FaultKind::from_code(i as u32)), (i as u32, Some(*kind)));
        }
        assert!(FaultKind::ALL.len() <= 1 << FaultKind::BITS && FaultKind::from_code(99).is_none());
    }
}
