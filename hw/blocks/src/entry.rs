//! [`Entry`]: what the catalogue says of a block.

use crate::overlay::Overlay;
use crate::parameter::ParameterError;
use skipopu_config::Config;
use skipopu_hdl::{emit, Design, Dut, EmitOptions};

/// Stack of the thread that elaborates.
const STACK: usize = 1 << 28;

/// One block of the catalogue.
pub struct Entry {
    /// Name used on the command line, e.g. `fifo`.
    pub name: &'static str,
    /// One line: what it does.
    pub summary: &'static str,
    /// Cycles from input to output; `None` where it depends on traffic.
    pub latency: fn(&Config) -> Option<usize>,
    /// Cycles between accepted inputs; `None` where it depends on traffic.
    pub interval: fn(&Config) -> Option<usize>,
    /// The test that holds it to its contract, as `crate::path`.
    pub test: &'static str,
    /// Elaborates the block for a configuration.
    pub build: fn(&Config) -> Box<dyn Dut>,
}

impl Entry {
    /// Is it a part that only an overlay has: one of its units, or the core itself?
    pub fn is_of_overlay(&self) -> bool {
        crate::overlay::ENTRIES.iter().any(|e| e.name == self.name)
    }

    /// What keeps a configuration from having this block.
    ///
    /// # Errors
    /// A part of an overlay, and a configuration that is measured as an array alone.
    pub fn serves(&self, config: &Config) -> Result<(), ParameterError> {
        match self.is_of_overlay() {
            true => Overlay::check(config),
            false => Ok(()),
        }
    }

    /// Elaborates and emits the block as module `top`, on a stack as deep as the hierarchy.
    ///
    /// # Errors
    /// What the emitter refuses.
    pub fn design(&self, config: &Config, top: &str) -> Result<Design, String> {
        let (build, own, top) = (self.build, config.clone(), top.to_string());
        let elaborate =
            move || emit(&*build(&own), &top, &EmitOptions::default()).map_err(|e| e.to_string());
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(elaborate);
        let joined = thread.map_err(|e| format!("no thread to elaborate on: {e}"))?.join();
        joined.unwrap_or_else(|_| Err("its elaboration failed".into()))
    }
}
