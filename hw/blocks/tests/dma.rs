//! The DMA: every word and byte, at any clocks, against awkward memories; faults; rates; cost.

mod common;

use common::{get, seeds, set, tick, Case};
use rand::rngs::SmallRng;
use rand::SeedableRng;
use skipopu_hdl::prelude::*;
use skipopu_hw::dma::{
    fault_kind, BurstSplitter, ChunkAligner, Command, DmaEngine, DmaOptions, DmaPort, FaultLatch,
    ReadCollector, ReadIssuer, ReadMaster, WriteIssuer, WriteMaster, WriteSender,
};
use skipopu_sim::memory::{AxiSlave, AxiVersion, Delay, Disturbance, Response, Store};
use skipopu_sim::stream::{Beat, Pattern, StreamBench};
use skipopu_sim::{uniform_word, ClockDomain, Engine, Model, RustSim, Verilated};
use skipopu_system::dma::{random_work, slaves, DmaReport, DmaRun, PortWork};
use std::ops::Range;

/// A smaller buffer than HBM's, so that it fills, and writes at the full rate.
fn options() -> DmaOptions {
    DmaOptions { read_words: 64, reads: 16, write_beats: 2, ..DmaOptions::hbm() }
}

const BYTES: u64 = 1 << 24;

fn engine(ports: usize, options: DmaOptions) -> Case {
    Case::new("dma_engine", move || DmaEngine::new(ports, &options).unwrap())
}

/// A model with its inputs at 0.
fn fresh(built: &Verilated) -> Model {
    let mut m = built.model().unwrap();
    m.eval().unwrap();
    m
}

fn mixed(options: &DmaOptions, ports: usize, seed: u64) -> Vec<PortWork> {
    (0..ports as u64).map(|i| random_work(options, BYTES, 24, 24, seed ^ i << 32)).collect()
}

/// Runs with random delays and an awkward slave.
fn awkward(built: &Verilated, run: &DmaRun) -> DmaReport {
    let mut m = fresh(built);
    let (mut slaves, stores) = slaves(&m, &run.options, run.work.len(), BYTES, |i, s| {
        let seed = run.seed ^ i as u64;
        s.timing(Delay::random(1..=200, seed)).disturb(Disturbance::random(seed))
    })
    .unwrap();
    run.run(&mut m, &mut slaves, &stores).unwrap_or_else(|e| panic!("seed {}: {e}", run.seed))
}

#[test]
fn every_word_and_byte_at_any_clocks() {
    for (ports, o) in [(2, options()), (1, DmaOptions { read_words: 64, ..DmaOptions::ddr() })] {
        let case = engine(ports, o.clone());
        let built = case.verilated();
        for seed in seeds() {
            for (n, clocks) in ClockDomain::crossings(seed, 4).into_iter().enumerate() {
                let seed = seed ^ (n as u64) << 16;
                let (idle, stall) = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.4, 0.4)][n % 4];
                let work = mixed(&o, ports, seed);
                let run = DmaRun { clocks, idle, stall, seed, ..DmaRun::new(&o, work.clone()) };
                let report = awkward(&built, &run);
                let words: u64 = work.iter().flat_map(|w| &w.reads).map(|c| c.words(&o)).sum();
                assert_eq!((report.words, report.completions), (words, 24 * ports as u64));
                assert!(report.responses.iter().flatten().all(|r| *r == 0));
                // The bursts are the specification's.
                for (w, axi) in work.iter().zip(&report.axi) {
                    let bursts: usize = w.reads.iter().map(|c| c.bursts(&o).len()).sum();
                    assert_eq!(axi.read_bursts as usize, bursts);
                    assert_eq!(axi.r_stalls, 0, "R never waits");
                }
            }
        }
    }
}

fn read(address: u64, bytes: u32, tag: u32) -> Command {
    Command { address, bytes, tag }
}

/// What an engine of one HBM port shows after a run.
fn one_port(
    o: &DmaOptions,
    work: PortWork,
    failing: Range<u64>,
    with: impl Fn(AxiSlave) -> AxiSlave,
) -> (DmaReport, Model) {
    let case = engine(2, options());
    assert_eq!(*o, options(), "one model for all");
    let built = case.verilated();
    let mut m = fresh(&built);
    let (mut slaves, stores) = slaves(&m, o, 2, BYTES, |_, s| with(s)).unwrap();
    let work = vec![work, PortWork::default()];
    let run = DmaRun { budget: 20_000, failing, ..DmaRun::new(o, work) };
    let report = run.run(&mut m, &mut slaves, &stores).unwrap_or_else(|e| panic!("{e}"));
    (report, m)
}

/// The fault shown for a read (or write) of a port: kind, address and tag, as soon as it is selected.
fn fault(m: &mut Model, port: usize, write: bool) -> Option<(u64, u64, u64)> {
    let select = port + if write { 2 } else { 0 };
    set(m, &[("fault_select", select as u128)]);
    for _ in 0..8 {
        m.advance().unwrap();
    }
    let shown = |n: &str| get(m, n) as u64;
    (shown("fault_valid") == 1)
        .then(|| (shown("fault_kind"), shown("fault_address"), shown("fault_tag")))
}

#[test]
fn edges_of_beat_word_burst_and_page() {
    let o = options();
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    let mut at = 1 << 23;
    for (n, bytes) in
        [1, 31, 32, 33, 63, 64, 65, 96, 480, 511, 512, 513, 544, 1024, 4095, 4096, 4097]
            .into_iter()
            .enumerate()
    {
        for before in [0, 32, 64, 480, 512] {
            let tag = (n * 8) as u32 % 256;
            reads.push(read(4096 * (n as u64 + 2) - before, bytes, tag));
            at = (at / 4096 + 2) * 4096 - before;
            writes.push((read(at, bytes, tag), vec![n as u8 ^ 0xa5; bytes as usize]));
            at += u64::from(bytes);
        }
    }
    // The first and the last bytes of memory.
    reads.push(read(0, 64, 1));
    reads.push(read(BYTES - 32, 32, 2));
    writes.push((read(BYTES - 64, 64, 3), vec![7; 64]));
    let counts = (reads.len(), writes.len() as u64);
    let (report, mut m) = one_port(&o, PortWork { reads, writes }, 0..0, |s| s);
    assert!(report.words as usize > counts.0);
    assert_eq!(report.completions, counts.1);
    assert_eq!((fault(&mut m, 0, false), fault(&mut m, 0, true)), (None, None));
}

#[test]
fn errors_are_reported_with_port_kind_address_and_tag() {
    let o = options();
    let work = PortWork {
        reads: vec![read(0, 4096, 1), read(0x3000, 2048, 2), read(0x8000, 64, 3)],
        writes: vec![
            (read(0x80_0000, 2000, 4), vec![1; 2000]),
            (read(0x90_0000, 64, 5), vec![2; 64]),
        ],
    };
    // The third burst of the second read fails; data is noise either way, and all of it comes.
    let slave = |s: AxiSlave| s.fault(0x3400..0x3420, Response::SlvErr);
    let (report, mut m) = one_port(&o, work.clone(), 0x3400..0x3420, slave);
    assert_eq!(report.axi[0].errors, 1);
    assert_eq!(fault(&mut m, 0, false), Some((fault_kind::SLAVE, 0x3400, 2)));
    assert_eq!((fault(&mut m, 1, false), fault(&mut m, 0, true)), (None, None));
    let faults = |m: &Model| ["read_faults", "write_faults"].map(|n| get(m, n));
    assert_eq!(faults(&m), [1, 0]);
    // Cleared, it is gone.
    set(&mut m, &[("fault_clear", 1)]);
    for _ in 0..8 {
        m.advance().unwrap();
    }
    set(&mut m, &[("fault_clear", 0)]);
    assert_eq!(fault(&mut m, 0, false), None);

    // Of two errors the first stays: nothing decodes beyond the memory.
    let mut beyond = work.clone();
    beyond.reads = vec![read(BYTES - 64, 128, 9), read(BYTES + 4096, 64, 10), read(0, 64, 11)];
    beyond.writes.truncate(1);
    let (report, mut m) = one_port(&o, beyond, BYTES - 64..u64::MAX, |s| s);
    assert_eq!(report.axi[0].errors, 4);
    assert_eq!(fault(&mut m, 0, false), Some((fault_kind::DECODE, BYTES, 9)));
}

/// A write whose second burst fails: bytes there stay, the others are written, the completion tells.
#[test]
fn a_failed_write_completes_with_its_error() {
    let o = options();
    let mut m = fresh(&engine(2, o.clone()).verilated());
    let (mut slaves, stores) =
        slaves(&m, &o, 2, BYTES, |_, s| s.fault(0x80_0200..0x80_0201, Response::SlvErr)).unwrap();
    // The harness expects every byte written; what fails is left to the checks below.
    let old = {
        let mut old = vec![0; 512];
        stores[0].read(0x80_0200, &mut old).unwrap();
        old
    };
    let data: Vec<u8> = [vec![3; 512], old, vec![4; 100]].concat();
    let writes = vec![
        (read(0x80_0000, data.len() as u32, 17), data),
        (read(0x90_0000, 40, 18), vec![5; 40]),
    ];
    let work = vec![PortWork { reads: vec![read(0, 64, 0)], writes }, PortWork::default()];
    let report = DmaRun::new(&o, work).run(&mut m, &mut slaves, &stores).unwrap();
    assert_eq!(report.responses[0], [2, 0]);
    assert_eq!(fault(&mut m, 0, true), Some((fault_kind::SLAVE, 0x80_0200, 17)));
    assert_eq!(fault(&mut m, 0, false), None);
}

#[test]
fn illegal_commands_are_refused_and_reported() {
    let o = options();
    for (bad, tag) in
        [(read(0x1010, 64, 7), 7), (read(0x2000, 0, 8), 8), (read((1 << 33) - 32, 33, 9), 9)]
    {
        assert!(!bad.legal(&o));
        let work = PortWork {
            reads: vec![read(0, 64, 1), bad, read(64, 640, 2)],
            writes: vec![
                (read(0x80_0000, 64, 3), vec![1; 64]),
                (bad, vec![]),
                (read(0x90_0000, 64, 4), vec![2; 64]),
            ],
        };
        let (report, mut m) = one_port(&o, work, 0..0, |s| s);
        assert_eq!((report.words, report.completions), (11, 2));
        let want = Some((fault_kind::REFUSED, bad.address, tag));
        assert_eq!((fault(&mut m, 0, false), fault(&mut m, 0, true)), (want, want));
    }
}

/// One long read and write at once: a beat in every cycle of the AXI clock once the first is there, with
/// a memory as slow as HBM under load.
#[test]
fn the_rate_of_the_port_is_kept() {
    let o = DmaOptions { write_beats: 2, ..DmaOptions::hbm() };
    let case = engine(1, o.clone());
    let built = case.verilated();
    for (cycles, bytes) in [(60, 1 << 16), (135, 1 << 16)] {
        let mut m = fresh(&built);
        let (mut slaves, stores) =
            slaves(&m, &o, 1, BYTES, |_, s| s.timing(Delay::fixed(cycles))).unwrap();
        let work = PortWork {
            reads: vec![read(0, bytes, 1)],
            writes: vec![(read(0x80_0000, bytes, 1), vec![9; bytes as usize])],
        };
        let run = DmaRun::new(&o, vec![work]);
        let report = run.run(&mut m, &mut slaves, &stores).unwrap_or_else(|e| panic!("{e}"));
        let words = u64::from(bytes) / 64;
        // The writes' last completion comes the memory's delay later.
        let latency = cycles / 2 + 60;
        assert!(report.cycles <= words + latency, "{} cycles for {words} words", report.cycles);
    }
}

#[test]
fn leaves_agree_with_their_rust_text() {
    for o in [options(), DmaOptions { beats_per_word: 1, ..DmaOptions::ddr() }] {
        let p = o.clone();
        let case = Case::new("burst_splitter", move || BurstSplitter::new(&p).unwrap());
        case.agree_on_random(1000, |r| r.often("reset", 0.02));
        let p = o.clone();
        let case = Case::new("read_issuer", move || ReadIssuer::new(&p).unwrap());
        case.agree_on_random(500, |r| r.often("reset", 0.02));
        let case = Case::new("write_issuer", move || WriteIssuer::new(&o).unwrap());
        case.agree_on_random(500, |r| r.often("reset", 0.02));
    }
    let case = Case::new("fault_latch", || FaultLatch::new(&options()).unwrap());
    case.agree_on_random(500, |r| {
        r.often("reset", 0.02);
        r.often("clear", 0.1);
    });
    let case = Case::new("read_collector", || ReadCollector::new(&options()).unwrap());
    case.agree_on_random(300, |r| r.often("reset", 0.02));
    let case = Case::new("write_sender", || WriteSender::new(&options()).unwrap());
    case.agree_on_random(300, |r| r.often("reset", 0.02));
    // Both clocks at random, anything on the wires.
    let case = Case::new("read_master", || ReadMaster::new(&options()).unwrap());
    case.agree_on_random(300, |r| r.often("reset", 0.02));
    let case = Case::new("write_master", || WriteMaster::new(&options()).unwrap());
    case.agree_on_random(300, |r| r.often("reset", 0.02));
}

/// Words in step whichever ports take part; packets that end apart.
#[test]
fn chunk_aligner() {
    let case = Case::new("chunk_aligner", || ChunkAligner::new(3, 20).unwrap());
    case.agree_on_random(1000, |r| r.often("reset", 0.02));
    let built = case.verilated();
    for seed in seeds() {
        for pattern in Pattern::ALL {
            for enable in [0b111u128, 0b101, 0b010] {
                let mut m = built.model().unwrap();
                set(&mut m, &[("enable", enable)]);
                let on: Vec<usize> = (0..3).filter(|i| enable >> i & 1 == 1).collect();
                let mut rng = SmallRng::seed_from_u64(seed);
                let sent: Vec<Vec<Word>> = (0..3)
                    .map(|_| (0..300).map(|_| uniform_word(&mut rng, 20)).collect())
                    .collect();
                let last = |n: usize| n % 7 == 6;
                let beat = |i: usize, n: usize| Beat { data: sent[i][n].clone(), last: last(n) };
                // Only one port: its own words; else all of them, where a port that is off offers noise.
                let bench = on.iter().fold(StreamBench::new("clock"), |b, i| {
                    b.input(format!("in_{i}"), (0..300).map(|n| beat(*i, n)))
                });
                let whole = |n: usize| Beat {
                    data: Word::concat(&[2, 1, 0].map(|i| {
                        if on.contains(&i) {
                            sent[i][n].clone()
                        } else {
                            Word::zero(20)
                        }
                    })),
                    last: last(n),
                };
                let bench = bench.output("out", (0..300).map(whole)).pattern(pattern).seed(seed);
                let report =
                    bench.run(&mut m).unwrap_or_else(|e| panic!("{pattern:?} {enable:b}: {e}"));
                if pattern == Pattern::None {
                    assert_eq!(report.cycles, 300);
                }
                assert_eq!(get(&m, "lost_step"), 0);
            }
        }
    }
    // Packets that end apart are noticed.
    let mut m = built.model().unwrap();
    set(&mut m, &[("enable", 0b011), ("in_0_valid", 1), ("in_1_valid", 1), ("out_ready", 1)]);
    tick(&mut m);
    assert_eq!(get(&m, "lost_step"), 0);
    set(&mut m, &[("in_1_last", 1)]);
    tick(&mut m);
    set(&mut m, &[("in_1_last", 0)]);
    tick(&mut m);
    assert_eq!(get(&m, "lost_step"), 1);
}

/// What a port costs; docs/memory.md has the figures of all.
#[test]
fn cost_of_a_port() {
    let case = engine(1, DmaOptions::hbm());
    let report = case.synthesised();
    println!("{}", report.table().text());
    let area = &report.area;
    assert_eq!((area.brams(), area.urams, area.dsps, area.latches), (8.0, 0, 0, 0));
    // A 32nd of the published engine.
    assert!(area.luts + area.lutrams < 45_947 / 32, "{area:?}");
}

/// Faults planted in the Verilog are found.
#[test]
fn planted_faults_are_found() {
    let o = options();
    let case = engine(2, o.clone());
    let faults = [
        // Space is not reserved: the buffer overflows.
        ("ReadIssuer", "room <= free >= 7'h12;", "room <= 1'd1;"),
        // Bursts end anywhere.
        ("BurstSplitter", "last = left_2 <= {15'd0, to_border}", "last = left_2 <= 20'd16"),
        // The second half of a word is not used up.
        ("WriteIssuer", "half_0 <= ", "half_0 <= 1'd0 & "),
        // Strobes of a last beat are all 1.
        ("WriteSender", "whole = ", "whole = 1'd1 | "),
        // Errors of a first beat are forgotten.
        ("ReadCollector", "answer = ", "answer = 2'd0 & "),
    ];
    case.finds(&faults, |built| {
        (0..4).all(|seed| {
            let mut m = fresh(built);
            let with = |_, s: AxiSlave| s.fault(0x100_0000..0x200_0000, Response::SlvErr);
            let (mut slaves, stores) = slaves(&m, &o, 2, BYTES, with).unwrap();
            let mut work = mixed(&o, 2, seed);
            work[0].reads.push(read(0x180_0000, 64, 0));
            let failing = 0x100_0000..0x200_0000;
            let run = DmaRun { stall: 0.6, seed, budget: 50_000, failing, ..DmaRun::new(&o, work) };
            let outcome = run.run(&mut m, &mut slaves, &stores);
            outcome.is_ok() && fault(&mut m, 0, false).is_some()
        })
    });
}

/// One column a cycle, as it is before its rising edge: commands in capitals, their bursts in small letters.
#[test]
fn waveform_of_the_splitter() {
    let o = options();
    let mut sim = RustSim::new(Box::new(BurstSplitter::new(&o).unwrap())).unwrap();
    let e: &mut dyn Engine = &mut sim;
    let commands = [(0x100, 1280, 0), (0x1000, 64, 1), (0x2000, 64, 2)];
    let mut rows = vec![String::new(); 4];
    let mut next = 0;
    for n in 0..12 {
        let offered = commands.get(next);
        let (address, bytes, tag) = offered.copied().unwrap_or_default();
        let word = read(address, bytes, tag).word(&o);
        e.set("command_data", &word).unwrap();
        set(e, &[("command_valid", offered.is_some().into()), ("burst_ready", (n != 6).into())]);
        e.eval().unwrap();
        let letter = |n: u128, first: u8| char::from(first + n as u8);
        let burst = e.get("burst_data").unwrap();
        let tag_at = 28 + 4 + 1;
        rows[0].push(offered.map_or('.', |c| letter(c.2.into(), b'A')));
        rows[1].push(if get(e, "command_ready") == 1 { '1' } else { '.' });
        let valid = get(e, "burst_valid") == 1;
        rows[2].push(if valid { letter(burst.slice(tag_at, 8).to_u128(), b'a') } else { '.' });
        rows[3].push(if n != 6 { '1' } else { '.' });
        next += usize::from(offered.is_some() && get(e, "command_ready") == 1);
        tick(e);
    }
    let names = ["command", "ready", "burst", "ready"];
    let line = |(n, row): (&str, &String)| format!("/// {n:10} {row}\n");
    let doc: String = names.into_iter().zip(&rows).map(line).collect();
    let source = include_str!("../src/dma/splitter.rs");
    assert!(source.contains(&doc), "the documentation should hold:\n{doc}");
}

/// A read of 6 beats and a write of 3 at 1:2 clocks; one column a cycle of the AXI clock, two of the core's.
#[test]
fn waveforms_of_a_port() {
    let o = DmaOptions { read_words: 64, ..DmaOptions::hbm() };
    let p = o.clone();
    let mut sim = RustSim::new(Box::new(DmaPort::new(&p).unwrap())).unwrap();
    let store = Store::noisy(BYTES, 0);
    let mut slave =
        AxiSlave::bind(&sim, "m_axi", AxiVersion::Axi3, store).unwrap().timing(Delay::fixed(4));
    let e: &mut dyn Engine = &mut sim;
    let clocks = ["axi_clock", "clock"].map(|n| e.clock_index(n).unwrap());
    for _ in 0..4 {
        e.edge(&clocks, true).unwrap();
        e.edge(&clocks, false).unwrap();
    }
    let streams = [
        "read_command",
        "m_axi_ar",
        "m_axi_r",
        "read_out",
        "write_command",
        "write_in",
        "m_axi_aw",
        "m_axi_w",
        "m_axi_b",
        "write_done",
    ];
    let mut rows = vec![String::new(); streams.len()];
    set(e, &[("read_out_ready", 1), ("write_done_ready", 1)]);
    let mut words = 3;
    let mut offered = [true, true];
    for n in 0..56 {
        if n % 2 == 0 {
            e.set("read_command_data", &read(0x1000, 192, 1).word(&o)).unwrap();
            e.set("write_command_data", &read(0x80_0000, 96, 2).word(&o)).unwrap();
            set(
                e,
                &[
                    ("read_command_valid", offered[0].into()),
                    ("write_command_valid", offered[1].into()),
                    ("write_in_valid", u128::from(words > 0)),
                ],
            );
        }
        slave.present(e);
        e.eval().unwrap();
        let fires = |e: &dyn Engine, s: &str| {
            let bit = |p: &str| {
                get(e, &if s.starts_with("m_axi") { format!("{s}{p}") } else { format!("{s}_{p}") })
                    == 1
            };
            bit("valid") && bit("ready")
        };
        for (row, s) in rows.iter_mut().zip(streams) {
            row.push(if fires(e, s) { '1' } else { '.' });
        }
        slave.observe(e).unwrap();
        if n % 2 == 1 {
            offered[0] &= !fires(e, "read_command");
            offered[1] &= !fires(e, "write_command");
            words -= i32::from(fires(e, "write_in"));
        }
        let rising = if n % 2 == 0 { &clocks[..1] } else { &clocks[..] };
        e.edge(rising, true).unwrap();
        e.edge(rising, false).unwrap();
    }
    // Edges of the core's clock end odd columns; the command fires at the end of column 1.
    let first = |s: &str| {
        let at = streams.iter().position(|n| *n == s).unwrap();
        rows[at].find('1').unwrap()
    };
    let (core, axi) = ReadMaster::REQUEST_EDGES;
    assert_eq!(first("m_axi_ar"), 1 + 2 * core + axi + 1);
    let (axi, core) = ReadMaster::WORD_EDGES;
    let entered = first("m_axi_r") + 1 + axi;
    assert_eq!(entered % 2, 1, "the word goes in at an edge of both clocks");
    assert_eq!(first("read_out"), entered + 2 * core + 1);
    let line = |(n, row): (&str, &String)| format!("{n:14} {row}\n");
    let doc: String = streams.into_iter().zip(&rows).map(line).collect();
    let page = include_str!("../../../docs/memory.md");
    assert!(page.contains(&doc), "docs/memory.md should hold:\n{doc}");
}
