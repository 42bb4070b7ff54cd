//! The DMA: what it gives of what memory can give, words across clocks, cost.

use crate::record::Recorder;
use anyhow::{ensure, Context, Error, Result};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_config::Config;
use skipopu_eda::synth::{self, Area, Hierarchy, SynthOptions};
use skipopu_hdl::{emit, Design, Dut, EmitOptions};
use skipopu_hw::cdc::{AsyncFifo, AsyncFifoOptions, AsyncStorage};
use skipopu_hw::dma::{Command, DmaEngine, DmaOptions, DmaPort, ReadCollector, WriteSender};
use skipopu_hw::primitives::JITTER;
use skipopu_ledger::Kind;
use skipopu_sim::memory::{AxiSlave, Ddr, Hbm, MemoryPort, Timing};
use skipopu_sim::{ClockDomain, InitialState, Verilate};
use skipopu_system::crossing::Crossing;
use skipopu_system::dma::{slaves, DmaRun, PortWork};
use skipopu_system::ideal::Ideal;

const CONFIG: &str = "u280";
/// Bytes that each port moves in a run.
const BYTES: u64 = 512 << 10;
/// Runs and maps the DMA of the `u280` configuration.
///
/// # Errors
/// A block that cannot be emitted, built or mapped; a wrong word; a DMA below 98 % of its memory.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let config = Config::preset(CONFIG)?;
    crossings(out)?;
    ddr(&config).measure(out)?;
    hbm(&config).measure(out)?;
    cost(out, &config)
}

fn emitted(block: &dyn Dut, name: &str) -> Result<Design> {
    Ok(emit(block, name, &EmitOptions::default())?)
}

/// At least a million words through FIFOs of both kinds, every bit at random early or late.
fn crossings(out: &mut Recorder) -> Result<()> {
    println!("words across clocks");
    let (mut words, mut pairs) = (0, 0);
    for storage in [AsyncStorage::Lutram, AsyncStorage::Bram] {
        let options = AsyncFifoOptions { storage: Some(storage), ..AsyncFifoOptions::new(64, 32) };
        let design = emitted(&AsyncFifo::new(&options)?, "async_fifo")?;
        let built = Verilate::new(&design).arg(format!("-D{JITTER}")).build()?;
        for seed in 0..2 {
            for clocks in ClockDomain::crossings(seed, 16) {
                for (idle, stall) in [(0.0, 0.0), (0.3, 0.3)] {
                    let run = Crossing { clocks, words: 25_000, idle, stall, seed };
                    let mut model = built.model_from(InitialState::Random(seed as u32 + 1))?;
                    let done = run.run(&mut model, 64).map_err(Error::msg)?;
                    words += done.words;
                }
                pairs += 1;
            }
        }
    }
    let note = format!(
        "64-bit words through asynchronous FIFOs in LUTs and block RAM, {pairs} pairs of clocks, bits of the pointers early or late at random; none lost, repeated or changed"
    );
    out.add("cdc.words", words as f64, "words", Kind::Simulated, "dma", note);
    Ok(())
}

fn cost(out: &mut Recorder, config: &Config) -> Result<()> {
    println!("mapping the DMA with Yosys");
    let ports = config.memory.hbm_ports as usize;
    let options = DmaOptions::hbm();
    // All ports are alike: one is flattened; the engine's own logic is what a design with the hierarchy
    // kept has beside its ports.
    let whole = emitted(&DmaEngine::new(ports, &options)?, "dma_engine")?;
    let keep = SynthOptions { hierarchy: Hierarchy::Keep, ..SynthOptions::default() };
    let kept = synth::run(&whole, "dma_engine", &keep)?;
    let kept_port = kept
        .modules
        .iter()
        .find(|m| m.module.starts_with("DmaPort"))
        .context("the engine has no module DmaPort")?;
    ensure!(kept_port.instances == ports as u64, "{} ports", kept_port.instances);
    let flat = SynthOptions { hierarchy: Hierarchy::Flatten, ..SynthOptions::default() };
    let port = synth::run(&emitted(&DmaPort::new(&options)?, "dma_port")?, "dma_port", &flat)?;
    let all = |of: &dyn Fn(&Area) -> f64| {
        let n = ports as f64;
        n * of(&port.area) + of(&kept.area) - n * of(&kept_port.area)
    };
    let note = format!(
        "{CONFIG}, {ports} HBM ports, read and write, clock crossings and buffers: a port flattened, times {ports}, and the logic of the engine; {}; {}",
        port.tool, port.settings
    );
    let mut add = |key: &str, value: f64, unit: &str, note: &str| {
        out.add(&format!("dma.{key}"), value, unit, Kind::Measured, "dma", note);
    };
    add("luts", all(&|a| (a.luts + a.lutrams + a.srls) as f64), "LUT", &note);
    add("lutrams", all(&|a| a.lutrams as f64), "LUT", "of dma.luts, those used as memory");
    add("ffs", all(&|a| a.ffs as f64), "FF", &note);
    add("brams", all(&Area::brams), "BRAM36", &note);
    add(
        "core_depth",
        port.depth.levels().into(),
        "levels",
        "logic between registers of a port, both clocks; the longest path is on the core's",
    );
    // What must settle in 2.2 ns.
    let mut levels = 0;
    let sides: [Box<dyn Dut>; 2] = [
        Box::new(ReadCollector::new(&DmaOptions::hbm())?),
        Box::new(WriteSender::new(&DmaOptions::hbm())?),
    ];
    for side in sides {
        let design = emitted(&*side, "side")?;
        let report = synth::run(&design, "side", &SynthOptions::default())?;
        levels = levels.max(report.depth.levels());
    }
    let note = "logic between registers of ReadCollector and of WriteSender, each alone: the AXI clock's side but for its FIFOs";
    add("axi_depth", levels.into(), "levels", note);
    Ok(())
}

/// Reads of one port: blocks of a size at random places, aligned to it, or all in a row.
struct Pattern {
    name: &'static str,
    block: u32,
    random: bool,
}

const PATTERNS: [Pattern; 4] = [
    Pattern { name: "seq", block: 64 << 10, random: false },
    Pattern { name: "rnd8k", block: 8192, random: true },
    Pattern { name: "rnd512", block: 512, random: true },
    Pattern { name: "rnd64", block: 64, random: true },
];

impl Pattern {
    fn commands(&self, memory_bytes: u64, seed: u64) -> Vec<Command> {
        let mut rng = SmallRng::seed_from_u64(seed);
        let block = u64::from(self.block);
        let mut command = |n| {
            let at = if self.random { rng.random_range(0..memory_bytes / block) } else { n };
            Command { address: at * block, bytes: self.block, tag: n as u32 % 256 }
        };
        (0..BYTES / block).map(&mut command).collect()
    }
}

/// Models of a memory's ports, fresh and idle.
type Ports = Box<dyn Fn(usize) -> MemoryPort>;

/// A memory with its DMA.
struct Memory {
    name: &'static str,
    options: DmaOptions,
    ports: usize,
    bytes: u64,
    /// Clocks of the core and of the AXI ports.
    clocks: (ClockDomain, ClockDomain),
    /// Bit of an AXI address from which on it is the port's number, where it holds that.
    port_bit: Option<u32>,
    timing: fn() -> Ports,
}

impl Memory {
    fn base(&self, port: usize) -> u64 {
        self.port_bit.map_or(0, |bit| (port as u64) << bit)
    }

    /// Cycles of the AXI clock that an ideal master takes.
    fn ideal(&self, bursts: &[Vec<(u64, u64)>], in_order: bool) -> u64 {
        let port = (self.timing)();
        let timing = |i| Box::new(port(i)) as Box<dyn Timing>;
        let memories = (0..self.ports).map(timing).collect();
        Ideal::new(memories, self.options.axi.beat_bytes() as u32, in_order).reads(bursts)
    }

    /// Reads with every pattern through the DMA, every word compared, and with ideal masters.
    fn measure(&self, out: &mut Recorder) -> Result<()> {
        let (name, ports, options) = (self.name, self.ports, &self.options);
        let design = emitted(&DmaEngine::new(ports, options)?, "dma_engine")?;
        println!("verilating the DMA of {ports} {name} ports");
        let built = Verilate::new(&design).build()?;
        let mut add = |key: &str, value: f64, unit: &str, note: &str| {
            out.add(&format!("{name}.{key}"), value, unit, Kind::Simulated, "dma", note);
        };
        let (mut least, mut parts) = (f64::INFINITY, Vec::new());
        for pattern in PATTERNS {
            let local: Vec<Vec<Command>> =
                (0..ports).map(|i| pattern.commands(self.bytes, i as u64)).collect();
            let global = |(i, reads): (usize, &Vec<Command>)| {
                let at = |c: &Command| Command { address: c.address + self.base(i), ..*c };
                PortWork { reads: reads.iter().map(at).collect(), writes: Vec::new() }
            };
            let work = local.iter().enumerate().map(global).collect();
            let mut model = built.model()?;
            let port = (self.timing)();
            let with = |i, s: AxiSlave| s.base(self.base(i)).timing(port(i));
            let (mut slaves, stores) =
                slaves(&model, options, ports, self.bytes, with).map_err(Error::msg)?;
            let bases = (0..ports).map(|i| self.base(i)).collect();
            let run = DmaRun { clocks: self.clocks, bases, ..DmaRun::new(options, work) };
            let report = run.run(&mut model, &mut slaves, &stores).map_err(Error::msg)?;

            let bursts: Vec<Vec<(u64, u64)>> =
                local.iter().map(|c| c.iter().flat_map(|c| c.bursts(options)).collect()).collect();
            let ideal = self.ideal(&bursts, true);
            let time = report.time_ps as f64;
            let percent = 100.0 * (ideal * self.clocks.1.period_ps()) as f64 / time;
            let moved: u64 = local.iter().flatten().map(|c| u64::from(c.bytes)).sum();
            let note = format!(
                "{ports} ports, {} KiB each in {} commands, every word compared",
                BYTES >> 10,
                local[0].len()
            );
            let key = pattern.name;
            add(&format!("dma.{key}_gbs"), moved as f64 / time * 1000.0, "GB/s", &note);
            let order = 100.0 * self.ideal(&bursts, false) as f64 / ideal as f64;
            let note = "rate of an ideal master whose answers keep the order of its requests, of that of one whose answers need not";
            add(&format!("one_id.{key}_percent"), order, "%", note);
            least = least.min(percent);
            parts.push(format!("{key} {percent:.1}"));
        }
        let note = format!(
            "least of {}; 100 % is a master on the same ports without latency or limits of its own",
            parts.join(", ")
        );
        add("dma_of_model_percent", least, "%", &note);
        ensure!(least >= 98.0, "the DMA gives {least:.1} % of what {name} can give");
        Ok(())
    }
}

fn core_clock(config: &Config) -> ClockDomain {
    ClockDomain::new(1_000_000 / u64::from(config.clocks.core_mhz))
}

fn hbm(config: &Config) -> Memory {
    Memory {
        name: "hbm",
        options: DmaOptions::hbm(),
        ports: config.memory.hbm_ports as usize,
        bytes: 256 << 20,
        clocks: (
            core_clock(config),
            ClockDomain::new(1_000_000 / u64::from(config.memory.hbm_clock_mhz)),
        ),
        port_bit: Some(28),
        timing: || {
            let hbm = Hbm::u280();
            Box::new(move |i| hbm.port(i))
        },
    }
}

/// The controllers' own clock is 300 MHz.
fn ddr(config: &Config) -> Memory {
    Memory {
        name: "ddr",
        options: DmaOptions::ddr(),
        ports: config.memory.ddr_channels as usize,
        bytes: 1 << 30,
        clocks: (core_clock(config), ClockDomain::new(3_333)),
        port_bit: None,
        timing: || {
            let channels: Vec<Ddr> = (0..2).map(|_| Ddr::u280()).collect();
            Box::new(move |i| channels[i].port())
        },
    }
}
