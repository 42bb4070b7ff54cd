//! [`Engine`]: one small interface to anything that simulates a block, so that one test body drives
//! the rust-hdl block and its Verilated twin alike.

use crate::model::{Model, ModelError};
use skipopu_hdl::{Dir, Port, Word};
use thiserror::Error;

/// A wrong use of an engine, or a simulation that failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EngineError {
    /// No port of that name.
    #[error("{engine} has no port `{port}`: its ports are {}", have.join(", "))]
    NoSuchPort {
        /// The engine's label.
        engine: String,
        /// The name asked for.
        port: String,
        /// The ports there are.
        have: Vec<String>,
    },
    /// An output was to be set, or a data port ticked.
    #[error("port `{port}` of {engine} is not {wanted}: use another port")]
    WrongKind {
        /// The engine's label.
        engine: String,
        /// The port.
        port: String,
        /// What the call needs.
        wanted: &'static str,
    },
    /// A value of the wrong width.
    #[error("port `{port}` of {engine} has {width} bits and cannot take the {given}-bit value given: size the value")]
    WrongWidth {
        /// The engine's label.
        engine: String,
        /// The port.
        port: String,
        /// Its width.
        width: usize,
        /// The value's width; 0 for an unsized literal that does not fit.
        given: usize,
    },
    /// Combinational logic that never settles.
    #[error(
        "{engine} did not settle within {iterations} iterations: look for a combinational loop"
    )]
    NotConverging {
        /// The engine's label.
        engine: String,
        /// Iterations tried.
        iterations: usize,
    },
    /// The Verilated model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Something that simulates one block.
///
/// The order of calls in a cycle: set the inputs, [`eval`](Engine::eval), read combinational outputs,
/// then [`edge`](Engine::edge) up, read again, `edge` down; or [`tick`](Engine::tick) for all of it.
/// Ports are numbered as in [`ports`](Engine::ports); callers in a loop look the number up once.
pub trait Engine {
    /// What messages call this engine, e.g. `Verilator:Fifo`.
    fn label(&self) -> &str;

    /// Ports in declaration order.
    fn ports(&self) -> &[Port];

    /// Sets the input `index`. The value has the port's width.
    ///
    /// # Panics
    /// On a number that is not an input's or a value of another width; [`Engine::set`] checks both.
    fn poke(&mut self, index: usize, value: &Word);

    /// Reads port `index`.
    fn peek(&self, index: usize) -> Word;

    /// Sets the input `index` from little-endian 64-bit limbs; bits above the port's width are dropped.
    fn poke_limbs(&mut self, index: usize, limbs: &[u64]) {
        let word = Word::from_limbs(self.ports()[index].width, limbs);
        self.poke(index, &word);
    }

    /// Reads port `index` into little-endian 64-bit limbs, one for every 64 bits of the port.
    ///
    /// # Panics
    /// When there are fewer limbs than that.
    fn peek_limbs(&self, index: usize, limbs: &mut [u64]) {
        let word = self.peek(index);
        limbs[..word.limbs().len()].copy_from_slice(word.limbs());
    }

    /// Lets combinational logic settle.
    ///
    /// # Errors
    /// When it does not, or the simulation fails.
    fn eval(&mut self) -> Result<(), EngineError>;

    /// Drives all the clock ports `clocks` to one level at the same moment and lets the design settle.
    /// Inputs must have settled before ([`eval`](Engine::eval)).
    ///
    /// # Errors
    /// As [`eval`](Engine::eval).
    fn edge(&mut self, clocks: &[usize], high: bool) -> Result<(), EngineError> {
        for clock in clocks {
            self.poke(*clock, &Word::from(high));
        }
        self.eval()
    }

    /// Number of the port `name`.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPort`].
    fn index(&self, name: &str) -> Result<usize, EngineError> {
        self.ports().iter().position(|p| p.name == name).ok_or_else(|| EngineError::NoSuchPort {
            engine: self.label().to_string(),
            port: name.to_string(),
            have: self.ports().iter().map(|p| p.name.clone()).collect(),
        })
    }

    /// Number of the clock port `name`.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPort`], [`EngineError::WrongKind`].
    fn clock_index(&self, name: &str) -> Result<usize, EngineError> {
        let index = self.index(name)?;
        let port = &self.ports()[index];
        if port.clock && port.dir == Dir::In {
            return Ok(index);
        }
        let (engine, port) = (self.label().to_string(), name.to_string());
        Err(EngineError::WrongKind { engine, port, wanted: "a clock input" })
    }

    /// Sets the input `name`; an unsized literal takes the port's width.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPort`], [`EngineError::WrongKind`], [`EngineError::WrongWidth`].
    fn set(&mut self, name: &str, value: &Word) -> Result<(), EngineError> {
        let index = self.index(name)?;
        let port = &self.ports()[index];
        let (dir, width) = (port.dir, port.width);
        let engine = || self.label().to_string();
        if dir != Dir::In {
            return Err(EngineError::WrongKind {
                engine: engine(),
                port: name.to_string(),
                wanted: "an input",
            });
        }
        let given = value.width();
        let sized = Word::from_limbs(width, value.limbs());
        // Comparing with an unsized literal compares values.
        if given != width && (given != 0 || sized != *value) {
            return Err(EngineError::WrongWidth {
                engine: engine(),
                port: name.to_string(),
                width,
                given,
            });
        }
        self.poke(index, &sized);
        Ok(())
    }

    /// Reads the port `name`.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPort`].
    fn get(&self, name: &str) -> Result<Word, EngineError> {
        Ok(self.peek(self.index(name)?))
    }

    /// One cycle of the clock `name`: settle, rising edge, falling edge.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPort`], [`EngineError::WrongKind`], or a simulation that fails.
    fn tick(&mut self, name: &str) -> Result<(), EngineError> {
        let clock = [self.clock_index(name)?];
        self.eval()?;
        self.edge(&clock, true)?;
        self.edge(&clock, false)
    }
}

impl Engine for Model {
    fn label(&self) -> &str {
        Model::label(self)
    }

    fn ports(&self) -> &[Port] {
        Model::ports(self)
    }

    fn poke(&mut self, index: usize, value: &Word) {
        self.poke_index(index, value);
    }

    fn peek(&self, index: usize) -> Word {
        self.peek_index(index)
    }

    fn poke_limbs(&mut self, index: usize, limbs: &[u64]) {
        self.poke_index_limbs(index, limbs);
    }

    fn peek_limbs(&self, index: usize, limbs: &mut [u64]) {
        self.peek_index_limbs(index, limbs);
    }

    fn eval(&mut self) -> Result<(), EngineError> {
        Ok(Model::eval(self)?)
    }

    fn edge(&mut self, clocks: &[usize], high: bool) -> Result<(), EngineError> {
        Ok(self.drive_clocks(clocks, high)?)
    }
}
