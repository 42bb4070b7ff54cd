//! The baseline against the reference.

mod common;

use common::pe::{draw, limbs, Ker, Kind, KIND_COUNT};
use common::{agree, design_of, seeds, verilated};
use rand::{rngs::SmallRng, Rng, SeedableRng};
use skipopu_hw::pe_array::baseline::{Fp16Add, Fp16Mac, MacChain, Subnormals};
use skipopu_reference::pe::mac::{self, add, chain_fp16, mul, weight};
use skipopu_sim::dut;
use std::collections::{BTreeSet, VecDeque};

const BOTH: [Subnormals; 2] = [Subnormals::Flush, Subnormals::Keep];

fn reference(subnormals: Subnormals) -> mac::Subnormals {
    match subnormals {
        Subnormals::Keep => mac::Subnormals::Keep,
        Subnormals::Flush => mac::Subnormals::Flush,
    }
}

dut! {
    struct MacPorts {
        clock clock;
        in a: 16;
        in b: 16;
        in acc: 16;
        out out: 16;
    }
}

dut! {
    struct ChainPorts(operands: usize) {
        clock clock;
        in a: operands;
        in b: operands;
        out sum: 16;
    }
}

fn unit(subnormals: Subnormals) -> Box<Fp16Mac> {
    Box::new(Fp16Mac::new(subnormals).unwrap())
}

fn chain(subnormals: Subnormals, lanes: usize) -> Box<MacChain> {
    Box::new(MacChain::new(subnormals, lanes).unwrap())
}

/// Encodings at borders, and random ones near each other so that sums cancel and tie.
fn operand(rng: &mut SmallRng) -> u16 {
    let bits: u16 = rng.random();
    match rng.random_range(0..6) {
        0 => bits,
        1 => bits & 0x8000 | rng.random_range(0..0x0C00),
        2 => {
            bits & 0x8000
                | [0, 1, 0x3FF, 0x400, 0x401, 0x7BFF, 0x7C00, 0x7C01, 0x3C00][bits as usize % 9]
        }
        3 => bits & 0x83FF | rng.random_range(13..18) << 10,
        4 => bits & 0xFC00,
        _ => bits & 0x83FF | rng.random_range(5..25) << 10,
    }
}

/// One unit, a new operation every cycle, each result after exactly the stated latency.
#[test]
fn a_unit_equals_the_reference() {
    for subnormals in BOTH {
        let name = format!("mac_{}", subnormals.name());
        let design = design_of(unit(subnormals), &name).1;
        let kind = reference(subnormals);
        let to_add = Fp16Mac::to_add(subnormals);
        for seed in seeds() {
            let mut model = verilated(&design);
            let p = MacPorts::bind(&model).unwrap();
            let mut rng = SmallRng::seed_from_u64(seed);
            let (mut products, mut sums) = (VecDeque::new(), VecDeque::new());
            let mut compared = 0;
            for _ in 0..1_000_000 {
                let (a, b) = (operand(&mut rng), operand(&mut rng));
                model.set_u64(p.a, a.into());
                model.set_u64(p.b, b.into());
                products.push_back((a, b, mul(a, b, kind)));
                let mut acc = operand(&mut rng);
                if products.len() > to_add {
                    let (a, b, product) = products.pop_front().unwrap();
                    if rng.random_range(0..4) == 0 {
                        acc = product ^ 0x8000 ^ rng.random_range(0..4);
                    }
                    sums.push_back((a, b, acc, add(acc, product, kind)));
                }
                model.set_u64(p.acc, acc.into());
                model.tick(p.clock).unwrap();
                if sums.len() >= Fp16Add::LATENCY {
                    let (a, b, acc, sum) = sums.pop_front().unwrap();
                    let got = model.get_u64(p.out) as u16;
                    assert_eq!(
                        got, sum,
                        "{name}, seed {seed}: {a:#06x} * {b:#06x} ({:#06x}) + {acc:#06x} is {got:#06x}, not {sum:#06x}",
                        mul(a, b, kind)
                    );
                    compared += 1;
                }
            }
            assert!(compared > 999_900);
        }
    }
}

/// Dot products through the skewed chain, one a cycle.
fn compare(subnormals: Subnormals, lanes: usize, count: usize, seed: u64) {
    let name = format!("mac_chain_{}_{lanes}", subnormals.name());
    let mut model = verilated(&design_of(chain(subnormals, lanes), &name).1);
    let p = ChainPorts::bind(&model, lanes * 16).unwrap();
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut kinds: BTreeSet<Kind> = BTreeSet::new();
    let vectors: Vec<(Vec<u16>, Vec<u16>)> = (0..count)
        .map(|_| {
            let v = draw(&mut rng, lanes);
            kinds.insert(v.kind);
            let [ker, _] = v.ker;
            let b = match ker {
                Ker::Fp16(b) => b,
                Ker::Int4(w) => w.into_iter().map(weight).collect(),
            };
            (v.act, b)
        })
        .collect();
    let latency = MacChain::latency(subnormals, lanes);
    let mut compared = 0;
    for cycle in 0..count + latency - 1 {
        let lane = |i: usize| {
            let dot = cycle.checked_sub(i * Fp16Add::LATENCY).and_then(|dot| vectors.get(dot));
            dot.map_or((0, 0), |(a, b)| (u64::from(a[i]), u64::from(b[i])))
        };
        let (a, b): (Vec<u64>, Vec<u64>) = (0..lanes).map(lane).unzip();
        model.set_limbs(p.a, &limbs(a, 16, lanes));
        model.set_limbs(p.b, &limbs(b, 16, lanes));
        model.tick(p.clock).unwrap();
        if cycle + 1 >= latency {
            let (a, b) = &vectors[cycle + 1 - latency];
            let wanted = chain_fp16(a, b, reference(subnormals));
            let got = model.get_u64(p.sum) as u16;
            assert_eq!(got, wanted, "{name}, seed {seed}: {a:x?} {b:x?}");
            compared += 1;
        }
    }
    assert_eq!((compared, kinds.len()), (count, KIND_COUNT));
}

#[test]
fn a_chain_equals_the_reference() {
    for subnormals in BOTH {
        for seed in seeds() {
            compare(subnormals, 64, 11_000, seed);
        }
        compare(subnormals, 2, 2_000, 0);
    }
}

#[test]
fn every_engine_agrees() {
    for subnormals in BOTH {
        agree(|| chain(subnormals, 2), &format!("chain_{}", subnormals.name()), 300);
    }
}
