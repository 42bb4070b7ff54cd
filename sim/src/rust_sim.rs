//! [`RustSim`]: a rust-hdl block simulated in its own language.

use crate::engine::{Engine, EngineError};
use skipopu_hdl::{Dut, Port, Word};

/// Updates allowed for one evaluation. A chain of blocks needs about two per block.
const DEFAULT_ITERATIONS: usize = 10_000;

/// A rust-hdl block as an [`Engine`].
pub struct RustSim {
    block: Box<dyn Dut>,
    ports: Vec<Port>,
    label: String,
    iterations: usize,
}

impl RustSim {
    /// Connects the block; inputs and clocks start at 0.
    ///
    /// # Errors
    /// [`EngineError::NotConverging`] when it does not settle.
    pub fn new(mut block: Box<dyn Dut>) -> Result<RustSim, EngineError> {
        block.connect_all();
        let ports = block.ports();
        let mut sim =
            RustSim { block, ports, label: "rust-hdl".to_string(), iterations: DEFAULT_ITERATIONS };
        sim.eval()?;
        Ok(sim)
    }

    /// Another bound on the updates of one evaluation. Default 10,000.
    pub fn iterations(mut self, limit: usize) -> RustSim {
        self.iterations = limit;
        self
    }

    /// The block.
    pub fn block(&self) -> &dyn Dut {
        &*self.block
    }
}

impl Engine for RustSim {
    fn label(&self) -> &str {
        &self.label
    }

    fn ports(&self) -> &[Port] {
        &self.ports
    }

    fn poke(&mut self, index: usize, value: &Word) {
        self.block.poke(&self.ports[index].name, value);
    }

    fn peek(&self, index: usize) -> Word {
        self.block.peek(&self.ports[index].name)
    }

    fn eval(&mut self) -> Result<(), EngineError> {
        for _ in 0..self.iterations {
            self.block.update_all();
            if !self.block.has_changed() {
                return Ok(());
            }
        }
        Err(EngineError::NotConverging { engine: self.label.clone(), iterations: self.iterations })
    }
}
