//! [`Entry`]: what the catalogue says of a block.

use skipopu_config::Config;
use skipopu_hdl::Dut;

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
