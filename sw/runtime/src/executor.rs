//! [`ExecutorDevice`]: the reference executor behind the registers of the core.

use crate::device::{Device, DeviceError, Progress};
use skipopu_config::Config;
use skipopu_executor::{Counters, Executor, Machine, MachineError, Memory, Site, Step, Stop};
use skipopu_isa::host::{self, control, status, Access, Counter, FaultKind, HostRegister, NO_PORT};
use skipopu_isa::program::{CAPACITY, HEADER_BYTES};
use skipopu_isa::{Cause, Program, ProgramError, Unit, BYTES};
use skipopu_kv::layout::WORD_BYTES;
use std::ops::ControlFlow;

/// The executor, driven as the hardware is. A start runs the program to its end.
pub struct ExecutorDevice {
    executor: Executor,
    machine: Machine,
    /// Program, rows, position, watchdog.
    settings: [u32; 4],
    enable: bool,
    pending: bool,
    done: bool,
    stop: Option<Stop>,
    cause: Cause,
    fault: FaultKind,
    /// Where control was, and the unit that failed.
    pc: u32,
    unit: Unit,
    before: Counters,
    seed: u64,
}

/// Place of a setting.
fn setting(register: HostRegister) -> Option<usize> {
    HostRegister::settings().position(|r| r == register)
}

impl ExecutorDevice {
    /// The machine of a configuration. `seed` draws which of several ready units goes first; results do not depend on it.
    ///
    /// # Errors
    /// A configuration that is no overlay.
    pub fn new(config: &Config, seed: u64) -> Result<ExecutorDevice, MachineError> {
        let machine = Machine::of(config)?;
        Ok(ExecutorDevice {
            executor: Executor::new(machine, Memory::of(config)),
            machine,
            settings: [0, 0, 0, host::WATCHDOG],
            enable: false,
            pending: false,
            done: false,
            stop: None,
            cause: Cause::None,
            fault: FaultKind::None,
            pc: 0,
            unit: Unit::Control,
            before: Counters::default(),
            seed,
        })
    }

    fn setting(&self, register: HostRegister) -> u32 {
        setting(register).map_or(0, |i| self.settings[i])
    }

    /// The words of the program that stands in DDR, checked in the core's order.
    fn program(&self) -> Result<Vec<u128>, Stop> {
        let at = u64::from(self.setting(HostRegister::Program)) * WORD_BYTES as u64;
        let mut bytes = vec![0; HEADER_BYTES];
        self.executor.memory.ddr.read(at, &mut bytes)?;
        let count = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]) as usize;
        let (configuration, _) = match Program::words(&bytes) {
            // The instructions come next.
            Err(ProgramError::Length { .. } | ProgramError::Checksum { .. }) => {
                (u64::from_le_bytes(std::array::from_fn(|i| bytes[8 + i])), vec![])
            }
            header => header?,
        };
        Program { configuration, instructions: vec![] }.check(self.machine.hash)?;
        if !(1..=CAPACITY).contains(&count) {
            let expected = (count * BYTES) as u64;
            return Err(ProgramError::Length { found: 0, expected }.into());
        }
        bytes.resize(HEADER_BYTES + count * BYTES, 0);
        self.executor.memory.ddr.read(at, &mut bytes)?;
        Ok(Program::words(&bytes)?.1)
    }

    fn start(&mut self) {
        self.before = self.executor.counters().clone();
        (self.pc, self.unit) = (0, Unit::Control);
        self.stop = self.program().and_then(|words| self.run(&words)).err();
        (self.cause, self.fault) = self.stop.as_ref().map_or((Cause::None, FaultKind::None), cause);
        if self.stop.is_some() {
            self.executor.forget();
        }
        (self.done, self.pending) = (true, true);
    }

    fn run(&mut self, words: &[u128]) -> Result<(), Stop> {
        let rows = self.setting(HostRegister::Rows) as usize;
        let position = self.setting(HostRegister::Position) as usize;
        let mut run = self.executor.start_words(words, rows, position, self.seed)?;
        let ended = loop {
            match self.executor.step(&mut run) {
                Ok(Step::Ended) => break Ok(()),
                Ok(_) => {}
                Err(stop) => break Err(stop),
            }
        };
        // What is left over was loaded.
        let left = matches!(ended, Err(Stop::LeftOver { .. }));
        let unit = if left { Unit::Load } else { Unit::Control };
        (self.pc, self.unit) = (run.pc() as u32, run.failed().unwrap_or(unit));
        ended
    }

    fn startable(&self) -> bool {
        let rows = self.setting(HostRegister::Rows) as usize;
        let end = rows as u64 + u64::from(self.setting(HostRegister::Position));
        (1..=self.machine.rows).contains(&rows) && end <= self.machine.order.machine.context as u64
    }

    fn count(&self, counter: Counter) -> u64 {
        self.executor.counters().since(&self.before).get(counter).unwrap_or(0)
    }

    fn value(&self, register: HostRegister) -> u64 {
        let flag = |on: bool, bit: u32| if on { bit } else { 0 };
        match register {
            HostRegister::Id => host::ID.into(),
            HostRegister::MapVersion => host::MAP_VERSION.into(),
            HostRegister::IsaVersion => skipopu_isa::VERSION.into(),
            HostRegister::Configuration => self.machine.hash,
            HostRegister::Control => flag(self.enable, control::INTERRUPT_ENABLE).into(),
            HostRegister::Status => {
                (flag(self.done, status::DONE) | flag(self.pending, status::INTERRUPT)).into()
            }
            HostRegister::Interrupt => self.pending.into(),
            HostRegister::Cause => self.cause.code().into(),
            HostRegister::FaultKind => self.fault.code().into(),
            HostRegister::FaultUnit => self.unit as u64,
            HostRegister::FaultPort if self.fault == FaultKind::None => 0,
            HostRegister::FaultPort => match self.stop {
                Some(Stop::Address { site: Site::Hbm(port), .. }) => port as u64,
                Some(Stop::Address { site: Site::Ddr, .. }) => {
                    self.machine.order.machine.ports as u64
                }
                _ => NO_PORT.into(),
            },
            HostRegister::FaultAddress => match self.stop {
                Some(Stop::Address { address, .. }) => address,
                _ => 0,
            },
            HostRegister::Pc => self.pc.into(),
            setting => self.setting(setting).into(),
        }
    }
}

/// The cause, and the kind of fault, that the core would show.
fn cause(stop: &Stop) -> (Cause, FaultKind) {
    let cause = match stop {
        Stop::Program(ProgramError::Magic) => Cause::Magic,
        Stop::Program(ProgramError::Version { .. }) => Cause::Version,
        Stop::Program(ProgramError::Length { .. }) => Cause::Length,
        Stop::Program(ProgramError::Checksum { .. }) => Cause::Checksum,
        Stop::Program(ProgramError::Configuration { .. }) => Cause::Configuration,
        Stop::Program(ProgramError::Instruction { error, .. }) => error.cause(),
        Stop::Left { .. } => Cause::Left,
        Stop::Semaphore { .. } => Cause::Semaphore,
        Stop::Deadlock { .. } => Cause::Watchdog,
        Stop::Kv(_) | Stop::Position { .. } => return (Cause::Unit, FaultKind::KvTable),
        Stop::Starved | Stop::LeftOver { .. } | Stop::Weights { .. } => {
            return (Cause::Unit, FaultKind::Weights)
        }
        Stop::NoRow => return (Cause::Unit, FaultKind::NoRow),
        Stop::Address { site: Site::Hbm(_) | Site::Ddr, .. } => {
            return (Cause::Unit, FaultKind::Decode)
        }
        _ => return (Cause::Unit, FaultKind::OnChip),
    };
    (cause, FaultKind::None)
}

fn outside(memory: String, at: u64, bytes: usize) -> impl FnOnce(Stop) -> DeviceError {
    move |_| DeviceError::Outside { memory, at, bytes }
}

impl Device for ExecutorDevice {
    fn label(&self) -> &str {
        "reference executor"
    }

    fn keeps(&self, counter: Counter) -> bool {
        Counters::default().get(counter).is_some()
    }

    fn write_hbm(&mut self, port: usize, at: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let fail = outside(format!("HBM port {port}"), at, bytes.len());
        match self.executor.memory.hbm.get_mut(port) {
            Some(memory) => memory.write(at, bytes).map_err(fail),
            None => Err(fail(Stop::Starved)),
        }
    }

    fn read_hbm(&mut self, port: usize, at: u64, into: &mut [u8]) -> Result<(), DeviceError> {
        let fail = outside(format!("HBM port {port}"), at, into.len());
        match self.executor.memory.hbm.get(port) {
            Some(memory) => memory.read(at, into).map_err(fail),
            None => Err(fail(Stop::Starved)),
        }
    }

    fn write_ddr(&mut self, at: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let fail = outside("DDR".into(), at, bytes.len());
        self.executor.memory.ddr.write(at, bytes).map_err(fail)
    }

    fn read_ddr(&mut self, at: u64, into: &mut [u8]) -> Result<(), DeviceError> {
        let fail = outside("DDR".into(), at, into.len());
        self.executor.memory.ddr.read(at, into).map_err(fail)
    }

    fn write_register(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        let refused = Err(DeviceError::Refused { offset, write: true });
        let Some(register) = HostRegister::ALL.iter().find(|r| r.offset() == offset) else {
            return refused;
        };
        match register.spec().access {
            Access::Read => return refused,
            Access::Setting => {
                if let Some(i) = setting(*register) {
                    self.settings[i] = value;
                }
            }
            Access::Clear => self.pending &= value & 1 == 0,
            Access::ReadWrite => {
                let (start, reset) = (value & control::START != 0, value & control::RESET != 0);
                if start && (reset || !self.startable()) {
                    return refused;
                }
                self.enable = value & control::INTERRUPT_ENABLE != 0;
                if reset {
                    self.executor.forget();
                    (self.done, self.pending) = (false, false);
                }
                if start {
                    self.start();
                }
            }
        }
        Ok(())
    }

    fn read_register(&mut self, offset: u32) -> Result<u32, DeviceError> {
        let word = |value: u64, first: u32| (value >> (8 * (offset - first))) as u32;
        let within = |first: u32, words: u32| {
            offset % 4 == 0 && (first..first + 4 * words).contains(&offset)
        };
        if let Some(r) = HostRegister::ALL.iter().find(|r| within(r.offset(), r.spec().words)) {
            return Ok(word(self.value(*r), r.offset()));
        }
        match Counter::ALL.iter().find(|c| within(c.offset(), 2)) {
            Some(c) => Ok(word(self.count(*c), c.offset())),
            None => Err(DeviceError::Refused { offset, write: false }),
        }
    }

    fn wait(
        &mut self,
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), DeviceError> {
        if tick(Progress::default()).is_break() {
            return Err(DeviceError::Cancelled);
        }
        match self.pending && self.enable {
            true => Ok(()),
            false => Err(DeviceError::Failed {
                device: self.label().into(),
                problem: "no interrupt comes, as no program was started with the interrupt enabled"
                    .into(),
            }),
        }
    }

    fn detail(&self) -> Option<String> {
        self.stop.as_ref().map(|stop| format!("the executor says: {stop}"))
    }
}

/// The unit numbers that the register shows are those of [`Unit`].
const _: () = assert!(Unit::ALL.len() <= 4);
