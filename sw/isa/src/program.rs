//! Program files: a header that says what the program is for, then its instructions.
//!
//! | bytes | holds |
//! |---|---|
//! | 0..4 | `SKOP` |
//! | 4..8 | version of the encoding |
//! | 8..16 | hash of the configuration, as it stands in the core's register |
//! | 16..20 | number of instructions |
//! | 20..24 | CRC-32 (IEEE 802.3) of the instructions' bytes |
//! | 24..32 | zero |
//! | 32.. | instructions, 16 bytes each |
//!
//! Numbers are little-endian. The core checks all of it before it starts.

use crate::set::Instruction;
use crate::spec::DecodeError;
use crate::{BYTES, VERSION};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 32;

/// Instructions that a core's program memory holds.
pub const CAPACITY: usize = 4096;

/// The first bytes of a program.
pub const MAGIC: [u8; 4] = *b"SKOP";

/// A program for one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Hash of the configuration it was compiled for.
    pub configuration: u64,
    /// Its instructions.
    pub instructions: Vec<Instruction>,
}

/// Bytes that are no program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// It does not begin as a program does.
    #[error("not a program: it does not begin with SKOP and a header of 32 bytes")]
    Magic,
    /// Another version of the encoding.
    #[error("the program is of version {found}, this is version {VERSION}: compile it again")]
    Version {
        /// Its version.
        found: u32,
    },
    /// Fewer or more bytes than the header says.
    #[error("the program has {found} bytes of instructions and its header says {expected}: it was cut or has grown")]
    Length {
        /// Bytes that are there.
        found: usize,
        /// Bytes that the header says.
        expected: u64,
    },
    /// The instructions are not those that were written.
    #[error(
        "the program's checksum is {found:08x} and its header says {expected:08x}: it is damaged"
    )]
    Checksum {
        /// Of the bytes.
        found: u32,
        /// Of the header.
        expected: u32,
    },
    /// An instruction that is none.
    #[error("instruction {index}: {error}")]
    Instruction {
        /// Its number.
        index: usize,
        /// What is wrong.
        error: DecodeError,
    },
    /// It was compiled for other hardware.
    #[error("the program is for configuration {found:016x} and the hardware is {expected:016x}: compile it for this one")]
    Configuration {
        /// Of the program.
        found: u64,
        /// Of the hardware.
        expected: u64,
    },
}

impl Program {
    /// Checks that it is for this configuration.
    ///
    /// # Errors
    /// It is for another one.
    pub fn check(&self, configuration: u64) -> Result<(), ProgramError> {
        match self.configuration == configuration {
            true => Ok(()),
            false => Err(ProgramError::Configuration {
                found: self.configuration,
                expected: configuration,
            }),
        }
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words: Vec<u128> = self.instructions.iter().map(Instruction::encode).collect();
        Program::file(self.configuration, &words)
    }

    /// The file of a program with these words for instructions, be they any or not.
    pub fn file(configuration: u64, words: &[u128]) -> Vec<u8> {
        let body: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(configuration.to_le_bytes());
        bytes.extend((words.len() as u32).to_le_bytes());
        bytes.extend(crc32fast::hash(&body).to_le_bytes());
        bytes.resize(HEADER_BYTES, 0);
        bytes.extend(body);
        bytes
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Program, ProgramError> {
        let (configuration, words) = Program::words(bytes)?;
        let decode = |(index, word): (usize, &u128)| {
            Instruction::decode(*word).map_err(|error| ProgramError::Instruction { index, error })
        };
        let instructions = words.iter().enumerate().map(decode);
        Ok(Program { configuration, instructions: instructions.collect::<Result<_, _>>()? })
    }

    /// A file's configuration, and the words of its instructions, which may be none.
    ///
    /// # Errors
    /// A header that is wrong, or instructions that are not those that were written.
    pub fn words(bytes: &[u8]) -> Result<(u64, Vec<u128>), ProgramError> {
        if bytes.len() < HEADER_BYTES || bytes[..4] != MAGIC || bytes[24..HEADER_BYTES] != [0; 8] {
            return Err(ProgramError::Magic);
        }
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        if word(4) != VERSION {
            return Err(ProgramError::Version { found: word(4) });
        }
        let configuration = u64::from(word(8)) | u64::from(word(12)) << 32;
        let (body, expected) = (&bytes[HEADER_BYTES..], u64::from(word(16)) * BYTES as u64);
        if body.len() as u64 != expected {
            return Err(ProgramError::Length { found: body.len(), expected });
        }
        let found = crc32fast::hash(body);
        if found != word(20) {
            return Err(ProgramError::Checksum { found, expected: word(20) });
        }
        let word = |bytes: &[u8]| {
            u128::from_le_bytes(bytes.try_into().expect("chunks of an instruction's size"))
        };
        Ok((configuration, body.chunks_exact(BYTES).map(word).collect()))
    }
}
