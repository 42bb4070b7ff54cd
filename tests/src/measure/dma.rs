//! The DMA: what it gives of what memory can give, words across clocks, cost.

use crate::record::Recorder;
use anyhow::{ensure, Context, Result};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_config::Config;
use skipopu_eda::synth::{self, Hierarchy, SynthOptions};
use skipopu_hdl::{emit, Design, Dut, EmitOptions};
use skipopu_hw::axi::AxiShape;
use skipopu_hw::cdc::{AsyncFifo, AsyncFifoOptions, AsyncStorage};
use skipopu_hw::dma::{Command, DmaEngine, DmaOptions, ReadCollector, WriteSender};
use skipopu_hw::primitives::JITTER;
use skipopu_ledger::Kind;
use skipopu_sim::memory::{Ddr, Hbm, MemoryPort, Timing};
use skipopu_sim::{ClockDomain, InitialState, Verilate};
use skipopu_system::crossing::Crossing;
use skipopu_system::dma::{slaves, DmaRun, PortWork};
use skipopu_system::ideal::Ideal;

const CONFIG: &str = "u280";
/// Bytes that each port moves in a run.
const BYTES: u64 = 512 << 10;
/// Bytes of a pseudo-channel.
const CHANNEL: u64 = 256 << 20;
/// Bytes of a DDR4 channel that are used.
const DDR_BYTES: u64 = 1 << 30;

/// Runs and maps the DMA of the `u280` configuration.
///
/// # Errors
/// A block that cannot be emitted, built or mapped; a wrong word; a DMA below 98 % of its memory.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let config = Config::preset(CONFIG)?;
    crossings(out)?;
    ddr(out, &config)?;
    hbm(out, &config)?;
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
                    let done = run.run(&mut model, 64).map_err(anyhow::Error::msg)?;
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
    let engine = DmaEngine::new(ports, &DmaOptions::hbm())?;
    let design = emitted(&engine, "dma_engine")?;
    let options = SynthOptions { hierarchy: Hierarchy::Flatten, ..SynthOptions::default() };
    let report = synth::run(&design, "dma_engine", &options)?;
    let area = &report.area;
    let note = format!(
        "{CONFIG}, {ports} HBM ports, read and write, clock crossings and buffers; {}; {}",
        report.tool, report.settings
    );
    let mut add = |key: &str, value: f64, unit: &str, note: &str| {
        out.add(&format!("dma.{key}"), value, unit, Kind::Measured, "dma", note);
    };
    let luts = area.luts + area.lutrams + area.srls;
    add("luts", luts as f64, "LUT", &note);
    add("lutrams", area.lutrams as f64, "LUT", "of dma.luts, those used as memory");
    add("ffs", area.ffs as f64, "FF", &note);
    add("brams", area.brams(), "BRAM36", &note);
    // Flattened, on the AXI clock alone: what must settle in 2.2 ns.
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
    let note =
        "logic between registers on the AXI clock of a port, its inputs and outputs included";
    add("axi_depth", levels.into(), "levels", note);
    Ok(())
}

/// Reads of one port.
struct Pattern {
    name: &'static str,
    commands: Box<dyn Fn(&DmaOptions, u64, u64) -> Vec<Command>>,
}

/// Blocks of a size at random places, aligned to it.
fn blocks(bytes: u32) -> impl Fn(&DmaOptions, u64, u64) -> Vec<Command> {
    move |_, memory, seed| {
        let mut rng = SmallRng::seed_from_u64(seed);
        let count = BYTES / u64::from(bytes);
        let slots = memory / u64::from(bytes);
        let at = |rng: &mut SmallRng| rng.random_range(0..slots) * u64::from(bytes);
        (0..count).map(|n| Command { address: at(&mut rng), bytes, tag: n as u32 % 256 }).collect()
    }
}

fn patterns() -> Vec<Pattern> {
    let sequential = |_: &DmaOptions, _, _| {
        let command = |n| Command { address: n * (64 << 10), bytes: 64 << 10, tag: n as u32 };
        (0..BYTES >> 16).map(command).collect::<Vec<_>>()
    };
    vec![
        Pattern { name: "seq", commands: Box::new(sequential) },
        Pattern { name: "rnd8k", commands: Box::new(blocks(8192)) },
        Pattern { name: "rnd512", commands: Box::new(blocks(512)) },
        Pattern { name: "rnd64", commands: Box::new(blocks(64)) },
    ]
}

/// Core cycles that the DMA takes and AXI cycles that the memory would take of a master without
/// latency or limit; every word is compared.
#[allow(clippy::too_many_arguments)] // One call for each memory.
fn against_ideal(
    out: &mut Recorder,
    memory: &str,
    options: &DmaOptions,
    ports: usize,
    bytes: u64,
    clocks: (ClockDomain, ClockDomain),
    timing: &dyn Fn() -> Box<dyn Fn(usize) -> MemoryPort>,
) -> Result<()> {
    let design = emitted(&DmaEngine::new(ports, options)?, "dma_engine")?;
    println!("verilating the DMA of {ports} {memory} ports");
    let built = Verilate::new(&design).build()?;
    let mut least = f64::INFINITY;
    let (mut parts, mut order) = (Vec::new(), Vec::new());
    for pattern in patterns() {
        let base = |i: usize| if memory == "hbm" { (i as u64) << 28 } else { 0 };
        let local: Vec<Vec<Command>> =
            (0..ports).map(|i| (pattern.commands)(options, bytes, i as u64)).collect();
        let work: Vec<PortWork> = local
            .iter()
            .enumerate()
            .map(|(i, c)| PortWork {
                reads: c.iter().map(|c| Command { address: c.address + base(i), ..*c }).collect(),
                writes: Vec::new(),
            })
            .collect();
        let mut model = built.model()?;
        let of_port = timing();
        let with = |i, s: skipopu_sim::memory::AxiSlave| s.base(base(i)).timing(of_port(i));
        let (mut slaves, stores) =
            slaves(&model, options, ports, bytes, with).map_err(anyhow::Error::msg)?;
        let run =
            DmaRun { clocks, bases: (0..ports).map(base).collect(), ..DmaRun::new(options, work) };
        let report = run.run(&mut model, &mut slaves, &stores).map_err(anyhow::Error::msg)?;
        let bursts: Vec<Vec<(u64, u64)>> =
            local.iter().map(|c| c.iter().flat_map(|c| c.bursts(options)).collect()).collect();
        let ideal = |in_order: bool| {
            let of_port = timing();
            let memories = (0..ports).map(|i| Box::new(of_port(i)) as Box<dyn Timing>).collect();
            Ideal::new(memories, options.axi.beat_bytes() as u32, in_order).reads(&bursts)
        };
        order.push((pattern.name, 100.0 * ideal(false) as f64 / ideal(true) as f64));
        let ideal = ideal(true);
        let ideal_ps = ideal * clocks.1.period_ps();
        let percent = 100.0 * ideal_ps as f64 / report.time_ps as f64;
        let moved: u64 = local.iter().flatten().map(|c| u64::from(c.bytes)).sum();
        let gbs = moved as f64 / report.time_ps as f64 * 1000.0;
        ensure!(moved == BYTES * ports as u64, "{} bytes moved of {}", moved, BYTES * ports as u64);
        println!(
            "  {memory} {:8} {gbs:7.1} GB/s, {percent:.2} % of the ideal master",
            pattern.name
        );
        out.add(
            &format!("{memory}.dma.{}_gbs", pattern.name),
            gbs,
            "GB/s",
            Kind::Simulated,
            "dma",
            format!(
                "{ports} ports, {} KiB each, {} commands a port, every word compared",
                BYTES >> 10,
                local[0].len()
            ),
        );
        least = least.min(percent);
        parts.push(format!("{} {percent:.1}", pattern.name));
    }
    let note = format!(
        "least of {}; 100 % is a master on the same ports without latency or limits of its own",
        parts.join(", ")
    );
    out.add(&format!("{memory}.dma_of_model_percent"), least, "%", Kind::Simulated, "dma", note);
    for (name, percent) in order {
        let note = "rate of an ideal master whose answers keep the order of its requests, of one whose answers do not";
        out.add(
            &format!("{memory}.one_id.{name}_percent"),
            percent,
            "%",
            Kind::Simulated,
            "dma",
            note,
        );
    }
    ensure!(least >= 98.0, "the DMA gives {least:.1} % of what {memory} can give");
    Ok(())
}

fn hbm(out: &mut Recorder, config: &Config) -> Result<()> {
    let ports = config.memory.hbm_ports as usize;
    let clocks = (
        ClockDomain::new(1_000_000 / u64::from(config.clocks.core_mhz)),
        ClockDomain::new(1_000_000 / u64::from(config.memory.hbm_clock_mhz)),
    );
    let timing = || {
        let hbm = Hbm::u280();
        Box::new(move |i| hbm.port(i)) as Box<dyn Fn(usize) -> MemoryPort>
    };
    against_ideal(out, "hbm", &DmaOptions::hbm(), ports, CHANNEL, clocks, &timing)
}

fn ddr(out: &mut Recorder, config: &Config) -> Result<()> {
    let channels = config.memory.ddr_channels as usize;
    ensure!(AxiShape::ddr().data_bits == 512, "a DDR port has 64 bytes a beat");
    let core = ClockDomain::new(1_000_000 / u64::from(config.clocks.core_mhz));
    let timing = || {
        let all: Vec<Ddr> = (0..2).map(|_| Ddr::u280()).collect();
        Box::new(move |i: usize| all[i].port()) as Box<dyn Fn(usize) -> MemoryPort>
    };
    let clocks = (core, ClockDomain::new(3_333));
    against_ideal(out, "ddr", &DmaOptions::ddr(), channels, DDR_BYTES, clocks, &timing)
        .context("DDR4")
}
