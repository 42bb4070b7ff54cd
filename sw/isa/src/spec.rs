//! The types of the table of instructions.

use crate::cause::Cause;
use crate::unit::Unit;

/// Bits that every instruction begins with: opcode, units waited for, units signalled.
pub const HEADER_BITS: u32 = 16;

/// First bit of the units that an instruction waits for.
pub const WAIT_LOW: u32 = 8;

/// First bit of the units that an instruction signals.
pub const SIGNAL_LOW: u32 = 12;

/// One field of an instruction.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// Name in the assembler.
    pub name: &'static str,
    /// First bit.
    pub low: u32,
    /// Bits.
    pub bits: u32,
    /// What it says, units included.
    pub doc: &'static str,
    /// Names of its values, from 0 on; empty for a number.
    pub names: &'static [&'static str],
    /// What the names mean.
    pub meanings: &'static [&'static str],
}

impl FieldSpec {
    /// The field's bits of an encoding.
    pub fn of(&self, word: u128) -> u64 {
        (word >> self.low) as u64 & mask(self.bits)
    }
}

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub struct InstructionSpec {
    /// Name in the assembler.
    pub mnemonic: &'static str,
    /// Opcode.
    pub opcode: u8,
    /// The unit that executes it.
    pub unit: Unit,
    /// What it does: a sentence, then a loop nest.
    pub doc: &'static [&'static str],
    /// Its fields, from the lowest bit on, without gaps.
    pub fields: &'static [FieldSpec],
}

impl InstructionSpec {
    /// First bit that must be zero.
    pub fn used_bits(&self) -> u32 {
        self.fields.last().map_or(HEADER_BITS, |f| f.low + f.bits)
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|f| f.name == name)
    }
}

/// `bits` ones, 1 to 64.
pub(crate) fn mask(bits: u32) -> u64 {
    u64::MAX >> (64 - bits)
}

/// Sixteen bytes that are no instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No instruction has this opcode.
    #[error("opcode {opcode:#04x} is no instruction: was this program made for another version?")]
    Opcode {
        /// The opcode.
        opcode: u8,
    },
    /// A field holds bits that none of its values has.
    #[error("{mnemonic}: field {field} holds {bits}, which means nothing")]
    Field {
        /// The instruction.
        mnemonic: &'static str,
        /// The field.
        field: &'static str,
        /// What it holds.
        bits: u64,
    },
    /// Bits that must be zero are not.
    #[error("{mnemonic}: bits {first} to 127 must be zero")]
    Reserved {
        /// The instruction.
        mnemonic: &'static str,
        /// First bit that must be zero.
        first: u32,
    },
    /// It waits for or signals the unit that executes it.
    #[error("{mnemonic}: the {} unit cannot wait for or signal itself", unit.name())]
    Self_ {
        /// The instruction.
        mnemonic: &'static str,
        /// Its unit.
        unit: Unit,
    },
}

impl DecodeError {
    /// The cause that the core reports for it.
    pub fn cause(&self) -> Cause {
        match self {
            DecodeError::Opcode { .. } => Cause::Opcode,
            DecodeError::Self_ { .. } => Cause::OwnUnit,
            DecodeError::Field { .. } => Cause::Field,
            DecodeError::Reserved { .. } => Cause::Reserved,
        }
    }
}
