//! Functions of the nonlinear engine against the reference.

mod common;

use common::npe::{all_fp16, Pipeline};
use common::{agree, cells, design_of, seeds, shallow};
use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_hdl::Dut;
use skipopu_hw::npe::function::{
    Ceiling, Exp2, Fp16Function, Function, LogProduct, Reciprocal, Rsqrt, Sigmoid, Silu,
    UnsignedFixed,
};
use skipopu_reference::npe::{self, Log};

/// Operands per seed.
const OPERANDS: usize = 200_000;

fn exp2() -> Box<dyn Dut> {
    Box::new(Exp2::new())
}

fn fp16(function: Function) -> Box<dyn Dut> {
    Box::new(Fp16Function::new(function).unwrap())
}

/// FP32 operands: every exponent with digits at borders, then random ones, half of them around 1.
fn fp32(seed: u64) -> Vec<u32> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let digits = [0, 1, 0x40_0000, 0x3F_FFFF, 0x7F_FFFF, 0x01_0000, 0x00_FFFF];
    let edges = (0..512u32).flat_map(|field| digits.map(|d| field << 23 | d));
    let draw = |_| {
        let bits: u32 = rng.random();
        match bits & 1 {
            0 => bits,
            _ => bits & 0x807F_FFFF | rng.random_range(110..140) << 23,
        }
    };
    edges.chain((0..OPERANDS).map(draw)).collect()
}

/// Every result for every FP16 value; error and specials are the reference's own tests.
#[test]
fn all_fp16_values() {
    let references: [fn(u16) -> u16; 4] =
        [npe::exp16, npe::reciprocal16, npe::rsqrt16, npe::silu16];
    for (function, reference) in Function::ALL.into_iter().zip(references) {
        let mut pipeline = Pipeline::new(fp16(function), &format!("{}_fp16", function.name()));
        let items = all_fp16();
        assert_eq!(items.len(), 65_536);
        pipeline.equals(&items, |[x]| [reference(x as u16).into()]);
    }
}

#[test]
fn logarithms_equal_the_reference() {
    for fraction in [10, 23] {
        let block = Box::new(LogProduct::new(fraction).unwrap());
        let mut pipeline = Pipeline::new(block, &format!("log_product_{fraction}"));
        for seed in seeds() {
            let (a, mut b) = (fp32(seed), fp32(!seed));
            // Borders meet random operands and each other.
            b.rotate_left(1000);
            let pair = |(a, b): (u32, u32)| [u64::from(a >> (23 - fraction)), u64::from(b >> 7)];
            let mut items: Vec<[u64; 2]> = a.iter().copied().zip(b).map(pair).collect();
            let one = npe::float::ONE;
            items.extend(a.iter().map(|a| pair((*a, one))));
            // Magnitudes that fill the 31 bits, or nearly.
            for field in 142..146u32 {
                for digits in 0x7F_FF00..0x80_0000u32 {
                    items.push(pair((field << 23 | digits, one)));
                    items.push(pair((1 << 31 | field << 23 | digits, 0x3FFF_FF80)));
                }
            }
            pipeline.equals(&items, |[a, b]| {
                let log = npe::log_product((a as u32) << (23 - fraction), (b as u32) << 7);
                let minus_infinity = log == Log::MINUS_INFINITY;
                [u64::from(log.value as u32), minus_infinity.into(), log.nan.into()]
            });
        }
    }
}

#[test]
fn powers_equal_the_reference() {
    let mut pipeline = Pipeline::new(exp2(), "exp2");
    for seed in seeds() {
        let mut rng = SmallRng::seed_from_u64(seed);
        let whole =
            [-131072, -65537, -130, -128, -127, -126, -1, 0, 127, 128, 129, 255, 65536, 131071];
        let edge =
            |whole: i32| [0, 1, 255, 256, 16383].map(|f| [u64::from((whole << 14 | f) as u32), 0]);
        let mut items: Vec<[u64; 2]> = whole.into_iter().flat_map(edge).collect();
        items.extend((0..1 << 14).map(|f| [f, 0]));
        for _ in 0..OPERANDS {
            let near = rng.random_range(-140i32 << 14..140 << 14) as u32;
            let value = if rng.random() { near } else { rng.random() };
            items.push([value.into(), rng.random_range(0..20u64) / 19]);
        }
        pipeline.equals(&items, |[value, nan]| {
            [u64::from(npe::exp2(Log { value: value as u32 as i32, nan: nan == 1 }) >> 7)]
        });
    }
}

#[test]
fn integers_equal_the_reference() {
    for (fraction, ceiling) in
        [(16, Ceiling::One), (24, Ceiling::One), (31, Ceiling::One), (20, Ceiling::Below)]
    {
        let block = Box::new(UnsignedFixed::new(fraction, ceiling).unwrap());
        let mut pipeline =
            Pipeline::new(block, &format!("unsigned_fixed_{fraction}_{}", ceiling.name()));
        let last = (1u64 << fraction) - 1;
        let most = if ceiling == Ceiling::One { last + 1 } else { last };
        let items: Vec<[u64; 1]> = fp32(0).into_iter().map(|x| [u64::from(x >> 7)]).collect();
        pipeline.equals(&items, |[x]| {
            [u64::from(npe::unsigned_fixed((x as u32) << 7, fraction as u32)).min(most)]
        });
    }
    for bits in [15, 32] {
        let error = UnsignedFixed::new(bits, Ceiling::One).err().expect("out of range");
        assert!(error.to_string().contains("must be 16 to 31"), "{error}");
    }
}

#[test]
fn reciprocals_and_roots_equal_the_reference() {
    let mut reciprocal = Pipeline::new(Box::new(Reciprocal::new(23).unwrap()), "reciprocal");
    let mut rsqrt = Pipeline::new(Box::new(Rsqrt::new(23).unwrap()), "rsqrt");
    for seed in seeds() {
        let items: Vec<[u64; 1]> = fp32(seed).into_iter().map(|x| [u64::from(x)]).collect();
        reciprocal.equals(&items, |[x]| [u64::from(npe::reciprocal(x as u32) >> 7)]);
        rsqrt.equals(&items, |[x]| [u64::from(npe::rsqrt(x as u32) >> 7)]);
    }
}

#[test]
fn sigmoid_and_silu_equal_the_reference() {
    let mut sigmoid = Pipeline::new(Box::new(Sigmoid::new().unwrap()), "sigmoid");
    let mut silu = Pipeline::new(Box::new(Silu::new(23).unwrap()), "silu");
    for seed in seeds() {
        let items: Vec<[u64; 2]> = fp32(seed)
            .into_iter()
            .filter(|x| *x < npe::float::ONE)
            .chain([npe::float::ONE, npe::float::NAN])
            .flat_map(|x| [[u64::from(x >> 7), 0], [u64::from(x >> 7), 1]])
            .collect();
        sigmoid.equals(&items, |[q, negative]| {
            [u64::from(npe::sigmoid((q as u32) << 7, negative == 1) >> 7)]
        });
        let items: Vec<[u64; 1]> = fp32(seed).into_iter().map(|x| [u64::from(x)]).collect();
        silu.equals(&items, |[x]| [u64::from(npe::silu(x as u32))]);
    }
}

/// Blocks, and the most LUTs and the DSPs of each.
fn blocks() -> Vec<(Box<dyn Dut>, &'static str, u64, u64)> {
    vec![
        (Box::new(LogProduct::new(23).unwrap()), "log_product_23", 165, 1),
        (exp2(), "exp2", 62, 1),
        (Box::new(UnsignedFixed::new(24, Ceiling::One).unwrap()), "unsigned_fixed_24_one", 75, 0),
        (Box::new(Reciprocal::new(23).unwrap()), "reciprocal", 110, 1),
        (Box::new(Rsqrt::new(23).unwrap()), "rsqrt", 130, 1),
        (Box::new(Sigmoid::new().unwrap()), "sigmoid", 225, 2),
        (Box::new(Silu::new(23).unwrap()), "silu", 590, 5),
        (fp16(Function::Exp), "exp_fp16", 340, 2),
    ]
}

#[test]
fn every_engine_agrees() {
    for i in 0..blocks().len() {
        let name = blocks()[i].1;
        agree(|| blocks().swap_remove(i).0, name, 200);
    }
}

#[test]
fn six_levels_and_few_luts() {
    for (block, name, luts, dsps) in blocks() {
        let report = cells(&design_of(block, name).1);
        shallow(&report, 6);
        let area = &report.area;
        println!("{name}: {} LUT, {} FF, {} DSP", area.lut_sites(), area.ffs, area.dsps);
        assert_eq!(area.dsps, dsps, "{name}");
        assert!(area.lut_sites() <= luts, "{name}: {} LUTs", area.lut_sites());
    }
}
