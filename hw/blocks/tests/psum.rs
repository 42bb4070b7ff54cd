//! Group scales, partial sums, results: groups under every disturbance, distance, rates, reset, three engines.

mod common;

use common::{both, get, seeds, set, tick, Case};
use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_hdl::Word;
use skipopu_hw::datapath::psum::{Drain, PartialSums, SumLane, LOOP_BITS};
use skipopu_hw::datapath::DatapathShape;
use skipopu_reference::psum::{self, Results};
use skipopu_sim::stream::{Beat, Pattern, ProtocolChecker, StreamDriver, StreamMonitor};
use skipopu_sim::Engine;
use std::collections::VecDeque;

fn shape(ways: usize) -> DatapathShape {
    DatapathShape {
        lanes: 8,
        columns: 8,
        ways,
        rows: 2,
        npe_rows: 2,
        scratchpad: 64,
        operand: 64,
        constants: 64,
        hbm_ports: 2,
        kv_ports: 1,
        context: 64,
    }
}

fn case(ways: usize) -> Case {
    Case::new("partial_sums", move || PartialSums::new(&shape(ways)).unwrap())
}

/// A vector's results and what becomes of them.
#[derive(Clone)]
struct Update {
    entry: usize,
    first: bool,
    finish: bool,
    end: bool,
    results: Results,
}

/// Entries `base + i s0 + k s1` for i below `n0`, k below `n1`.
#[derive(Clone, Copy, Debug)]
struct Command {
    base: usize,
    n0: usize,
    s0: usize,
    n1: usize,
    s1: usize,
    int4: bool,
    /// Another command of the group follows.
    more: bool,
}

impl Command {
    fn pack(&self, shape: &DatapathShape) -> Word {
        let entry = |value: usize| Word::new(shape.entry_bits(), value as u128);
        let count = |value: usize| Word::new(LOOP_BITS, value as u128);
        let fields = [entry(self.s1), count(self.n1), entry(self.s0), count(self.n0)];
        let [s1, n1, s0, n0] = fields;
        let [more, int4] = [self.more, self.int4].map(Word::from);
        Word::concat(&[more, int4, s1, n1, s0, n0, entry(self.base)])
    }

    fn walk(&self, shape: &DatapathShape) -> Vec<usize> {
        let at = |i: usize, k: usize| (self.base + i * self.s0 + k * self.s1) % shape.entries();
        (0..self.n0).flat_map(|i| (0..self.n1).map(move |k| at(i, k))).collect()
    }
}

/// A group of updates and the commands that give its results.
struct Group {
    updates: Vec<Update>,
    commands: Vec<Command>,
}

/// An FP32 value: mostly ordinary, so that sums cancel and tie, at times a special one.
fn single(rng: &mut SmallRng) -> u32 {
    const SPECIAL: [u32; 8] =
        [0, 1 << 31, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0xFFFF_FFFF, 0x7F7F_FFFF, 0x0080_0000];
    let bits: u32 = rng.random();
    match rng.random_range(0..40) {
        0 => SPECIAL[rng.random_range(0..SPECIAL.len())],
        1 => bits,
        n => bits & [0x807F_FFFF, 0x807F_F000][n % 2] | rng.random_range(120..134) << 23,
    }
}

/// An FP16 scale: mostly ordinary, at times subnormal or anything.
fn scale(rng: &mut SmallRng) -> u16 {
    let bits: u16 = rng.random();
    match rng.random_range(0..40) {
        0 => bits,
        1 => bits & 0x83FF,
        _ => bits & 0x8FFF | 0x3000,
    }
}

fn results(rng: &mut SmallRng, shape: &DatapathShape, int4: bool) -> Results {
    let mut column = || (0..shape.columns).map(|_| single(rng)).collect::<Vec<_>>();
    let (upper, lower) = (column(), column());
    let scales = (0..shape.outputs()).map(|_| scale(rng)).collect();
    Results { upper, int4: int4.then_some((lower, scales)) }
}

/// Updates of a few entries, several times each, some finished, and commands over some of them.
fn group(rng: &mut SmallRng, shape: &DatapathShape, most: usize) -> Group {
    let entries = shape.entries();
    let int4 = rng.random();
    let open = rng.random_range(1..=entries);
    let base = rng.random_range(0..entries);
    let count = rng.random_range(1..=most);
    let mut begun = vec![false; entries];
    let mut update = |i: usize| {
        let offset = if rng.random_bool(0.7) { i } else { rng.random_range(0..open) };
        let entry = (base + offset % open) % entries;
        let first = !begun[entry] || rng.random_bool(0.1);
        begun[entry] = true;
        let end = i == count - 1;
        let finish = end || rng.random_bool(0.5);
        Update { entry, first, finish, end, results: results(rng, shape, int4) }
    };
    let updates = (0..count).map(&mut update).collect();
    let several = if rng.random() { 1 } else { rng.random_range(2..=4) };
    let mut command = |left: usize| {
        let s1 = if rng.random() { 1 } else { rng.random_range(0..entries) };
        let (n0, n1) = (rng.random_range(1..=3), rng.random_range(1..=open));
        Command { base, n0, s0: rng.random_range(0..entries), n1, s1, int4, more: left > 0 }
    };
    let commands = (0..several).rev().map(&mut command).collect();
    Group { updates, commands }
}

/// A tile: values, `None` where anything may come, and whether it is the last of its command.
type Tile = (Vec<Option<u32>>, bool);

/// What groups give by the reference. A half keeps what an earlier group left in it; read in the other mode that
/// means nothing.
struct Expected {
    partial: psum::PartialSums,
    halves: [Vec<[Vec<Option<u32>>; 2]>; 2],
    fill: usize,
}

impl Expected {
    fn new(shape: &DatapathShape) -> Expected {
        let zeros = [vec![Some(0); shape.columns], vec![Some(0); shape.outputs()]];
        let half = vec![zeros; shape.entries()];
        Expected {
            partial: psum::PartialSums::new(shape.entries(), shape.columns),
            halves: [half.clone(), half],
            fill: 0,
        }
    }

    fn run(&mut self, shape: &DatapathShape, group: &Group) -> Vec<Tile> {
        for u in &group.updates {
            let sums = self.partial.update(u.entry, u.first, &u.results);
            if u.finish {
                let int4 = u.results.int4.is_some();
                let mut unknown = [vec![None; shape.columns], vec![None; shape.outputs()]];
                let values = psum::values(sums, int4);
                unknown[usize::from(int4)] = values.into_iter().map(Some).collect();
                self.halves[self.fill][u.entry] = unknown;
            }
        }
        let half = &self.halves[self.fill];
        self.fill ^= 1;
        let mut tiles: Vec<Tile> = Vec::new();
        for command in &group.commands {
            for entry in command.walk(shape) {
                let values = &half[entry][usize::from(command.int4)];
                tiles.extend(values.chunks(shape.ways).map(|t| (t.to_vec(), false)));
            }
            tiles.last_mut().unwrap().1 = true;
        }
        tiles
    }
}

fn equals(beat: &Beat, tile: &Tile) -> bool {
    let value = |i: usize| beat.data.slice(i * 32, 32).to_u128() as u32;
    let same = |(i, v): (usize, &Option<u32>)| v.is_none_or(|v| v == value(i));
    beat.last == tile.1 && tile.0.iter().enumerate().all(same)
}

/// Values side by side, the first one lowest.
fn packed<T: Copy + Into<u128>>(width: usize, values: &[T]) -> Word {
    let words: Vec<Word> = values.iter().rev().map(|v| Word::new(width, (*v).into())).collect();
    Word::concat(&words)
}

/// Drives the ports that belong to results: scales come earlier than the rest. Noise where there is nothing.
struct Source<'a> {
    shape: &'a DatapathShape,
    rng: SmallRng,
    ahead: VecDeque<Option<&'a Update>>,
}

impl<'a> Source<'a> {
    fn new(shape: &'a DatapathShape, seed: u64) -> Source<'a> {
        let ahead = vec![None; SumLane::SCALE_LEAD].into();
        Source { shape, rng: SmallRng::seed_from_u64(!seed), ahead }
    }

    /// Offers an update: its scales now.
    fn offer(&mut self, e: &mut dyn Engine, update: Option<&'a Update>) {
        let noise = results(&mut self.rng, self.shape, true).int4.unwrap();
        let scales = update.and_then(|u| u.results.int4.as_ref()).map_or(&noise.1, |i| &i.1);
        e.set("scales", &packed(16, scales)).unwrap();
        self.ahead.push_back(update);
        let update = self.ahead.pop_front().unwrap();
        let rng = &mut self.rng;
        let other = Update {
            entry: rng.random_range(0..self.shape.entries()),
            first: rng.random(),
            finish: rng.random(),
            end: rng.random(),
            results: results(rng, self.shape, rng.clone().random()),
        };
        let u = update.unwrap_or(&other);
        set(
            e,
            &[
                ("valid", update.is_some().into()),
                ("entry", u.entry as u128),
                ("first", u.first.into()),
                ("finish", u.finish.into()),
                ("end_", u.end.into()),
                ("int4", u.results.int4.is_some().into()),
            ],
        );
        e.set("upper", &packed(32, &u.results.upper)).unwrap();
        let lower = u.results.int4.as_ref().map_or(&noise.0, |i| &i.0);
        e.set("lower", &packed(32, lower)).unwrap();
    }
}

/// Runs groups on an engine; the number of values compared.
fn run(
    e: &mut dyn Engine,
    shape: &DatapathShape,
    groups: &[Group],
    pattern: Pattern,
    seed: u64,
) -> usize {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut expected = Expected::new(shape);
    let tiles: Vec<Tile> = groups.iter().flat_map(|g| expected.run(shape, g)).collect();
    let idle = if pattern.idles() { 0.3 } else { 0.0 };
    let stall = if pattern.stalls() { 0.4 } else { 0.0 };
    let mut driver = StreamDriver::new(e, "drain", idle, seed).unwrap();
    let mut monitor = StreamMonitor::new(e, "out", stall, seed).unwrap();
    let mut checkers = ["drain", "out"].map(|name| ProtocolChecker::new(e, name).unwrap());
    let commands = groups.iter().flat_map(|g| &g.commands);
    let commands: Vec<Beat> = commands.map(|c| c.pack(shape).into()).collect();
    driver.push(&commands).unwrap();

    let mut source = Source::new(shape, seed);
    let mut waiting: VecDeque<&Group> = groups.iter().collect();
    let mut updates: VecDeque<&Update> = VecDeque::new();
    let mut updated = vec![i64::MIN / 2; shape.entries()];
    let (mut free, mut drained, mut checked, mut full) = (2, 0, 0, false);
    let work: usize = groups.iter().map(|g| g.updates.len()).sum();
    let budget = 200 + 20 * (work + tiles.len()) as i64;
    let (mut tail, mut cycle) = (0, 0i64);
    // A while longer than needed, in which nothing may come.
    while tail < 60 {
        assert!(cycle < budget, "{checked} of {} tiles after {cycle} cycles", tiles.len());
        assert_eq!(get(e, "free"), free, "cycle {cycle}");
        let mut begin = false;
        if updates.is_empty() && free > 0 && !rng.random_bool(idle) {
            if let Some(group) = waiting.pop_front() {
                updates.extend(&group.updates);
                begin = true;
            }
        }
        let pause = rng.random_bool(idle);
        let far = |u: &&&Update| cycle - updated[u.entry] >= PartialSums::distance() as i64;
        let next = updates.front().filter(far).filter(|_| !pause).copied();
        if let Some(u) = next {
            updated[u.entry] = cycle;
            updates.pop_front();
        }
        source.offer(e, next);
        set(e, &[("begin_", begin.into())]);
        driver.present(e);
        monitor.present(e, false);
        e.eval().unwrap();
        driver.observe(e);
        if let Some(beat) = monitor.observe(e) {
            let tile = tiles.get(checked).unwrap_or_else(|| panic!("extra tile {beat}"));
            let good = equals(beat, tile);
            assert!(good, "tile {checked}, {pattern:?}, seed {seed}: {beat}, not {tile:x?}");
            checked += 1;
        }
        for checker in &mut checkers {
            checker.observe(e).unwrap();
        }
        free -= u128::from(begin);
        if get(e, "drained") == 1 {
            free += 1;
            drained += 1;
        }
        full |= free == 0;
        tick(e);
        cycle += 1;
        tail = if checked == tiles.len() { tail + 1 } else { 0 };
    }
    assert_eq!((drained, free, driver.pending()), (groups.len(), 2, 0));
    // In a long run every disturbance happens.
    let long = groups.len() >= 40;
    assert!(!long || full, "both halves were in use");
    assert!(!long || !pattern.stalls() || monitor.stalls() > 0, "a stall happened");
    assert!(!long || !pattern.idles() || driver.pauses() > 0, "a pause happened");
    tiles.iter().flat_map(|t| &t.0).flatten().count()
}

#[test]
fn groups_equal_the_reference() {
    for ways in [2, 4] {
        let case = case(ways);
        let (shape, verilated) = (shape(ways), case.verilated());
        let mut compared = 0;
        for seed in seeds() {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut groups: Vec<Group> = (0..60).map(|_| group(&mut rng, &shape, 60)).collect();
            for pattern in Pattern::ALL {
                compared += run(&mut verilated.model().unwrap(), &shape, &groups, pattern, seed);
            }
            groups.truncate(6);
            compared += run(&mut case.rust(), &shape, &groups, Pattern::Both, seed);
        }
        println!("{ways} ways: {compared} values compared");
        assert!(compared > 40_000, "{compared}");
    }
}

/// One value in all columns, scales of 1.
fn plain(shape: &DatapathShape, value: f32, int4: bool) -> Results {
    let column = vec![value.to_bits(); shape.columns];
    let scales = vec![0x3C00; shape.outputs()];
    Results { upper: column.clone(), int4: int4.then_some((column, scales)) }
}

/// Offers updates, each in its cycle, and commands that wait; cycle of each tile, and its lowest value. Cycles count
/// from when a result is there.
fn timed(
    e: &mut dyn Engine,
    shape: &DatapathShape,
    updates: &[(usize, Update)],
    commands: &[Command],
    cycles: usize,
) -> Vec<(usize, f32)> {
    let mut source = Source::new(shape, 0);
    let mut commands: VecDeque<Word> = commands.iter().map(|c| c.pack(shape)).collect();
    let mut tiles = Vec::new();
    set(e, &[("out_ready", 1), ("begin_", 0)]);
    for cycle in 0..cycles {
        source.offer(e, updates.iter().find(|u| u.0 == cycle).map(|u| &u.1));
        set(e, &[("drain_valid", (!commands.is_empty()).into())]);
        if let Some(command) = commands.front() {
            e.set("drain_data", command).unwrap();
        }
        e.eval().unwrap();
        if get(e, "drain_ready") == 1 {
            commands.pop_front();
        }
        if get(e, "out_valid") == 1 {
            let value = e.get("out_data").unwrap().slice(0, 32).to_u128();
            tiles.push((cycle - SumLane::SCALE_LEAD, f32::from_bits(value as u32)));
        }
        tick(e);
    }
    tiles
}

const ONE_ENTRY: Command = Command { base: 3, n0: 1, s0: 0, n1: 1, s1: 0, int4: true, more: false };

/// An entry may be updated again after exactly as many cycles as stated, and results come when they should.
#[test]
fn distance_and_latency_are_what_is_stated() {
    let (case, shape) = (case(4), shape(4));
    let value = |distance: usize| {
        let update = |first, value| {
            let results = plain(&shape, value, true);
            Update { entry: 3, first, finish: !first, end: !first, results }
        };
        let end = 2 + distance;
        let updates = [(2, update(true, 1.5)), (end, update(false, 0.25))];
        let mut seen = Vec::new();
        both(&case, |e| seen.push(timed(e, &shape, &updates, &[ONE_ENTRY], 80)));
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0].len(), shape.outputs() / shape.ways);
        assert_eq!(seen[0][0].0, end + PartialSums::to_tile());
        seen[0][0].1
    };
    assert_eq!(value(PartialSums::distance()), 1.75);
    assert_eq!(value(PartialSums::distance() + 1), 1.75);
    assert_eq!(value(PartialSums::distance() - 1), 0.25, "what stood there before: 0");
}

/// A result a cycle in, a tile a cycle out, in both modes.
#[test]
fn full_rate() {
    let (case, shape) = (case(4), shape(4));
    let verilated = case.verilated();
    let entries = shape.entries();
    for int4 in [true, false] {
        let per_entry = if int4 { shape.outputs() } else { shape.columns } / shape.ways;
        // Two groups back to back, every entry once.
        let update = |i: usize| {
            let (entry, end) = (i % entries, i % entries == entries - 1);
            (
                i,
                Update {
                    entry,
                    first: true,
                    finish: true,
                    end,
                    results: plain(&shape, i as f32, int4),
                },
            )
        };
        let updates: Vec<_> = (0..2 * entries).map(update).collect();
        let (half, more) = (entries / 2, false);
        let command = Command { base: 0, n0: 2, s0: half, n1: half, s1: 1, int4, more };
        let tiles = entries * per_entry;
        let cycles = 2 * entries + PartialSums::to_tile() + 2 * tiles + 40;
        let mut model = verilated.model().unwrap();
        let seen = timed(&mut model, &shape, &updates, &[command, command], cycles);
        let start = entries - 1 + PartialSums::to_tile();
        let pause = Drain::BETWEEN;
        let wanted: Vec<_> = (0..2 * tiles)
            .map(|t| (start + t + t / tiles * pause, (t / per_entry) as f32))
            .collect();
        assert_eq!(seen, wanted);
    }
}

#[test]
fn reset_drops_everything() {
    let (case, shape) = (case(4), shape(4));
    both(&case, |e| {
        let results = plain(&shape, 1.0, true);
        let update = Update { entry: 3, first: true, finish: true, end: true, results };
        let command = Command { n1: 4, ..ONE_ENTRY }.pack(&shape);
        let mut source = Source::new(&shape, 0);
        for gap in 0..PartialSums::to_tile() + 12 {
            e.set("drain_data", &command).unwrap();
            set(e, &[("out_ready", 0), ("begin_", 1), ("drain_valid", 1)]);
            source.offer(e, Some(&update));
            tick(e);
            set(e, &[("begin_", 0)]);
            for _ in 0..gap + SumLane::SCALE_LEAD {
                source.offer(e, None);
                tick(e);
            }
            set(e, &[("reset", 1), ("drain_valid", 0)]);
            tick(e);
            set(e, &[("reset", 0), ("out_ready", 1), ("drain_valid", 1)]);
            for _ in 0..PartialSums::to_tile() + 12 {
                e.eval().unwrap();
                assert_eq!((get(e, "free"), get(e, "out_valid"), get(e, "drained")), (2, 0, 0));
                assert_eq!(get(e, "drain_ready"), 0, "no group has ended");
                source.offer(e, None);
                tick(e);
            }
        }
    });
}

#[test]
fn a_lane_costs_its_parts() {
    let lane = Case::new("sum_lane", || SumLane::new().unwrap()).synthesised();
    println!("{}", lane.table().text());
    assert_eq!((lane.area.dsps, lane.area.brams(), lane.area.latches), (1, 0.0, 0));
    assert!(lane.depth.worst().unwrap().levels <= 5, "{:?}", lane.depth);
}

#[test]
#[ignore = "a minute of synthesis"]
fn memories_and_tiles_cost_little_beside_the_lanes() {
    let full = DatapathShape { rows: 64, npe_rows: 64, ..shape(4) };
    let sums = Case::new("partial_sums", move || PartialSums::new(&full).unwrap()).synthesised();
    println!("{}", sums.table().text());
    let drain = Case::new("drain", move || Drain::new(&full).unwrap()).synthesised();
    println!("{}", drain.table().text());
    assert_eq!((sums.area.dsps, sums.area.latches), (16, 0));
}
