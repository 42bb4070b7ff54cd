//! [`Halt`]: why a core stopped.

use skipopu_isa::host::{FaultKind, NO_PORT};
use skipopu_isa::{asm, Cause, Instruction, Unit};
use std::fmt;

/// What a unit reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Number of the unit.
    pub unit: u32,
    /// Number of the kind.
    pub kind: u32,
    /// Port of a memory outside, or [`NO_PORT`].
    pub port: u32,
    /// Address there.
    pub address: u64,
    /// HBM ports of the core: ports from there on are DDR channels.
    pub hbm_ports: usize,
}

impl Fault {
    /// Where it happened.
    fn place(&self) -> String {
        match self.port {
            NO_PORT => format!("at slice {:#x} on chip", self.address),
            port if (port as usize) < self.hbm_ports => {
                format!("at byte {:#x} of HBM port {port}", self.address)
            }
            port => {
                format!(
                    "at byte {:#x} of DDR channel {}",
                    self.address,
                    port as usize - self.hbm_ports
                )
            }
        }
    }
}

/// A program that stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Number of the cause.
    pub code: u32,
    /// The instruction that control was at.
    pub pc: u32,
    /// That instruction, where the program has it.
    pub instruction: Option<Instruction>,
    /// What a unit reported.
    pub fault: Option<Fault>,
    /// What the device knows beyond that.
    pub detail: Option<String>,
}

impl std::error::Error for Halt {}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = u8::try_from(self.code).ok().and_then(Cause::from_code);
        let reason = match cause {
            Some(cause) => cause.text().to_string(),
            None => format!("cause {}, which this program does not know", self.code),
        };
        write!(f, "the core stopped: ")?;
        match &self.fault {
            Some(fault) if cause == Some(Cause::Unit) => {
                let unit = Unit::ALL.get(fault.unit as usize).map_or("an unknown", |u| u.name());
                let kind = FaultKind::from_code(fault.kind);
                let what = kind.map_or("a fault of unknown kind", FaultKind::text);
                write!(f, "the {unit} unit reports that {what}, {}", fault.place())?;
            }
            _ => write!(f, "{reason}")?,
        }
        let before =
            [Cause::Magic, Cause::Version, Cause::Configuration, Cause::Length, Cause::Checksum];
        if !cause.is_some_and(|c| before.contains(&c)) {
            write!(f, "; control was at instruction {}", self.pc)?;
            if let Some(instruction) = &self.instruction {
                write!(f, " ({})", asm::line(instruction, 0))?;
            }
        }
        match &self.detail {
            Some(detail) => write!(f, "; {detail}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_for_every_cause() {
        for cause in Cause::ALL.iter().filter(|c| **c != Cause::None) {
            let fault = Fault { unit: 1, kind: 2, port: 3, address: 64, hbm_ports: 4 };
            let code = u32::from(cause.code());
            let halt = Halt { code, pc: 7, instruction: None, fault: Some(fault), detail: None };
            let text = halt.to_string();
            assert!(!text.contains('\n') && text.starts_with("the core stopped: "), "{text}");
            assert_eq!(text.contains("HBM port 3"), *cause == Cause::Unit, "{text}");
        }
        let ddr = Fault { unit: 3, kind: 3, port: 5, address: 0x40, hbm_ports: 4 };
        let halt = Halt { code: 8, pc: 0, instruction: None, fault: Some(ddr), detail: None };
        assert_eq!(
            halt.to_string(),
            "the core stopped: the store unit reports that no memory has the address, at byte 0x40 of DDR channel 1; control was at instruction 0"
        );
        let unknown = Halt { code: 77, pc: 0, instruction: None, fault: None, detail: None };
        assert!(unknown.to_string().contains("cause 77"));
    }
}
