//! The operand-aligned array: converter, column and array against the reference.

mod common;

use common::{agree, cells, clean, design_of, seeds, shallow, verilated, verilated_array};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use skipopu_config::{Config, WideFormat};
use skipopu_hdl::{Dut, Word};
use skipopu_hw::pe_array::aligned::{
    AlignedArray, AlignedColumn, AlignedShape, BlockConverter, Half, Maximum, Role,
};
use skipopu_hw::pe_array::ker_buffer::KerBuffer;
use skipopu_hw::pe_array::layout::ArrayLayout;
use skipopu_reference::pe::aligned::unit_exponent;
use skipopu_reference::pe::{align_block, AlignedWidths, Variant};
use skipopu_sim::dut;
use skipopu_system::array::{vectors, Subject};
use std::collections::VecDeque;

fn shape(lanes: usize, a: usize, b: usize, format: WideFormat) -> AlignedShape {
    let int4_bits = a.min(14).min(20 - lanes.ilog2() as usize);
    AlignedShape { lanes, act_bits: a, kv_bits: b, int4_bits, format }
}

fn u280() -> AlignedShape {
    AlignedShape::of(&Config::resolve("u280").unwrap())
}

fn subject(shape: AlignedShape, columns: usize) -> (Subject, AlignedArray) {
    let layout = ArrayLayout { lanes: shape.lanes, columns };
    let array = AlignedArray::new(shape, layout).unwrap();
    let widths = AlignedWidths {
        a: shape.act_bits as u32,
        b: shape.kv_bits as u32,
        int4: shape.int4_bits as u32,
    };
    let subject = Subject {
        layout,
        variant: Variant::Aligned(widths),
        format: shape.format,
        latency: array.latency(),
        doubled: true,
        ahead: AlignedArray::AHEAD,
    };
    (subject, array)
}

#[test]
fn columns_of_64_lanes_equal_the_reference() {
    for format in [WideFormat::Fp32, WideFormat::Fp16] {
        let (subject, array) = subject(shape(64, 17, 17, format), 8);
        let (_, design) = design_of(Box::new(array), "aligned_array_64");
        for seed in seeds() {
            let outcome = subject.run(&mut verilated_array(&design), 46_000, seed, false);
            println!("{format:?}, seed {seed}: {outcome:?}");
            assert!(outcome.compared.iter().all(|n| *n >= 100_000), "{outcome:?}");
            assert!(outcome.swaps > 1_000 && outcome.switches > 1_000, "{outcome:?}");
        }
    }
}

#[test]
fn arrays_of_every_size_and_width_equal_the_reference() {
    use WideFormat::{Fp16, Fp32};
    for (lanes, columns, a, b, format) in [
        (8, 8, 17, 17, Fp32),
        (2, 1, 17, 26, Fp32),
        (2, 2, 11, 11, Fp16),
        (4, 3, 12, 13, Fp32),
        (16, 19, 17, 24, Fp32),
        (32, 5, 15, 15, Fp16),
        (128, 3, 17, 17, Fp32),
    ] {
        let (subject, array) = subject(shape(lanes, a, b, format), columns);
        let name = format!("aligned_array_{lanes}_{columns}");
        let (_, design) = design_of(Box::new(array), &name);
        assert_eq!(design.top().latency, Some(subject.latency));
        for seed in seeds() {
            let mut model = verilated_array(&design);
            let outcome = subject.run(&mut model, 1_500, seed, true);
            println!("{name}, seed {seed}: {outcome:?}");
            assert!(outcome.compared.iter().all(|n| *n > 100), "{name}: {outcome:?}");
        }
    }
}

#[test]
fn every_engine_agrees() {
    let small = shape(4, 17, 17, WideFormat::Fp32);
    let layout = ArrayLayout { lanes: 4, columns: 3 };
    agree(|| Box::new(AlignedArray::new(small, layout).unwrap()), "aligned_array_small", 150);
    let parity = AlignedShape { int4_bits: 17, ..shape(8, 17, 17, WideFormat::Fp16) };
    assert!(parity.parity());
    agree(|| Box::new(AlignedColumn::new(parity, Half::High).unwrap()), "aligned_column_8", 300);
    agree(|| Box::new(KerBuffer::new(3, 5).unwrap()), "ker_buffer", 300);
    agree(|| Box::new(Maximum::new(7).unwrap()), "maximum_7", 300);
}

/// The widest narrow operands that the cascade of a small column takes, with parity.
#[test]
fn the_parity_makes_room_for_one_more_bit() {
    let shape = AlignedShape { int4_bits: 17, ..shape(8, 17, 17, WideFormat::Fp32) };
    assert!(shape.parity());
    let (subject, array) = subject(shape, 3);
    let (_, design) = design_of(Box::new(array), "aligned_array_parity");
    for seed in seeds() {
        let outcome = subject.run(&mut verilated_array(&design), 4_000, seed, false);
        assert!(outcome.compared.iter().all(|n| *n > 1_000), "{outcome:?}");
    }
}

dut! {
    struct ConverterPorts(values: usize, integers: usize, exponent: usize) {
        clock clock;
        in values: values;
        in int4: 1;
        out integers: integers;
        out exponent: exponent;
        out nonfinite: 1;
    }
}

/// Runs a converter; a result of the reference is integers by lane, unit and flag.
fn convert(shape: AlignedShape, role: Role, vectors: usize, seed: u64) -> usize {
    let (lanes, lane_bits) = (shape.lanes, role.lane_bits(&shape));
    let name = format!("converter_{}_{}", role.name(), role.width(&shape));
    let block: Box<dyn Dut> = Box::new(BlockConverter::new(shape, role).unwrap());
    let (_, design) = design_of(block, &name);
    clean(&design);
    let mut model = verilated(&design);
    let p =
        ConverterPorts::bind(&model, 16 * lanes, lane_bits * lanes, role.exponent_bits()).unwrap();
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut pipe = VecDeque::new();
    let mut compared = 0;
    for cycle in 0..vectors + BlockConverter::LATENCY - 1 {
        let kind = rng.random_range(0..vectors::KINDS.len());
        let values = vectors::fp16(&mut rng, lanes, kind);
        let int4 = rng.random::<bool>();
        let mut word = Word::zero(16 * lanes);
        for (i, v) in values.iter().enumerate() {
            word.set_slice(16 * i, &Word::new(16, (*v).into()));
        }
        model.set(p.values, &word);
        model.set_u64(p.int4, int4.into());
        pipe.push_back((values, int4));
        model.tick(p.clock).unwrap();
        if cycle + 1 < BlockConverter::LATENCY {
            continue;
        }
        let (values, int4) = pipe.pop_front().unwrap();
        let integers = model.get(p.integers);
        let lane = |i: usize| integers.slice(i * lane_bits, lane_bits);
        let (exponent, flag) = (model.get_u64(p.exponent), model.get_u64(p.nonfinite) == 1);
        if role == Role::Weights && int4 {
            for (i, value) in values.iter().enumerate() {
                for bit in 0..16 {
                    let place = shape.weight_bit(bit);
                    let passed = lane(i).bit(place) ^ shape.inverted(place);
                    assert_eq!(passed, value >> bit & 1 == 1, "{name}, seed {seed}, bit {bit}");
                }
            }
            assert_eq!((exponent, flag), (shape.int4_exponent() as u64, false));
            compared += 1;
            continue;
        }
        let wide = role.width(&shape) as u32;
        let bits = if int4 { shape.int4_bits as u32 } else { wide };
        let block = align_block(&values, bits);
        assert_eq!(flag, block.nonfinite, "{name}, seed {seed}: {values:x?}");
        if flag {
            compared += 1;
            continue;
        }
        for (i, integer) in block.integers.iter().enumerate() {
            let padding = if role == Role::Weights { shape.word_padding() } else { 0 };
            let got = lane(i).slice(padding, lane_bits - padding).to_i128();
            assert_eq!(got, i128::from(*integer), "{name}, seed {seed}, lane {i}: {values:x?}");
        }
        if block.exponent > 0 {
            // The unit is what counts: a raised exponent in the wide width, or the narrow width itself.
            assert_eq!(unit_exponent(exponent as u8, wide), block.unit_exponent(), "{name}");
        }
        compared += 1;
    }
    compared
}

#[test]
fn converters_equal_the_reference() {
    for seed in seeds() {
        for role in [Role::Activations, Role::Weights] {
            assert_eq!(convert(u280(), role, 20_000, seed), 20_000);
            for (a, b) in [(11, 11), (13, 14), (17, 26)] {
                let shape = shape(8, a, b, WideFormat::Fp32);
                assert_eq!(convert(shape, role, 5_000, seed), 5_000);
            }
        }
    }
}

#[test]
fn budgets() {
    let fp16 = AlignedShape { format: WideFormat::Fp16, ..u280() };
    for (name, shape, most) in [("aligned_column", u280(), 340), ("aligned_column_fp16", fp16, 300)]
    {
        let column = AlignedColumn::new(shape, Half::High).unwrap();
        let report = cells(&design_of(Box::new(column), name).1);
        shallow(&report, 6);
        let area = &report.area;
        assert_eq!((area.dsps, area.latches), (64, 0), "{name}");
        assert!(area.lut_sites() <= most, "{name}: {} LUTs", area.lut_sites());
    }
    for role in [Role::Activations, Role::Weights] {
        let converter = BlockConverter::new(u280(), role).unwrap();
        let report = cells(&design_of(Box::new(converter), "converter").1);
        shallow(&report, 6);
        assert!(report.area.lut_sites() <= 3_550, "{}: {}", role.name(), report.area.lut_sites());
    }
}

#[test]
fn refuses_shapes_out_of_range() {
    let good = u280();
    for bad in [
        AlignedShape { lanes: 3, ..good },
        AlignedShape { lanes: 256, ..good },
        AlignedShape { act_bits: 18, ..good },
        AlignedShape { kv_bits: 25, ..good },
        AlignedShape { int4_bits: 15, ..good },
    ] {
        let error = AlignedColumn::new(bad, Half::Low).err().expect("out of range").to_string();
        assert!(error.contains("out of range: use"), "{error}");
    }
}
