//! Floating point of the nonlinear engine against the reference.

mod common;

use common::npe::{all_fp16, Pipeline};
use common::{agree, cells, design_of, seeds, shallow};
use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_hdl::Dut;
use skipopu_hw::npe::float::{Add, Compare, Multiply, Narrow, Widen};
use skipopu_reference::npe::float;
use skipopu_reference::npe::Relation;

/// Operand pairs per seed.
const PAIRS: usize = 200_000;

/// A value of the format as the wire holds it.
fn wire(x: u32, fraction: usize) -> u64 {
    u64::from(x >> (23 - fraction))
}

/// And back.
fn encoding(wire: u64, fraction: usize) -> u32 {
    (wire as u32) << (23 - fraction)
}

/// Encodings at borders.
const EDGES: [u32; 16] = [
    0,
    0x8000_0000,
    0x7F80_0000,
    0xFF80_0000,
    0x7FC0_0000,
    0xFF80_0001,
    0x0000_0001,
    0x807F_FFFF,
    0x0080_0000,
    0x80FF_FFFF,
    0x7F7F_FFFF,
    0xFF7F_FFFF,
    0x3F80_0000,
    0xBF80_0000,
    0x3FFF_FFFF,
    0x7F00_0000,
];

/// Two operands: at borders, near each other so that sums cancel and tie, anywhere.
fn pair(rng: &mut SmallRng) -> [u32; 2] {
    let kind = rng.random_range(0..8);
    let mut one = || {
        let bits: u32 = rng.random();
        match kind {
            0 => EDGES[bits as usize % EDGES.len()],
            1 => bits,
            2 => bits & 0x807F_FFFF | rng.random_range(1..60) << 23,
            3 => bits & 0x807F_FFFF | rng.random_range(195..255) << 23,
            4 => bits & 0x807F_F000 | rng.random_range(110..140) << 23,
            5 => bits & 0x8000_00FF | rng.random_range(124..130) << 23,
            6 => bits & 0x8000_0000 | rng.random_range(100..150) << 23 | 0x7F_FFFF,
            _ => bits & 0x807F_FFFF | rng.random_range(100..150) << 23,
        }
    };
    let (a, b) = (one(), one());
    match rng.random_range(0..8) {
        0 => [a, a ^ 0x8000_0000],
        1 => [a, (a ^ 0x8000_0000).wrapping_add(rng.random_range(0..4))],
        _ => [a, b],
    }
}

/// All pairs of borders, then random ones.
fn pairs(seed: u64) -> Vec<[u32; 2]> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let edges = EDGES.into_iter().flat_map(|a| EDGES.map(|b| [a, b]));
    edges.chain((0..PAIRS).map(|_| pair(&mut rng))).collect()
}

const FORMATS: [(usize, usize, usize); 6] =
    [(10, 10, 23), (23, 10, 23), (16, 16, 16), (10, 16, 23), (23, 16, 16), (23, 23, 23)];

fn multiply((a, b, fraction): (usize, usize, usize)) -> (Box<dyn Dut>, String) {
    let block = Box::new(Multiply::new(a, b, fraction).unwrap());
    (block, format!("multiply_{a}_{b}_{fraction}"))
}

#[test]
fn products_equal_the_reference() {
    for formats in FORMATS {
        let (block, name) = multiply(formats);
        let mut pipeline = Pipeline::new(block, &name);
        let (a, b, fraction) = formats;
        for seed in seeds() {
            let items: Vec<_> =
                pairs(seed).into_iter().map(|[x, y]| [wire(x, a), wire(y, b)]).collect();
            pipeline.equals(&items, |[x, y]| {
                let product = float::multiply(encoding(x, a), encoding(y, b), fraction as u32);
                [wire(product, fraction)]
            });
        }
    }
}

#[test]
fn sums_equal_the_reference() {
    let mut pipeline = Pipeline::new(Box::new(Add::new()), "add");
    for seed in seeds() {
        let with_mode = |(i, [x, y]): (usize, [u32; 2])| [x.into(), y.into(), i as u64 / 2 % 2];
        let items: Vec<[u64; 3]> = pairs(seed).into_iter().enumerate().map(with_mode).collect();
        pipeline.equals(&items, |[x, y, odd]| [float::add(x as u32, y as u32, odd == 1).into()]);
    }
}

#[test]
fn every_fp16_value_widens() {
    let mut pipeline = Pipeline::new(Box::new(Widen::new()), "widen");
    pipeline.equals(&all_fp16(), |[x]| [wire(float::widen(x as u16), 10)]);
}

#[test]
fn narrowed_values_equal_the_reference() {
    for fraction in [10, 16, 23] {
        let block = Box::new(Narrow::new(fraction).unwrap());
        let mut pipeline = Pipeline::new(block, &format!("narrow_{fraction}"));
        let mut items: Vec<[u64; 1]> = Vec::new();
        // Every exponent with digits at and beside the ties.
        for field in 0..512u32 {
            for digits in
                [0, 1, 0x1000, 0x0FFF, 0x1001, 0x3000, 0x2FFF, 0x7FFFFF, 0x7FF000, 0x400000]
            {
                items.push([wire(field << 23 | digits, fraction)]);
            }
        }
        for seed in seeds() {
            let mut rng = SmallRng::seed_from_u64(seed);
            for _ in 0..PAIRS {
                let near = rng.random::<u32>() & 0x807F_FFFF | rng.random_range(98..146) << 23;
                items.push([wire(near & [!0, !0xFFF][rng.random_range(0..2)], fraction)]);
            }
        }
        pipeline.equals(&items, |[x]| [float::narrow(encoding(x, fraction)).into()]);
    }
}

#[test]
fn order_equals_the_reference() {
    let flags = |r: Relation| [r.less.into(), r.equal.into(), r.unordered.into()];
    let mut fp32 = Pipeline::new(Box::new(Compare::e8m(23).unwrap()), "compare_23");
    let mut fp16 = Pipeline::new(Box::new(Compare::fp16()), "compare_fp16");
    for seed in seeds() {
        let mut items: Vec<[u64; 2]> =
            pairs(seed).into_iter().map(|[x, y]| [x.into(), y.into()]).collect();
        items.extend(pairs(seed).into_iter().map(|[x, _]| [x.into(); 2]));
        fp32.equals(&items, |[x, y]| flags(float::compare(x as u32, y as u32)));
        let items: Vec<[u64; 2]> = items.into_iter().map(|[x, y]| [x >> 16, y >> 16]).collect();
        fp16.equals(&items, |[x, y]| flags(float::compare16(x as u16, y as u16)));
    }
}

/// Blocks, and the most LUTs and the DSPs of each.
fn blocks() -> Vec<(Box<dyn Dut>, String, u64, u64)> {
    let mut blocks: Vec<(Box<dyn Dut>, String, u64, u64)> = vec![
        (Box::new(Widen::new()), "widen".into(), 52, 0),
        (Box::new(Narrow::new(23).unwrap()), "narrow_23".into(), 62, 0),
        (Box::new(Add::new()), "add".into(), 350, 0),
        (Box::new(Compare::e8m(23).unwrap()), "compare_23".into(), 55, 0),
        (Box::new(Compare::fp16()), "compare_fp16".into(), 30, 0),
    ];
    for formats in [FORMATS[1], FORMATS[2], FORMATS[5]] {
        let (block, name) = multiply(formats);
        blocks.push((block, name, 90, if formats.1 == 23 { 2 } else { 1 }));
    }
    blocks
}

#[test]
fn every_engine_agrees() {
    for i in 0..blocks().len() {
        let name = blocks()[i].1.clone();
        agree(|| blocks().swap_remove(i).0, &name, 200);
    }
}

#[test]
fn six_levels_and_few_luts() {
    for (block, name, luts, dsps) in blocks() {
        let report = cells(&design_of(block, &name).1);
        shallow(&report, 6);
        let area = &report.area;
        println!("{name}: {} LUT, {} FF, {} DSP", area.lut_sites(), area.ffs, area.dsps);
        assert_eq!(area.dsps, dsps, "{name}");
        assert!(area.lut_sites() <= luts, "{name}: {} LUTs", area.lut_sites());
    }
}

#[test]
fn formats_out_of_range_are_refused() {
    let errors = [
        Narrow::new(9).err(),
        Narrow::new(24).err(),
        Multiply::new(23, 9, 23).err(),
        Multiply::new(23, 16, 24).err(),
        Compare::e8m(7).err(),
    ];
    for error in errors {
        let text = error.expect("out of range").to_string();
        assert!(text.contains("fraction bits") && text.contains("must be 10 to 23"), "{text}");
    }
}
