//! Arguments of `hbm`.

use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// Subcommands of `hbm`.
#[derive(Debug, Subcommand)]
pub enum Hbm {
    /// Run a trace of accesses on the timing model.
    Replay(HbmReplay),
    /// The models' parameters, and their figures next to every published measurement.
    Model(HbmModel),
}

/// Arguments of `hbm replay`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Lines of a trace: `cycle pc address bytes R|W`. cycle: earliest start in cycles of 900 MHz, -1 for as soon as the
channel has room. pc: pseudo-channel, 0 to 31. address: first byte within it, decimal or 0x hexadecimal. Accesses of
one pseudo-channel start in the order of their lines, those of different ones do not wait for each other. A line
`BARRIER` makes later lines wait for the answers to all earlier ones. What follows # is a comment.")]
pub struct HbmReplay {
    /// Trace file; - reads standard input.
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// 32-byte bursts that a pseudo-channel has open: issued and not yet answered.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub outstanding: u32,
    /// Cycles of 900 MHz that the path between requester and memory adds to every burst.
    #[arg(long, default_value_t = 0, value_name = "CYCLES")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub extra_latency: u32,
    /// Refresh all pseudo-channels at the same time instead of spread over the refresh interval.
    #[arg(long)]
    pub aligned_refresh: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Also draw the use of every pseudo-channel.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Arguments of `hbm model`.
#[derive(Debug, ClapArgs)]
pub struct HbmModel {
    /// Print JSON.
    #[arg(long, group = "form")]
    pub json: bool,
    /// Print Markdown tables.
    #[arg(long, group = "form")]
    pub markdown: bool,
}
