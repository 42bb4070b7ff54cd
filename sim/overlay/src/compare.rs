//! [`Comparison`]: the core and the executor on the same programs, everything that the host sees compared.

use crate::build::{Core, CosimError};
use crate::device::{Memories, VerilatedDevice};
use skipopu_config::Config;
use skipopu_executor::random::RandomText;
use skipopu_executor::MachineError;
use skipopu_isa::host::{control, Counter, HostRegister};
use skipopu_kv::layout::WORD_BYTES;
use skipopu_runtime::{Device, DeviceError, ExecutorDevice};
use std::ops::{ControlFlow, Range};

/// Cycles of silence after which a core that hangs says so.
const WATCHDOG: u32 = 20_000;
/// Bytes compared at a time.
const PIECE: usize = 1 << 16;

/// Registers that say how a program ended.
const ENDED: [HostRegister; 5] = [
    HostRegister::Cause,
    HostRegister::Pc,
    HostRegister::FaultUnit,
    HostRegister::FaultKind,
    HostRegister::FaultPort,
];

/// Where the core and the executor differ.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    /// A register.
    #[error("block {block}: register {register} is {found:#x} and should be {expected:#x}")]
    Register {
        /// The block.
        block: usize,
        /// Name of the register.
        register: &'static str,
        /// The core's.
        found: u64,
        /// The executor's.
        expected: u64,
    },
    /// A memory.
    #[error("block {block}: {memory} at byte {at:#x} holds {found:#04x} and should hold {expected:#04x}")]
    Memory {
        /// The block.
        block: usize,
        /// The memory.
        memory: String,
        /// First byte that differs.
        at: u64,
        /// The core's.
        found: u8,
        /// The executor's.
        expected: u8,
    },
    /// A device that fails.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Programs.
    pub programs: u64,
    /// Instructions that control took.
    pub instructions: u64,
    /// Bytes of memory compared.
    pub bytes: u64,
    /// Cycles of the core.
    pub cycles: u64,
}

/// A core and an executor side by side.
pub struct Comparison {
    /// The core.
    pub core: VerilatedDevice,
    config: Config,
}

impl Comparison {
    /// A core after power-up.
    ///
    /// # Errors
    /// A model that cannot be loaded.
    pub fn new(core: &Core, memories: Memories) -> Result<Comparison, CosimError> {
        let core_device = VerilatedDevice::new(core, memories)?;
        Ok(Comparison { core: core_device, config: core.config.clone() })
    }

    /// An executor of the same configuration.
    ///
    /// # Errors
    /// A configuration that is no overlay.
    pub fn executor(&self, seed: u64) -> Result<ExecutorDevice, MachineError> {
        ExecutorDevice::new(&self.config, seed)
    }

    /// Resets the core and runs a random text on both; after each block registers, counters and all of the text's memory are equal.
    ///
    /// # Errors
    /// The first difference.
    pub fn text(&mut self, text: &RandomText, seed: u64) -> Result<Outcome, Mismatch> {
        let failed = |e: MachineError| DeviceError::Failed {
            device: "reference executor".into(),
            problem: e.to_string(),
        };
        let mut executor = self.executor(seed).map_err(failed)?;
        let mut outcome = Outcome::default();
        let begin = self.core.cycles();
        self.core.reset()?;
        for device in [&mut self.core as &mut dyn Device, &mut executor] {
            device.write_ddr(0, &text.ddr)?;
            // What earlier texts left.
            let rest = text.ddr_map.end as usize - text.ddr.len();
            device.write_ddr(text.ddr.len() as u64, &vec![0; rest])?;
            for (port, image) in text.hbm.iter().enumerate() {
                device.write_hbm(port, 0, image)?;
                let rest = text.hbm_map.end as usize - image.len();
                device.write_hbm(port, image.len() as u64, &vec![0; rest])?;
            }
        }
        for (b, block) in text.blocks.iter().enumerate() {
            let program = block.program.to_bytes();
            for device in [&mut self.core as &mut dyn Device, &mut executor] {
                device.write_ddr(u64::from(text.program_word) * WORD_BYTES as u64, &program)?;
                run(device, text.program_word, block.rows, block.position)?;
            }
            self.registers(b, &mut executor)?;
            outcome.bytes += self.memories(b, &mut executor, text)?;
            outcome.programs += 1;
            outcome.instructions += self.core.read_wide(Counter::Instructions.offset())?;
        }
        outcome.cycles = self.core.cycles() - begin;
        Ok(outcome)
    }

    /// How the program ended, and what was counted.
    ///
    /// # Errors
    /// The first difference.
    pub fn registers(
        &mut self,
        block: usize,
        executor: &mut ExecutorDevice,
    ) -> Result<(), Mismatch> {
        let ended = ENDED.iter().map(|r| (r.spec().name, r.offset(), false));
        let address = HostRegister::FaultAddress;
        let address = [(address.spec().name, address.offset(), true)];
        let kept: Vec<Counter> =
            Counter::ALL.iter().copied().filter(|c| executor.keeps(*c)).collect();
        let counted = kept.iter().map(|c| (c.name(), c.offset(), true));
        for (register, offset, is_wide) in ended.chain(address).chain(counted) {
            let read = |device: &mut dyn Device| match is_wide {
                true => device.read_wide(offset),
                false => device.read_register(offset).map(u64::from),
            };
            let (found, expected) = (read(&mut self.core)?, read(executor)?);
            if found != expected {
                return Err(Mismatch::Register { block, register, found, expected });
            }
        }
        Ok(())
    }

    /// All bytes of the text's map; how many they are.
    fn memories(
        &mut self,
        block: usize,
        executor: &mut ExecutorDevice,
        text: &RandomText,
    ) -> Result<u64, Mismatch> {
        let mut bytes = self.memory(block, executor, None, text.ddr_map.clone())?;
        for port in 0..text.hbm.len() {
            bytes += self.memory(block, executor, Some(port), text.hbm_map.clone())?;
        }
        Ok(bytes)
    }

    /// A range of DDR, or of an HBM port; how many bytes it has.
    ///
    /// # Errors
    /// The first difference.
    pub fn memory(
        &mut self,
        block: usize,
        executor: &mut ExecutorDevice,
        port: Option<usize>,
        range: Range<u64>,
    ) -> Result<u64, Mismatch> {
        let read = |device: &mut dyn Device, at: u64, bytes: &mut [u8]| match port {
            None => device.read_ddr(at, bytes),
            Some(p) => device.read_hbm(p, at, bytes),
        };
        for at in range.clone().step_by(PIECE) {
            let length = PIECE.min((range.end - at) as usize);
            let (mut found, mut expected) = (vec![0; length], vec![0; length]);
            read(&mut self.core, at, &mut found)?;
            read(executor, at, &mut expected)?;
            if let Some(i) = (0..length).find(|i| found[*i] != expected[*i]) {
                let memory = port.map_or("DDR".to_string(), |p| format!("HBM port {p}"));
                let (found, expected) = (found[i], expected[i]);
                return Err(Mismatch::Memory { block, memory, at: at + i as u64, found, expected });
            }
        }
        Ok(range.end - range.start)
    }
}

/// Runs the program that stands in DDR until it stops.
///
/// # Errors
/// A device that fails, or refuses the start.
pub fn run(
    device: &mut dyn Device,
    program_word: u32,
    rows: usize,
    position: usize,
) -> Result<(), DeviceError> {
    let settings = [
        (HostRegister::Program, program_word),
        (HostRegister::Watchdog, WATCHDOG),
        (HostRegister::Rows, rows as u32),
        (HostRegister::Position, position as u32),
        (HostRegister::Control, control::START | control::INTERRUPT_ENABLE),
    ];
    for (register, value) in settings {
        device.write_register(register.offset(), value)?;
    }
    device.wait(&mut |_| ControlFlow::Continue(()))?;
    device.write_register(HostRegister::Interrupt.offset(), 1)
}
