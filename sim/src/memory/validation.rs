//! The models against every published measurement of the board's memories.

use super::dram::{AddressMap, Channel, DramTiming, Policy, DDR4_TIMING, HBM2_TIMING};
use super::replay::Lane;
use super::{
    Access, Burst, Ddr, Hbm, HbmConfig, MemoryPort, Replay, ReplayError, ReplayOptions, Switch,
    Timing, HBM_CHANNELS,
};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

/// Bytes that a throughput run moves per channel: some 300 refresh intervals.
const RUN_BYTES: u64 = 16 << 20;

/// One published figure and the model's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Key of the ledger that it is recorded under, without the prefix.
    pub key: String,
    /// What was measured.
    pub what: String,
    /// Unit.
    pub unit: &'static str,
    /// The model's figure.
    pub model: f64,
    /// The published one; `None` where nothing was published.
    pub published: Option<f64>,
    /// Source of the published one, or what stands in its place.
    pub source: &'static str,
}

impl Comparison {
    /// Difference of the model from the published figure in percent of it.
    pub fn difference_percent(&self) -> Option<f64> {
        self.published.map(|p| 100.0 * (self.model - p) / p)
    }
}

/// 32-byte bursts open in throughput runs.
const OPEN: usize = 64;

/// Bursts open where more than the controller's window is asked for.
const MANY: usize = 256;

const SHUHAI: &str = "Shuhai (arXiv 2005.04324)";
const SHUHAI_RECALLED: &str = "Shuhai, recalled";
const UNPUBLISHED: &str = "-";

/// Sizes of random blocks that are compared.
pub const BLOCKS: [u64; 9] = [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];

/// All comparisons; takes a second or two.
///
/// # Errors
/// None with the tables as they are; passed on from the replay.
pub fn comparisons() -> Result<Vec<Comparison>, ReplayError> {
    let mut all = Vec::new();
    let mut add = |key: &str, what: &str, unit, model, published, source| {
        let (key, what) = (key.to_string(), what.to_string());
        all.push(Comparison { key, what, unit, model, published, source });
    };
    let hbm = |bytes, ports| hbm_gbs(Pattern::Sequential, bytes, ports, OPEN, false);
    add(
        "hbm.seq_gbs",
        "HBM, one channel, sequential reads",
        "GB/s",
        hbm(RUN_BYTES, 1)?,
        Some(13.27),
        SHUHAI,
    );
    let total = hbm(RUN_BYTES / 4, HBM_CHANNELS)?;
    add("hbm.total_gbs", "HBM, 32 channels, sequential reads", "GB/s", total, Some(425.0), SHUHAI);
    add(
        "hbm.kernel_gbs",
        "HBM, the same from a Vitis kernel",
        "GB/s",
        total,
        Some(421.0),
        "Vitis_Accel_Examples hbm_bandwidth",
    );
    for block in BLOCKS {
        for open in [OPEN, MANY] {
            let random = hbm_gbs(Pattern::Random(block), RUN_BYTES / 4, 1, open, false)?;
            let (published, source) = match (block, open) {
                (128, MANY) => {
                    (Some(11.5), "Vitis_Accel_Examples, 1024-bit pseudo-random, on a U50")
                }
                _ => (None, UNPUBLISHED),
            };
            let what = format!(
                "HBM, one channel, reads of random blocks of {block} B, {open} bursts open"
            );
            let key = format!("hbm.rnd{block}_open{open}_gbs");
            add(&key, &what, "GB/s", random, published, source);
        }
    }
    let bank = hbm_gbs(Pattern::SameBank, 1 << 20, 1, OPEN, false)?;
    add(
        "hbm.row_cycle_gbs",
        "HBM, one bank, another row for every 32 B",
        "GB/s",
        bank,
        None,
        "bound: 32 B per tRC, 0.67 without refresh",
    );
    let mixed = hbm_gbs(Pattern::Random(2048), RUN_BYTES / 4, 1, OPEN, true)?;
    add(
        "hbm.mixed_gbs",
        "HBM, one channel, random blocks of 2 KiB, half writes",
        "GB/s",
        mixed,
        None,
        "UG1556: plan for at most 90 % of 14.4 at 75 % row hits",
    );
    let [hit, closed, miss] = latencies(&mut Hbm::u280().port(0), 1 << 14, 32, 64);
    for (key, what, model, published) in [
        ("hit", "row open", hit, 48.0),
        ("closed", "bank closed", closed, 55.0),
        ("miss", "other row open", miss, 62.0),
    ] {
        let what = format!("HBM, idle read latency, switch off, {what}");
        add(
            &format!("hbm.{key}_cycles"),
            &what,
            "cycles of 450 MHz",
            model,
            Some(published),
            SHUHAI_RECALLED,
        );
    }
    for (group, published) in
        [55.0, 56.0, 58.0, 60.0, 71.0, 73.0, 75.0, 77.0].into_iter().enumerate()
    {
        let switched = Hbm::with(HbmConfig { switch: Switch::On, ..HbmConfig::default() });
        let [hit, ..] = latencies(&mut switched.port(4 * group), 1 << 14, 32, 64);
        let what = format!("HBM, the same, row open, switch on, port group {group} to channel 0");
        add(
            &format!("hbm.switch{group}_cycles"),
            &what,
            "cycles of 450 MHz",
            hit,
            Some(published),
            SHUHAI_RECALLED,
        );
    }
    let ddr = ddr_gbs(RUN_BYTES);
    add(
        "ddr.seq_gbs",
        "DDR4, one channel, sequential reads",
        "GB/s",
        ddr,
        Some(18.0),
        SHUHAI_RECALLED,
    );
    let ns = |cycles: f64| cycles * 1e3 / 300.0;
    let [hit, closed, miss] = latencies(&mut Ddr::u280().port(), 1 << 17, 64, 1 << 10);
    for (key, what, model, published) in [
        ("hit", "row open", hit, 73.3),
        ("closed", "bank closed", closed, 89.9),
        ("miss", "other row open", miss, 106.6),
    ] {
        let what = format!("DDR4, idle read latency, {what}");
        add(&format!("ddr.{key}_ns"), &what, "ns", ns(model), Some(published), SHUHAI_RECALLED);
    }
    Ok(all)
}

/// Addresses of a throughput run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One after the other.
    Sequential,
    /// Whole blocks of so many bytes, aligned, anywhere in the channel.
    Random(u64),
    /// 32 bytes of another row of the same bank each time.
    SameBank,
}

impl Pattern {
    /// Address and bytes of access `n`.
    fn access(self, n: u64, rng: &mut SmallRng) -> (u64, u64) {
        let size = AddressMap::HBM2.bytes();
        match self {
            Pattern::Sequential => (n * 4096 % size, 4096),
            Pattern::Random(block) => (rng.random_range(0..size / block) * block, block),
            Pattern::SameBank => (n * (1 << 14) % size, 32),
        }
    }
}

/// Rate of the first `ports` pseudo-channels together, in GB/s, each moving `bytes` bytes in this pattern
/// with `outstanding` 32-byte bursts open, every other access a write if `mixed`.
///
/// # Errors
/// None for at most 32 ports and at least one open burst.
pub fn hbm_gbs(
    pattern: Pattern,
    bytes: u64,
    ports: usize,
    outstanding: usize,
    mixed: bool,
) -> Result<f64, ReplayError> {
    let mut replay = Replay::new(ReplayOptions { outstanding, ..ReplayOptions::default() })?;
    let mut rng = SmallRng::seed_from_u64(0);
    let mut n = 0;
    let mut moved = 0;
    while moved < bytes {
        let mut size = 0;
        for channel in 0..ports as u64 {
            let (address, bytes) = pattern.access(n, &mut rng);
            size = bytes;
            let write = mixed && n % 2 == 1;
            replay.access(Access { cycle: None, channel, address, bytes, write })?;
        }
        n += 1;
        moved += size;
    }
    Ok(replay.finish().gbs)
}

/// Rate of one DDR4 channel for sequential reads, in GB/s.
fn ddr_gbs(bytes: u64) -> f64 {
    let timing: DramTiming = DDR4_TIMING;
    let options = ReplayOptions { timing, ..ReplayOptions::default() };
    let channel = Channel::new(timing, AddressMap::DDR4, Policy::DEFAULT, timing.refi);
    let mut lane = Lane::new(channel);
    lane.queue.push(Access { cycle: None, channel: 0, address: 0, bytes, write: false });
    lane.run(&options, 0);
    lane.drain(&options);
    bytes as f64 * timing.clock_mhz as f64 / 1e3 / lane.last as f64
}

/// Port cycles of a single read that finds its row open, its bank closed, another row open; `row` bytes
/// apart lie two rows of a bank, `same` bytes apart two columns of a row.
fn latencies(port: &mut MemoryPort, row: u64, beat_bytes: u32, same: u64) -> [f64; 3] {
    let mut now = 0;
    let mut one = |address: u64| {
        let start = now;
        port.push(start, &Burst { tag: 0, write: false, address, beats: 1, beat_bytes });
        let mut done = Vec::new();
        while done.is_empty() {
            now += 1;
            port.advance(now, &mut done);
        }
        let latency = now - start;
        now += 40;
        latency as f64
    };
    let closed = one(0);
    let hit = one(same);
    let miss = one(row);
    [hit, closed, miss]
}

/// Share of the 460.8 GB/s that reads of all 32 channels reach, in percent.
///
/// # Errors
/// As [`hbm_gbs`].
pub fn hbm_percent(pattern: Pattern) -> Result<f64, ReplayError> {
    let gbs = hbm_gbs(pattern, RUN_BYTES / 4, HBM_CHANNELS, OPEN, false)?;
    Ok(100.0 * gbs / (HBM2_TIMING.peak_gbs() * HBM_CHANNELS as f64))
}
