//! The memory models: their rates and latencies, and the speed of a replay.

use crate::record::Recorder;
use anyhow::Result;
use skipopu_ledger::Kind;
use skipopu_sim::memory::validation::{comparisons, hbm_percent, Pattern};
use skipopu_sim::memory::{Access, Replay, ReplayOptions};
use std::time::Instant;

/// Accesses of the timed replay, each of 512 bytes.
const ACCESSES: u64 = 500_000;

/// Compares the models with what was published and times them.
///
/// # Errors
/// None that is expected; passed on from the replay.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let mut add = |key: &str, value: f64, unit: &str, kind: Kind, note: String| {
        out.add(key, value, unit, kind, "memory", note);
    };
    for (key, pattern, what) in [
        ("hbm.seq_percent", Pattern::Sequential, "sequential reads"),
        ("hbm.rnd8k_percent", Pattern::Random(8192), "reads of random blocks of 8 KiB"),
    ] {
        let percent = hbm_percent(pattern)?;
        let note = format!(
            "of 460.8 GB/s, {what} on all 32 pseudo-channels, 64 bursts of 32 B open on each"
        );
        add(key, percent, "%", Kind::Modelled, note);
    }
    for c in comparisons()? {
        let note = match c.published {
            Some(published) => format!("{}; published {published}: {}", c.what, c.source),
            None => c.what.clone(),
        };
        add(&c.key, c.model, c.unit, Kind::Modelled, note);
    }
    let mut replay = Replay::new(ReplayOptions::default())?;
    let start = Instant::now();
    for n in 0..ACCESSES {
        let (channel, address) = (n % 32, n / 32 * 512 % (1 << 28));
        replay.access(Access { cycle: None, channel, address, bytes: 512, write: false })?;
    }
    let bursts = replay.finish().bursts;
    let rate = bursts as f64 / start.elapsed().as_secs_f64();
    let note = format!("32-byte bursts replayed per second, sequential, {bursts} in all");
    add("hbm.replay.bursts_per_second", rate, "1/s", Kind::Measured, note);
    Ok(())
}
