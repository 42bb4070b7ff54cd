//! The units that execute instructions, and the semaphores between them.

/// A unit: executes its instructions in program order, beside the other units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// Fetches the program, gives every instruction to its unit, branches, ends.
    Control,
    /// Brings data from HBM and DDR on chip.
    Load,
    /// The array and the NPE.
    Compute,
    /// Takes results to DDR, keys and values to HBM.
    Store,
}

impl Unit {
    /// All units, by their number in a set of units.
    pub const ALL: [Unit; 4] = [Unit::Control, Unit::Load, Unit::Compute, Unit::Store];

    /// Name in the assembler.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Control => "control",
            Unit::Load => "load",
            Unit::Compute => "compute",
            Unit::Store => "store",
        }
    }
}

/// Tokens that a semaphore can hold: one more is the error `semaphore overflow`.
pub const SEMAPHORE_TOKENS: u32 = 255;

/// A set of units.
///
/// There is a semaphore for every ordered pair of units. Before an instruction starts it takes a token
/// from each semaphore `unit -> own` of the units it waits for; when it has finished, data written, it
/// gives one to each semaphore `own -> unit` of the units it signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Units(u8);

impl Units {
    /// No unit.
    pub const NONE: Units = Units(0);

    /// From one bit per unit, in the order of [`Unit::ALL`]; `None` when another bit is set.
    pub fn from_bits(bits: u8) -> Option<Units> {
        (bits >> Unit::ALL.len() == 0).then_some(Units(bits))
    }

    /// One bit per unit.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set and one more.
    #[must_use]
    pub fn with(self, unit: Unit) -> Units {
        Units(self.0 | 1 << unit as u8)
    }

    /// Is the unit in the set?
    pub fn contains(self, unit: Unit) -> bool {
        self.0 >> unit as u8 & 1 == 1
    }

    /// The units of the set.
    pub fn iter(self) -> impl Iterator<Item = Unit> {
        Unit::ALL.into_iter().filter(move |u| self.contains(*u))
    }
}

impl FromIterator<Unit> for Units {
    fn from_iter<T: IntoIterator<Item = Unit>>(units: T) -> Units {
        units.into_iter().fold(Units::NONE, Units::with)
    }
}
