//! What the compute unit's control is made of: the bitmask, a normalisation under way, passes over keys and values, bounds.

mod common;

use common::{both, get, seeds, set, tick, Case};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use skipopu_config::Config;
use skipopu_hdl::Word;
use skipopu_hw::datapath::compute::{
    kind, Bitmask, Bounds, Fields, KvPasses, LogitSum, Normaliser, StepGenerator,
};
use skipopu_hw::datapath::front::{Source, Step, StepWord};
use skipopu_hw::datapath::DatapathShape;
use skipopu_hw::kv::delivery::KvCommand;
use skipopu_isa::value::{Routers, Rows};
use skipopu_sim::stream::{Pattern, ProtocolChecker, StreamMonitor};
use skipopu_sim::Engine;

fn shape() -> DatapathShape {
    DatapathShape::of(&Config::preset("tiny").unwrap()).unwrap()
}

/// An instruction of some fields.
fn word(fields: &[((usize, usize), u64)]) -> u128 {
    fields.iter().fold(0, |word, ((low, bits), value)| {
        assert!(*value < 1 << bits, "{value} in {bits} bits");
        word | u128::from(*value) << low
    })
}

/// A number below `end` that fits a field.
fn draw(rng: &mut SmallRng, (_, bits): (usize, usize), end: u64) -> u64 {
    rng.random_range(0..end.min(1 << bits))
}

/// Logits whose order is worth asking: signs, zeros of both signs, infinities, NaN, neighbours.
const LOGITS: [f32; 10] = [
    0.0,
    -0.0,
    1.0,
    f32::from_bits(0x3f80_0001),
    -1.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    3.5e-20,
    -2.0e30,
];

#[test]
fn bitmask() {
    let case = Case::new("bitmask", || Bitmask::new(&shape()).unwrap());
    assert_eq!(case.design.top().latency, Some(Bitmask::LATENCY));
    case.agree_on_random(400, |r| r.often("valid", 0.5));
    let rows = shape().rows;
    for seed in seeds() {
        both(&case, |e| bitmasks(e, rows, seed));
    }
    let faults = [
        // Another router's logits count for the feed-forward part.
        ("bitmask", "routers_2 == 2'd3", "routers_2 != 2'd0"),
        // A router asked by itself is always attention's.
        ("bitmask", "routers_2 != 2'd2", "1'd1"),
        // The first row instead of the last.
        ("bitmask", "(~(all >> 1))", "(~(all << 1))"),
    ];
    case.finds(&faults, |built| {
        bitmasks(&mut built.model().unwrap(), rows, 0);
        true
    });
}

fn bitmasks(e: &mut dyn Engine, rows: usize, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (mut attention, mut forward) = (0u128, 0u128);
    let mut compared = 0;
    for burst in 0..80 {
        // Every row has bits before any is looked at.
        let routers = match burst {
            0 => Routers::Both,
            _ => *[Routers::Attention, Routers::Forward, Routers::Both].choose(&mut rng).unwrap(),
        };
        let first = if burst == 0 { 0 } else { rng.random_range(0..rows) };
        set(e, &[("routers", routers as u128), ("rows", rows as u128), ("wanted", 0)]);
        for row in first..rows {
            let logits: [f32; 4] = [0; 4].map(|_| match rng.random_bool(0.7) {
                true => *LOGITS.choose(&mut rng).unwrap(),
                false => rng.random_range(-8.0..8.0),
            });
            let all = (0..4).fold(0u128, |w, i| w | u128::from(logits[i].to_bits()) << (32 * i));
            set(e, &[("valid", 1), ("row", row as u128), ("logits", all)]);
            tick(e);
            assert_eq!(get(e, "busy"), 1);
            // Equal logits skip, and so does what has no order.
            let runs = |pair: usize| u128::from(logits[2 * pair] < logits[2 * pair + 1]);
            let put = |mask: &mut u128, bit: u128| *mask = *mask & !(1 << row) | bit << row;
            match routers {
                Routers::Attention => put(&mut attention, runs(0)),
                Routers::Forward => put(&mut forward, runs(0)),
                _ => {
                    put(&mut attention, runs(0));
                    put(&mut forward, runs(1));
                }
            }
        }
        // A row a cycle, the last one's bits after the latency.
        set(e, &[("valid", 0)]);
        for _ in 1..Bitmask::LATENCY {
            tick(e);
        }
        assert_eq!(get(e, "busy"), 0);
        assert_eq!((get(e, "attention"), get(e, "forward")), (attention, forward), "seed {seed}");
        for count in [1, rows, rng.random_range(1..=rows)] {
            let all = (1u128 << count) - 1;
            for (wanted, expected) in [
                (Rows::All, all),
                (Rows::Attention, all & attention),
                (Rows::Forward, all & forward),
                (Rows::Last, 1 << (count - 1)),
            ] {
                set(e, &[("rows", count as u128), ("wanted", wanted as u128)]);
                e.eval().unwrap();
                assert_eq!(get(e, "picked"), expected, "{count} rows, seed {seed}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 80 * 12);
}

#[test]
fn logit_sum() {
    let case = Case::new("logit_sum", || LogitSum::new(&shape()).unwrap());
    assert_eq!(case.design.top().latency, Some(LogitSum::LATENCY));
    case.agree_on_random(400, |r| {
        r.often("reset", 0.01);
        r.often("first", 0.1);
        r.few("slices", &[0, 1, 2, 3, 4, 5, 100]);
    });
    for stall in [0.0, 0.5] {
        for seed in seeds() {
            both(&case, |e| logits(e, stall, seed));
        }
    }
    let faults = [
        // Sums that nothing was added to count as they are.
        ("logit_sum", "slices_2 <= {12'd0, turn}", "1'd0"),
        // The lower pair is that of the row before.
        ("logit_sum", "live & (~upper)", "live & upper"),
        // A row is no longer under way while its last addition is.
        ("logit_sum", "busy = |in_flight", "busy = valid"),
    ];
    case.finds(&faults, |built| {
        logits(&mut built.model().unwrap(), 0.0, 0);
        true
    });
}

fn logits(e: &mut dyn Engine, stall: f64, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let shape = shape();
    let tiles = 4 * shape.columns / shape.ways;
    set(e, &[("reset", 1), ("valid", 0)]);
    tick(e);
    set(e, &[("reset", 0)]);
    let mut compared = 0;
    for burst in 0..40 {
        let slices = if burst < 6 { burst } else { rng.random_range(0..12usize) };
        set(e, &[("slices", slices as u128)]);
        // Of each row: the cycle at which its last sums came, and its logits.
        let mut expected = Vec::new();
        let mut cycle = 0;
        let mut done = 0;
        for row in 0..rng.random_range(1..=shape.rows) {
            let mut sums = [[-0.0f32; 4]; 4];
            for tile in 0..tiles {
                while rng.random_bool(stall) {
                    set(e, &[("valid", 0)]);
                    step(e, &expected, &mut done, &mut cycle, seed);
                }
                let values: [f32; 4] = [0; 4].map(|_| match rng.random_bool(0.4) {
                    true => *LOGITS.choose(&mut rng).unwrap(),
                    false => rng.random_range(-8.0..8.0),
                });
                let (turn, first) = (tile / (tiles / 4), tile % (tiles / 4) == 0);
                if first && turn < slices {
                    sums[turn] = values;
                }
                let all =
                    (0..4).fold(0u128, |w, i| w | u128::from(values[i].to_bits()) << (32 * i));
                set(e, &[("valid", 1), ("first", (tile == 0).into())]);
                set(e, &[("row", row as u128), ("sums", all)]);
                if tile == 3 * tiles / 4 {
                    let sum = |i: usize| (sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i]);
                    expected.push((cycle + LogitSum::LATENCY, [0, 1, 2, 3].map(sum)));
                }
                step(e, &expected, &mut done, &mut cycle, seed);
            }
        }
        set(e, &[("valid", 0)]);
        while done < expected.len() {
            step(e, &expected, &mut done, &mut cycle, seed);
        }
        assert_eq!(get(e, "busy"), 0);
        compared += done;
    }
    assert!(compared > 40);
}

/// A cycle: the logits that are due come, and no others.
fn step(
    e: &mut dyn Engine,
    expected: &[(usize, [f32; 4])],
    done: &mut usize,
    cycle: &mut usize,
    seed: u64,
) {
    e.eval().unwrap();
    let due = expected.get(*done).filter(|(at, _)| at == cycle);
    assert_eq!(get(e, "done") == 1, due.is_some(), "cycle {cycle}, seed {seed}");
    if let Some((_, logits)) = due {
        assert_eq!((get(e, "done_row"), get(e, "busy")), (*done as u128, 1));
        let found = get(e, "logits");
        for (i, logit) in logits.iter().enumerate() {
            let found = f32::from_bits((found >> (32 * i)) as u32);
            let same = found.to_bits() == logit.to_bits() || (found.is_nan() && logit.is_nan());
            assert!(same, "{found} for {logit}, seed {seed}");
        }
        *done += 1;
    }
    tick(e);
    *cycle += 1;
}

#[test]
fn slices_that_take_turns() {
    let case = Case::new("step_generator", || StepGenerator::new(&shape()).unwrap());
    for stall in [0.0, 0.6] {
        for seed in seeds() {
            both(&case, |e| turns(e, stall, seed));
        }
    }
    let faults = [
        // Every slice takes the first turn's entries.
        ("step_generator", "(~turning_2) | (&o[1:0])", "1'd1"),
        // Two of the four sums begin.
        ("step_generator", "~(|o[13:2])", "~(|o[13:1])"),
        // Three of the four finish.
        ("step_generator", "+ 15'd4", "+ 15'd3"),
        // Each turn's last step ends the group.
        ("step_generator", "(ends_held & finish) & last_outer", "ends_held & finish"),
    ];
    case.finds(&faults, |built| {
        turns(&mut built.model().unwrap(), 0.0, 0);
        true
    });
}

fn turns(e: &mut dyn Engine, stall: f64, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let word = StepWord::of(&shape());
    let mut monitor = StreamMonitor::new(e, "step", stall, rng.random()).unwrap();
    let mut checker = ProtocolChecker::new(e, "step").unwrap();
    set(e, &[("reset", 1), ("start", 0), ("limited", 0)]);
    tick(e);
    set(e, &[("reset", 0), ("turning", 1), ("inner", 1), ("group", 0), ("int4", 0)]);
    set(e, &[("starts", 1), ("finishes", 1), ("ends", 1), ("turn", 0), ("scale", 0)]);
    for slices in [1, 2, 3, 4, 5, 6, 8, 13, rng.random_range(1..40)] {
        let (count, stride) = (rng.random_range(1..=shape().rows), rng.random_range(0..64));
        let (address, entry) = (rng.random_range(0..64), rng.random_range(0..8));
        set(e, &[("outer", slices as u128), ("count", count as u128), ("source", 3)]);
        set(e, &[("address", address as u128), ("stride", stride as u128)]);
        set(e, &[("entry", entry as u128), ("entry_step", shape().rows as u128), ("start", 1)]);
        let mut came = 0;
        for _ in 0..20 * slices + 20 {
            monitor.present(e, came == slices);
            e.eval().unwrap();
            checker.observe(e).unwrap_or_else(|e| panic!("{e}"));
            if let Some(beat) = monitor.observe(e) {
                let scale = beat.data.slice(word.scale.0, word.scale.1).to_u128() as usize;
                let step = Step {
                    count,
                    source: Source::Scratchpad,
                    address: address + came,
                    stride,
                    entry: entry + came % 4 * shape().rows,
                    scale,
                    turn: came % 4,
                    first: came < 4,
                    finish: came + 4 >= slices,
                    end: came + 1 == slices,
                    int4: false,
                };
                assert_eq!(beat.data, word.pack(&step), "slice {came} of {slices}, seed {seed}");
                came += 1;
            }
            tick(e);
            set(e, &[("start", 0)]);
        }
        assert_eq!(came, slices);
    }
    assert_eq!(monitor.stalls() > 0, stall > 0.0);
}

#[test]
fn normaliser() {
    let case = Case::new("normaliser", || Normaliser::new(&shape()).unwrap());
    case.agree_on_random(800, |r| {
        r.often("reset", 0.01);
        r.often("start", 0.05);
    });
    for seed in seeds() {
        both(&case, |e| normalisations(e, seed));
    }
    let faults = [
        // A slice is there after half of its tiles.
        ("normaliser", "writes_2 = {2'd0, count} << 1", "writes_2 = {2'd0, count}"),
        // One pass over all slices is walked as many.
        ("normaliser", "word[83] ? {13'd0, |length} : length", "length"),
        // A reset leaves what was under way.
        ("normaliser", "if (reset)", "if (1'd0)"),
    ];
    case.finds(&faults, |built| {
        normalisations(&mut built.model().unwrap(), 0);
        true
    });
}

fn normalisations(e: &mut dyn Engine, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (shape, f) = (shape(), Fields::new());
    let tiles = shape.tiles_per_slice();
    set(e, &[("reset", 1), ("start", 0), ("free", 0), ("written", 0)]);
    tick(e);
    set(e, &[("reset", 0)]);
    let mut walked = 0;
    for turn in 0..60 {
        let (slices, whole) = (rng.random_range(0..9u64), rng.random_bool(0.4));
        let count = rng.random_range(1..=shape.rows);
        let instruction = word(&[(f.normalise_slices, slices), (f.normalise_passes, whole.into())]);
        set(e, &[("start", 1), ("word", instruction), ("count", count as u128)]);
        set(e, &[("rows", turn & ((1 << shape.rows) - 1)), ("free", 0), ("written", 0)]);
        tick(e);
        set(e, &[("start", 0), ("word", 0), ("rows", 0)]);
        let (mut left, mut at, mut written) = (if whole { slices.min(1) } else { slices }, 0, 0);
        let all = slices * (count * tiles) as u64;
        // A run that is cut off by a reset now and then.
        let cut = (turn % 7 == 6).then(|| rng.random_range(0..20));
        for cycle in 0.. {
            let free = rng.random_bool(0.5);
            let writes = written < all && rng.random_bool(0.6);
            set(e, &[("free", free.into()), ("written", writes.into())]);
            e.eval().unwrap();
            let there = written / (count * tiles) as u64;
            let seen = ["waits", "walk", "active"].map(|port| get(e, port) == 1);
            assert_eq!(seen, [left > 0, free && left > 0, written < all], "seed {seed}");
            assert_eq!(get(e, "there"), u128::from(there), "seed {seed}");
            assert_eq!(get(e, "instruction"), instruction);
            assert_eq!(get(e, "mask"), turn & ((1 << shape.rows) - 1));
            if free && left > 0 {
                assert_eq!(get(e, "slice"), at);
                (left, at, walked) = (left - 1, at + 1, walked + 1);
            }
            written += u64::from(writes);
            if left == 0 && written == all && !writes {
                break;
            }
            set(e, &[("reset", (cut == Some(cycle)).into())]);
            tick(e);
            set(e, &[("reset", 0)]);
            if cut == Some(cycle) {
                set(e, &[("free", 1), ("written", 0)]);
                e.eval().unwrap();
                assert_eq!((get(e, "walk"), get(e, "active")), (0, 0));
                break;
            }
        }
    }
    assert!(walked > 100, "{walked} walks");
}

#[test]
fn kv_passes() {
    let case = Case::new("kv_passes", || KvPasses::new(&shape()).unwrap());
    assert_eq!(case.design.top().latency, Some(KvPasses::LATENCY));
    case.agree_on_random(800, |r| {
        r.often("reset", 0.01);
        r.often("start", 0.05);
    });
    for pattern in [Pattern::None, Pattern::BackPressure] {
        let stall = if pattern.stalls() { 0.6 } else { 0.0 };
        for seed in seeds() {
            both(&case, |e| passes(e, stall, seed));
        }
    }
    let faults = [
        // A command is not held for one that is slow to take it.
        ("kv_passes", "(|left) & command_ready", "|left"),
        // The head before the last is a single one.
        ("kv_passes", "(head + 10'd1) >=", "(head + 10'd2) >="),
        // All instructions begin at the first pair.
        ("kv_passes", "at <= tmp_2[13:0]", "at <= 14'd0 & tmp_2[13:0]"),
    ];
    case.finds(&faults, |built| {
        [0.0, 0.6].into_iter().for_each(|stall| passes(&mut built.model().unwrap(), stall, 0));
        true
    });
}

fn passes(e: &mut dyn Engine, stall: f64, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (shape, f) = (shape(), Fields::new());
    let c = KvCommand::of(&shape);
    let mut monitor = StreamMonitor::new(e, "command", stall, rng.random()).unwrap();
    let mut checker = ProtocolChecker::new(e, "command").unwrap();
    set(e, &[("reset", 1), ("start", 0)]);
    tick(e);
    set(e, &[("reset", 0)]);
    let mut commands = 0;
    for _ in 0..40 {
        let heads: u64 = rng.random_range(1..9);
        let first = 2 * rng.random_range(0..heads.div_ceil(2));
        let pairs = rng.random_range(1..=(heads - first).div_ceil(2));
        let head = rng.random_range(1..4u64);
        let rows = rng.random_range(1..=shape.rows as u64);
        let earlier = rng.random_bool(0.5);
        let keys = draw(&mut rng, f.attend_keys, 1 << 12);
        let values = draw(&mut rng, f.attend_values, 1 << 12);
        let stride = draw(&mut rng, f.attend_kv_stride, 1 << 9);
        set(e, &[("keys", keys.into()), ("values", values.into()), ("stride", stride.into())]);
        set(e, &[("number", first.into()), ("pairs", pairs.into())]);
        set(e, &[("head_slices", head.into()), ("kv_heads", heads.into())]);
        set(e, &[("rows", rows.into()), ("earlier", earlier.into()), ("start", 1)]);
        let mut expected = Vec::new();
        for pair in 0..pairs {
            let number = first + 2 * pair;
            for (of_values, start) in [(false, keys), (true, values)] {
                let mut command = Word::zero(c.bits);
                let mut put = |(low, bits): (usize, usize), value: u64| {
                    command.set_slice(low, &Word::new(bits, value.into()));
                };
                put(c.base, start + number * head);
                put(c.stride, stride);
                put(c.rows, rows);
                put(c.head, head);
                put(c.words, (2 * head * shape.lanes as u64).div_ceil(32));
                put((c.values, 1), of_values.into());
                put((c.earlier, 1), earlier.into());
                put((c.single, 1), (number + 1 == heads).into());
                expected.push(command);
            }
        }
        let mut came = 0;
        for cycle in 0..20 * expected.len() + 20 {
            let done = came == expected.len();
            monitor.present(e, done);
            e.eval().unwrap();
            checker.observe(e).unwrap_or_else(|e| panic!("{e}"));
            if let Some(beat) = monitor.observe(e) {
                let want = expected.get(came).unwrap_or_else(|| panic!("extra {beat:?}"));
                assert_eq!(&beat.data, want, "command {came} of {expected:?}, seed {seed}");
                came += 1;
                // One whenever one is taken, the first after the latency.
                assert!(stall > 0.0 || cycle + 1 == came + KvPasses::LATENCY);
            }
            tick(e);
            set(e, &[("start", 0)]);
        }
        assert_eq!(came, expected.len(), "seed {seed}");
        commands += came;
    }
    assert!(commands > 80 && (monitor.stalls() > 0) == (stall > 0.0));
}

#[test]
fn bounds() {
    let case = Case::new("bounds", || Bounds::new(&shape()).unwrap());
    assert_eq!(case.design.top().latency, Some(Bounds::LATENCY));
    case.agree_on_random(800, |r| {
        r.often("reset", 0.02);
        r.often("counting", 0.5);
    });
    for seed in seeds() {
        both(&case, |e| ends(e, seed));
    }
    let faults = [
        // Two routers' weights are taken for one's.
        ("bounds", "slices << 2", "slices << 1"),
        // The last memory that is too small is told, not the first.
        ("bounds", "if (over[0])", "if (over[0] & (~over[3]))"),
        // A single head is taken for a pair.
        ("bounds", "single ? head : (head << 1)", "head << 1"),
    ];
    case.finds(&faults, |built| {
        ends(&mut built.model().unwrap(), 0);
        true
    });
}

fn ends(e: &mut dyn Engine, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (shape, f) = (shape(), Fields::new());
    let mut found = [0; 2];
    for turn in 0..400 {
        let what = turn % 4;
        // Near the end of a memory, well within it, far beyond.
        let place = |rng: &mut SmallRng, field, size: usize| match rng.random_range(0..4) {
            0 => draw(rng, field, 8),
            1 => draw(rng, field, 1 << 14),
            _ => (size as u64 - rng.random_range(0..40)).min((1 << field.1) - 1),
        };
        let rows = rng.random_range(1..=shape.rows);
        let picked: Vec<bool> = (0..shape.rows).map(|r| r < rows && rng.random_bool(0.7)).collect();
        let count = picked.iter().filter(|p| **p).count() as u64;
        let last = picked.iter().rposition(|p| *p).unwrap_or(0) as u64;
        let (head, shared) = (rng.random_range(1..4u64), rng.random_range(1..9u64));
        let (last_slices, last_kv) = (rng.random_range(0..20u64), rng.random_range(0..20u64));
        let (width, single) = (rng.random_range(1..200u64), rng.random_bool(0.3));
        // What is reached: memory by memory, in the order in which it is told.
        let mut ends: Vec<(u64, usize)> = Vec::new();
        let instruction = match what {
            kind::ROUTE => {
                let at = place(&mut rng, f.route_address, shape.scratchpad);
                let stride = draw(&mut rng, f.route_stride, 8);
                let slices = draw(&mut rng, f.route_slices, 12);
                let routers = rng.random_range(0..4u64);
                let weights = place(&mut rng, f.route_weights, shape.constants);
                let taken = [0, 2, 2, 4][routers as usize] * slices;
                assert_eq!([Routers::None as u64, Routers::Both as u64], [0, 3]);
                ends.push((at + last * stride + slices, shape.scratchpad));
                ends.push((weights + taken, shape.constants));
                word(&[
                    (f.route_address, at),
                    (f.route_stride, stride),
                    (f.route_slices, slices),
                    (f.route_routers, routers),
                    (f.route_weights, weights),
                ])
            }
            kind::NORMALISE => {
                let at = place(&mut rng, f.normalise_address, shape.scratchpad);
                let stride = draw(&mut rng, f.normalise_stride, 8);
                let slices = draw(&mut rng, f.normalise_slices, 200);
                let gain = place(&mut rng, f.normalise_gain, shape.constants);
                ends.push((at + last * stride + slices, shape.scratchpad));
                ends.push((gain + slices, shape.constants));
                ends.push((count * slices, shape.operand));
                word(&[
                    (f.normalise_address, at),
                    (f.normalise_stride, stride),
                    (f.normalise_slices, slices),
                    (f.normalise_gain, gain),
                ])
            }
            kind::MATMUL => {
                let target = rng.random_range(0..3u64);
                let size = if target == 0 { shape.scratchpad } else { shape.operand };
                let at = place(&mut rng, f.matmul_address, size);
                let stride = draw(&mut rng, f.matmul_stride, 12);
                let outputs = draw(&mut rng, f.matmul_outputs, 12);
                let row = if target == 0 { last } else { count.saturating_sub(1) };
                ends.push((at + row * stride + outputs, size));
                word(&[
                    (f.matmul_target, target),
                    (f.matmul_address, at),
                    (f.matmul_stride, stride),
                    (f.matmul_outputs, outputs),
                ])
            }
            _ => {
                let at = place(&mut rng, f.attend_address, shape.scratchpad);
                let stride = draw(&mut rng, f.attend_stride, 8);
                let keys = place(&mut rng, f.attend_keys, shape.scratchpad);
                let values = place(&mut rng, f.attend_values, shape.scratchpad);
                let kv_stride = draw(&mut rng, f.attend_kv_stride, 8);
                let heads = if single { 1 } else { 2 };
                let own = (rows as u64 - 1) * kv_stride + last_kv + heads * head;
                ends.push((at + last * stride + last_slices + heads * shared, shape.scratchpad));
                ends.push((keys + own, shape.scratchpad));
                ends.push((values + own, shape.scratchpad));
                ends.push((count * width, shape.operand));
                word(&[
                    (f.attend_address, at),
                    (f.attend_stride, stride),
                    (f.attend_keys, keys),
                    (f.attend_values, values),
                    (f.attend_kv_stride, kv_stride),
                ])
            }
        };
        let over = ends.iter().find(|(end, size)| count > 0 && *end > *size as u64);
        set(e, &[("reset", 1), ("counting", 0), ("any", (count > 0).into())]);
        tick(e);
        set(e, &[("reset", 0), ("word", instruction), ("kind", what as u128)]);
        set(e, &[("count", count.into()), ("rows", rows as u128), ("single", single.into())]);
        set(e, &[("head_slices", head.into()), ("shared_slices", shared.into())]);
        set(e, &[("last_slices", last_slices.into()), ("last_kv", last_kv.into())]);
        set(e, &[("width", width.into()), ("counting", 1), ("first", 1), ("row", 0)]);
        tick(e);
        set(e, &[("first", 0)]);
        for p in &picked {
            set(e, &[("row", (*p).into())]);
            tick(e);
        }
        set(e, &[("row", 0), ("counting", 0)]);
        for _ in 0..Bounds::LATENCY {
            assert_eq!((get(e, "checking"), get(e, "beyond")), (1, 0), "too early");
            tick(e);
        }
        assert_eq!(get(e, "checking"), 0);
        assert_eq!(get(e, "beyond") == 1, over.is_some(), "{ends:?}, kind {what}, seed {seed}");
        if let Some((end, _)) = over {
            assert_eq!(get(e, "last"), u128::from(end - 1), "{ends:?}, kind {what}, seed {seed}");
        }
        found[usize::from(over.is_some())] += 1;
    }
    assert!(found.iter().all(|n| *n > 80), "{found:?}");
}
