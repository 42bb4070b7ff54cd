//! [`Core`]: the core of a configuration, emitted and Verilated.

use skipopu_config::Config;
use skipopu_hdl::{emit, Design, EmitOptions};
use skipopu_hw::overlay::Overlay;
use skipopu_sim::{Trace, Verilate, Verilated};

/// Stack of the thread that elaborates: the hierarchy is deep.
const STACK: usize = 1 << 28;

/// Why there is no simulated core.
#[derive(Debug, thiserror::Error)]
pub enum CosimError {
    /// Sizes that do not go together.
    #[error("no overlay of configuration {name}: {problem}")]
    Configuration {
        /// The configuration.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A tool that fails or is missing.
    #[error("the overlay cannot be simulated: {0}")]
    Tool(String),
}

/// A core, ready to be instantiated.
pub struct Core {
    pub(crate) config: Config,
    /// Its Verilog.
    pub design: Design,
    pub(crate) verilated: Verilated,
}

impl Core {
    /// Emits and Verilates; what was built before is taken from the cache. With `trace` its models can write waveforms.
    ///
    /// # Errors
    /// A configuration that is no overlay, tools that fail.
    pub fn build(config: &Config, trace: bool) -> Result<Core, CosimError> {
        let design = Core::design(config)?;
        // Without gate optimisation Verilator keeps like blocks alike and compiles each kind once.
        let mut verilate = Verilate::new(&design).arg("-fno-gate");
        if trace {
            verilate = verilate.trace(Trace::Fst);
        }
        let verilated = verilate.build().map_err(|e| CosimError::Tool(e.to_string()))?;
        Ok(Core { config: config.clone(), design, verilated })
    }

    /// The Verilog of a configuration's core.
    ///
    /// # Errors
    /// A configuration that is no overlay.
    pub fn design(config: &Config) -> Result<Design, CosimError> {
        let own = config.clone();
        let refused =
            |problem: String| CosimError::Configuration { name: config.name.clone(), problem };
        let elaborate = move || -> Result<Design, String> {
            let mut overlay = Overlay::new(&own).map_err(|e| e.to_string())?;
            rust_hdl::prelude::Block::connect_all(&mut overlay);
            emit(&overlay, "overlay", &EmitOptions::default()).map_err(|e| e.to_string())
        };
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(elaborate);
        let joined = thread.map_err(|e| CosimError::Tool(e.to_string()))?.join();
        joined.map_err(|_| refused("its elaboration failed".into()))?.map_err(refused)
    }
}
