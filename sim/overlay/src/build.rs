//! [`Core`]: the core of a configuration, emitted and Verilated.

use skipopu_config::Config;
use skipopu_hdl::Design;
use skipopu_hw::catalogue::find;
use skipopu_sim::{Trace, Verilate, Verilated};

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
        let refused =
            |problem: String| CosimError::Configuration { name: config.name.clone(), problem };
        let entry = find("overlay").ok_or_else(|| refused("the catalogue has none".into()))?;
        entry.serves(config).map_err(|e| refused(e.to_string()))?;
        entry.design(config, "overlay").map_err(refused)
    }
}
