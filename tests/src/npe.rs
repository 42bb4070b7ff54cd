//! Packets for the nonlinear engine, with what the reference makes of them.

use rand::{rngs::SmallRng, Rng};
use skipopu_hdl::Word;
use skipopu_hw::npe::command::{Addend, Command, Factor, Function, Statistic};
use skipopu_hw::npe::rotation::RotationShape;
use skipopu_hw::npe::tile::{Tile, TileShape};
use skipopu_hw::npe::OPERAND_BITS;
use skipopu_reference::npe::float::{multiply, narrow, widen, E8M23, ONE, SIGN};
use skipopu_reference::npe::{linear, linear16, rope_row, swiglu_row, RmsNorm, Softmax, Turn};
use skipopu_sim::stream::{Beat, Pattern, StreamBench, StreamReport};
use skipopu_sim::Engine;

/// What the host writes: added to mean squares.
pub const EPSILON: f32 = 1e-5;

/// Streams into the engine and what must come out.
#[derive(Clone)]
pub struct Script {
    /// Shape of the tiles.
    pub shape: TileShape,
    /// A command for each packet.
    pub commands: Vec<Word>,
    /// Tiles into the engine.
    pub tiles: Vec<Beat>,
    /// Operands for those that take some.
    pub operands: Vec<Word>,
    /// Tiles out of it.
    pub out: Vec<Beat>,
    rng: SmallRng,
}

/// A row on its way into the engine.
pub struct RowIn<'a> {
    /// Its number.
    pub row: usize,
    /// Index of its token.
    pub index: usize,
    /// Its values.
    pub values: &'a [u32],
    /// Factor and addend of each value.
    pub operands: Option<Vec<(u16, u32)>>,
}

impl Script {
    /// Nothing yet; `rng` draws what must not matter, and the options left open.
    pub fn new(shape: TileShape, rng: SmallRng) -> Script {
        let none = Vec::new;
        Script {
            shape,
            commands: none(),
            tiles: Vec::new(),
            operands: none(),
            out: Vec::new(),
            rng,
        }
    }

    /// One packet of rows, tile by tile in turn. `results` are the rows that come out.
    pub fn packet(&mut self, command: Command, rows: &[RowIn<'_>], results: &[Vec<u32>]) {
        let ways = self.shape.ways;
        self.commands.push(command.pack());
        let tiles = rows[0].values.len().div_ceil(ways);
        let mut outs = Vec::new();
        for place in 0..tiles {
            for (r, row) in rows.iter().enumerate() {
                let end = place + 1 == tiles;
                let last = end && r + 1 == rows.len();
                // What stands beyond a row's end must not matter.
                let value =
                    |i: usize, junk: u32| row.values.get(place * ways + i).copied().unwrap_or(junk);
                let values = (0..ways).map(|i| value(i, self.rng.random())).collect();
                let tile = Tile { values, row: row.row, index: row.index, place, end };
                self.tiles.push(Beat { data: self.shape.pack(&tile), last });
                if command.uses_operands() {
                    let mut word = Word::zero(ways * OPERAND_BITS);
                    let operands = row.operands.as_ref().expect("the command uses operands");
                    for i in 0..ways {
                        let (f, a) = operands
                            .get(place * ways + i)
                            .copied()
                            .unwrap_or_else(|| self.rng.random());
                        let both = u128::from(f) | u128::from(a) << 16;
                        word.set_slice(i * OPERAND_BITS, &Word::new(OPERAND_BITS, both));
                    }
                    self.operands.push(word);
                }
                if command.drop {
                    continue;
                }
                let halved = command.function == Function::SwiGlu;
                if halved && place % 2 == 0 && !end {
                    continue;
                }
                let place = if halved { place / 2 } else { place };
                let result = |i: usize| results[r].get(place * ways + i).copied().unwrap_or(0);
                let values = (0..ways).map(result).collect();
                let tile = Tile { values, row: row.row, index: row.index, place, end };
                outs.push(Beat { data: self.shape.pack(&tile), last });
            }
        }
        self.out.extend(outs);
    }

    fn row(
        &mut self,
        command: Command,
        row: usize,
        index: usize,
        values: &[u32],
        operands: Option<Vec<(u16, u32)>>,
        result: Vec<u32>,
    ) {
        let visible = if command.causal { command.length.min(index + 1) } else { command.length };
        let mut result = result;
        let counted = if command.function == Function::SwiGlu { visible / 2 } else { visible };
        result.truncate(counted);
        self.packet(command, &[RowIn { row, index, values, operands }], &[result]);
    }

    /// `x * factor + addend` for random choices of both.
    pub fn linear(&mut self, values: &[u32], half_in: bool, row: usize) {
        let n = values.len();
        let command = Command {
            half_in,
            half_out: self.rng.random(),
            factor: [Factor::One, Factor::Constant, Factor::Operand]
                [self.rng.random_range(0..3usize)],
            addend: [Addend::None, Addend::Half, Addend::Single][self.rng.random_range(0..3usize)],
            constant: multiply((self.rng.random::<f32>() * 4.0 - 2.0).to_bits(), ONE, 16),
            ..Command::new(Function::Linear, n)
        };
        let rng = &mut self.rng;
        let operands: Vec<(u16, u32)> = (0..n)
            .map(|_| {
                let addend = match command.addend {
                    Addend::Half => rng.random::<u16>().into(),
                    _ => float(rng),
                };
                (rng.random(), addend)
            })
            .collect();
        let result = (values.iter().zip(&operands)).map(|(x, (f, a))| {
            let x = if half_in { widen(*x as u16) } else { *x };
            let factor = match command.factor {
                Factor::One => ONE,
                Factor::Constant => command.constant,
                Factor::Operand => widen(*f),
            };
            let addend = match command.addend {
                Addend::None => SIGN,
                Addend::Half => widen(*a as u16),
                Addend::Single => *a,
            };
            match command.half_out {
                true => linear16(x, factor, addend).into(),
                false => linear(x, factor, addend),
            }
        });
        let result = result.collect();
        self.row(command, row, 0, values, Some(operands), result);
    }

    /// Both passes of RMSNorm; the first may drop its results.
    pub fn rms_norm(&mut self, values: &[u16], gain: &[u16], row: usize) {
        let wide: Vec<u32> = values.iter().map(|x| (*x).into()).collect();
        let norm = RmsNorm::new(self.shape.ways, values.len(), EPSILON);
        self.squares(&wide, row);
        let normalise =
            Command { factor: Factor::Operand, ..Command::new(Function::RmsNorm, values.len()) };
        let operands = gain.iter().map(|g| (*g, 0)).collect();
        let result = norm.row(values, gain).into_iter().map(u32::from).collect();
        self.row(normalise, row, 3, &wide, Some(operands), result);
    }

    /// The first pass alone.
    pub fn squares(&mut self, values: &[u32], row: usize) {
        let command = Command {
            statistic: Statistic::Squares,
            constant: RmsNorm::inverse(values.len()),
            drop: self.rng.random(),
            ..Command::new(Function::Linear, values.len())
        };
        // A NaN leaves as the one NaN.
        let same = values.iter().map(|x| narrow(widen(*x as u16)).into()).collect();
        self.row(command, row, 3, values, None, same);
    }

    /// Both passes of softmax over FP32 scores.
    pub fn softmax(&mut self, scores: &[u32], scale: f64, row: usize, causal: Option<usize>) {
        let softmax = Softmax::new(self.shape.ways, scale);
        let index = causal.unwrap_or(9);
        let visible = causal.map_or(scores.len(), |i| scores.len().min(i + 1));
        let command = Command {
            half_in: false,
            half_out: false,
            statistic: Statistic::Exponentials,
            drop: self.rng.random(),
            causal: causal.is_some(),
            constant: softmax.factor,
            ..Command::new(Function::Linear, scores.len())
        };
        let same = scores.iter().map(|s| multiply(*s, ONE, E8M23)).collect();
        self.row(command, row, index, scores, None, same);
        let normalise = Command {
            function: Function::Softmax,
            half_out: true,
            statistic: Statistic::None,
            drop: false,
            ..command
        };
        let result = softmax.row(scores, visible).into_iter().map(u32::from).collect();
        self.row(normalise, row, index, scores, None, result);
    }

    /// Statistics of several rows whose tiles come in turn, then the rows one by one.
    pub fn softmax_interleaved(&mut self, rows: &[Vec<u32>], scale: f64, first: usize) {
        let softmax = Softmax::new(self.shape.ways, scale);
        let length = rows[0].len();
        let command = Command {
            half_in: false,
            half_out: false,
            statistic: Statistic::Exponentials,
            drop: true,
            constant: softmax.factor,
            ..Command::new(Function::Linear, length)
        };
        let ins: Vec<RowIn<'_>> = rows
            .iter()
            .enumerate()
            .map(|(i, values)| RowIn { row: first + i, index: 0, values, operands: None })
            .collect();
        self.packet(command, &ins, &[]);
        for (i, scores) in rows.iter().enumerate() {
            let normalise = Command {
                function: Function::Softmax,
                half_out: true,
                statistic: Statistic::None,
                drop: false,
                ..command
            };
            let result = softmax.row(scores, length).into_iter().map(u32::from).collect();
            self.row(normalise, first + i, 0, scores, None, result);
        }
    }

    /// Statistics of several rows, one after the other and dropped, then the rows.
    pub fn softmax_rows(&mut self, rows: &[Vec<u32>], scale: f64) {
        let softmax = Softmax::new(self.shape.ways, scale);
        let length = rows[0].len();
        let command = Command {
            half_in: false,
            half_out: false,
            statistic: Statistic::Exponentials,
            drop: true,
            constant: softmax.factor,
            ..Command::new(Function::Linear, length)
        };
        for (i, scores) in rows.iter().enumerate() {
            self.row(command, i, 0, scores, None, Vec::new());
        }
        for (i, scores) in rows.iter().enumerate() {
            let normalise = Command {
                function: Function::Softmax,
                half_out: true,
                statistic: Statistic::None,
                drop: false,
                ..command
            };
            let result = softmax.row(scores, length).into_iter().map(u32::from).collect();
            self.row(normalise, i, 0, scores, None, result);
        }
    }

    /// SwiGLU of interleaved pairs.
    pub fn swiglu(&mut self, pairs: &[u32], row: usize) {
        let command = Command { half_in: false, ..Command::new(Function::SwiGlu, pairs.len()) };
        let result = swiglu_row(pairs).into_iter().map(u32::from).collect();
        self.row(command, row, 5, pairs, None, result);
    }

    /// RoPE of a head whose factors are [`turns`].
    pub fn rope(&mut self, head: &[u32], index: usize, row: usize) {
        let command = Command { half_in: false, ..Command::new(Function::Rope, head.len()) };
        let result = rope_row(head, &turns(index, head.len() / 2));
        let result = result.into_iter().map(u32::from).collect();
        self.row(command, row, index, head, None, result);
    }

    /// The run: streams in, streams out.
    pub fn bench(&self, pattern: Pattern, seed: u64) -> StreamBench {
        let bench = StreamBench::new("clock")
            .input("command", self.commands.clone())
            .input("in", self.tiles.clone())
            .output("out", self.out.clone())
            .pattern(pattern)
            .seed(seed);
        match self.operands.is_empty() {
            true => bench,
            false => bench.input("operand", self.operands.clone()),
        }
    }

    /// Runs it on an engine whose factors are loaded. Panics on anything that is not the reference's.
    pub fn run(&self, engine: &mut dyn Engine, pattern: Pattern, seed: u64) -> StreamReport {
        set(engine, &[("epsilon", EPSILON.to_bits().into())]);
        let report = self.bench(pattern, seed).run(engine);
        let report = report.unwrap_or_else(|e| panic!("{pattern:?}, seed {seed}: {e}"));
        assert_eq!(report.compared, self.out.len() as u64);
        report
    }
}

fn set(engine: &mut dyn Engine, values: &[(&str, u128)]) {
    for (port, value) in values {
        let width = engine.ports()[engine.index(port).expect("the port exists")].width;
        engine.set(port, &Word::new(width, *value)).expect("the port has this width");
    }
}

/// The factors of a token: RoPE's frequencies of base 10000.
pub fn turns(index: usize, pairs: usize) -> Vec<Turn> {
    let angle = |i: usize| index as f64 * 10000f64.powf(-(i as f64) / pairs as f64);
    (0..pairs).map(|i| Turn::of(angle(i))).collect()
}

/// Fills the rotation buffer for these tokens.
pub fn load_turns(engine: &mut dyn Engine, shape: RotationShape, tokens: &[usize], head: usize) {
    for index in tokens {
        let turns = turns(*index, head / 2);
        for (place, tile) in turns.chunks(shape.ways / 2).enumerate() {
            let mut word = Word::zero(shape.fill_bits());
            for (i, t) in tile.iter().enumerate() {
                let both = u128::from(t.cos) | u128::from(t.sin) << 16;
                word.set_slice(32 * i, &Word::new(32, both));
            }
            let address = shape.address(*index, place) as u128;
            word.set_slice(shape.word_bits(), &Word::new(shape.address_bits(), address));
            engine.set("rotation_data", &word).expect("the port has this width");
            set(engine, &[("rotation_valid", 1)]);
            engine.tick("clock").expect("there is a clock");
        }
    }
    set(engine, &[("rotation_valid", 0)]);
}

/// A random finite FP32 number of everyday size, now and then any encoding.
pub fn float(rng: &mut SmallRng) -> u32 {
    match rng.random_range(0..50) {
        0 => rng.random(),
        1 => [0, SIGN, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 1][rng.random_range(0..6usize)],
        _ => rng.random::<u32>() & 0x807F_FFFF | rng.random_range(115..135) << 23,
    }
}

/// A random FP16 number, likewise.
pub fn half(rng: &mut SmallRng) -> u16 {
    match rng.random_range(0..60) {
        0 => rng.random_range(0..0x7C00),
        1 => rng.random_range(0..0x400) | 0x8000,
        _ => rng.random::<u16>() & 0x83FF | rng.random_range(8..19) << 10,
    }
}

/// Rows of stories15M, taken by the example `real_rows` of `skipopu-forward`.
#[derive(Clone, Debug, Default)]
pub struct RealRows {
    /// FP16 rows before a norm, each with the norm's gains.
    pub norms: Vec<(Vec<u16>, Vec<u16>)>,
    /// FP32 scores of a head, before scaling by 1 / sqrt(48).
    pub scores: Vec<Vec<u32>>,
    /// FP32 gates and ups in turn.
    pub pairs: Vec<Vec<u32>>,
    /// FP32 heads before RoPE.
    pub heads: Vec<Vec<u32>>,
}

impl RealRows {
    /// The rows that come along.
    pub fn load() -> RealRows {
        let mut rows = RealRows::default();
        for line in include_str!("../data/stories15m_rows.txt").lines() {
            let mut words = line.split(' ');
            let kind = words.next().unwrap_or_default();
            let values: Vec<u32> =
                words.map(|w| u32::from_str_radix(w, 16).expect("hexadecimal")).collect();
            let halves = || values.iter().map(|v| *v as u16).collect();
            match kind {
                "residual" => rows.norms.push((halves(), Vec::new())),
                "gain" => rows.norms.last_mut().expect("a residual comes first").1 = halves(),
                "scores" => rows.scores.push(values),
                "pairs" => rows.pairs.push(values),
                _ => rows.heads.push(values),
            }
        }
        rows
    }
}
