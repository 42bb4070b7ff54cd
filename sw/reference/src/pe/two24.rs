//! The sum of `bits15` in split DSP adders: the variant `dsp15`.
//!
//! A DSP48E2 in its TWO24 mode adds two independent pairs of 24-bit numbers, so one DSP serves the
//! same tree node of two columns. The model keeps the exact words, so that "the sum fits" is
//! computed, not claimed; the result equals [`super::Variant::Bits15`] in every bit.

use super::fp16::Operand;
use super::product::{survey, unit_exponent, Product, BITS15};
use super::Sum;

const HALF: u32 = 24;
const MASK: u64 = (1 << HALF) - 1;

/// One lane as it enters the tree: one's complement integer of 16 bits, and its carry.
pub type Lane = (i64, bool);

/// The DSP's addition: two 24-bit sums, each modulo 2^24, no carry from the low into the high one.
#[inline]
pub fn add(x: u64, y: u64) -> u64 {
    let low = ((x & MASK) + (y & MASK)) & MASK;
    let high = ((x >> HALF) + (y >> HALF)) & MASK;
    high << HALF | low
}

/// A node of the tree: both words with the carries of two lanes (low and high column) in bit 0 of
/// each half. Bit 0 is a place below the integers: one half plus one half is the carry, and the
/// result's bit 0 is 0 again.
#[inline]
fn node(x: u64, y: u64, carries: [bool; 2]) -> u64 {
    let carry = u64::from(carries[1]) << HALF | u64::from(carries[0]);
    add(x | carry, y | carry)
}

/// Sums two columns of at most 128 lanes in one tree.
///
/// Lane `i > 0` gives its carry to the node where it is the first lane of the right half: level
/// `trailing_zeros(i)`, counted from the leaves. Lane 0's carry is left for the end.
pub fn sum_pair(low: &[Lane], high: &[Lane]) -> [i64; 2] {
    let lanes = low.len().max(high.len()).next_power_of_two();
    let lane = |column: &[Lane], i: usize| column.get(i).copied().unwrap_or((0, false));
    let word = |(integer, _): Lane| (integer as u64) << 1 & MASK;
    let mut words: Vec<u64> =
        (0..lanes).map(|i| word(lane(high, i)) << HALF | word(lane(low, i))).collect();
    let mut span = 1;
    while span < lanes {
        for node_index in 0..lanes / (2 * span) {
            let giver = (2 * node_index + 1) * span;
            let carries = [lane(low, giver).1, lane(high, giver).1];
            words[node_index] = node(words[2 * node_index], words[2 * node_index + 1], carries);
        }
        span *= 2;
    }
    let signed = |half: u64| (((half << (64 - HALF)) as i64) >> (64 - HALF)) >> 1;
    [
        signed(words[0]) + i64::from(lane(low, 0).1),
        signed(words[0] >> HALF) + i64::from(lane(high, 0).1),
    ]
}

/// The column's sum, through the low half of the tree.
pub fn sum(lanes: impl Iterator<Item = (Operand, Operand)> + Clone) -> Sum {
    let (flags, largest) = survey(lanes.clone());
    let aligned: Vec<Lane> =
        lanes.map(|(a, b)| Product::new(a, b).align_ones(largest, BITS15)).collect();
    let [integer, _] = sum_pair(&aligned, &[]);
    Sum { flags, integer, exponent: unit_exponent(largest, BITS15) }
}

#[cfg(test)]
mod tests {
    use super::super::align::{align_ones, Rounding};
    use super::*;
    use rand::{rngs::SmallRng, Rng, SeedableRng};

    #[test]
    fn the_extremes_of_128_lanes_fit() {
        // The largest product, 2047 * 2047, at the largest exponent, in every lane and sign.
        let product = |negative| align_ones(negative, 2047 * 2047, 7, Rounding::HalfAway);
        let (plus, minus) = (vec![product(false); 128], vec![product(true); 128]);
        assert_eq!(sum_pair(&plus, &minus), [128 * 32736, -128 * 32736]);
        assert_eq!(sum_pair(&minus, &plus), [-128 * 32736, 128 * 32736]);
        // All carries, no integers: negative lanes that were shifted out.
        assert_eq!(sum_pair(&[(-1, true); 128], &[(-1, true); 128]), [0, 0]);
    }

    #[test]
    fn two_random_columns_do_not_touch_each_other() {
        for seed in 0..3 {
            println!("seed {seed}");
            let mut rng = SmallRng::seed_from_u64(seed);
            for _ in 0..20_000 {
                let lanes = rng.random_range(0..=128);
                let column = |rng: &mut SmallRng| -> Vec<Lane> {
                    (0..lanes)
                        .map(|_| {
                            let magnitude = rng.random_range(0..=2047 * 2047);
                            align_ones(
                                rng.random(),
                                magnitude,
                                rng.random_range(7..70),
                                Rounding::HalfAway,
                            )
                        })
                        .collect()
                };
                let (low, high) = (column(&mut rng), column(&mut rng));
                let plain = |c: &[Lane]| c.iter().map(|(x, c)| x + i64::from(*c)).sum::<i64>();
                assert_eq!(sum_pair(&low, &high), [plain(&low), plain(&high)]);
            }
        }
    }
}
