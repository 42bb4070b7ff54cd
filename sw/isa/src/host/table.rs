//! [`HostRegister`]: where each register stands, and what it is.

use super::counter::Counter;

/// What the host may do with a register. Anything else is answered with SLVERR and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    Read,
    /// Read and write; a byte at a time too.
    ReadWrite,
    /// Read, and write while the core is idle.
    Setting,
    /// Read, and clear the bits in which a one is written.
    Clear,
}

impl Access {
    /// As in the manual.
    pub fn name(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::ReadWrite => "read, write",
            Access::Setting => "read, write while idle",
            Access::Clear => "read, write 1 to clear",
        }
    }

    /// May it ever be written?
    pub fn writable(self) -> bool {
        self != Access::Read
    }
}

/// A register's row of the table.
#[derive(Clone, Copy, Debug)]
pub struct RegisterSpec {
    /// Name.
    pub name: &'static str,
    /// First byte.
    pub offset: u32,
    /// Words of 32 bits: 1 or 2.
    pub words: u32,
    /// What the host may do.
    pub access: Access,
    /// What it holds.
    pub doc: &'static str,
}

macro_rules! registers {
    ($($(#[doc = $doc:literal])+ $name:ident = $offset:literal, $words:literal, $access:ident, $text:literal;)*) => {
        /// A register of the core, counters apart.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum HostRegister { $($(#[doc = $doc])+ $name,)* }

        impl HostRegister {
            /// All of them, in the order of their offsets.
            pub const ALL: &'static [HostRegister] = &[$(HostRegister::$name),*];

            /// Its row of the table.
            pub const fn spec(self) -> RegisterSpec {
                match self {
                    $(HostRegister::$name => RegisterSpec {
                        name: $text,
                        offset: $offset,
                        words: $words,
                        access: Access::$access,
                        doc: concat!($($doc),+),
                    },)*
                }
            }
        }
    };
}

registers! {
    /// `SKOP`: that this is a core.
    Id = 0x000, 1, Read, "id";
    /// Version of this map.
    MapVersion = 0x004, 1, Read, "map_version";
    /// Version of the instruction set.
    IsaVersion = 0x008, 1, Read, "isa_version";
    /// Hash of the configuration that the core was made from; programs carry it.
    Configuration = 0x010, 2, Read, "configuration";
    /// Bit 0: start. Bit 1: reset. Both read as 0. Bit 2: interrupt enable.
    Control = 0x020, 1, ReadWrite, "control";
    /// Bit 0: busy. Bit 1: done. Bit 2: an interrupt is pending.
    Status = 0x024, 1, Read, "status";
    /// Bit 0: an interrupt is pending: the program has ended or stopped.
    Interrupt = 0x028, 1, Clear, "interrupt";
    /// Why the last program stopped, 0 if it ended.
    Cause = 0x030, 1, Read, "cause";
    /// The instruction that control is at, or at which it stopped.
    Pc = 0x034, 1, Read, "pc";
    /// The unit that reported a fault, by its number; 0 for none.
    FaultUnit = 0x038, 1, Read, "fault_unit";
    /// What kind of fault.
    FaultKind = 0x03C, 1, Read, "fault_kind";
    /// The HBM port of a fault of the bus, or the number of HBM ports plus the DDR channel; 255 for memories on chip.
    FaultPort = 0x040, 1, Read, "fault_port";
    /// The fault's address: bytes in HBM and DDR, slices on chip.
    FaultAddress = 0x048, 2, Read, "fault_address";
    /// First word of 64 bytes of the program in DDR.
    Program = 0x060, 1, Setting, "program";
    /// Tokens of the block.
    Rows = 0x064, 1, Setting, "rows";
    /// Position of the block's first token in the text; 0 begins a new text.
    Position = 0x068, 1, Setting, "position";
    /// Cycles without anything happening after which the core stops.
    Watchdog = 0x06C, 1, Setting, "watchdog";
}

impl HostRegister {
    /// First byte.
    pub const fn offset(self) -> u32 {
        self.spec().offset
    }

    /// Number of its first word of 32 bits.
    pub const fn word(self) -> usize {
        self.spec().offset as usize / 4
    }

    /// The registers that are written while the core is idle, in the order of their offsets.
    pub fn settings() -> impl Iterator<Item = HostRegister> {
        HostRegister::ALL.iter().copied().filter(|r| r.spec().access == Access::Setting)
    }

    /// All rows of the map, counters included.
    pub fn map() -> Vec<RegisterSpec> {
        let counters = Counter::ALL.iter().map(|c| c.spec());
        HostRegister::ALL.iter().map(|r| r.spec()).chain(counters).collect()
    }
}
