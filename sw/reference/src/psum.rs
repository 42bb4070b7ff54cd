//! Sums over slices: what becomes of the array's results until the nonlinear engine takes them.
//!
//! A vector's results update an *entry*, one sum per output. Output 2c is that of the lower weight of column c, 2c + 1
//! that of the upper one; FP16 values have upper results only.
//!
//! ```text
//! INT4: product = multiply(result, widen(scale)), rounded to FP32
//! FP16: product = result
//! sum = product                 for the first vector: nothing is added
//! sum = add(sum, product)       else, rounded to FP32
//! ```
//!
//! Subnormals read as zeros; the array gives none.

use crate::npe::float::{add, multiply, widen, E8M23, ONE, SIGN};

/// The sums under way.
#[derive(Clone, Debug)]
pub struct PartialSums {
    entries: Vec<Vec<u32>>,
}

/// The results of one vector.
#[derive(Clone, Debug)]
pub struct Results {
    /// FP32, of each column: of FP16xFP16, or of the upper INT4 weights.
    pub upper: Vec<u32>,
    /// FP32: of the lower INT4 weights, with the FP16 scales of all outputs; else of FP16xFP16.
    pub int4: Option<(Vec<u32>, Vec<u16>)>,
}

impl PartialSums {
    /// `entries` entries of two outputs for each of `columns` columns.
    pub fn new(entries: usize, columns: usize) -> PartialSums {
        PartialSums { entries: vec![vec![0; 2 * columns]; entries] }
    }

    /// Adds a vector's results to an entry, or begins it with them; gives its sums, of which those of even number
    /// mean nothing with FP16 values.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn update(&mut self, entry: usize, first: bool, results: &Results) -> &[u32] {
        let sums = &mut self.entries[entry];
        let mut put = |output: usize, value: u32, scale: u32| {
            let before = if first { SIGN } else { sums[output] };
            sums[output] = add(before, multiply(value, scale, E8M23), false);
        };
        for (c, upper) in results.upper.iter().enumerate() {
            match &results.int4 {
                Some((lower, scales)) => {
                    put(2 * c, lower[c], widen(scales[2 * c]));
                    put(2 * c + 1, *upper, widen(scales[2 * c + 1]));
                }
                None => put(2 * c + 1, *upper, ONE),
            }
        }
        sums
    }
}

/// The values of an entry that are given out, in order.
pub fn values<T: Copy>(sums: &[T], int4: bool) -> Vec<T> {
    sums.iter().copied().skip(usize::from(!int4)).step_by(if int4 { 1 } else { 2 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;
    use rand::{rngs::SmallRng, Rng, SeedableRng};

    /// Results and scales as a real matrix has them.
    fn results(rng: &mut SmallRng, int4: bool) -> Results {
        let mut value =
            || f32::to_bits(rng.random_range(-3e4..3e4) * 2f32.powi(rng.random_range(-30..9)));
        let upper = vec![value(), value()];
        let lower = vec![value(), value()];
        let scales = (0..4).map(|_| rng.random::<u16>() & 0xBFFF).collect();
        Results { upper, int4: int4.then_some((lower, scales)) }
    }

    #[test]
    fn sums_are_those_of_f32() {
        let mut rng = SmallRng::seed_from_u64(0);
        let mut sums = PartialSums::new(1, 2);
        let mut wanted = [0f32; 4];
        let mut subnormal = 0;
        for i in 0..20_000 {
            let first = i % 37 == 0;
            let r = results(&mut rng, i / 37 % 2 == 0);
            let got = sums.update(0, first, &r).to_vec();
            for (o, wanted) in wanted.iter_mut().enumerate() {
                let column =
                    if o % 2 == 0 { r.int4.as_ref().map(|i| &i.0) } else { Some(&r.upper) };
                let Some(column) = column else { continue };
                let value = f32::from_bits(column[o / 2]);
                let scale = r.int4.as_ref().map(|i| f16::from_bits(i.1[o]));
                subnormal += u32::from(scale.is_some_and(|s| s.to_f32().abs() < 6e-5));
                let product = scale.map_or(value, |s| s.to_f32() * value);
                *wanted = if first { product } else { *wanted + product };
                assert_eq!(got[o], wanted.to_bits(), "update {i}, output {o}");
            }
        }
        assert!(subnormal > 100, "{subnormal} subnormal scales");
    }

    #[test]
    fn special_values() {
        let mut sums = PartialSums::new(1, 1);
        let mut update = |first, upper: u32, lower: u32, scale: u16| {
            let r = Results { upper: vec![upper], int4: Some((vec![lower], vec![scale; 2])) };
            sums.update(0, first, &r).to_vec()
        };
        let (infinity, nan) = (0x7F80_0000, 0x7FC0_0000);
        // -0 as first product stays; +0 on top makes +0.
        assert_eq!(update(true, SIGN, 0, 0x3C00), [0, SIGN]);
        assert_eq!(update(false, 0, SIGN, 0x3C00), [0, 0]);
        assert_eq!(update(true, infinity, 0xFFFF_FFFF, 0xBC00), [nan, infinity | SIGN]);
        assert_eq!(update(false, infinity, 0, 0x3C00), [nan, nan]);
        assert_eq!(update(true, infinity, infinity, 0), [nan, nan]);
        let half = Results { upper: vec![SIGN], int4: None };
        assert_eq!(sums.update(0, true, &half)[1], SIGN);
    }

    #[test]
    fn order_of_values() {
        assert_eq!(values(&[0, 1, 2, 3], true), [0, 1, 2, 3]);
        assert_eq!(values(&[0, 1, 2, 3], false), [1, 3]);
    }
}
