//! The compute unit against the reference: one instruction after the other.

mod common;

use common::Case;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_config::Config;
use skipopu_hdl::Word;
use skipopu_hw::datapath::compute::ComputeUnit;
use skipopu_hw::datapath::DatapathShape;
use skipopu_isa::value::{Flag, Function, Number, Operand, Passes, Routers, Rows, Target};
use skipopu_isa::{Instruction, Operation};
use skipopu_reference::npe::{narrow, RmsNorm};
use skipopu_reference::pe::{dot_int4, AlignedWidths, Format, Variant};
use skipopu_sim::{Engine, Model};
use std::collections::VecDeque;

/// The unit with a host's hands on its memories.
struct Bench {
    model: Model,
    shape: DatapathShape,
    weights: VecDeque<(Word, bool)>,
    cycles: u64,
}

fn number<const N: u32>(value: usize) -> Number<N> {
    Number::new(value as u32).unwrap()
}

impl Bench {
    fn new(config: &Config) -> Bench {
        let own = config.clone();
        let case = Case::new("compute_unit", move || ComputeUnit::new(&own).unwrap());
        let model = common::verilated_array(&case.design);
        let shape = DatapathShape::of(config).unwrap();
        let mut bench = Bench { model, shape, weights: VecDeque::new(), cycles: 0 };
        bench.set("reset", 1);
        bench.tick();
        bench.set("reset", 0);
        bench.tick();
        bench
    }

    fn set(&mut self, port: &str, value: u128) {
        let width = self.model.ports()[self.model.index(port).unwrap()].width;
        Engine::set(&mut self.model, port, &Word::new(width, value)).unwrap();
    }

    fn set_word(&mut self, port: &str, value: &Word) {
        Engine::set(&mut self.model, port, value).unwrap();
    }

    fn get(&self, port: &str) -> u128 {
        Engine::get(&self.model, port).unwrap().to_u128()
    }

    fn tick(&mut self) {
        Engine::tick(&mut self.model, "clock").unwrap();
        self.cycles += 1;
    }

    fn slice(&self, values: &[u16]) -> Word {
        let mut word = Word::zero(self.shape.slice_bits());
        for (i, v) in values.iter().enumerate() {
            word.set_slice(16 * i, &Word::new(16, (*v).into()));
        }
        word
    }

    fn write(&mut self, port: &str, address_bits: usize, at: usize, values: &[u16]) {
        for (i, slice) in values.chunks(self.shape.lanes).enumerate() {
            let address = Word::new(address_bits, (at + i) as u128);
            let data = Word::concat(&[self.slice(slice), address]);
            self.set_word(&format!("{port}_data"), &data);
            self.set(&format!("{port}_valid"), 1);
            self.tick();
        }
        self.set(&format!("{port}_valid"), 0);
    }

    fn scratchpad(&mut self, at: usize, values: &[u16]) {
        self.write("scratchpad_write", self.shape.scratchpad_bits(), at, values);
    }

    fn constants(&mut self, at: usize, values: &[u16]) {
        self.write("constants_write", self.shape.constant_bits(), at, values);
    }

    fn read(&mut self, at: usize, slices: usize) -> Vec<u16> {
        let mut values = Vec::new();
        for i in 0..slices {
            self.set("store_want", 1);
            self.set("store_address", (at + i) as u128);
            self.tick();
            self.set("store_want", 0);
            self.tick();
            self.tick();
            let word = Engine::get(&self.model, "store_data").unwrap();
            values.extend((0..self.shape.lanes).map(|l| word.slice(16 * l, 16).to_u64() as u16));
        }
        values
    }

    /// Runs an instruction; weights are offered meanwhile.
    fn run(&mut self, operation: Operation, limit: u64) -> u64 {
        let begin = self.cycles;
        self.set("instruction_data", Instruction::new(operation).encode());
        self.set("instruction_valid", 1);
        let mut given = false;
        loop {
            let weights = self.weights.front().cloned();
            self.set("weights_valid", weights.is_some().into());
            if let Some((word, last)) = &weights {
                self.set_word("weights_data", word);
                self.set("weights_last", (*last).into());
            }
            self.model.eval().unwrap();
            let taken = weights.is_some() && self.get("weights_ready") == 1;
            let accepted = !given && self.get("instruction_ready") == 1;
            self.tick();
            if taken {
                self.weights.pop_front();
            }
            if accepted {
                given = true;
                self.set("instruction_valid", 0);
            }
            if given && self.get("finished") == 1 {
                break;
            }
            assert_eq!(self.get("fault"), 0, "{operation:?}");
            assert!(self.cycles - begin < limit, "{operation:?} hangs");
        }
        assert!(self.weights.is_empty(), "weights are left");
        self.cycles - begin
    }
}

fn halves(rng: &mut SmallRng, n: usize) -> Vec<u16> {
    (0..n).map(|_| half(rng.random::<f32>() * 4.0 - 2.0)).collect()
}

fn half(value: f32) -> u16 {
    narrow(value.to_bits())
}

/// Beats of a matrix: `weights[output][lane of slice]`, `scales[output][group]`.
fn stream(
    shape: &DatapathShape,
    weights: &[Vec<i8>],
    scales: &[Vec<u16>],
) -> VecDeque<(Word, bool)> {
    let (lanes, outputs) = (shape.lanes, shape.outputs());
    let slices = weights[0].len() / lanes;
    let tiles = weights.len() / outputs;
    let groups = scales[0].len();
    let mut beats = VecDeque::new();
    let values = shape.positions() * lanes;
    for first in (0..tiles).step_by(4) {
        let block = (tiles - first).min(4);
        let mut all: Vec<u16> = Vec::new();
        for g in 0..groups {
            let tiles = scales[first * outputs..(first + block) * outputs].iter();
            all.extend(tiles.map(|scales| scales[g]));
        }
        for beat in all.chunks(values) {
            let mut word = Word::zero(shape.beat_bits());
            for (i, v) in beat.iter().enumerate() {
                word.set_slice(16 * i, &Word::new(16, (*v).into()));
            }
            beats.push_back((word, false));
        }
        for s in 0..slices {
            for t in first..first + block {
                for b in 0..shape.int4_beats() {
                    let mut word = Word::zero(shape.beat_bits());
                    for p in 0..shape.positions() {
                        for lane in 0..lanes {
                            for k in 0..4 {
                                let column = (2 * b + k / 2) * shape.positions() + p;
                                let output = t * outputs + 2 * column + k % 2;
                                let code = weights[output][s * lanes + lane] as u128 & 15;
                                let at = (p * lanes + lane) * 16 + 4 * k;
                                word.set_slice(at, &Word::new(4, code));
                            }
                        }
                    }
                    beats.push_back((word, false));
                }
            }
        }
    }
    beats.back_mut().unwrap().1 = true;
    beats
}

fn variant(config: &Config) -> Variant {
    Variant::Aligned(AlignedWidths {
        a: config.array.aligned_act_bits,
        b: config.array.aligned_kv_bits,
        int4: config.array.aligned_int4_bits(),
    })
}

#[test]
fn normalise_and_multiply() {
    let config = Config::preset("tiny").unwrap();
    let mut bench = Bench::new(&config);
    let shape = bench.shape;
    let (lanes, outputs) = (shape.lanes, shape.outputs());
    let mut rng = SmallRng::seed_from_u64(0);
    let dim = 5 * lanes;
    let norm = RmsNorm::new(shape.ways, dim, 1e-5);
    bench.set("inverse_dim", RmsNorm::inverse(dim).into());
    bench.set("epsilon", 1e-5f32.to_bits().into());
    bench.set("head", 16);
    bench.set("heads_per_kv", 1);
    bench.set("kv_heads", 2);
    for (rows, tiles, passes) in [
        (1, 1, Passes::Fused),
        (1, 5, Passes::Rowwise),
        (3, 2, Passes::Fused),
        (8, 6, Passes::Fused),
        (8, 3, Passes::Rowwise),
    ] {
        bench.set("rows", rows as u128);
        let x: Vec<Vec<u16>> = (0..rows).map(|_| halves(&mut rng, dim)).collect();
        let gain = halves(&mut rng, dim);
        for (r, x) in x.iter().enumerate() {
            bench.scratchpad(100 + r * 5, x);
        }
        bench.constants(7, &gain);
        let cycles = bench.run(
            Operation::Route {
                address: number(100),
                stride: number(5),
                slices: number(5),
                routers: Routers::None,
                statistics: Flag::Yes,
                weights: number(0),
            },
            2000,
        );
        println!("statistics of {rows} rows: {cycles} cycles");
        let cycles = bench.run(
            Operation::Normalise {
                address: number(100),
                stride: number(5),
                slices: number(5),
                gain: number(7),
                rows: Rows::All,
                operand: Operand::First,
                passes,
            },
            2000,
        );
        println!("normalise: {cycles} cycles");
        let weights: Vec<Vec<i8>> = (0..tiles * outputs)
            .map(|_| (0..dim).map(|_| rng.random_range(-8..8)).collect())
            .collect();
        let groups = 3;
        let scales: Vec<Vec<u16>> =
            (0..tiles * outputs).map(|_| halves(&mut rng, groups)).collect();
        bench.weights = stream(&shape, &weights, &scales);
        let written = tiles * outputs / lanes;
        let cycles = bench.run(
            Operation::Matmul {
                operand: Operand::First,
                rows: Rows::All,
                slices: number(5),
                tiles: number(tiles),
                group: number(2),
                function: Function::Plain,
                target: Target::Scratchpad,
                address: number(1000),
                stride: number(written),
                outputs: number(written),
            },
            20_000,
        );
        println!("{tiles} tiles, {rows} rows: {cycles} cycles");
        for (r, x) in x.iter().enumerate() {
            let normed = norm.row(x, &gain);
            let expected: Vec<u16> = (0..tiles * outputs)
                .map(|o| {
                    let mut y = 0f32;
                    for s in 0..5 {
                        let range = s * lanes..(s + 1) * lanes;
                        let sum = f32::from_bits(
                            dot_int4(
                                variant(&config),
                                &normed[range.clone()],
                                &weights[o][range],
                                Format::Fp32,
                            )
                            .unwrap(),
                        );
                        let scale = skipopu_reference::npe::widen(scales[o][s / 2]);
                        let product = f32::from_bits(scale) * sum;
                        y = if s == 0 { product } else { y + product };
                    }
                    half(y)
                })
                .collect();
            let found = bench.read(1000 + r * written, written);
            assert_eq!(found, expected, "row {r} of {rows}, {tiles} tiles");
        }
    }
}
