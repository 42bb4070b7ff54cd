//! Finding the ports of an AXI master by their prefix.

use super::AxiError;
use crate::engine::Engine;
use skipopu_hdl::Dir;

/// Widest data a port may have, in limbs of 64 bits.
pub(super) const DATA_LIMBS: usize = 16;

/// An address channel; numbers of ports of the engine.
#[derive(Clone, Debug)]
pub(super) struct AddressPorts {
    pub valid: usize,
    pub ready: usize,
    pub address: usize,
    pub len: usize,
    pub id: Option<usize>,
    pub size: Option<usize>,
    pub burst: Option<usize>,
}

/// The read half of a master.
#[derive(Clone, Debug)]
pub(super) struct ReadPorts {
    pub ar: AddressPorts,
    pub valid: usize,
    pub ready: usize,
    pub data: usize,
    pub id: Option<usize>,
    pub resp: Option<usize>,
    pub last: usize,
    /// Bytes of a beat.
    pub bytes: usize,
}

/// The write half of a master.
#[derive(Clone, Debug)]
pub(super) struct WritePorts {
    pub aw: AddressPorts,
    pub w_valid: usize,
    pub w_ready: usize,
    pub data: usize,
    pub strobe: usize,
    pub last: usize,
    pub w_id: Option<usize>,
    pub b_valid: usize,
    pub b_ready: usize,
    pub b_id: Option<usize>,
    pub b_resp: Option<usize>,
    pub bytes: usize,
}

/// Looks ports up; directions are those of the master.
pub(super) struct Finder<'a> {
    pub engine: &'a dyn Engine,
    pub prefix: &'a str,
}

impl Finder<'_> {
    pub fn fault(&self, fault: String) -> AxiError {
        let (prefix, engine) = (self.prefix.to_string(), self.engine.label().to_string());
        AxiError::Ports { prefix, engine, fault }
    }

    pub fn has(&self, name: &str) -> bool {
        let full = format!("{}_{name}", self.prefix);
        self.engine.ports().iter().any(|p| p.name == full)
    }

    fn width(&self, index: usize) -> usize {
        self.engine.ports()[index].width
    }

    /// The port `name`, if there is one; `bits` 0 accepts any width up to 64.
    fn optional(&self, name: &str, dir: Dir, bits: usize) -> Result<Option<usize>, AxiError> {
        let full = format!("{}_{name}", self.prefix);
        let Some(index) = self.engine.ports().iter().position(|p| p.name == full) else {
            return Ok(None);
        };
        let port = &self.engine.ports()[index];
        if port.dir != dir {
            return Err(self.fault(format!("`{full}` in the wrong direction")));
        }
        if bits > 0 && port.width != bits {
            return Err(self.fault(format!("{} bits in `{full}` instead of {bits}", port.width)));
        }
        if bits == 0 && port.width > 64 {
            return Err(self.fault(format!("{} bits in `{full}`, at most 64 fit", port.width)));
        }
        Ok(Some(index))
    }

    fn need(&self, name: &str, dir: Dir, bits: usize) -> Result<usize, AxiError> {
        self.optional(name, dir, bits)?
            .ok_or_else(|| self.fault(format!("no port `{}_{name}`", self.prefix)))
    }

    /// The data port and its bytes.
    fn data(&self, name: &str, dir: Dir) -> Result<(usize, usize), AxiError> {
        let full = format!("{}_{name}", self.prefix);
        let position = self.engine.ports().iter().position(|p| p.name == full);
        let index = position.ok_or_else(|| self.fault(format!("no port `{full}`")))?;
        let port = &self.engine.ports()[index];
        if port.dir != dir {
            return Err(self.fault(format!("`{full}` in the wrong direction")));
        }
        let bits = port.width;
        if !bits.is_power_of_two() || !(8..=64 * DATA_LIMBS).contains(&bits) {
            let legal = "a power of two from 8 to 1024";
            return Err(self.fault(format!("{bits} bits in `{full}` instead of {legal}")));
        }
        Ok((index, bits / 8))
    }

    fn address(&self, c: &str) -> Result<AddressPorts, AxiError> {
        let name = |signal: &str| format!("{c}{signal}");
        Ok(AddressPorts {
            valid: self.need(&name("valid"), Dir::Out, 1)?,
            ready: self.need(&name("ready"), Dir::In, 1)?,
            address: self.need(&name("addr"), Dir::Out, 0)?,
            len: self.need(&name("len"), Dir::Out, 0)?,
            id: self.optional(&name("id"), Dir::Out, 0)?,
            size: self.optional(&name("size"), Dir::Out, 3)?,
            burst: self.optional(&name("burst"), Dir::Out, 2)?,
        })
    }

    /// The answer's ID, as wide as the address's.
    fn answer_id(&self, name: &str, id: Option<usize>) -> Result<(Option<usize>, usize), AxiError> {
        match id {
            None => Ok((None, 0)),
            Some(asked) => {
                let bits = self.width(asked);
                Ok((Some(self.need(name, Dir::In, bits)?), bits))
            }
        }
    }

    pub fn read(&self) -> Result<ReadPorts, AxiError> {
        let ar = self.address("ar")?;
        let (data, bytes) = self.data("rdata", Dir::In)?;
        let (id, _) = self.answer_id("rid", ar.id)?;
        Ok(ReadPorts {
            ar,
            valid: self.need("rvalid", Dir::In, 1)?,
            ready: self.need("rready", Dir::Out, 1)?,
            data,
            id,
            resp: self.optional("rresp", Dir::In, 2)?,
            last: self.need("rlast", Dir::In, 1)?,
            bytes,
        })
    }

    pub fn write(&self) -> Result<WritePorts, AxiError> {
        let aw = self.address("aw")?;
        let (data, bytes) = self.data("wdata", Dir::Out)?;
        let (b_id, id_bits) = self.answer_id("bid", aw.id)?;
        let strobe = format!("{}_wstrb", self.prefix);
        let ports = self.engine.ports();
        let strobe = ports
            .iter()
            .position(|p| p.name == strobe && p.dir == Dir::Out && p.width == bytes)
            .ok_or_else(|| self.fault(format!("no output `{strobe}` of {bytes} bits")))?;
        Ok(WritePorts {
            w_valid: self.need("wvalid", Dir::Out, 1)?,
            w_ready: self.need("wready", Dir::In, 1)?,
            data,
            strobe,
            last: self.need("wlast", Dir::Out, 1)?,
            w_id: self.optional("wid", Dir::Out, id_bits)?,
            b_valid: self.need("bvalid", Dir::In, 1)?,
            b_ready: self.need("bready", Dir::Out, 1)?,
            b_id,
            b_resp: self.optional("bresp", Dir::In, 2)?,
            bytes,
            aw,
        })
    }
}
