//! Quantised matrices: signed integers of 2, 3, 4 or 8 bits, packed, with FP16 scales.

use crate::{DType, Tensor};

/// Widths a weight may have.
pub const BITS: [u32; 4] = [2, 3, 4, 8];

/// Least and greatest code of a width: two's complement.
pub fn code_range(bits: u32) -> (i8, i8) {
    let half = 1i16 << (bits - 1);
    (-half as i8, (half - 1) as i8)
}

/// A quantised matrix, one row per output: value `[r][c]` is `code[r][c] * scale[r][c / group]`.
///
/// A row's codes stand one after another, least significant bit first, and fill up to a whole byte
/// with zeros. Group 0 means one scale per row.
#[derive(Clone, Debug)]
pub struct Quantised {
    bits: u32,
    cols: usize,
    group: usize,
    codes: Tensor,
    scales: Tensor,
}

impl Quantised {
    /// Packs codes (`rows * cols`, in the range of `bits`) and scales (`rows * groups`).
    ///
    /// Panics when the counts or codes do not fit.
    pub fn pack(bits: u32, cols: usize, group: usize, codes: &[i8], scales: &[f32]) -> Quantised {
        assert!(BITS.contains(&bits) && cols > 0 && codes.len() % cols == 0);
        let rows = codes.len() / cols;
        let (low, high) = code_range(bits);
        assert!(codes.iter().all(|c| (low..=high).contains(c)), "codes of {bits} bits");
        let width = row_bytes(bits, cols);
        let mut packed = vec![0u8; rows * width];
        for (row, bytes) in codes.chunks_exact(cols).zip(packed.chunks_exact_mut(width)) {
            for (i, code) in row.iter().enumerate() {
                let field = u16::from(*code as u8) & ((1 << bits) - 1);
                let at = i * bits as usize;
                let field = field << (at % 8);
                bytes[at / 8] |= field as u8;
                if field > 0xFF {
                    bytes[at / 8 + 1] |= (field >> 8) as u8;
                }
            }
        }
        let codes = Tensor::owned(DType::U8, rows, width, packed);
        let scales = Tensor::to_f16(rows, groups(cols, group), scales);
        Quantised { bits, cols, group, codes, scales }
    }

    /// From tensors of a file: codes as U8, scales as F16. `None` when their shapes disagree.
    pub(crate) fn from_tensors(
        bits: u32,
        cols: usize,
        group: usize,
        codes: Tensor,
        scales: Tensor,
    ) -> Option<Quantised> {
        let fits = BITS.contains(&bits)
            && codes.dtype() == DType::U8
            && scales.dtype() == DType::F16
            && codes.cols() == row_bytes(bits, cols)
            && scales.cols() == groups(cols, group)
            && codes.rows() == scales.rows();
        fits.then_some(Quantised { bits, cols, group, codes, scales })
    }

    /// Bits of a code.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.codes.rows()
    }

    /// Values of a row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Values along a row that share a scale; 0: the whole row.
    pub fn group(&self) -> usize {
        self.group
    }

    /// The packed codes, rows x bytes.
    pub fn codes(&self) -> &Tensor {
        &self.codes
    }

    /// The scales, rows x groups, FP16.
    pub fn scales(&self) -> &Tensor {
        &self.scales
    }

    /// One row's codes.
    ///
    /// Panics when there is no such row.
    pub fn row_codes(&self, row: usize) -> Vec<i8> {
        let width = self.codes.cols();
        let bytes = &self.codes.bytes()[row * width..(row + 1) * width];
        let spare = 8 - self.bits;
        (0..self.cols)
            .map(|i| {
                let at = i * self.bits as usize;
                let next = bytes.get(at / 8 + 1).copied().unwrap_or(0);
                let window = u16::from(bytes[at / 8]) | u16::from(next) << 8;
                // To the top of a byte and back down, which copies the sign.
                ((window >> (at % 8)) as u8 as i8) << spare >> spare
            })
            .collect()
    }

    /// The values, row-major.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.rows() * self.cols);
        for row in 0..self.rows() {
            let scales = self.scales.row(row);
            let group = if self.group == 0 { self.cols } else { self.group };
            let codes = self.row_codes(row);
            values.extend(codes.iter().enumerate().map(|(i, c)| f32::from(*c) * scales[i / group]));
        }
        values
    }
}

/// Bytes of a packed row.
pub(crate) fn row_bytes(bits: u32, cols: usize) -> usize {
    (cols * bits as usize).div_ceil(8)
}

/// Scales of a row.
pub(crate) fn groups(cols: usize, group: usize) -> usize {
    if group == 0 {
        1
    } else {
        cols.div_ceil(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{rngs::StdRng, Rng, SeedableRng};

    #[test]
    fn every_width_packs_and_unpacks() {
        println!("seed 0");
        let mut rng = StdRng::seed_from_u64(0);
        let mut compared = 0;
        for bits in BITS {
            let (low, high) = code_range(bits);
            for cols in 1..40 {
                for group in [0, 4, 16] {
                    let codes: Vec<i8> =
                        (0..3 * cols).map(|_| rng.random_range(low..=high)).collect();
                    let scales: Vec<f32> =
                        (0..3 * groups(cols, group)).map(|i| 0.25 * (i + 1) as f32).collect();
                    let q = Quantised::pack(bits, cols, group, &codes, &scales);
                    let back: Vec<i8> = (0..3).flat_map(|r| q.row_codes(r)).collect();
                    assert_eq!(back, codes, "{bits} bits, {cols} columns");
                    let first = f32::from(codes[0]) * 0.25;
                    assert_eq!(q.to_f32()[0], first);
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, 4 * 39 * 3);
    }

    #[test]
    fn four_bits_are_nibbles_low_first() {
        let q = Quantised::pack(4, 3, 0, &[-8, 7, -1], &[2.0]);
        assert_eq!(q.codes().bytes(), [0x78, 0x0F]);
        assert_eq!(q.to_f32(), [-16.0, 14.0, -2.0]);
    }

    #[test]
    fn ranges_are_twos_complement() {
        assert_eq!(BITS.map(code_range), [(-2, 1), (-4, 3), (-8, 7), (-128, 127)]);
    }
}
