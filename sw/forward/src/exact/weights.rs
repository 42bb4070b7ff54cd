//! INT4 weights and their products with FP16 vectors.

use super::fast;
use crate::ForwardError;
use skipopu_model::Quantised;
use skipopu_reference::pe::{self, Format, Variant};

/// Widest aligned activations that 16-bit integers hold; 128 of their products with weights fit 32 bits.
const FAST_BITS: u32 = 15;

/// A weight matrix cut into slices.
pub struct Int4 {
    variant: Variant,
    lanes: usize,
    cols: usize,
    /// Slices of a row; the last one is filled up with zeros.
    slices: usize,
    /// Slices of a group.
    group: usize,
    codes: Vec<i8>,
    scales: Vec<f32>,
}

/// A vector as the matrix multiplies it.
pub enum Operand {
    /// Aligned, slice by slice: integers, and the unit of each slice.
    Aligned(Vec<i16>, Vec<f32>),
    /// FP16 encodings, for the reference.
    Fp16(Vec<u16>),
}

impl Int4 {
    /// Prepares a matrix for columns of `lanes` lanes.
    pub fn new(
        name: &str,
        matrix: &Quantised,
        variant: Variant,
        lanes: usize,
    ) -> Result<Int4, ForwardError> {
        let (cols, slices) = (matrix.cols(), matrix.cols().div_ceil(lanes));
        let group = match matrix.group() {
            0 => slices,
            g if g % lanes == 0 => g / lanes,
            group => return Err(ForwardError::Group { matrix: name.into(), group, lanes }),
        };
        let mut codes = Vec::with_capacity(matrix.rows() * slices * lanes);
        for row in 0..matrix.rows() {
            codes.extend(matrix.row_codes(row));
            codes.resize((row + 1) * slices * lanes, 0);
        }
        let scales = matrix.scales().to_f32().into_owned();
        Ok(Int4 { variant, lanes, cols, slices, group, codes, scales })
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.codes.len() / (self.slices * self.lanes)
    }

    /// One slice of a row of weights, all lanes of it.
    pub fn slice(&self, row: usize, slice: usize) -> &[i8] {
        &self.codes[(row * self.slices + slice) * self.lanes..][..self.lanes]
    }

    /// Prepares a vector, once for all rows.
    pub fn operand(&self, x: &[u16]) -> Operand {
        match self.variant {
            Variant::Aligned(widths) if widths.int4 <= FAST_BITS => {
                let mut integers = vec![0; self.slices * self.lanes];
                let slices = x.chunks(self.lanes).zip(integers.chunks_mut(self.lanes));
                let units = slices.map(|(x, out)| fast::align(x, widths.int4, out)).collect();
                Operand::Aligned(integers, units)
            }
            _ => Operand::Fp16(x.to_vec()),
        }
    }

    /// Rows `first..` of the products.
    pub fn products(&self, x: &Operand, first: usize, y: &mut [f32]) {
        let width = self.slices * self.lanes;
        let rows = &self.codes[first * width..(first + y.len()) * width];
        let mut columns = vec![0f32; y.len() * self.slices];
        match x {
            Operand::Aligned(integers, units) => {
                let mut sums = vec![0i32; columns.len()];
                fast::slice_sums(integers, rows, self.lanes, &mut sums);
                for (column, (i, sum)) in columns.iter_mut().zip(sums.iter().enumerate()) {
                    *column = fast::scale(i64::from(*sum), units[i % self.slices]);
                }
            }
            Operand::Fp16(x) => {
                for (row, columns) in rows.chunks_exact(width).zip(columns.chunks_mut(self.slices))
                {
                    let slices = x.chunks(self.lanes).zip(row[..self.cols].chunks(self.lanes));
                    for (column, (x, w)) in columns.iter_mut().zip(slices) {
                        // Lanes and weights are legal by construction.
                        let bits = pe::dot_int4(self.variant, x, w, Format::Fp32);
                        *column = f32::from_bits(bits.unwrap_or(Format::Fp32.nan()));
                    }
                }
            }
        }
        let groups = self.slices.div_ceil(self.group);
        let scales = &self.scales[first * groups..(first + y.len()) * groups];
        for ((y, columns), scales) in
            y.iter_mut().zip(columns.chunks_exact(self.slices)).zip(scales.chunks_exact(groups))
        {
            let scaled = columns.iter().enumerate().map(|(i, c)| scales[i / self.group] * c);
            *y = super::sum(scaled);
        }
    }
}
