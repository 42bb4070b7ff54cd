//! Streams: the protocol under every disturbance, rates, latencies, waveforms, three engines.

mod common;

use common::{both, get, seeds, set, tick, Case};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_hdl::prelude::*;
use skipopu_hw::stream::{
    Fifo, FifoOptions, Fork, Join, Occupancy, PrimitivesPipeline, SkidBuffer, Storage, StreamDelay,
    StreamSink, StreamSource,
};
use skipopu_sim::stream::{Beat, Pattern, StreamBench, StreamReport};
use skipopu_sim::{uniform_word, Engine};

/// Random beats; about every eighth is the last of its packet.
fn beats(width: usize, count: usize, seed: u64) -> Vec<Beat> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut beat = |_| Beat { data: uniform_word(&mut rng, width), last: rng.random_bool(0.125) };
    (0..count).map(&mut beat).collect()
}

/// Runs a block that passes beats on unchanged, under every pattern and seed, on both engines.
fn passes_beats_on(case: &Case, width: usize, latency: usize) {
    maps_beats(case, width, latency, |data| data.clone());
}

/// As [`passes_beats_on`] for a block that maps each beat's data. Checks rate and latency of the
/// undisturbed runs.
fn maps_beats(case: &Case, width: usize, latency: usize, map: impl Fn(&Word) -> Word) {
    let verilated = case.verilated();
    for seed in seeds() {
        let sent = beats(width, 400, seed);
        let mapped = |b: &Beat| Beat { data: map(&b.data), last: b.last };
        let expected: Vec<Beat> = sent.iter().map(mapped).collect();
        for pattern in Pattern::ALL {
            let bench = StreamBench::new("clock")
                .input("in", sent.clone())
                .output("out", expected.clone())
                .pattern(pattern)
                .seed(seed);
            let check = |report: StreamReport| {
                assert_eq!(report.compared, 400);
                if pattern == Pattern::None {
                    assert_eq!(report.first_output_latency, Some(latency as i64));
                    // One beat a cycle, in and out.
                    assert_eq!(report.cycles, (400 + latency) as u64);
                    assert_eq!(report.inputs[0].stalls, 0);
                }
            };
            let run = |e: &mut dyn Engine| {
                bench.run(e).unwrap_or_else(|e| panic!("{}, {pattern:?}: {e}", case.name))
            };
            check(run(&mut verilated.model().unwrap()));
            check(run(&mut case.rust()));
        }
    }
}

/// Arbitrary inputs, also such as break the protocol: the engines agree.
fn agrees_on_anything(case: &Case) {
    case.agree_on_random(1500, |r| r.often("reset", 0.01));
    case.agree_on_random(400, |r| {
        r.often("reset", 0.0);
        r.often("in_valid", 0.9);
        r.often("out_ready", 0.2);
    });
}

#[test]
fn skid_buffer() {
    for width in [1, 16, 100] {
        let case = Case::new("skid_buffer", move || SkidBuffer::new(width).unwrap());
        assert_eq!(case.design.top().latency, Some(SkidBuffer::LATENCY));
        passes_beats_on(&case, width, SkidBuffer::LATENCY);
        agrees_on_anything(&case);
        let report = case.synthesised();
        assert_eq!(report.area.ffs as usize, 2 * (width + 1) + 2);
        assert_eq!(report.area.latches, 0);
        assert!(report.depth.through.is_none(), "no path from input to output");
        assert_eq!(report.depth.reg_to_out.as_ref().unwrap().levels, 0, "outputs are registers");
    }
}

fn fifo(width: usize, depth: usize, storage: Storage, almost_full: Option<usize>) -> FifoOptions {
    FifoOptions { storage: Some(storage), almost_full, ..FifoOptions::new(width, depth) }
}

/// Fills the FIFO, looks at level and flags at every step, empties it.
fn fills_and_empties(e: &mut dyn Engine, depth: usize, threshold: usize, storage: Storage) {
    let look = |e: &dyn Engine, level: usize| {
        assert_eq!(get(e, "level"), level as u128);
        assert_eq!(get(e, "almost_full") == 1, level >= threshold, "level {level}");
        assert_eq!(get(e, "in_ready") == 1, level < depth, "level {level}");
    };
    // One more than fits is offered for a while.
    for i in 0..depth + 3 {
        look(e, i.min(depth));
        set(e, &[("in_valid", 1), ("in_data", 1 + i.min(depth) as u128 % 200)]);
        tick(e);
    }
    // The oldest leaves and makes room for the one that waits.
    set(e, &[("out_ready", 1)]);
    assert_eq!((get(e, "out_valid"), get(e, "out_data")), (1, 1));
    tick(e);
    look(e, depth - 1);
    set(e, &[("out_ready", 0)]);
    tick(e);
    look(e, depth);
    // All leave without a pause, and nothing more.
    set(e, &[("in_valid", 0), ("out_ready", 1)]);
    for i in 1..=depth {
        assert_eq!(get(e, "out_valid"), 1, "beat {i}");
        assert_eq!(get(e, "out_data"), 1 + i as u128 % 200);
        tick(e);
    }
    for _ in 0..8 {
        assert_eq!((get(e, "out_valid"), get(e, "level")), (0, 0));
        tick(e);
    }
    // Reset drops what is in flight, wherever it is.
    for gap in 0..storage.latency() + 2 {
        set(e, &[("in_valid", 1), ("out_ready", 0)]);
        tick(e);
        set(e, &[("in_valid", 0)]);
        (0..gap).for_each(|_| tick(e));
        set(e, &[("reset", 1)]);
        tick(e);
        set(e, &[("reset", 0)]);
        for _ in 0..8 {
            look(e, 0);
            assert_eq!(get(e, "out_valid"), 0);
            tick(e);
        }
    }
}

#[test]
fn fifos_in_luts() {
    for (width, depth) in [(8, 2), (8, 3), (20, 32), (8, 100)] {
        let threshold = (depth / 2).max(1);
        let options = fifo(width, depth, Storage::Lutram, Some(threshold));
        holds_to_its_contract(&options, threshold);
    }
}

#[test]
fn fifos_in_block_ram() {
    for (width, depth) in [(8, 8), (8, 9), (71, 512), (40, 600)] {
        holds_to_its_contract(&fifo(width, depth, Storage::Bram, None), depth);
    }
    let options = fifo(71, 512, Storage::Bram, None);
    let area = Case::new("fifo", move || Fifo::new(&options).unwrap()).synthesised().area;
    assert_eq!((area.brams(), area.urams, area.latches), (1.0, 0, 0));
}

#[test]
fn fifos_in_ultra_ram() {
    for (width, depth) in [(8, 11), (71, 4096)] {
        holds_to_its_contract(&fifo(width, depth, Storage::Uram, Some(depth - 1)), depth - 1);
    }
    let options = fifo(71, 4096, Storage::Uram, None);
    let area = Case::new("fifo", move || Fifo::new(&options).unwrap()).synthesised().area;
    assert_eq!((area.brams(), area.urams, area.latches), (0.0, 1, 0));
}

fn holds_to_its_contract(options: &FifoOptions, threshold: usize) {
    let storage = options.storage.unwrap();
    let o = options.clone();
    let case = Case::new("fifo", move || Fifo::new(&o).unwrap());
    assert_eq!(case.design.top().latency, Some(storage.latency()));
    both(&case, |e| fills_and_empties(e, options.depth, threshold, storage));
    passes_beats_on(&case, options.width, storage.latency());
    agrees_on_anything(&case);
}

#[test]
fn stream_delay() {
    for (width, stages) in [(8, 1), (16, 2), (9, 7)] {
        let case = Case::new("stream_delay", move || StreamDelay::new(width, stages).unwrap());
        assert_eq!(case.design.top().latency, Some(stages));
        passes_beats_on(&case, width, stages);
        agrees_on_anything(&case);
    }
}

#[test]
fn primitives_pipeline() {
    let case = Case::new("primitives_pipeline", || PrimitivesPipeline::new(4, 16).unwrap());
    let latency = PrimitivesPipeline::LATENCY;
    assert_eq!(case.design.top().latency, Some(latency));
    let rotated = |d: &Word| Word::concat(&[d.slice(0, 48), d.slice(48, 16)]);
    maps_beats(&case, 64, latency, rotated);
    agrees_on_anything(&case);
    let area = case.synthesised().area;
    assert_eq!((area.brams(), area.latches), (1.0, 0));
    assert!(area.srls > 0 && area.lutrams > 0, "{area:?}");
}

/// Every pattern and seed on both engines, for benches with several streams.
fn every_pattern(case: &Case, latency: usize, bench: impl Fn(u64) -> StreamBench) {
    let verilated = case.verilated();
    for seed in seeds() {
        for pattern in Pattern::ALL {
            let bench = bench(seed).pattern(pattern).seed(seed);
            let run = |e: &mut dyn Engine| {
                let report =
                    bench.run(e).unwrap_or_else(|e| panic!("{}, {pattern:?}: {e}", case.name));
                if pattern == Pattern::None {
                    assert_eq!(report.first_output_latency, Some(latency as i64));
                    assert_eq!(report.cycles, (300 + latency) as u64, "one beat a cycle");
                }
            };
            run(&mut verilated.model().unwrap());
            run(&mut case.rust());
        }
    }
}

#[test]
fn fork() {
    for outputs in [2, 3] {
        let case = Case::new("stream_fork", move || Fork::new(9, outputs).unwrap());
        assert_eq!(case.design.top().latency, Some(Fork::LATENCY));
        every_pattern(&case, Fork::LATENCY, |seed| {
            let sent = beats(9, 300, seed);
            let bench = StreamBench::new("clock").input("in", sent.clone());
            (0..outputs).fold(bench, |b, i| b.output(format!("out_{i}"), sent.clone()))
        });
        case.agree_on_random(1000, |r| r.often("reset", 0.02));
    }
}

/// The bench needs a clock: a join with a skid buffer behind it.
#[derive(LogicBlock, Ports)]
struct RegisteredJoin {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub r#in: Vec<StreamSink>,
    pub out: StreamSource,
    join: Join,
    skid: SkidBuffer,
}

impl RegisteredJoin {
    fn new(widths: &[usize]) -> RegisteredJoin {
        let width = widths.iter().sum();
        RegisteredJoin {
            clock: Default::default(),
            reset: Default::default(),
            r#in: widths.iter().map(|w| StreamSink::new(*w)).collect(),
            out: StreamSource::new(width),
            join: Join::new(widths).unwrap(),
            skid: SkidBuffer::new(width).unwrap(),
        }
    }
}

impl Logic for RegisteredJoin {
    #[hdl]
    fn update(&mut self) {
        self.skid.clock.next = self.clock.val();
        self.skid.reset.next = self.reset.val();
        for i in 0..self.r#in.len() {
            StreamSink::link(&mut self.r#in[i], &mut self.join.r#in[i]);
        }
        StreamSource::join(&mut self.join.out, &mut self.skid.r#in);
        StreamSource::link(&mut self.out, &mut self.skid.out);
    }
}

#[test]
fn join() {
    for widths in [vec![8, 16], vec![1, 5, 70]] {
        let w = widths.clone();
        let case = Case::new("stream_join", move || Join::new(&w).unwrap());
        assert_eq!(case.design.top().latency, Some(Join::LATENCY));
        let w = widths.clone();
        let registered = Case::new("registered_join", move || RegisteredJoin::new(&w));
        every_pattern(&registered, Join::LATENCY + SkidBuffer::LATENCY, |seed| {
            let sent: Vec<Vec<Beat>> =
                (0..).zip(&widths).map(|(i, w)| beats(*w, 300, seed ^ i)).collect();
            let together = |n: usize| Beat {
                data: Word::concat(
                    &sent.iter().rev().map(|s| s[n].data.clone()).collect::<Vec<_>>(),
                ),
                last: sent.iter().any(|s| s[n].last),
            };
            let bench = StreamBench::new("clock").output("out", (0..300).map(together));
            sent.iter().enumerate().fold(bench, |b, (i, s)| b.input(format!("in_{i}"), s.clone()))
        });
        case.agree_on_random(500, |_| {});
    }
}

#[test]
fn the_storage_follows_the_depth() {
    for (depth, storage) in [
        (2, Storage::Lutram),
        (64, Storage::Lutram),
        (65, Storage::Bram),
        (4095, Storage::Bram),
        (4096, Storage::Uram),
    ] {
        assert_eq!(Storage::suited_to(depth), storage);
        assert_eq!(Fifo::new(&FifoOptions::new(8, depth)).unwrap().latency(), storage.latency());
    }
}

#[test]
fn occupancy_counts() {
    for (capacity, threshold) in [(1, 1), (3, 1), (4, 4), (5, 3)] {
        let case = Case::new("occupancy", move || Occupancy::new(capacity, threshold).unwrap());
        // Only within its contract: a counter pushed beyond its capacity means nothing.
        both(&case, |e| {
            let (mut level, mut rng) = (0, SmallRng::seed_from_u64(capacity as u64));
            for _ in 0..500 {
                let (push, pop) =
                    (rng.random::<bool>() && level < capacity, rng.random::<bool>() && level > 0);
                set(e, &[("push", push.into()), ("pop", pop.into())]);
                tick(e);
                level = level + usize::from(push) - usize::from(pop);
                assert_eq!(get(e, "level"), level as u128);
                assert_eq!(get(e, "not_full") == 1, level < capacity);
                assert_eq!(get(e, "not_empty") == 1, level > 0);
                assert_eq!(get(e, "almost_full") == 1, level >= threshold);
            }
        });
        case.agree_on_random(500, |r| r.often("reset", 0.02));
    }
}

#[test]
fn what_cannot_be_built_is_refused_in_one_sentence() {
    let text = |o: FifoOptions| Fifo::new(&o).map(drop).unwrap_err().to_string();
    insta::assert_snapshot!(text(FifoOptions::new(0, 16)), @"fifo: width = 0: must be 1 to 65536 bits");
    insta::assert_snapshot!(text(FifoOptions::new(8, 1)), @"fifo: depth = 1: must be 2 to 1024 in LUTs");
    insta::assert_snapshot!(text(fifo(8, 2000, Storage::Lutram, None)), @"fifo: depth = 2000: must be 2 to 1024 in LUTs");
    insta::assert_snapshot!(text(fifo(8, 7, Storage::Bram, None)), @"fifo: depth = 7: must be 8 to 65536 in block RAM");
    insta::assert_snapshot!(text(fifo(8, 16, Storage::Lutram, Some(17))), @"fifo: almost_full = 17: must be 1 to the depth");
    insta::assert_snapshot!(Fork::new(8, 1).map(drop).unwrap_err(), @"fork: outputs = 1: must be 2 to 64");
    insta::assert_snapshot!(Join::new(&[8]).map(drop).unwrap_err(), @"join: inputs = 1: must be 2 to 64");
    insta::assert_snapshot!(Join::new(&[8, 0]).map(drop).unwrap_err(), @"join: width = 0: must be 1 to 65536 bits");
    insta::assert_snapshot!(Occupancy::new(4, 5).map(drop).unwrap_err(), @"occupancy: almost_full = 5: must be 1 to the capacity");
    insta::assert_snapshot!(PrimitivesPipeline::new(1, 16).map(drop).unwrap_err(), @"pipeline: lanes = 1: must be at least 2");
    insta::assert_snapshot!(StreamDelay::new(8, 0).map(drop).unwrap_err(), @"delay with reset: stages = 0: must be 1 to 1024");
    insta::assert_snapshot!(SkidBuffer::new(0).map(drop).unwrap_err(), @"skid buffer: width = 0: must be 1 to 65536 bits");
}

/// What a waveform shows: when the sender wants to offer a beat, and when the receiver is ready.
struct Scene {
    name: &'static str,
    offer: &'static str,
    ready: &'static str,
}

/// Simulates and prints one column a cycle, as the cycle is before its rising edge. Beats are letters.
fn waveform(block: impl Dut + 'static, scene: &Scene) -> String {
    let mut sim = skipopu_sim::RustSim::new(Box::new(block)).unwrap();
    let e: &mut dyn Engine = &mut sim;
    let letter = |n: u128| char::from(b'A' + (n as u8 - 1));
    let flag = |b: bool| if b { '1' } else { '.' };
    let (mut next, mut pending) = (1u128, false);
    let level = e.ports().iter().any(|p| p.name == "level");
    let mut rows = vec![String::new(); if level { 5 } else { 4 }];
    for (offer, ready) in scene.offer.chars().zip(scene.ready.chars()) {
        pending |= offer == '1';
        set(
            e,
            &[
                ("in_valid", pending.into()),
                ("in_data", next),
                ("out_ready", (ready == '1').into()),
            ],
        );
        e.eval().unwrap();
        let (taken, valid) = (get(e, "in_ready") == 1, get(e, "out_valid") == 1);
        rows[0].push(if pending { letter(next) } else { '.' });
        rows[1].push(flag(taken));
        rows[2].push(if valid { letter(get(e, "out_data")) } else { '.' });
        rows[3].push(flag(ready == '1'));
        if level {
            rows[4].push(char::from_digit(get(e, "level") as u32, 10).unwrap());
        }
        if pending && taken {
            (next, pending) = (next + 1, false);
        }
        tick(e);
    }
    let names = ["in", "in_ready", "out", "out_ready", "level"];
    let line = |(i, row): (usize, &String)| {
        format!("{:13}{:10} {row}\n", if i == 0 { scene.name } else { "" }, names[i])
    };
    rows.iter().enumerate().map(line).collect()
}

/// The waveforms stand, word for word, in the documentation of the block.
fn documented<B: Dut + 'static>(source: &str, build: impl Fn() -> B, scenes: &[Scene]) {
    let text: String = scenes.iter().map(|s| waveform(build(), s)).collect();
    let doc: String = text.lines().map(|l| format!("/// {}\n", l.trim_end())).collect();
    assert!(source.contains(&doc), "the documentation should hold:\n{doc}");
}

#[test]
fn waveforms_are_what_the_blocks_do() {
    let scenes = [
        Scene { name: "basic", offer: "1...........", ready: "111111111111" },
        Scene { name: "back-to-back", offer: "1111........", ready: "111111111111" },
        Scene { name: "stalled", offer: "1111........", ready: "11...1111111" },
    ];
    let source = include_str!("../src/stream/skid_buffer.rs");
    documented(source, || SkidBuffer::new(8).unwrap(), &scenes);
    let source = include_str!("../src/stream/fifo.rs");
    let new = |storage| move || Fifo::new(&fifo(8, 8, storage, None)).unwrap();
    let scenes = [Scene { name: "LUTs", offer: "111.........", ready: "11...1111111" }];
    documented(source, new(Storage::Lutram), &scenes);
    let scenes = [Scene { name: "block RAM", offer: "111.........", ready: "11111...1111" }];
    documented(source, new(Storage::Bram), &scenes);
    let scenes = [
        Scene { name: "back-to-back", offer: "1111........", ready: "111111111111" },
        Scene { name: "stalled", offer: "1.11........", ready: "1111...11111" },
    ];
    let source = include_str!("../src/stream/delay.rs");
    documented(source, || StreamDelay::new(8, 2).unwrap(), &scenes);
}
