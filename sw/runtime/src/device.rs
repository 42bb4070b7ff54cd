//! [`Device`]: an overlay as its host reaches it.

use skipopu_isa::host::{control, status, Counter, HostRegister};
use std::ops::ControlFlow;

/// Readings of the status after which a core that resets is given up.
const RESET_READINGS: usize = 1000;

/// Where a program is, as far as the device knows without asking the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Cycles of the core since the start.
    pub cycles: u64,
    /// The instruction that control is at.
    pub pc: Option<u32>,
}

/// An overlay: the memories that it shares with the host, its registers, its interrupt.
///
/// Memories are written and read while no program runs. Addresses are bytes.
pub trait Device {
    /// What reports call it.
    fn label(&self) -> &str;

    /// Does the core keep this counter? One that it does not keep reads as 0 and means nothing.
    fn keeps(&self, counter: Counter) -> bool;

    /// Writes the memory of an HBM port.
    ///
    /// # Errors
    /// Bytes outside the memory, a device that fails.
    fn write_hbm(&mut self, port: usize, at: u64, bytes: &[u8]) -> Result<(), DeviceError>;

    /// Reads the memory of an HBM port.
    ///
    /// # Errors
    /// As [`Device::write_hbm`].
    fn read_hbm(&mut self, port: usize, at: u64, into: &mut [u8]) -> Result<(), DeviceError>;

    /// Writes DDR.
    ///
    /// # Errors
    /// As [`Device::write_hbm`].
    fn write_ddr(&mut self, at: u64, bytes: &[u8]) -> Result<(), DeviceError>;

    /// Reads DDR.
    ///
    /// # Errors
    /// As [`Device::write_hbm`].
    fn read_ddr(&mut self, at: u64, into: &mut [u8]) -> Result<(), DeviceError>;

    /// Writes a register.
    ///
    /// # Errors
    /// [`DeviceError::Refused`] when the core answers SLVERR; a device that fails.
    fn write_register(&mut self, offset: u32, value: u32) -> Result<(), DeviceError>;

    /// Reads a register.
    ///
    /// # Errors
    /// As [`Device::write_register`].
    fn read_register(&mut self, offset: u32) -> Result<u32, DeviceError>;

    /// Reads a register of 64 bits.
    ///
    /// # Errors
    /// As [`Device::read_register`].
    fn read_wide(&mut self, offset: u32) -> Result<u64, DeviceError> {
        let low = self.read_register(offset)?;
        Ok(u64::from(self.read_register(offset + 4)?) << 32 | u64::from(low))
    }

    /// Resets the core and waits until it is idle.
    ///
    /// # Errors
    /// A device that fails, a core that does not come out of its reset.
    fn reset(&mut self) -> Result<(), DeviceError> {
        self.write_register(HostRegister::Control.offset(), control::RESET)?;
        for _ in 0..RESET_READINGS {
            if self.read_register(HostRegister::Status.offset())? & status::BUSY == 0 {
                return Ok(());
            }
        }
        let problem = "the core does not come out of its reset".to_string();
        Err(DeviceError::Failed { device: self.label().into(), problem })
    }

    /// Waits for the interrupt. `tick` is called now and then; when it breaks, the wait ends with
    /// [`DeviceError::Cancelled`] and the program goes on running.
    ///
    /// # Errors
    /// A device that fails, or on which time passes without an end.
    fn wait(
        &mut self,
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), DeviceError>;

    /// What the device knows of the last stop beyond its registers.
    fn detail(&self) -> Option<String> {
        None
    }
}

/// What a device did not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The core answered an access to a register with SLVERR.
    #[error("the core refuses the {} of register {offset:#05x}", if *.write { "writing" } else { "reading" })]
    Refused {
        /// The register.
        offset: u32,
        /// Was it written?
        write: bool,
    },
    /// Bytes outside a memory.
    #[error("{bytes} bytes at {at:#x} are outside {memory}")]
    Outside {
        /// The memory.
        memory: String,
        /// First byte.
        at: u64,
        /// Bytes.
        bytes: usize,
    },
    /// The caller wants no more.
    #[error("interrupted")]
    Cancelled,
    /// Anything else.
    #[error("{device}: {problem}")]
    Failed {
        /// The device.
        device: String,
        /// What happened.
        problem: String,
    },
}
