//! The reconstruction against the reference's one rounding function.

mod common;

use common::{agree, cells, design_of, seeds, shallow, verilated};
use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_config::WideFormat;
use skipopu_hdl::Word;
use skipopu_hw::pe_array::reconstruct::{Reconstruct, SumShape};
use skipopu_reference::pe::special::Flags;
use skipopu_reference::pe::{Format, Sum};
use skipopu_sim::dut;
use std::collections::VecDeque;

dut! {
    struct Ports(width: usize, exponent: usize, result: usize) {
        clock clock;
        in sum: width;
        in carry: 1;
        in exponent: exponent;
        in positive: 1;
        in negative: 1;
        out result: result;
    }
}

/// The sums of the array's variants at 64 lanes, and the widest.
fn shapes() -> Vec<(&'static str, SumShape)> {
    let shape = |width, exponent_bits, unit, format| SumShape {
        width,
        exponent_bits,
        unit,
        least_exponent: 2,
        format,
    };
    let mut all = Vec::new();
    for (suffix, format) in [("fp16", WideFormat::Fp16), ("fp32", WideFormat::Fp32)] {
        for (name, width, unit) in [
            ("bits15", 22, -43),
            ("bits22", 29, -50),
            ("aligned", 41, -62),
            ("small", 7, -43),
            ("wide", 48, -62),
        ] {
            if width < 17 && format == WideFormat::Fp32 {
                continue;
            }
            let name: &'static str = format!("reconstruct_{name}_{suffix}").leak();
            all.push((name, shape(width, 6, unit, format)));
        }
    }
    all
}

fn format(shape: &SumShape) -> Format {
    match shape.format {
        WideFormat::Fp16 => Format::Fp16,
        WideFormat::Fp32 => Format::Fp32,
    }
}

fn build(shape: SumShape) -> Box<Reconstruct> {
    Box::new(Reconstruct::new(shape).unwrap())
}

/// Integers with every position of the leading bit, around powers of two, long runs, ties.
fn integer(rng: &mut SmallRng, width: usize) -> i64 {
    let bits = rng.random_range(0..width as u32);
    let magnitude = rng.random::<u64>() & ((1 << bits) - 1);
    let magnitude = match rng.random_range(0..6) {
        0 => 1 << bits >> 1,
        1 => (1 << bits) - 1,
        2 => magnitude >> (bits / 2) << (bits / 2),
        3 => magnitude | ((1 << (bits / 2)) - 1),
        _ => magnitude,
    } as i64;
    if rng.random() {
        magnitude
    } else {
        -magnitude - i64::from(rng.random::<bool>())
    }
}

fn compare(shape: SumShape, name: &str, sums: usize, seed: u64) {
    let (_, design) = design_of(build(shape), name);
    let mut model = verilated(&design);
    let p = Ports::bind(&model, shape.width, shape.exponent_bits, shape.result_bits()).unwrap();
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut expected = VecDeque::new();
    let mut compared = 0;
    for step in 0..sums + Reconstruct::LATENCY - 1 {
        let value = integer(&mut rng, shape.width);
        let carry = rng.random::<bool>() && value != (1 << (shape.width - 1)) - 1;
        let flags = match rng.random_range(0..16) {
            0 => Flags { positive: true, negative: false },
            1 => Flags { positive: false, negative: true },
            2 => Flags::NAN,
            _ => Flags::default(),
        };
        let sum = value + i64::from(carry);
        let mut exponent = rng.random_range(2..1 << shape.exponent_bits);
        if sum == 0 {
            exponent = rng.random_range(0..1 << shape.exponent_bits);
        }
        model.set(p.sum, &Word::from_i128(shape.width, value.into()));
        model.set_u64(p.carry, carry.into());
        model.set_u64(p.exponent, exponent);
        model.set_u64(p.positive, flags.positive.into());
        model.set_u64(p.negative, flags.negative.into());
        let reference = Sum { flags, integer: sum, exponent: exponent as i32 + shape.unit };
        expected.push_back((reference, reference.reconstruct(format(&shape))));
        model.tick(p.clock).unwrap();
        if step + 1 >= Reconstruct::LATENCY {
            let (sum, bits) = expected.pop_front().unwrap();
            let got = model.get_u64(p.result) as u32;
            assert_eq!(got, bits, "{name}, seed {seed}: {sum:?}: {got:#x} instead of {bits:#x}");
            compared += 1;
        }
    }
    assert_eq!(compared, sums);
}

#[test]
fn equals_the_reference() {
    for seed in seeds() {
        for (name, shape) in shapes() {
            compare(shape, name, 200_000, seed);
        }
    }
}

#[test]
fn every_engine_agrees() {
    for (name, shape) in shapes() {
        agree(|| build(shape), name, 300);
    }
}

#[test]
fn six_levels() {
    for (name, shape) in shapes() {
        let design = design_of(build(shape), name).1;
        let report = cells(&design);
        shallow(&report, 6);
        let most = if shape.format == WideFormat::Fp16 { 150 } else { 240 };
        assert!(report.area.luts <= most, "{name}: {} LUTs", report.area.luts);
    }
}

#[test]
fn refuses_shapes_out_of_range() {
    let good = shapes()[0].1;
    for bad in [
        SumShape { width: 1, ..good },
        SumShape { width: 49, ..good },
        SumShape { exponent_bits: 0, ..good },
        SumShape { unit: -500, ..good },
        SumShape { unit: -200, format: WideFormat::Fp32, ..good },
        SumShape { unit: 100, format: WideFormat::Fp32, ..good },
    ] {
        let error = Reconstruct::new(bad).err().expect("out of range").to_string();
        assert!(error.contains("out of range: use"), "{error}");
    }
}
