//! The nonlinear engine against the reference: all functions, in any order, at full rate and disturbed.

mod common;

use common::{get, seeds, set, tick, Case};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_config::Config;
use skipopu_hdl::Word;
use skipopu_hw::npe::command::{Command, Function, Statistic};
use skipopu_hw::npe::rotation::RotationShape;
use skipopu_hw::npe::{Engine as NpeEngine, EngineShape};
use skipopu_reference::npe::{RmsNorm, Softmax};
use skipopu_sim::stream::{Pattern, StreamBench};
use skipopu_sim::Engine;
use skipopu_system::npe::{float, half, load_turns, RealRows, Script, EPSILON};

fn shape() -> EngineShape {
    EngineShape::of(&Config::preset("tiny").unwrap())
}

fn case() -> Case {
    Case::new("engine", || NpeEngine::new(shape()).unwrap())
}

/// Tokens that run: not consecutive.
const TOKENS: [usize; 5] = [100, 101, 104, 109, 110];
const HEAD: usize = 12;

fn floats(rng: &mut SmallRng, n: usize) -> Vec<u32> {
    (0..n).map(|_| float(rng)).collect()
}

/// Scores as attention gives them.
fn scores(rng: &mut SmallRng, n: usize) -> Vec<u32> {
    let spread = [0.0f32, 1.0, 8.0, 60.0][rng.random_range(0..4usize)];
    (0..n).map(|_| ((rng.random::<f32>() - 0.5) * spread).to_bits()).collect()
}

/// A random packet, or the two of a normaliser.
fn add(script: &mut Script, rng: &mut SmallRng) {
    let n = rng.random_range(1..40);
    let row = rng.random_range(0..16);
    match rng.random_range(0..7) {
        0 => {
            let values = floats(rng, n);
            script.linear(&values, false, row);
        }
        1 => {
            let values: Vec<u32> = (0..n).map(|_| half(rng).into()).collect();
            script.linear(&values, true, row);
        }
        2 => {
            let values: Vec<u16> = (0..n).map(|_| half(rng)).collect();
            let gain: Vec<u16> = (0..n).map(|_| half(rng)).collect();
            script.rms_norm(&values, &gain, row);
        }
        3 => {
            let causal = rng.random_bool(0.5).then(|| rng.random_range(0..50));
            let values = scores(rng, n);
            script.softmax(&values, 0.25, row, causal);
        }
        4 => {
            let rows: Vec<_> = (0..3).map(|_| scores(rng, n)).collect();
            script.softmax_interleaved(&rows, 1.0, row.min(13));
        }
        5 => {
            let pairs = floats(rng, 2 * n);
            script.swiglu(&pairs, row);
        }
        _ => {
            let head = floats(rng, HEAD);
            let index = TOKENS[rng.random_range(0..TOKENS.len())];
            script.rope(&head, index, row);
        }
    }
}

#[test]
fn any_order_of_functions_under_every_disturbance() {
    let case = case();
    let verilated = case.verilated();
    for seed in seeds() {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut script = Script::new(shape().tile, SmallRng::seed_from_u64(!seed));
        (0..150).for_each(|_| add(&mut script, &mut rng));
        for pattern in Pattern::ALL {
            let mut model = verilated.model().unwrap();
            load_turns(&mut model, shape().rotation, &TOKENS, HEAD);
            script.run(&mut model, pattern, seed);
        }
    }
    // The Rust block is slow: a shorter script.
    let mut rng = SmallRng::seed_from_u64(7);
    let mut script = Script::new(shape().tile, SmallRng::seed_from_u64(8));
    (0..8).for_each(|_| add(&mut script, &mut rng));
    let mut rust = case.rust();
    load_turns(&mut rust, shape().rotation, &TOKENS, HEAD);
    script.run(&mut rust, Pattern::Both, 1);
}

#[test]
fn long_rows_and_extreme_rows() {
    let verilated = case().verilated();
    let mut rng = SmallRng::seed_from_u64(0);
    let mut script = Script::new(shape().tile, SmallRng::seed_from_u64(1));
    for n in [1, 2, 3, 4, 5, 63, 64, 65, 1000, 4096] {
        let one = |x: f32, y: f32, at: usize| {
            let mut row = vec![x.to_bits(); n];
            row[at % n] = y.to_bits();
            row
        };
        for row in [
            scores(&mut rng, n),
            one(0.5, 0.5, 0),
            one(-2.0, 65504.0, 2),
            one(65504.0, 65504.0, 0),
            one(f32::NEG_INFINITY, -7.0, 1),
            one(f32::NEG_INFINITY, f32::NEG_INFINITY, 1),
            one(1.0, f32::NAN, n / 2),
            one(1e30, -1e30, 3),
        ] {
            script.softmax(&row, 1.0, rng.random_range(0..16), None);
        }
    }
    for n in [64, 288, 1024, 8192] {
        let gain: Vec<u16> = (0..n).map(|_| half(&mut rng)).collect();
        let one = |x: u16, y: u16, at: usize| {
            let mut row = vec![x; n];
            row[at] = y;
            row
        };
        for row in [
            (0..n).map(|_| half(&mut rng)).collect(),
            one(0, 0, 0),
            one(0x7BFF, 0xFBFF, 5),
            one(1, 0x8001, 7),
            one(0x3C00, 0x7BFF, 40),
            one(0x3C00, 0x7C00, 3),
            one(0x3C00, 0x7E01, 3),
        ] {
            script.rms_norm(&row, &gain, rng.random_range(0..16));
        }
    }
    script.run(&mut verilated.model().unwrap(), Pattern::None, 0);
}

#[test]
fn rows_of_a_real_model() {
    let rows = RealRows::load();
    let counts = [rows.norms.len(), rows.scores.len(), rows.pairs.len(), rows.heads.len()];
    assert_eq!(counts, [3; 4]);
    // The whole machine's heads have 48 values here, four ways at a time.
    let wide =
        EngineShape { rotation: RotationShape { ways: 4, tokens: 16, tiles: 16 }, ..shape() };
    let case = Case::new("engine_real", move || NpeEngine::new(wide).unwrap());
    let mut script = Script::new(wide.tile, SmallRng::seed_from_u64(1));
    for (i, token) in TOKENS.into_iter().enumerate().take(3) {
        script.rms_norm(&rows.norms[i].0, &rows.norms[i].1, i);
        script.softmax(&rows.scores[i], 1.0 / 48f64.sqrt(), i, None);
        script.swiglu(&rows.pairs[i], i);
        script.rope(&rows.heads[i], token, i);
    }
    let verilated = case.verilated();
    for pattern in [Pattern::None, Pattern::Both] {
        let mut model = verilated.model().unwrap();
        load_turns(&mut model, wide.rotation, &TOKENS, 48);
        script.run(&mut model, pattern, 0);
    }
}

#[test]
fn a_tile_a_cycle_whatever_the_order() {
    let verilated = case().verilated();
    let engine = NpeEngine::new(shape()).unwrap();
    let mut rng = SmallRng::seed_from_u64(3);
    let mut script = Script::new(shape().tile, SmallRng::seed_from_u64(4));
    // Functions that need no statistics, so that nothing has to be waited for.
    for i in 0..120 {
        let n = rng.random_range(1..30);
        let values = floats(&mut rng, n);
        match i % 3 {
            0 => script.linear(&values, false, 1),
            1 => script.rope(&floats(&mut rng, HEAD), TOKENS[i % 5], 2),
            _ => script.linear(&values.iter().map(|v| v >> 16).collect::<Vec<_>>(), true, 3),
        }
    }
    let mut model = verilated.model().unwrap();
    load_turns(&mut model, shape().rotation, &TOKENS, HEAD);
    let report = script.run(&mut model, Pattern::None, 0);
    let latency = engine.latency();
    println!("latency {latency} cycles, {} tiles", script.tiles.len());
    assert_eq!(report.first_output_latency, Some(latency as i64));
    assert_eq!(report.cycles, (script.tiles.len() + latency) as u64);
}

#[test]
fn statistics_are_there_a_fixed_time_after_the_last_tile() {
    let verilated = case().verilated();
    let engine = NpeEngine::new(shape()).unwrap();
    for n in [1usize, 4, 5, 64, 300] {
        let tiles = n.div_ceil(4);
        let mut rng = SmallRng::seed_from_u64(n as u64);
        let mut run = |fill: &dyn Fn(&mut Script, &mut SmallRng), wait: usize| {
            let mut script = Script::new(shape().tile, SmallRng::seed_from_u64(5));
            fill(&mut script, &mut rng);
            let report = script.run(&mut verilated.model().unwrap(), Pattern::None, 0);
            // The statistics pass, the wait, the other pass, the way out.
            let expected = (tiles - 1 + wait) + tiles + engine.latency();
            assert_eq!(report.cycles, expected as u64, "{n} values");
        };
        run(
            &|s, rng| {
                let row = scores(rng, n);
                s.softmax(&row, 1.0, 3, None);
            },
            engine.softmax_latency(),
        );
        run(
            &|s, rng| {
                let row: Vec<u16> = (0..n).map(|_| half(rng)).collect();
                s.rms_norm(&row, &row, 3);
            },
            engine.square_latency(),
        );
    }
}

#[test]
fn statistics_are_read_by_bitmask() {
    let mut model = case().verilated().model().unwrap();
    let e: &mut dyn Engine = &mut model;
    let tile = shape().tile;
    set(e, &[("epsilon", EPSILON.to_bits().into())]);
    let mut rng = SmallRng::seed_from_u64(11);
    let rows: Vec<Vec<u16>> = (0..16).map(|_| (0..10).map(|_| half(&mut rng)).collect()).collect();
    let mut script = Script::new(tile, SmallRng::seed_from_u64(12));
    let norm = RmsNorm::new(4, 10, EPSILON);
    for (r, row) in rows.iter().enumerate() {
        let wide: Vec<u32> = row.iter().map(|x| (*x).into()).collect();
        script.squares(&wide, r);
    }
    let masks = [0b1010_0110_0000_0001u128, 0, 0b10, 0xFFFF];
    let expected = masks
        .iter()
        .flat_map(|m| (0..16).filter(move |r| m >> r & 1 == 1))
        .map(|r| u128::from(norm.statistic(&rows[r]) >> 7) | (r as u128) << 43);
    let expected: Vec<u128> = expected.collect();
    let mut read = Vec::new();
    // The masks are there before the tiles: rows are waited for.
    let (mut c, mut t, mut m) = (0, 0, 0);
    for _ in 0..600 {
        let command = script.commands.get(c);
        set(
            e,
            &[
                ("command_valid", command.is_some().into()),
                ("in_valid", (t < script.tiles.len()).into()),
            ],
        );
        if let Some(command) = command {
            e.set("command_data", command).unwrap();
            e.set("in_data", &script.tiles[t].data).unwrap();
            set(e, &[("in_last", script.tiles[t].last.into())]);
        }
        let mask = masks.get(m).copied();
        set(e, &[("mask_valid", mask.is_some().into()), ("mask_data", mask.unwrap_or(0))]);
        set(e, &[("statistics_ready", 1), ("out_ready", 1)]);
        e.eval().unwrap();
        c += usize::from(get(e, "command_valid") & get(e, "command_ready") == 1);
        t += usize::from(get(e, "in_valid") & get(e, "in_ready") == 1);
        m += usize::from(get(e, "mask_valid") & get(e, "mask_ready") == 1);
        if get(e, "statistics_valid") == 1 {
            // Factor and number; the exponent between them is softmax's.
            let entry = get(e, "statistics_data");
            read.push(entry & ((1 << 25) - 1) | entry >> 43 << 43);
        }
        tick(e);
    }
    assert_eq!(read, expected);
}

#[test]
fn reset_drops_what_is_in_flight() {
    let mut model = case().verilated().model().unwrap();
    let tile = shape().tile;
    let mut script = Script::new(tile, SmallRng::seed_from_u64(2));
    let row: Vec<u32> = (0..40).map(|i| (i as f32).to_bits()).collect();
    script.softmax(&row, 1.0, 3, None);
    // Into the middle of a row, then reset.
    {
        let e: &mut dyn Engine = &mut model;
        e.set("command_data", &script.commands[0]).unwrap();
        e.set("in_data", &script.tiles[0].data).unwrap();
        set(e, &[("command_valid", 1), ("in_valid", 1), ("in_last", 0)]);
        (0..30).for_each(|_| tick(e));
        set(e, &[("reset", 1), ("command_valid", 0), ("in_valid", 0)]);
        tick(e);
        set(e, &[("reset", 0), ("out_ready", 1)]);
        for _ in 0..100 {
            assert_eq!(get(e, "out_valid"), 0);
            tick(e);
        }
    }
    script.run(&mut model, Pattern::None, 3);
}

#[test]
fn engines_agree_on_anything() {
    let case = case();
    let shape = shape();
    case.agree_on_random(300, |r| {
        r.often("reset", 0.01);
        r.often("command_valid", 0.95);
        r.often("in_valid", 0.95);
        r.often("operand_valid", 0.95);
    });
    // A command for softmax of a row without statistics never starts.
    let mut model = case.verilated().model().unwrap();
    let command = Command::new(Function::Softmax, 4);
    assert_eq!(command.statistic, Statistic::None);
    let blocked = StreamBench::new("clock")
        .input("command", [command.pack()])
        .input("in", [Word::zero(shape.tile.bits())])
        .output("out", [Word::zero(shape.tile.bits())])
        .budget(500)
        .run(&mut model);
    assert!(blocked.is_err(), "{blocked:?}");
    assert_eq!(Softmax::factor(1.0), 0x3FB8_AA00);
}

/// Runs a script and prints one column a cycle, as the cycle is before its rising edge: tiles as letters, in the
/// order in which they enter, and the numbers of the tiles that come out. Of columns that repeat, two are left
/// and `~` between them.
fn waveform(script: &Script, numbers: &[char]) -> String {
    let mut model = case().verilated().model().unwrap();
    load_turns(&mut model, shape().rotation, &TOKENS, HEAD);
    let e: &mut dyn Engine = &mut model;
    set(e, &[("epsilon", EPSILON.to_bits().into()), ("out_ready", 1)]);
    let (mut c, mut t, mut o, mut quiet) = (0, 0, 0, 0);
    let mut columns: Vec<[char; 3]> = Vec::new();
    while quiet < 3 {
        let tile = script.tiles.get(t);
        set(e, &[("command_valid", (c < script.commands.len()).into())]);
        set(e, &[("in_valid", tile.is_some().into())]);
        if let Some(tile) = tile {
            e.set("command_data", &script.commands[c]).unwrap();
            e.set("in_data", &tile.data).unwrap();
            set(e, &[("in_last", tile.last.into())]);
        }
        e.eval().unwrap();
        let ready = get(e, "in_ready") == 1 && tile.is_some();
        let letter = if tile.is_some() { char::from(b'A' + t as u8) } else { '.' };
        let out = get(e, "out_valid") == 1;
        columns.push([letter, if ready { '1' } else { '.' }, if out { numbers[o] } else { '.' }]);
        o += usize::from(out);
        c += usize::from(ready && tile.is_some_and(|b| b.last));
        t += usize::from(ready);
        quiet = if o == numbers.len() { quiet + 1 } else { 0 };
        tick(e);
    }
    let mut rows = [String::new(), String::new(), String::new(), String::new()];
    let mut at = 0;
    while at < columns.len() {
        let same = columns[at..].iter().take_while(|c| **c == columns[at]).count();
        let shown = if same > 6 { 2 } else { same };
        for _ in 0..if same > 6 { 1 } else { shown } {
            (0..3).for_each(|r| rows[r + 1].push(columns[at][r]));
        }
        if same > 6 {
            (0..3).for_each(|r| rows[r + 1].extend(['~', columns[at][r]]));
        }
        at += same;
        // The cycle in which something changes after a gap.
        if same > 6 {
            let text = format!("{at}");
            while rows[0].len() < rows[1].len() {
                rows[0].push(' ');
            }
            rows[0] += &text;
        }
    }
    format!(
        "cycle     0{}\nin        {}\nin_ready  {}\nout       {}\n",
        rows[0].get(1..).unwrap_or_default(),
        rows[1],
        rows[2],
        rows[3]
    )
}

#[test]
fn the_waveforms_in_the_page_are_what_the_engine_does() {
    let page = include_str!("../../../docs/npe.md");
    let mut rng = SmallRng::seed_from_u64(0);
    let mut softmax = Script::new(shape().tile, SmallRng::seed_from_u64(1));
    softmax.softmax_rows(&[scores(&mut rng, 12)], 1.0);
    let mut mixed = Script::new(shape().tile, SmallRng::seed_from_u64(2));
    mixed.rope(&floats(&mut rng, 8), TOKENS[0], 1);
    mixed.swiglu(&floats(&mut rng, 16), 2);
    mixed.rope(&floats(&mut rng, 8), TOKENS[1], 3);
    let scenes = [
        ("softmax", waveform(&softmax, &['D', 'E', 'F'])),
        ("RoPE, SwiGLU, RoPE", waveform(&mixed, &['A', 'B', 'D', 'F', 'G', 'H'])),
    ];
    let missing: String = scenes
        .iter()
        .filter(|(_, text)| !page.contains(text.as_str()))
        .map(|(name, text)| format!("{name}\n{text}"))
        .collect();
    assert!(missing.is_empty(), "docs/npe.md should hold:\n{missing}");
}
