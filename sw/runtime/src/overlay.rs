//! [`Overlay`]: a model on a device, a block of tokens at a time.

use crate::counts::Counts;
use crate::device::{Device, DeviceError, Progress};
use crate::error::RuntimeError;
use crate::halt::{Fault, Halt};
use crate::timeline::Timeline;
use skipopu_compiler::images::fp16_bytes;
use skipopu_compiler::{Compiled, Geometry};
use skipopu_config::Config;
use skipopu_isa::host::{self, control, Counter, HostRegister};
use skipopu_isa::{Cause, Program};
use skipopu_kv::layout::WORD_BYTES;
use skipopu_model::Model;
use std::ops::ControlFlow;

/// What a block of tokens gave.
#[derive(Clone, Debug)]
pub struct Block {
    /// Logits after its last token.
    pub logits: Vec<f32>,
    /// The core's counters.
    pub counts: Counts,
}

/// A compiled model on a device.
pub struct Overlay {
    device: Box<dyn Device>,
    model: Model,
    program: Program,
    /// First byte in DDR of the block's rows, bytes from row to row.
    block: (u64, u64),
    /// First byte of the logits.
    logits: u64,
    rows: usize,
    context: usize,
    hbm_ports: usize,
    position: usize,
}

impl Overlay {
    /// Checks the core, resets it and writes the images; `step` is told the bytes written so far.
    ///
    /// # Errors
    /// A core of another kind, version or configuration; a device that fails.
    pub fn new(
        mut device: Box<dyn Device>,
        model: &Model,
        compiled: &Compiled,
        config: &Config,
        mut step: impl FnMut(u64),
    ) -> Result<Overlay, RuntimeError> {
        check(&mut *device, compiled.program.configuration)?;
        device.reset()?;
        let mut written = 0;
        for (port, image) in compiled.images.hbm.iter().enumerate() {
            device.write_hbm(port, 0, image)?;
            written += image.len() as u64;
            step(written);
        }
        for (at, bytes) in &compiled.images.ddr {
            device.write_ddr(*at, bytes)?;
            written += bytes.len() as u64;
            step(written);
        }
        let (map, geometry) = (&compiled.map.ddr, Geometry::of(config));
        device.write_register(HostRegister::Program.offset(), map.program as u32)?;
        let byte = |word: usize| (word * WORD_BYTES) as u64;
        let context = model.spec.context.min(config.kv_buffer.context as usize);
        Ok(Overlay {
            device,
            model: model.clone(),
            program: compiled.program.clone(),
            block: (byte(map.block), byte(geometry.words(compiled.sizes.x.slices))),
            logits: byte(map.logits),
            rows: geometry.rows,
            context,
            hbm_ports: config.memory.hbm_ports as usize,
            position: 0,
        })
    }

    /// The device.
    pub fn device(&self) -> &dyn Device {
        &*self.device
    }

    /// Most tokens of a block.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Most tokens of a text.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Tokens of the present text.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Begins a new text.
    pub fn restart(&mut self) {
        self.position = 0;
    }

    /// Sets the cycles of silence after which the core stops.
    ///
    /// # Errors
    /// A device that fails.
    pub fn set_watchdog(&mut self, cycles: u32) -> Result<(), RuntimeError> {
        Ok(self.device.write_register(HostRegister::Watchdog.offset(), cycles)?)
    }

    /// As [`Overlay::next`], with the counters read all the while.
    ///
    /// # Errors
    /// As [`Overlay::next`].
    pub fn next_sampled(
        &mut self,
        tokens: &[u32],
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(Block, Timeline), RuntimeError> {
        self.start(tokens)?;
        let sampled = Timeline::sample(&mut *self.device, tick);
        let timeline = self.awaited(sampled)?;
        Ok((self.finish(tokens)?, timeline))
    }

    /// Computes the next tokens, 1 to [`Overlay::rows`] of them. `tick` is called now and then; when it breaks, the core is
    /// reset and the text lost.
    ///
    /// # Errors
    /// A token outside the vocabulary, more tokens than a block or the context holds, a core that stops, a device that
    /// fails, or that `tick` broke.
    pub fn next(
        &mut self,
        tokens: &[u32],
        tick: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Block, RuntimeError> {
        self.start(tokens)?;
        let waited = self.device.wait(tick);
        self.awaited(waited)?;
        self.finish(tokens)
    }

    /// Writes the tokens' embeddings and starts the program.
    fn start(&mut self, tokens: &[u32]) -> Result<(), RuntimeError> {
        self.fits(tokens)?;
        for (row, token) in tokens.iter().enumerate() {
            let bytes = fp16_bytes(&self.model.embedding.row(*token as usize));
            self.device.write_ddr(self.block.0 + row as u64 * self.block.1, &bytes)?;
        }
        let device = &mut *self.device;
        device.write_register(HostRegister::Rows.offset(), tokens.len() as u32)?;
        device.write_register(HostRegister::Position.offset(), self.position as u32)?;
        let start = control::START | control::INTERRUPT_ENABLE;
        device.write_register(HostRegister::Control.offset(), start)?;
        Ok(())
    }

    /// A program that nobody waits for any more is ended.
    fn awaited<T>(&mut self, result: Result<T, DeviceError>) -> Result<T, RuntimeError> {
        if matches!(result, Err(DeviceError::Cancelled)) {
            self.device.reset()?;
            self.position = 0;
        }
        Ok(result?)
    }

    /// Why the program stopped; counters and logits.
    fn finish(&mut self, tokens: &[u32]) -> Result<Block, RuntimeError> {
        let device = &mut *self.device;
        device.write_register(HostRegister::Interrupt.offset(), 1)?;
        let code = device.read_register(HostRegister::Cause.offset())?;
        if code != u32::from(Cause::None.code()) {
            let halt = self.halt(code)?;
            self.device.reset()?;
            self.position = 0;
            return Err(halt.into());
        }
        let counts = counts(device)?;
        self.position += tokens.len();
        let mut bytes = vec![0; 4 * self.model.spec.vocab];
        self.device.read_ddr(self.logits, &mut bytes)?;
        let logits =
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Block { logits, counts })
    }

    fn fits(&self, tokens: &[u32]) -> Result<(), RuntimeError> {
        let length = |tokens, limit| Err(RuntimeError::Length { tokens, limit });
        if tokens.is_empty() || tokens.len() > self.rows {
            return length(tokens.len(), format!("a block takes 1 to {}", self.rows));
        }
        let end = self.position + tokens.len();
        if end > self.context {
            return length(end, format!("the context holds {}", self.context));
        }
        let vocab = self.model.spec.vocab;
        match tokens.iter().find(|t| **t as usize >= vocab) {
            Some(token) => Err(RuntimeError::Token { token: *token, vocab }),
            None => Ok(()),
        }
    }

    fn halt(&mut self, code: u32) -> Result<Halt, RuntimeError> {
        let device = &mut *self.device;
        let mut read = |r: HostRegister| device.read_register(r.offset());
        let pc = read(HostRegister::Pc)?;
        let fault = Fault {
            unit: read(HostRegister::FaultUnit)?,
            kind: read(HostRegister::FaultKind)?,
            port: read(HostRegister::FaultPort)?,
            address: device.read_wide(HostRegister::FaultAddress.offset())?,
            hbm_ports: self.hbm_ports,
        };
        let reported = code == u32::from(Cause::Unit.code());
        Ok(Halt {
            code,
            pc,
            instruction: self.program.instructions.get(pc as usize).copied(),
            // A unit that is not named has said nothing that could be printed.
            fault: Some(fault).filter(|f| reported && f.unit != 0),
            detail: self.device.detail(),
        })
    }
}

/// Is it the core that the program is for?
fn check(device: &mut dyn Device, expected: u64) -> Result<(), RuntimeError> {
    let found = device.read_register(HostRegister::Id.offset())?;
    if found != host::ID {
        return Err(RuntimeError::NoCore { found, expected: host::ID });
    }
    let versions = [
        ("its register map", HostRegister::MapVersion, host::MAP_VERSION),
        ("the instruction set", HostRegister::IsaVersion, skipopu_isa::VERSION),
    ];
    for (what, register, expected) in versions {
        let found = device.read_register(register.offset())?;
        if found != expected {
            return Err(RuntimeError::Version { what, found, expected });
        }
    }
    let found = device.read_wide(HostRegister::Configuration.offset())?;
    match found == expected {
        true => Ok(()),
        false => Err(RuntimeError::Configuration { found, expected }),
    }
}

fn counts(device: &mut dyn Device) -> Result<Counts, DeviceError> {
    let mut counts = Counts::default();
    for counter in Counter::ALL {
        if device.keeps(*counter) {
            counts.set(*counter, device.read_wide(counter.offset())?);
        }
    }
    Ok(counts)
}
