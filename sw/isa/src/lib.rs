//! The overlay's instruction set.
//!
//! Every fact about an instruction (opcode, unit, fields, their widths, what it does) stands once, in
//! [`set`]. Encoding, the assembler, the manual (`docs/isa.md`), the hardware's decoder and the
//! reference executor are made from that table.
//!
//! | module | holds |
//! |---|---|
//! | [`set`] | the instructions |
//! | [`mod@unit`] | the units that execute them, and how they wait for each other |
//! | [`value`] | what a field can hold |
//! | [`spec`] | the table's types: where each field stands |
//! | [`register`] | the registers that `set` writes |
//! | [`cause`] | why the core stops |
//! | [`program`] | a program file: header, checksum |
//! | [`host`] | the registers that the host sees: control, status, counters |
//! | [`asm`] | text to program and back |
//! | [`manual`], [`host_manual`] | the reference pages |
//!
//! ```
//! use skipopu_isa::{asm, Instruction};
//!
//! let program = asm::assemble("sync\nend\n").unwrap();
//! assert_eq!(program.len(), 2);
//! let word = program[1].encode();
//! assert_eq!(Instruction::decode(word).unwrap(), program[1]);
//! ```

pub mod asm;
pub mod cause;
pub mod host;
pub mod host_manual;
pub mod manual;
pub mod program;
pub mod register;
pub mod set;
pub mod spec;
pub mod unit;
pub mod value;

pub use cause::Cause;
pub use program::{Program, ProgramError};
pub use register::Register;
pub use set::{Instruction, Operation};
pub use spec::{DecodeError, FieldSpec, InstructionSpec};
pub use unit::{Unit, Units};

/// Version of the encoding: programs of another version are refused by host and hardware.
pub const VERSION: u32 = 4;

/// Bytes of an instruction; little-endian.
pub const BYTES: usize = 16;
