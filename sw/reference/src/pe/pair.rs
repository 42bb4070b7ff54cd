//! Two INT4 weights per DSP48E2, for two columns, in a cascade of the variant `aligned`.
//!
//! The 27-bit port holds `w1 * 2^23 + w0`, the 18-bit port the activation `x`. Down the cascade the
//! 48-bit sum becomes `S1 * 2^23 + S0` with both columns' dot products, and is taken apart once.

/// Position of the upper weight, the highest at which four bits fit the 27-bit port.
pub const FIELD: u32 = 23;

/// Widest activation magnitude that one cascade of `lanes` lanes takes (at most 17, DSP port B).
///
/// `|S0| <= lanes * 8 * (2^bits - 2^(bits - 11))` must stay below `2^22`; with the parity of `S1` known
/// ([`decode_with_parity`]) below `2^23`, one more bit of activation for 27 LUTs.
pub const fn activation_bits(lanes: usize, parity: bool) -> u32 {
    let limit = 19 + parity as u32 - lanes.next_power_of_two().ilog2();
    if limit > 17 {
        17
    } else {
        limit
    }
}

/// The 27-bit port by plain wiring: `{w1, 19'b0, w0 ^ 4'b1000}` = `w1 * 2^23 + w0 + 8`.
///
/// Without the offset, `w1 = -8` beside a negative `w0` would need 28 bits. The offset's share of
/// the sum, 8 times the sum of the activations, is the same for all columns: [`cascade`] starts from
/// its negative, on the first DSP's C port.
pub const fn port(w0: i8, w1: i8) -> i32 {
    (w1 as i32) << FIELD | (w0 as i32 & 15 ^ 8)
}

/// The last P of the cascade, modulo 2^48: exactly `S1 * 2^23 + S0`.
pub fn cascade(acts: &[i32], w0: &[i8], w1: &[i8]) -> u64 {
    let offset: i64 = acts.iter().map(|x| i64::from(*x)).sum::<i64>() * -8;
    let weights = w0.iter().zip(w1).map(|(w0, w1)| port(*w0, *w1));
    let products = acts.iter().zip(weights).map(|(x, w)| i64::from(*x) * i64::from(w));
    products.fold(offset as u64, |p, product| p.wrapping_add(product as u64)) & 0xFFFF_FFFF_FFFF
}

/// `(S0, S1)` from P: the low field read signed, `P[47:23] + P[22]` above it.
pub fn decode(p: u64) -> (i32, i32) {
    split(p, p >> 22 & 1 == 1)
}

/// Parity of `S1`, from the least significant bits alone: 64 ANDs and one exclusive or.
pub fn parity(acts: &[i32], w1: &[i8]) -> bool {
    acts.iter().zip(w1).fold(false, |odd, (x, w)| odd ^ (x & i32::from(*w) & 1 == 1))
}

/// `(S0, S1)` from P and the parity of `S1`: bit 23 of P is that parity plus the borrow of a negative
/// `S0`, so their exclusive or is `S0`'s sign, and `S0` may use 24 bits.
pub fn decode_with_parity(p: u64, parity: bool) -> (i32, i32) {
    split(p, (p >> FIELD & 1 == 1) != parity)
}

/// The two fields, the low one negative as told; a negative low field took one from the high one.
fn split(p: u64, negative: bool) -> (i32, i32) {
    let low = (p & ((1 << FIELD) - 1)) as i32 - (i32::from(negative) << FIELD);
    let high = ((p << 16) as i64 >> (16 + FIELD)) as i32 + i32::from(negative);
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{rngs::SmallRng, Rng, SeedableRng};

    fn dot(acts: &[i32], w: &[i8]) -> i32 {
        acts.iter().zip(w).map(|(x, w)| x * i32::from(*w)).sum()
    }

    fn both_decodings_agree(acts: &[i32], w0: &[i8], w1: &[i8], with_parity: bool) {
        let p = cascade(acts, w0, w1);
        let exact = (dot(acts, w0), dot(acts, w1));
        let got = if with_parity { decode_with_parity(p, parity(acts, w1)) } else { decode(p) };
        assert_eq!(got, exact, "{acts:?} {w0:?} {w1:?}");
    }

    #[test]
    fn the_port_is_27_bits_and_exact() {
        for w0 in -8..=7i8 {
            for w1 in -8..=7i8 {
                let value = port(w0, w1);
                assert_eq!(value, i32::from(w1) * (1 << FIELD) + i32::from(w0) + 8);
                assert!((-(1 << 26)..1 << 26).contains(&value));
            }
        }
    }

    #[test]
    fn extremes_fit_every_cascade_length_and_not_one_bit_more() {
        for with_parity in [false, true] {
            for lanes in [1, 2, 4, 8, 16, 32, 64, 128] {
                let bits = activation_bits(lanes, with_parity);
                let largest = (1 << bits) - (1 << (bits - 11));
                for x in [largest, -largest] {
                    for (w0, w1) in [(-8, -8), (-8, 7), (7, -8), (7, 7)] {
                        both_decodings_agree(
                            &vec![x; lanes],
                            &vec![w0; lanes],
                            &vec![w1; lanes],
                            with_parity,
                        );
                    }
                }
                let p = cascade(&vec![-2 * largest; lanes], &vec![-8; lanes], &vec![1; lanes]);
                let wide = if with_parity { decode_with_parity(p, false) } else { decode(p) };
                let fits = wide.0 == 16 * largest * lanes as i32;
                assert_eq!(
                    fits,
                    bits == 17 && lanes <= if with_parity { 4 } else { 2 },
                    "{lanes} {bits}"
                );
            }
        }
        assert_eq!((activation_bits(64, false), activation_bits(64, true)), (13, 14));
        assert_eq!((activation_bits(32, false), activation_bits(16, false)), (14, 15));
    }

    #[test]
    fn random_cascades_are_exact() {
        for seed in 0..4 {
            println!("seed {seed}");
            let mut rng = SmallRng::seed_from_u64(seed);
            for _ in 0..20_000 {
                let lanes = 1 << rng.random_range(0..=7);
                let with_parity = rng.random();
                let bits = activation_bits(lanes, with_parity);
                let largest = (1 << bits) - (1 << (bits - 11));
                let acts: Vec<i32> =
                    (0..lanes).map(|_| rng.random_range(-largest..=largest)).collect();
                let weights = |rng: &mut SmallRng| {
                    (0..lanes).map(|_| rng.random_range(-8..=7)).collect::<Vec<i8>>()
                };
                let (w0, w1) = (weights(&mut rng), weights(&mut rng));
                both_decodings_agree(&acts, &w0, &w1, with_parity);
            }
        }
    }
}
