//! Column pairs against the reference: every variant, both modes, mixed from cycle to cycle.

mod common;

use common::pe::{draw, format, limbs, pack, Ker, Kind, KIND_COUNT};
use common::{agree, design_of, seeds, verilated};
use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_config::WideFormat;
use skipopu_hw::pe_array::operand::OPERAND_BITS;
use skipopu_hw::pe_array::product::{ColumnPair, ProductSum};
use skipopu_reference::pe::fp16::Operand;
use skipopu_reference::pe::{Unit, Variant};
use skipopu_sim::dut;
use std::collections::{BTreeSet, VecDeque};

dut! {
    struct Ports(operands: usize, result: usize) {
        clock clock;
        in act: operands;
        in ker0: operands;
        in ker1: operands;
        in valid: 1;
        out sum0: result;
        out sum1: result;
        out valid_out: 1;
    }
}

fn name(sum: ProductSum, format: WideFormat, lanes: usize) -> &'static str {
    format!("pair_{}_{format:?}_{lanes}", sum.name()).to_lowercase().leak()
}

fn unit(sum: ProductSum) -> Unit {
    Unit::Column(match sum {
        ProductSum::Bits22 => Variant::Bits22,
        ProductSum::Bits15 => Variant::Bits15,
        ProductSum::Dsp15 => Variant::Dsp15,
    })
}

fn build(sum: ProductSum, format: WideFormat, lanes: usize) -> Box<ColumnPair> {
    Box::new(ColumnPair::new(sum, format, lanes).unwrap())
}

/// Dot products compared, by mode.
#[derive(Default)]
struct Compared {
    fp16: usize,
    int4: usize,
}

/// `pairs` pairs of dot products, with gaps in `valid`; each compared after exactly the stated latency.
fn compare(sum: ProductSum, wide: WideFormat, lanes: usize, pairs: usize, seed: u64) -> Compared {
    let name = name(sum, wide, lanes);
    let mut model = verilated(&design_of(build(sum, wide, lanes), name).1);
    let bits = if wide == WideFormat::Fp16 { 16 } else { 32 };
    let p = Ports::bind(&model, lanes * OPERAND_BITS, bits).unwrap();
    let latency = ColumnPair::latency(sum, lanes);
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut expected = VecDeque::from(vec![None; latency - 1]);
    let mut compared = Compared::default();
    let mut kinds: BTreeSet<Kind> = BTreeSet::new();
    let pack_all = |v: Vec<Operand>| limbs(v.into_iter().map(pack), OPERAND_BITS, lanes);
    let mut fed = 0;
    while fed < pairs || expected.iter().any(Option::is_some) {
        if fed < pairs && rng.random_range(0..16) != 0 {
            let v = draw(&mut rng, lanes);
            let act = v.act.iter().map(|x| Operand::from_fp16(*x)).collect();
            model.set_limbs(p.act, &pack_all(act));
            model.set_limbs(p.ker0, &pack_all(v.ker[0].operands()));
            model.set_limbs(p.ker1, &pack_all(v.ker[1].operands()));
            model.set_u64(p.valid, 1);
            let sums = [0, 1].map(|c| v.ker[c].dot(unit(sum), &v.act, format(wide)));
            for ker in &v.ker {
                match ker {
                    Ker::Fp16(_) => compared.fp16 += 1,
                    Ker::Int4(_) => compared.int4 += 1,
                }
            }
            kinds.insert(v.kind);
            expected.push_back(Some((sums, v)));
            fed += 1;
        } else {
            model.set_u64(p.valid, 0);
            expected.push_back(None);
        }
        model.tick(p.clock).unwrap();
        let due = expected.pop_front().unwrap();
        assert_eq!(model.get_u64(p.valid_out) == 1, due.is_some(), "{name}, seed {seed}: valid");
        if let Some((sums, v)) = due {
            let got = [p.sum0, p.sum1].map(|port| model.get_u64(port) as u32);
            assert_eq!(
                got, sums,
                "{name}, seed {seed}, {:?}: {got:x?} instead of {sums:x?}\n{:x?}\n{:x?}",
                v.kind, v.act, v.ker
            );
        }
    }
    assert_eq!((fed, kinds.len()), (pairs, KIND_COUNT), "{name}");
    compared
}

/// 112,000 pairs for each variant, each mode in half of them; a few more in FP16.
fn equals_the_reference(sum: ProductSum) {
    let mut total = Compared::default();
    for seed in seeds() {
        let compared = compare(sum, WideFormat::Fp32, 64, 56_000, seed);
        total.fp16 += compared.fp16;
        total.int4 += compared.int4;
        compare(sum, WideFormat::Fp16, 8, 20_000, seed);
    }
    assert!(total.fp16 >= 100_000 && total.int4 >= 100_000, "{} {}", total.fp16, total.int4);
}

#[test]
fn bits22_equals_the_reference() {
    equals_the_reference(ProductSum::Bits22);
}

#[test]
fn bits15_equals_the_reference() {
    equals_the_reference(ProductSum::Bits15);
}

#[test]
fn dsp15_equals_the_reference() {
    equals_the_reference(ProductSum::Dsp15);
}

#[test]
fn the_fewest_and_the_most_lanes() {
    for sum in ProductSum::ALL {
        compare(sum, WideFormat::Fp32, 2, 4_000, 0);
    }
    // The split adder's 24 bits are just enough.
    compare(ProductSum::Dsp15, WideFormat::Fp16, 128, 1_000, 0);
}

#[test]
fn every_engine_agrees() {
    for sum in ProductSum::ALL {
        agree(|| build(sum, WideFormat::Fp16, 4), name(sum, WideFormat::Fp16, 4), 150);
    }
}

#[test]
fn refuses_odd_numbers_of_lanes() {
    for lanes in [0, 1, 3, 48, 256] {
        let error = ColumnPair::new(ProductSum::Bits15, WideFormat::Fp16, lanes).err();
        assert!(error.expect("out of range").to_string().contains("power of two"));
    }
}
