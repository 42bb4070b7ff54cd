//! A DMA engine under Verilator: commands in, AXI slaves behind, every word and every byte checked.

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};
use skipopu_hdl::Word;
use skipopu_hw::dma::{Command, DmaOptions};
use skipopu_sim::memory::{AxiSlave, AxiStats, AxiVersion, Store};
use skipopu_sim::stream::{Beat, ProtocolChecker, StreamDriver, StreamMonitor};
use skipopu_sim::{ClockDomain, Engine, Model};
use std::ops::Range;

/// What one port does in a run.
#[derive(Clone, Debug, Default)]
pub struct PortWork {
    /// Reads, in order.
    pub reads: Vec<Command>,
    /// Writes, in order, with their bytes.
    pub writes: Vec<(Command, Vec<u8>)>,
}

/// A run of a `DmaEngine`.
#[derive(Clone, Debug)]
pub struct DmaRun {
    /// What was built.
    pub options: DmaOptions,
    /// Clocks of the core and of the AXI ports.
    pub clocks: (ClockDomain, ClockDomain),
    /// What each port does.
    pub work: Vec<PortWork>,
    /// Probability per cycle that a sender on the core's side pauses.
    pub idle: f64,
    /// Probability per cycle that a receiver on the core's side stalls.
    pub stall: f64,
    /// Seed of the disturbances.
    pub seed: u64,
    /// Core cycles in which everything must be done.
    pub budget: u64,
    /// Address of the first byte of each port's memory; where there is none, 0.
    pub bases: Vec<u64>,
    /// Addresses whose reads fail: their data is not compared, only that it comes.
    pub failing: Range<u64>,
}

/// What a run showed.
#[derive(Clone, Debug, Default)]
pub struct DmaReport {
    /// Core cycles until the last word and the last completion.
    pub cycles: u64,
    /// Read words compared.
    pub words: u64,
    /// Completions compared.
    pub completions: u64,
    /// Core cycles from the first command until the first word of each port.
    pub first_word: Vec<Option<u64>>,
    /// Responses of the completions, by port.
    pub responses: Vec<Vec<u64>>,
    /// What passed through each AXI port.
    pub axi: Vec<AxiStats>,
    /// Simulated time in ps.
    pub time_ps: u64,
}

/// The streams of a port.
struct Port {
    read_command: StreamDriver,
    read_out: StreamMonitor,
    write_command: StreamDriver,
    write_in: StreamDriver,
    write_done: StreamMonitor,
    checkers: Vec<ProtocolChecker>,
    words: usize,
}

fn said<E: std::fmt::Display>(e: E) -> String {
    e.to_string()
}

impl Port {
    fn new(run: &DmaRun, m: &Model, i: usize, seed: u64) -> Result<Port, String> {
        let name = |stream: &str| format!("{stream}_{i}");
        let driver =
            |stream: &str, n| StreamDriver::new(m, &name(stream), run.idle, seed ^ n).map_err(said);
        let monitor = |stream: &str, n| {
            StreamMonitor::new(m, &name(stream), run.stall, seed ^ n).map_err(said)
        };
        let streams = ["read_command", "read_out", "write_command", "write_in", "write_done"];
        let mut port = Port {
            read_command: driver("read_command", 1)?,
            read_out: monitor("read_out", 2)?,
            write_command: driver("write_command", 3)?,
            write_in: driver("write_in", 4)?,
            write_done: monitor("write_done", 5)?,
            checkers: streams
                .iter()
                .map(|s| ProtocolChecker::new(m, &name(s)).map_err(said))
                .collect::<Result<_, _>>()?,
            words: 0,
        };
        let work = &run.work[i];
        let commands = |list: &mut dyn Iterator<Item = Command>| -> Vec<Beat> {
            list.map(|c| c.word(&run.options).into()).collect()
        };
        let legal = work.reads.iter().filter(|c| c.legal(&run.options));
        port.words = legal.map(|c| c.words(&run.options) as usize).sum();
        port.read_command.push(&commands(&mut work.reads.iter().copied())).map_err(said)?;
        port.write_command.push(&commands(&mut work.writes.iter().map(|w| w.0))).map_err(said)?;
        let bits = run.options.write_bits();
        for (command, bytes) in work.writes.iter().filter(|w| w.0.legal(&run.options)) {
            let mut padded = bytes.clone();
            padded.resize(command.write_words(&run.options) as usize * bits / 8, 0x5a);
            let words: Vec<Beat> = padded.chunks(bits / 8).map(|c| word(bits, c).into()).collect();
            port.write_in.push(&words).map_err(said)?;
        }
        Ok(port)
    }

    fn present(&mut self, m: &mut Model) {
        for d in [&mut self.read_command, &mut self.write_command, &mut self.write_in] {
            d.present(m);
        }
        self.read_out.present(m, false);
        self.write_done.present(m, false);
    }

    fn observe(&mut self, m: &Model) -> Result<(), String> {
        self.checkers.iter_mut().try_for_each(|c| c.observe(m)).map_err(said)?;
        for d in [&mut self.read_command, &mut self.write_command, &mut self.write_in] {
            d.observe(m);
        }
        self.read_out.observe(m);
        self.write_done.observe(m);
        Ok(())
    }

    fn done(&self, completions: usize) -> bool {
        let sent = [&self.read_command, &self.write_command, &self.write_in];
        sent.iter().all(|d| d.pending() == 0)
            && self.read_out.received().len() >= self.words
            && self.write_done.received().len() >= completions
    }
}

/// Little-endian bytes as a word.
fn word(bits: usize, bytes: &[u8]) -> Word {
    let limb = |c: &[u8]| c.iter().rev().fold(0u64, |v, b| v << 8 | u64::from(*b));
    Word::from_limbs(bits, &bytes.chunks(8).map(limb).collect::<Vec<_>>())
}

impl DmaRun {
    /// Undisturbed, at 225 MHz of the core and 450 MHz of the AXI ports.
    pub fn new(options: &DmaOptions, work: Vec<PortWork>) -> DmaRun {
        DmaRun {
            options: options.clone(),
            clocks: (ClockDomain::new(4444), ClockDomain::new(2222)),
            work,
            idle: 0.0,
            stall: 0.0,
            seed: 0,
            budget: 100_000,
            bases: Vec::new(),
            failing: 0..0,
        }
    }

    /// Runs the engine `m`, which must be in its reset state, with a slave for each port.
    ///
    /// # Errors
    /// One sentence on a broken rule, a wrong, missing or extra word, completion or byte, or a hang.
    pub fn run(
        &self,
        m: &mut Model,
        slaves: &mut [AxiSlave],
        stores: &[Store],
    ) -> Result<DmaReport, String> {
        let shadows: Vec<Vec<(u64, Vec<u8>)>> = (0..self.work.len())
            .map(|i| self.expected_bytes(i, &stores[i]))
            .collect::<Result<_, _>>()?;
        let expected: Vec<Vec<(Word, usize, bool)>> = (0..self.work.len())
            .map(|i| self.expected_words(i, &stores[i]))
            .collect::<Result<_, _>>()?;
        let mut ports: Vec<Port> = (0..self.work.len())
            .map(|i| Port::new(self, m, i, self.seed.wrapping_mul(31) ^ (i as u64) << 8))
            .collect::<Result<_, _>>()?;
        let completions: Vec<usize> = self
            .work
            .iter()
            .map(|w| w.writes.iter().filter(|w| w.0.legal(&self.options)).count())
            .collect();
        let clock = |m: &Model, n: &str| m.clock(n).map_err(said);
        let (core, axi) = (clock(m, "clock")?, clock(m, "axi_clock")?);
        let core = m.add_clock(core, self.clocks.0).index();
        let axi = m.add_clock(axi, self.clocks.1).index();
        let mut report = DmaReport {
            first_word: vec![None; ports.len()],
            responses: vec![Vec::new(); ports.len()],
            ..DmaReport::default()
        };
        let started = m.time_ps();
        ports.iter_mut().for_each(|p| p.present(m));
        slaves.iter_mut().for_each(|s| s.present(m));
        m.eval().map_err(said)?;
        let (mut cycle, mut drain) = (0u64, 64);
        while drain > 0 {
            let next = m.upcoming().map_err(said)?;
            if next.rises(core) {
                for (i, port) in ports.iter_mut().enumerate() {
                    port.observe(m)?;
                    if report.first_word[i].is_none() && !port.read_out.received().is_empty() {
                        report.first_word[i] = Some(cycle);
                    }
                }
            }
            if next.rises(axi) {
                slaves.iter_mut().try_for_each(|s| s.observe(m)).map_err(said)?;
            }
            m.advance().map_err(said)?;
            if next.rises(core) {
                cycle += 1;
                ports.iter_mut().for_each(|p| p.present(m));
                if ports.iter().zip(&completions).all(|(p, n)| p.done(*n)) {
                    if drain == 64 {
                        report.cycles = cycle;
                        report.time_ps = m.time_ps() - started;
                    }
                    drain -= 1;
                } else if cycle > self.budget {
                    let state: Vec<(usize, usize, usize)> = ports
                        .iter()
                        .map(|p| {
                            (p.read_out.received().len(), p.words, p.write_done.received().len())
                        })
                        .collect();
                    return Err(format!(
                        "not done in {cycle} cycles: (words, of, completions) {state:?}; {}",
                        handshakes(m)
                    ));
                }
            }
            if next.rises(axi) {
                slaves.iter_mut().for_each(|s| s.present(m));
            }
            if next.any_rise() {
                m.eval().map_err(said)?;
            }
        }
        for (i, port) in ports.iter().enumerate() {
            report.words += self.compare_words(i, port, &expected[i])?;
            report.responses[i] = self.compare_completions(i, port)?;
            report.completions += report.responses[i].len() as u64;
            for (at, want) in &shadows[i] {
                let mut found = vec![0; want.len()];
                stores[i].read(*at, &mut found).map_err(said)?;
                if let Some(n) = (0..want.len()).find(|n| want[*n] != found[*n]) {
                    return Err(format!(
                        "port {i}: byte {:#x} is {:#x}, expected {:#x}",
                        at + n as u64,
                        found[n],
                        want[n]
                    ));
                }
            }
        }
        report.axi = slaves.iter().map(AxiSlave::finish).collect::<Result<_, _>>().map_err(said)?;
        let busy = Engine::get(m, "busy").map_err(said)?;
        if busy.any() {
            return Err("the engine is busy with nothing left to do".into());
        }
        Ok(report)
    }

    /// Words that port `i` must give: the word with its tag, the bits of it that count, `last`.
    fn expected_words(&self, i: usize, store: &Store) -> Result<Vec<(Word, usize, bool)>, String> {
        let (bits, beat) = (self.options.word_bits(), self.options.axi.beat_bytes());
        let mut out = Vec::new();
        for c in self.work[i].reads.iter().filter(|c| c.legal(&self.options)) {
            let mut bytes = vec![0; c.beats(&self.options) as usize * beat];
            let at = c.address.wrapping_sub(self.bases.get(i).copied().unwrap_or(0));
            if at < store.bytes() && bytes.len() as u64 <= store.bytes() - at {
                store.read(at, &mut bytes).map_err(said)?;
            }
            let words = bytes.len().div_ceil(bits / 8);
            for (n, chunk) in bytes.chunks(bits / 8).enumerate() {
                let from = c.address + (n * bits / 8) as u64;
                let r = &self.failing;
                let fails = r.start < from + chunk.len() as u64 && from < r.end;
                let used = if fails { 0 } else { chunk.len() * 8 };
                out.push((word(bits, chunk), used, n + 1 == words));
            }
        }
        Ok(out)
    }

    /// What memory must hold afterwards, where port `i` writes and beside it.
    fn expected_bytes(&self, i: usize, store: &Store) -> Result<Vec<(u64, Vec<u8>)>, String> {
        let mut out = Vec::new();
        for (c, _) in &self.work[i].writes {
            let from = c.address.saturating_sub(96);
            let to = (c.address + u64::from(c.bytes) + 96).min(store.bytes());
            if from >= to {
                continue;
            }
            let mut want = vec![0; (to - from) as usize];
            store.read(from, &mut want).map_err(said)?;
            // Neighbours write here too.
            let fits = |w: &&(Command, Vec<u8>)| {
                w.0.legal(&self.options) && w.0.address + u64::from(w.0.bytes) <= store.bytes()
            };
            for (w, data) in self.work[i].writes.iter().filter(fits) {
                for (n, byte) in (0u64..).zip(data) {
                    let at = w.address + n;
                    if (from..to).contains(&at) {
                        want[(at - from) as usize] = *byte;
                    }
                }
            }
            out.push((from, want));
        }
        Ok(out)
    }

    fn compare_words(
        &self,
        i: usize,
        port: &Port,
        want: &[(Word, usize, bool)],
    ) -> Result<u64, String> {
        let found = port.read_out.received();
        let bits = self.options.word_bits();
        let mut tags = self.work[i].reads.iter().filter(|c| c.legal(&self.options)).map(|c| c.tag);
        let mut tag = tags.next();
        for (n, (f, (data, used, last))) in found.iter().zip(want).enumerate() {
            let part = |w: &Word| (*used > 0).then(|| w.slice(0, *used));
            let expected = (part(data), *last, tag.unwrap_or(0));
            let seen_tag = f.data.slice(bits, self.options.tag_bits).to_u64() as u32;
            let seen = (part(&f.data), f.last, seen_tag);
            if seen != expected {
                return Err(format!("port {i}: word {n} is {seen:x?}, expected {expected:x?}"));
            }
            if *last {
                tag = tags.next();
            }
        }
        match found.len() == want.len() {
            true => Ok(found.len() as u64),
            false => Err(format!("port {i}: {} words came, {} expected", found.len(), want.len())),
        }
    }

    fn compare_completions(&self, i: usize, port: &Port) -> Result<Vec<u64>, String> {
        let bits = self.options.tag_bits;
        let found = port.write_done.received();
        let tags: Vec<u64> = found.iter().map(|b| b.data.trunc(bits).to_u64()).collect();
        let legal = self.work[i].writes.iter().filter(|w| w.0.legal(&self.options));
        let want: Vec<u64> = legal.map(|w| w.0.tag.into()).collect();
        match tags == want {
            true => Ok(found.iter().map(|b| b.data.slice(bits, 2).to_u64()).collect()),
            false => Err(format!("port {i}: completions {tags:?}, expected {want:?}")),
        }
    }
}

/// Every `valid` and `ready` of a model that hangs.
fn handshakes(m: &Model) -> String {
    let wires = Engine::ports(m).iter().enumerate();
    let of = |(i, p): (usize, &skipopu_hdl::Port)| {
        let hand = p.name.ends_with("valid") || p.name.ends_with("ready");
        hand.then(|| format!("{} {}", p.name, Engine::peek(m, i)))
    };
    wires.filter_map(of).collect::<Vec<_>>().join(", ")
}

/// A slave for each port of an engine, over a memory of its own with noise in it.
///
/// # Errors
/// A port that is not there.
pub fn slaves(
    m: &Model,
    options: &DmaOptions,
    ports: usize,
    bytes: u64,
    with: impl Fn(usize, AxiSlave) -> AxiSlave,
) -> Result<(Vec<AxiSlave>, Vec<Store>), String> {
    let version = if options.axi.len_bits == 4 { AxiVersion::Axi3 } else { AxiVersion::Axi4 };
    let (mut slaves, mut stores) = (Vec::new(), Vec::new());
    for i in 0..ports {
        let store = Store::noisy(bytes, i as u64);
        let slave =
            AxiSlave::bind(m, &format!("m_axi_{i}"), version, store.clone()).map_err(said)?;
        slaves.push(with(i, slave));
        stores.push(store);
    }
    Ok((slaves, stores))
}

/// Lengths around the sizes of beat, word, burst and page, and any.
fn length(rng: &mut SmallRng, most: u32) -> u32 {
    let near = [1, 32, 64, 512, 1024, 4096][rng.random_range(0..6)];
    let length = match rng.random_range(0..4) {
        0 => rng.random_range(1..=most),
        1 => near,
        _ => (near + rng.random_range(0..80)).saturating_sub(40).max(1),
    };
    length.min(most)
}

/// Random work for a port: reads in the lower half of a memory of `bytes` bytes, writes in the upper,
/// addresses often near the borders of pages.
pub fn random_work(
    options: &DmaOptions,
    bytes: u64,
    reads: usize,
    writes: usize,
    seed: u64,
) -> PortWork {
    let mut rng = SmallRng::seed_from_u64(seed);
    let beat = options.axi.beat_bytes() as u64;
    let most = 5000;
    let mut tag = 0;
    let mut tags = move || {
        tag = (tag + 1) % (1 << options.tag_bits);
        tag
    };
    let near_page = |rng: &mut SmallRng, end: u64| {
        let page = rng.random_range(1..end / 4096 - 2) * 4096;
        (page - rng.random_range(0..20) * beat).min(end - 8192)
    };
    let reads = (0..reads)
        .map(|_| Command {
            address: near_page(&mut rng, bytes / 2),
            bytes: length(&mut rng, most),
            tag: tags(),
        })
        .collect();
    let mut at = bytes / 2 + 4096 - 5 * beat;
    let writes = (0..writes)
        .map(|_| {
            let command = Command { address: at, bytes: length(&mut rng, most), tag: tags() };
            // The next one starts at the following beat, or somewhere beyond.
            at += command.beats(options) * beat
                + rng.random_range(0..3) * rng.random_range(0..30) * beat;
            let mut data = vec![0; command.bytes as usize];
            rng.fill_bytes(&mut data);
            (command, data)
        })
        .collect();
    PortWork { reads, writes }
}
