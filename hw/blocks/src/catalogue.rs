//! The catalogue: every block with what a reader needs to choose it.

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

/// All blocks, leaves first.
pub fn catalogue() -> impl Iterator<Item = &'static Entry> {
    [crate::primitives::ENTRIES, crate::stream::ENTRIES, crate::pe_array::ENTRIES]
        .into_iter()
        .flatten()
}

/// The entry of a block by name.
pub fn find(name: &str) -> Option<&'static Entry> {
    catalogue().find(|e| e.name == name)
}
