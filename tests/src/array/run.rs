//! Runs a Verilated array on random loads, swaps and vectors and compares every result with the
//! reference.

use super::vectors::{fp16, int4, KINDS};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_config::WideFormat;
use skipopu_hdl::Word;
use skipopu_hw::pe_array::layout::ArrayLayout;
use skipopu_reference::pe::{dot_fp16, dot_int4, Format, Variant};
use skipopu_sim::{In, Model, ModelError, Out};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Ports that every array has, and those of arrays that take two INT4 weights a column.
struct Ports {
    clock: In,
    act: In,
    valid: In,
    swap: In,
    load: In,
    load_valid: In,
    load_int4: In,
    load_slot: In,
    out_valid: Out,
    /// Results: one output, or the upper and the lower ones.
    results: Vec<Out>,
    /// Mode of a vector and of its results.
    mode: Option<(In, Out)>,
}

impl Ports {
    fn bind(model: &Model, subject: &Subject) -> Result<Ports, ModelError> {
        let l = subject.layout;
        let results = if subject.doubled { vec!["upper", "lower"] } else { vec!["sums"] };
        let mut names = vec!["clock", "act", "valid", "swap", "load", "load_valid", "load_int4"];
        names.extend(["load_slot", "out_valid"].iter().chain(&results));
        if subject.doubled {
            names.extend(["int4", "out_int4"]);
        }
        model.all_bound(&names)?;
        let slot_bits = (l.slots().max(2) - 1).ilog2() as usize + 1;
        let width = l.columns * subject.result_bits();
        Ok(Ports {
            clock: model.clock("clock")?,
            act: model.input("act", l.groups() * l.lanes * 16)?,
            valid: model.input("valid", 1)?,
            swap: model.input("swap", 1)?,
            load: model.input("load", l.positions() * l.lanes * 16)?,
            load_valid: model.input("load_valid", 1)?,
            load_int4: model.input("load_int4", 1)?,
            load_slot: model.input("load_slot", slot_bits)?,
            out_valid: model.output("out_valid", 1)?,
            results: results.iter().map(|r| model.output(r, width)).collect::<Result<_, _>>()?,
            mode: match subject.doubled {
                true => Some((model.input("int4", 1)?, model.output("out_int4", 1)?)),
                false => None,
            },
        })
    }
}

/// What a column holds.
#[derive(Clone)]
enum Tile {
    Fp16(Vec<u16>),
    /// Lower and upper weights, or the only ones.
    Int4(Vec<Vec<i8>>),
}

/// The array under test and how to drive it.
#[derive(Clone)]
pub struct Subject {
    /// Its size.
    pub layout: ArrayLayout,
    /// Its arithmetic.
    pub variant: Variant,
    /// Its results.
    pub format: WideFormat,
    /// Cycles from activations to results.
    pub latency: usize,
    /// Has the array two results a column in FP16xINT4?
    pub doubled: bool,
    /// Cycles a load must be ahead of the swap that takes it.
    pub ahead: usize,
}

/// How a run went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Cycles run.
    pub cycles: usize,
    /// Dot products compared in FP16xFP16 and FP16xINT4.
    pub compared: [usize; 2],
    /// Swaps among them.
    pub swaps: usize,
    /// Consecutive vectors of different modes.
    pub switches: usize,
    /// Time in the model.
    pub elapsed: Duration,
}

struct Expected {
    valid: bool,
    int4: bool,
    /// Per column, whether it holds INT4 weights, and upper and lower results; `None` where the mode is
    /// not that of the weights.
    results: Vec<(bool, [Option<u32>; 2])>,
}

fn place(word: &mut [u64], at: usize, bits: usize, value: u64) {
    word[at / 64] |= value << (at % 64);
    assert!(at % 64 + bits <= 64, "fields do not cross limbs");
}

impl Subject {
    fn result_bits(&self) -> usize {
        match self.format {
            WideFormat::Fp16 => 16,
            WideFormat::Fp32 => 32,
        }
    }

    fn lanes_word(&self, vectors: &[Vec<u16>]) -> Word {
        let width = vectors.len() * self.layout.lanes * 16;
        let mut limbs = vec![0u64; width.div_ceil(64)];
        for (i, value) in vectors.iter().flatten().enumerate() {
            place(&mut limbs, 16 * i, 16, (*value).into());
        }
        Word::from_limbs(width, &limbs)
    }

    fn expect(&self, act: &[u16], tile: &Tile, int4: bool) -> [Option<u32>; 2] {
        let format = match self.format {
            WideFormat::Fp16 => Format::Fp16,
            WideFormat::Fp32 => Format::Fp32,
        };
        match tile {
            // Only columns that take two INT4 weights a lane are told the mode.
            Tile::Fp16(_) if self.doubled && int4 => [None, None],
            Tile::Int4(_) if self.doubled && !int4 => [None, None],
            Tile::Fp16(b) => {
                [Some(dot_fp16(self.variant, act, b, format).expect("legal operands")), None]
            }
            Tile::Int4(weights) => {
                let dot = |w: &Vec<i8>| dot_int4(self.variant, act, w, format);
                let mut sums = weights.iter().rev().map(|w| Some(dot(w).expect("legal operands")));
                [sums.next().flatten(), sums.next().flatten()]
            }
        }
    }

    /// Runs `cycles` cycles and compares every result; `trickle` drops most loads and vectors at random.
    ///
    /// # Panics
    /// On the first result, or absence of one, that is not the reference's.
    pub fn run(&self, model: &mut Model, cycles: usize, seed: u64, trickle: bool) -> Outcome {
        let l = self.layout;
        let result = self.result_bits();
        let p = Ports::bind(model, self).expect("the ports");
        // Slots that a beat of INT4 weights fills.
        let fills = if self.doubled { 2 } else { 4 };
        let mut rng = SmallRng::seed_from_u64(seed);
        let zero = Tile::Fp16(vec![0; l.lanes]);
        let mut shadow = vec![zero.clone(); l.columns];
        let mut active = shadow.clone();
        let mut on_the_way: VecDeque<Vec<(usize, Tile)>> = VecDeque::new();
        let mut pipe: VecDeque<Expected> = VecDeque::new();
        let mut outcome = Outcome::default();
        let mut last_int4 = false;
        let mut kinds = [0usize; KINDS.len()];
        for cycle in 0..cycles + self.latency {
            let running = cycle < cycles;
            // A load beat.
            let mut arriving = Vec::new();
            let load_valid = running && (!trickle || rng.random_range(0..3) == 0);
            let load_int4 = rng.random_range(0..3) == 0;
            let slot = if trickle { rng.random_range(0..l.slots()) } else { cycle % l.slots() };
            let slot = if load_int4 { slot - slot % fills } else { slot };
            let mut beat = Vec::new();
            for position in 0..l.positions() {
                let mut column = |slot: usize, tile: Tile| {
                    let c = slot * l.positions() + position;
                    if c < l.columns && load_valid {
                        arriving.push((c, tile));
                    }
                };
                if load_int4 {
                    let w: [Vec<i8>; 4] = std::array::from_fn(|_| int4(&mut rng, l.lanes));
                    let nibble = |v: i8| u16::from(v as u8 & 15);
                    beat.push(
                        (0..l.lanes)
                            .map(|i| (0..4).map(|n| nibble(w[n][i]) << (4 * n)).sum())
                            .collect(),
                    );
                    for (n, weights) in w.chunks(4 / fills).enumerate() {
                        column(slot + n, Tile::Int4(weights.to_vec()));
                    }
                } else {
                    let kind = rng.random_range(0..KINDS.len());
                    let values = fp16(&mut rng, l.lanes, kind);
                    beat.push(values.clone());
                    column(slot, Tile::Fp16(values));
                }
            }
            // A swap takes what was loaded early enough.
            if on_the_way.len() == self.ahead {
                for (column, tile) in on_the_way.pop_front().unwrap_or_default() {
                    shadow[column] = tile;
                }
            }
            on_the_way.push_back(arriving);
            let swap = running && rng.random_range(0..3) == 0;
            if swap {
                active.clone_from(&shadow);
                outcome.swaps += 1;
            }
            // Activations.
            let valid = running && (!trickle || rng.random());
            let int4 = rng.random_range(0..3) == 0;
            let vectors: Vec<Vec<u16>> = (0..l.groups())
                .map(|_| {
                    let kind = rng.random_range(0..KINDS.len());
                    kinds[kind] += 1;
                    fp16(&mut rng, l.lanes, kind)
                })
                .collect();
            let results = if valid {
                let group = |c: usize| &vectors[l.group(c)];
                let result = |c: usize| {
                    let tile = &active[c];
                    (matches!(tile, Tile::Int4(_)), self.expect(group(c), tile, int4))
                };
                (0..l.columns).map(result).collect()
            } else {
                vec![(false, [None, None]); l.columns]
            };
            outcome.switches += usize::from(valid && int4 != last_int4);
            last_int4 = int4;
            pipe.push_back(Expected { valid, int4, results });

            model.set(p.act, &self.lanes_word(&vectors));
            model.set_u64(p.valid, valid.into());
            if let Some((mode, _)) = p.mode {
                model.set_u64(mode, int4.into());
            }
            model.set_u64(p.swap, swap.into());
            model.set(p.load, &self.lanes_word(&beat));
            model.set_u64(p.load_valid, load_valid.into());
            model.set_u64(p.load_int4, load_int4.into());
            model.set_u64(p.load_slot, slot as u64);
            let start = Instant::now();
            model.tick(p.clock).expect("the model runs");
            outcome.elapsed += start.elapsed();
            outcome.cycles += 1;
            if pipe.len() < self.latency {
                assert_eq!(model.get_u64(p.out_valid), 0, "cycle {cycle}: nothing has come yet");
                continue;
            }
            let expected = pipe.pop_front().expect("as many as the latency");
            assert_eq!(model.get_u64(p.out_valid) == 1, expected.valid, "cycle {cycle}: valid");
            if !expected.valid {
                continue;
            }
            if let Some((_, mode)) = p.mode {
                assert_eq!(model.get_u64(mode) == 1, expected.int4, "cycle {cycle}: mode");
            }
            let outputs: Vec<Word> = p.results.iter().map(|r| model.get(*r)).collect();
            for (column, (of_int4, results)) in expected.results.iter().enumerate() {
                for (output, wanted) in outputs.iter().zip(results) {
                    let Some(wanted) = wanted else { continue };
                    let got = output.slice(column * result, result).to_u64() as u32;
                    assert_eq!(
                        got, *wanted,
                        "seed {seed}, cycle {cycle}, column {column}, int4 {of_int4}: {got:#x} instead of {wanted:#x}"
                    );
                    outcome.compared[usize::from(*of_int4)] += 1;
                }
            }
        }
        assert!(kinds.iter().all(|n| *n > 0), "kinds of vectors missing: {kinds:?}");
        outcome
    }
}
