//! K and V to tiles of the array against their definition: keys with a token a column, values with a token a lane.

mod common;

use common::kv_delivery::{slice, traffic, word_of, Job, Sizes, Traffic};
use common::{get, seeds, set, tick, Case};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_config::Config;
use skipopu_hdl::Word;
use skipopu_hw::datapath::shape::READ_LATENCY;
use skipopu_hw::datapath::DatapathShape;
use skipopu_hw::kv::delivery::{GroupSelect, KvLoader, LaneMemory};
use skipopu_hw::kv::{KvShape, WORD_BITS};
use skipopu_kv::KvMachine;
use skipopu_sim::stream::{Beat, Pattern, ProtocolChecker, StreamDriver, StreamMonitor};
use skipopu_sim::{uniform_word, Engine, RustSim};
use std::collections::VecDeque;

/// Cycles after the last expected beat in which nothing more may come.
const DRAIN: usize = 40;
/// Cycles from the grant of an own frame's last slice until the next frame can be filled.
const SETTLE: usize = READ_LATENCY;

fn preset(name: &str) -> Sizes {
    let config = Config::preset(name).unwrap();
    Sizes { shape: DatapathShape::of(&config).unwrap(), kv: KvShape::of(&config).unwrap() }
}

/// Lanes and columns that no preset has.
fn sizes(lanes: usize, columns: usize, ports: usize, read_ports: usize) -> Sizes {
    let machine =
        KvMachine { ports, read_ports, slots: 8, bank_words: 4096, context: 64, layers: 8 };
    let shape = DatapathShape {
        lanes,
        columns,
        ways: 4,
        hbm_ports: ports,
        kv_ports: read_ports,
        ..preset("tiny").shape
    };
    Sizes { shape, kv: KvShape::new(machine).unwrap() }
}

fn loader(sizes: &Sizes) -> KvLoader {
    KvLoader::new(&sizes.shape, &sizes.kv).unwrap()
}

/// When things happened, in cycles, and how often.
#[derive(Debug, Default)]
struct Seen {
    cycles: u64,
    command: Vec<u64>,
    rounds: Vec<u64>,
    grants: Vec<u64>,
    loads: Vec<u64>,
    masks: Vec<u64>,
    stalls: [u64; 2],
}

/// Drives a loader through some traffic and compares all that comes out.
struct Run<'a> {
    sizes: &'a Sizes,
    traffic: &'a Traffic,
    pattern: Pattern,
    seed: u64,
}

impl Run<'_> {
    /// Until everything came, or `stop` cycles have gone by.
    fn go(&self, e: &mut dyn Engine, stop: Option<u64>) -> Seen {
        let idle = if self.pattern.idles() { 0.5 } else { 0.0 };
        let stall = if self.pattern.stalls() { 0.5 } else { 0.0 };
        let mut rng = SmallRng::seed_from_u64(self.seed ^ 0x6b76);
        let names = ["command", "in"];
        let mut drivers = names.map(|n| StreamDriver::new(e, n, idle, rng.random()).unwrap());
        drivers[0].push(&self.traffic.commands).unwrap();
        drivers[1].push(&self.traffic.rounds).unwrap();
        let outputs = ["mask", "load"];
        let mut monitors = outputs.map(|n| StreamMonitor::new(e, n, stall, rng.random()).unwrap());
        let expected = [&self.traffic.masks, &self.traffic.loads];
        let mut checkers: Vec<ProtocolChecker> =
            names.iter().chain(&outputs).map(|n| ProtocolChecker::new(e, n).unwrap()).collect();
        let ports = ["want", "grant", "address", "data", "mask_ready", "load_ready"];
        let [want, grant, address, data, mask_ready, load_ready] =
            ports.map(|p| e.index(p).unwrap());
        let offers = ["mask_valid", "mask_data", "load_valid", "load_data", "load_last"]
            .map(|p| e.index(p).unwrap());
        let slice_bits = self.sizes.shape.slice_bits();
        // Slices on their way, the next one first.
        let mut memory: VecDeque<Option<usize>> = VecDeque::from(vec![None; READ_LATENCY]);
        let mut seen = Seen::default();
        let budget = 1000 + 40 * self.traffic.cycles;
        let mut left = DRAIN;
        for cycle in 0.. {
            assert!(cycle < budget, "{cycle} cycles: {:?}", self.missing(&drivers, &monitors));
            if stop == Some(cycle) {
                return seen;
            }
            let done = drivers.iter().all(|d| d.pending() == 0)
                && (0..2).all(|i| monitors[i].received().len() == expected[i].len());
            if !done {
                seen.cycles = cycle + 1;
            } else if left == 0 {
                break;
            } else {
                left -= 1;
            }
            drivers.iter_mut().for_each(|d| d.present(e));
            e.poke(grant, &Word::from(!rng.random_bool(idle)));
            let arrives = memory.pop_front().unwrap();
            let slice = match arrives {
                Some(a) => word_of(&slice(a, self.sizes.shape.lanes)),
                None => uniform_word(&mut rng, slice_bits),
            };
            e.poke(data, &slice);
            // Nothing offered depends on whether it is taken.
            e.poke(mask_ready, &Word::zero(1));
            e.poke(load_ready, &Word::zero(1));
            e.eval().unwrap();
            let untaken = offers.map(|p| e.peek(p));
            monitors.iter_mut().for_each(|m| m.present(e, done));
            e.eval().unwrap();
            assert!(offers.map(|p| e.peek(p)) == untaken, "cycle {cycle}: depends on ready");

            checkers.iter_mut().for_each(|c| c.observe(e).unwrap_or_else(|e| panic!("{e}")));
            let fired = [0, 1].map(|i| drivers[i].observe(e).is_some());
            seen.command.extend(fired[0].then_some(cycle));
            seen.rounds.extend(fired[1].then_some(cycle));
            for i in 0..2 {
                let n = monitors[i].received().len();
                let Some(beat) = monitors[i].observe(e) else { continue };
                let want = expected[i].get(n);
                let what = || format!("{}, beat {n}, cycle {cycle}", outputs[i]);
                let want = want.unwrap_or_else(|| panic!("{}: extra {beat:?}", what()));
                assert!(beat == want, "{}:\n{beat:?} instead of\n{want:?}", what());
                [&mut seen.masks, &mut seen.loads][i].push(cycle);
            }
            let reads = e.peek(want).any() && e.peek(grant).any();
            memory.push_back(reads.then(|| e.peek(address).to_u64() as usize));
            seen.grants.extend(reads.then_some(cycle));
            tick(e);
        }
        assert_eq!(get(e, "busy"), 0);
        assert!(!seen.loads.is_empty(), "nothing compared");
        seen.stalls = [monitors[0].stalls(), monitors[1].stalls()];
        seen
    }

    fn missing(&self, drivers: &[StreamDriver; 2], monitors: &[StreamMonitor; 2]) -> [usize; 4] {
        let left = |m: &StreamMonitor, all: &[Beat]| all.len() - m.received().len();
        [
            drivers[0].pending(),
            drivers[1].pending(),
            left(&monitors[0], &self.traffic.masks),
            left(&monitors[1], &self.traffic.loads),
        ]
    }
}

/// A command without earlier tokens.
fn job(sizes: &Sizes, values: bool, head: usize, rows: usize, rng: &mut SmallRng) -> Job {
    Job {
        values,
        single: false,
        head,
        rows,
        base: rng.random_range(0..sizes.shape.scratchpad),
        stride: rng.random_range(2 * head..4 * head + 2),
        earlier: Vec::new(),
    }
}

/// Keys and values of the pairs of a layer: both of the same tokens, the last pair perhaps of one head.
fn layer(sizes: &Sizes, head: usize, rows: usize, rounds: usize, rng: &mut SmallRng) -> Vec<Job> {
    let pairs = rng.random_range(1..=2);
    let there: Vec<f64> = (0..rounds).map(|_| [1.0, 0.5, 0.0][rng.random_range(0..3)]).collect();
    let seed: u64 = rng.random();
    let mut jobs = Vec::new();
    for pair in 0..pairs {
        let single = pair + 1 == pairs && rng.random();
        for values in [false, true] {
            let mut tokens = SmallRng::seed_from_u64(seed);
            let mut job = Job { single, ..job(sizes, values, head, rows, rng) };
            for probability in &there {
                job = job.round(sizes, *probability, &mut tokens);
            }
            // The same streams take part, with other values.
            for value in job.earlier.iter_mut().flatten().flatten().flatten().flatten() {
                *value = rng.random();
            }
            jobs.push(job);
        }
    }
    jobs
}

/// The edges one by one, then layers drawn at random.
fn texts(sizes: &Sizes, random: usize, rng: &mut SmallRng) -> Vec<Vec<Job>> {
    let (s, g) = (sizes.shape.round(), sizes.shape.rounds_per_slice());
    let (lanes, most, longest) = (sizes.shape.lanes, sizes.shape.rows, sizes.longest());
    let mut texts = Vec::new();
    for (head, rows, rounds) in [
        // No earlier tokens; one own row, one round, one more.
        (1, 1, 0),
        (2, s.min(most), 0),
        (1, (s + 1).min(most), 1),
        // A round short of whole slices, whole slices, one more.
        (2, 2, g.max(2) - 1),
        (longest, 1, g),
        (longest, most, g + 1),
        (1, (lanes + 1).min(most), 2 * g),
        (longest.min(3), most, 2 * g + 1),
    ] {
        texts.push(layer(sizes, head.min(longest), rows, rounds, rng));
    }
    for _ in 0..random {
        let head = rng.random_range(1..=longest);
        let rows = rng.random_range(1..=most);
        let rounds = rng.random_range(0..=3 * g);
        texts.push(layer(sizes, head, rows, rounds, rng));
    }
    texts
}

/// Back to back in one run, under every disturbance; undisturbed within the stated cycles.
fn delivers(sizes: &Sizes, e: &mut dyn Engine, jobs: &[Job], patterns: &[Pattern], seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let traffic = traffic(sizes, jobs, SETTLE, &mut rng);
    for &pattern in patterns {
        let run = Run { sizes, traffic: &traffic, pattern, seed };
        // What a stopped run leaves is gone after a reset.
        let stop = rng.random_range(0..traffic.cycles);
        run.go(e, Some(stop));
        reset(e);
        let seen = run.go(e, None);
        if pattern.stalls() {
            assert!(seen.stalls.iter().all(|s| *s > 0), "{:?}", seen.stalls);
        }
        if pattern == Pattern::None {
            let most = traffic.cycles + (KvLoader::COMMAND_LATENCY + KvLoader::LATENCY) as u64;
            assert!(seen.cycles <= most, "{} cycles, not {most}", seen.cycles);
        }
    }
}

fn reset(e: &mut dyn Engine) {
    set(e, &[("reset", 1), ("command_valid", 0), ("in_valid", 0), ("grant", 0)]);
    set(e, &[("mask_ready", 0), ("load_ready", 0)]);
    tick(e);
    set(e, &[("reset", 0)]);
}

#[test]
fn keys_and_values_are_delivered_in_order() {
    for (name, random) in [("tiny", 6), ("cosim", 3)] {
        let sizes = preset(name);
        let case = Case::new("kv_loader", move || loader(&sizes));
        let verilated = case.verilated();
        for seed in seeds() {
            let mut rng = SmallRng::seed_from_u64(seed);
            let texts = texts(&sizes, random, &mut rng);
            let mut model = verilated.model().unwrap();
            delivers(&sizes, &mut model, &texts.concat(), &Pattern::ALL, seed);
            // The Rust block, which is slower: the edges.
            delivers(&sizes, &mut case.rust(), &texts[..4].concat(), &[Pattern::Both], seed);
        }
    }
}

/// Slices of every length, and rounds that are a whole slice, a half, a quarter, an eighth of it.
#[test]
fn every_shape_of_slice_and_round() {
    for sizes in [sizes(32, 32, 5, 2), sizes(64, 16, 4, 4), sizes(32, 64, 3, 1), sizes(8, 16, 4, 2)]
    {
        let mut rng = SmallRng::seed_from_u64(3);
        let mut jobs =
            layer(&sizes, sizes.longest(), 3, sizes.shape.rounds_per_slice() + 1, &mut rng);
        jobs.extend(layer(&sizes, 1, 2, 1, &mut rng));
        let mut e = RustSim::new(Box::new(loader(&sizes))).unwrap();
        delivers(&sizes, &mut e, &jobs, &[Pattern::Both], 0);
    }
}

#[test]
fn the_size_of_the_board() {
    let sizes = preset("u280");
    let mut rng = SmallRng::seed_from_u64(4);
    let jobs: Vec<Job> = [false, true]
        .map(|values| job(&sizes, values, 2, 2, &mut rng).round(&sizes, 0.7, &mut rng))
        .into();
    let mut e = RustSim::new(Box::new(loader(&sizes))).unwrap();
    let traffic = traffic(&sizes, &jobs, SETTLE, &mut rng);
    Run { sizes: &sizes, traffic: &traffic, pattern: Pattern::None, seed: 0 }.go(&mut e, None);
}

#[test]
#[ignore = "minutes of lint: `make prove`"]
fn lint_at_the_size_of_the_board() {
    let sizes = preset("u280");
    Case::new("kv_loader", move || loader(&sizes));
}

/// The latencies and the rate that the block states.
#[test]
fn latencies_and_rate() {
    let sizes = preset("tiny");
    let g = sizes.shape.rounds_per_slice();
    let mut rng = SmallRng::seed_from_u64(5);
    let mut e = RustSim::new(Box::new(loader(&sizes))).unwrap();
    let mut measure = |jobs: &[Job]| {
        let mut rng = SmallRng::seed_from_u64(6);
        let traffic = traffic(&sizes, jobs, SETTLE, &mut rng);
        reset(&mut e);
        Run { sizes: &sizes, traffic: &traffic, pattern: Pattern::None, seed: 0 }.go(&mut e, None)
    };
    for values in [false, true] {
        // Own rows alone.
        let seen = measure(&[job(&sizes, values, 2, 3, &mut rng)]);
        assert_eq!(seen.grants.len(), 3 * 2 * 2);
        let [command, first, last, load] =
            [seen.command[0], seen.grants[0], *seen.grants.last().unwrap(), seen.loads[0]];
        assert_eq!(first - command, KvLoader::COMMAND_LATENCY as u64);
        assert_eq!(last - first, 3 * 2 * 2 - 1, "a slice a cycle");
        assert_eq!(load - last, KvLoader::OWN_LATENCY as u64);

        // Earlier tokens first: a frame of g rounds.
        let mut earlier = job(&sizes, values, 2, 1, &mut rng);
        for _ in 0..g {
            earlier = earlier.round(&sizes, 0.5, &mut rng);
        }
        let seen = measure(&[earlier]);
        let words = g * sizes.words(2);
        assert_eq!(seen.rounds.len(), words);
        assert_eq!(seen.rounds[0] - seen.command[0], KvLoader::COMMAND_LATENCY as u64);
        assert_eq!(seen.rounds[words - 1] - seen.rounds[0], words as u64 - 1, "a word a cycle");
        assert_eq!(seen.loads[0] - seen.rounds[words - 1], KvLoader::LATENCY as u64);
        assert_eq!(seen.masks[0], seen.loads[0] + 1);
    }

    // A beat a cycle over rounds, frames and commands, where filling takes no longer than giving.
    let mut jobs = Vec::new();
    for i in 0..6 {
        let mut next = job(&sizes, i % 2 == 1, 2, 1, &mut rng);
        for _ in 0..2 * g + i {
            next = next.round(&sizes, 0.6, &mut rng);
        }
        jobs.push(next);
    }
    let seen = measure(&jobs);
    let span = seen.loads.last().unwrap() - seen.loads[0] + 1;
    assert!(seen.loads.len() > 500);
    assert_eq!(span, seen.loads.len() as u64 * KvLoader::INTERVAL as u64);
}

/// Words and slices land in the same places, in both frames, whatever the lanes.
#[test]
fn lane_memory() {
    for lanes in [8, 16, 32, 64] {
        let case = Case::new("lane_memory", move || LaneMemory::new(lanes).unwrap());
        assert_eq!(case.design.top().latency, Some(LaneMemory::LATENCY));
        case.agree_on_random(300, |_| ());
        let mut e = case.rust();
        let mut rng = SmallRng::seed_from_u64(lanes as u64);
        let mut kept = vec![0u16; 2 * 256];
        let mut compared = 0;
        for _ in 0..400 {
            let (frame, word) = (rng.random_range(0..2usize), rng.random_bool(0.5));
            let step = if word { WORD_BITS / 16 } else { lanes };
            let index = rng.random_range(0..256 / step);
            let values: Vec<u16> = (0..step).map(|_| rng.random()).collect();
            let at = frame * 256 + index * step;
            kept[at..at + step].copy_from_slice(&values);
            set(&mut e, &[("word_write", word.into()), ("slice_write", (!word).into())]);
            set(&mut e, &[("write_frame", frame as u128), ("write_index", index as u128)]);
            e.set(if word { "word" } else { "slice" }, &word_of(&values)).unwrap();
            tick(&mut e);
            let line = lanes.max(WORD_BITS / 16);
            let (frame, number) = (rng.random_range(0..2usize), rng.random_range(0..256 / line));
            set(&mut e, &[("read_frame", frame as u128), ("read_line", number as u128)]);
            e.eval().unwrap();
            let at = frame * 256 + number * line;
            assert_eq!(e.get("line").unwrap(), word_of(&kept[at..at + line]), "{lanes} lanes");
            compared += 1;
        }
        assert_eq!(compared, 400);
    }
}

/// Each group by its number.
#[test]
fn group_select() {
    for (width, groups) in [(1, 2), (5, 8), (48, 4)] {
        let case = Case::new("group_select", move || GroupSelect::new(width, groups).unwrap());
        assert_eq!(case.design.top().latency, Some(GroupSelect::LATENCY));
        case.agree_on_random(200, |_| ());
        let mut e = case.rust();
        let mut rng = SmallRng::seed_from_u64(0);
        for number in 0..groups {
            let data = uniform_word(&mut rng, width * groups);
            e.set("data", &data).unwrap();
            set(&mut e, &[("number", number as u128)]);
            e.eval().unwrap();
            assert_eq!(e.get("group").unwrap(), data.slice(number * width, width));
        }
    }
    let refused = |width, groups| GroupSelect::new(width, groups).err().unwrap().to_string();
    assert!(refused(0, 4).contains("width") && refused(3, 1).contains("groups"));
    assert!(refused(3, 6).contains("power of two"));
}
