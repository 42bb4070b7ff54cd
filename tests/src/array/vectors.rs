//! Operand vectors that reach every corner of a column's arithmetic.

use rand::rngs::SmallRng;
use rand::Rng;

/// Kinds of FP16 vectors; every run shows how often each occurred.
pub const KINDS: [&str; 11] = [
    "any bits",
    "ordinary",
    "subnormal",
    "near the largest",
    "signed zeros",
    "outlier",
    "paired",
    "opposite",
    "masked lanes",
    "Inf or NaN",
    "rounding ties",
];

fn finite(rng: &mut SmallRng) -> u16 {
    rng.random_range(0..31u16) << 10 | rng.random_range(0..1024) | rng.random::<u16>() & 0x8000
}

fn ordinary(rng: &mut SmallRng) -> u16 {
    rng.random_range(10..18u16) << 10 | rng.random_range(0..1024) | rng.random::<u16>() & 0x8000
}

/// A vector of `KINDS[kind]`.
pub fn fp16(rng: &mut SmallRng, lanes: usize, kind: usize) -> Vec<u16> {
    let sign = |rng: &mut SmallRng| rng.random::<u16>() & 0x8000;
    let mut v: Vec<u16> = (0..lanes).map(|_| ordinary(rng)).collect();
    match KINDS[kind] {
        "any bits" => v.iter_mut().for_each(|x| *x = finite(rng)),
        "subnormal" => {
            let few = rng.random_range(0..4);
            v.iter_mut().for_each(|x| {
                *x = rng.random_range(0..1024) | sign(rng);
                if rng.random_range(0..8) < few {
                    *x |= rng.random_range(0..5) << 10;
                }
            });
        }
        "near the largest" => {
            let one_sign = rng.random::<bool>();
            v.iter_mut().for_each(|x| {
                *x = 0x7BFF - u16::from(rng.random_range(0..4) == 0) * rng.random_range(0..1024);
                *x |= if one_sign { 0 } else { sign(rng) };
            });
        }
        "signed zeros" => {
            let all = rng.random::<bool>();
            v.iter_mut().for_each(|x| {
                if all || rng.random() {
                    *x = sign(rng);
                }
            });
        }
        "outlier" => v[rng.random_range(0..lanes)] = 0x7000 | rng.random_range(0..0xC00),
        "paired" => v.chunks_mut(2).for_each(|p| p[1] = p[0]),
        "opposite" => v.chunks_mut(2).for_each(|p| p[1] = p[0] ^ 0x8000),
        "masked lanes" => {
            let first = rng.random_range(0..lanes);
            v[first..].fill(0);
        }
        "Inf or NaN" => {
            let special = [0x7C00, 0xFC00, 0x7E00, 0xFC01, 0x7FFF][rng.random_range(0..5)];
            v[rng.random_range(0..lanes)] = special;
        }
        "rounding ties" => v.iter_mut().for_each(|x| {
            // One significand bit below what the block keeps.
            *x = rng.random_range(1..30u16) << 10 | 1 << rng.random_range(0..10) | sign(rng);
        }),
        _ => {}
    }
    v
}

/// INT4 weights: any, extremes, opposite pairs, or mostly zero.
pub fn int4(rng: &mut SmallRng, lanes: usize) -> Vec<i8> {
    let kind = rng.random_range(0..6);
    let same = [-8, 7][rng.random_range(0..2)];
    let mut w: Vec<i8> = (0..lanes)
        .map(|_| match kind {
            0 => same,
            1 => [-8, 7][rng.random_range(0..2)],
            2 => i8::from(rng.random_range(0..8) == 0) * rng.random_range(-8..=7),
            _ => rng.random_range(-8..=7),
        })
        .collect();
    if kind == 3 {
        w.chunks_mut(2).for_each(|p| {
            p[0] = p[0].max(-7);
            p[1] = -p[0];
        });
    }
    w
}
