//! Tensors: typed, shaped views of a mapped file, or bytes of their own.

use crate::ModelError;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use memmap2::Mmap;
use std::borrow::Cow;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Element type, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    Bf16,
    /// Bytes.
    U8,
}

impl DType {
    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            DType::F32 => 4,
            DType::F16 | DType::Bf16 => 2,
            DType::U8 => 1,
        }
    }

    /// As reports write it.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "F32",
            DType::F16 => "F16",
            DType::Bf16 => "BF16",
            DType::U8 => "U8",
        }
    }
}

/// Bytes that tensors share: a mapped file, or memory.
#[derive(Clone)]
pub enum Bytes {
    /// A file, read as it is touched. Another process that shortens it meanwhile ends this one.
    Mapped(Arc<Mmap>),
    /// Memory.
    Owned(Arc<Vec<u8>>),
}

impl Bytes {
    /// Maps a file.
    ///
    /// # Errors
    /// A file that cannot be opened or is empty.
    pub fn map(path: &Path) -> Result<Bytes, ModelError> {
        let file = File::open(path).map_err(|e| ModelError::read(path, e))?;
        let meta = file.metadata().map_err(|e| ModelError::read(path, e))?;
        if !meta.is_file() {
            return Err(ModelError::format(path, "is not a file"));
        }
        if meta.len() == 0 {
            return Err(ModelError::format(path, "is empty"));
        }
        // SAFETY: the map is only read, through views whose bounds are checked against its length.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| ModelError::read(path, e))?;
        Ok(Bytes::Mapped(Arc::new(map)))
    }

    /// All bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if matches!(self, Bytes::Mapped(_)) { "mapped" } else { "owned" };
        write!(f, "{} {kind} bytes", self.as_slice().len())
    }
}

/// A tensor of one or two dimensions, row-major.
#[derive(Clone, Debug)]
pub struct Tensor {
    dtype: DType,
    /// Rows and columns.
    shape: [usize; 2],
    bytes: Bytes,
    range: Range<usize>,
}

impl Tensor {
    /// A view of `rows * cols` elements from byte `offset`; `None` when the bytes end before.
    pub fn view(
        bytes: &Bytes,
        offset: usize,
        dtype: DType,
        rows: usize,
        cols: usize,
    ) -> Option<Tensor> {
        let length = rows.checked_mul(cols)?.checked_mul(dtype.bytes())?;
        let end = offset.checked_add(length)?;
        let bytes = (end <= bytes.as_slice().len()).then(|| bytes.clone())?;
        Some(Tensor { dtype, shape: [rows, cols], bytes, range: offset..end })
    }

    /// A tensor of its own from f32 values; `values` holds `rows * cols` of them.
    ///
    /// Panics when it does not.
    pub fn from_f32(rows: usize, cols: usize, values: &[f32]) -> Tensor {
        assert_eq!(values.len(), rows * cols, "a {rows} x {cols} tensor");
        Tensor::owned(DType::F32, rows, cols, bytemuck::cast_slice(values).to_vec())
    }

    /// A tensor of its own from f32 values, rounded to FP16.
    ///
    /// Panics when `values` does not hold `rows * cols` of them.
    pub fn to_f16(rows: usize, cols: usize, values: &[f32]) -> Tensor {
        assert_eq!(values.len(), rows * cols, "a {rows} x {cols} tensor");
        let halves: Vec<u16> = values.iter().map(|v| f16::from_f32(*v).to_bits()).collect();
        Tensor::owned(DType::F16, rows, cols, bytemuck::cast_slice(&halves).to_vec())
    }

    pub(crate) fn owned(dtype: DType, rows: usize, cols: usize, bytes: Vec<u8>) -> Tensor {
        let range = 0..bytes.len();
        Tensor { dtype, shape: [rows, cols], bytes: Bytes::Owned(Arc::new(bytes)), range }
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Rows; 1 for a vector.
    pub fn rows(&self) -> usize {
        self.shape[0]
    }

    /// Elements of a row.
    pub fn cols(&self) -> usize {
        self.shape[1]
    }

    /// Rows and columns; columns alone for a vector.
    pub fn shape(&self) -> &[usize] {
        match self.shape {
            [1, _] => &self.shape[1..],
            _ => &self.shape,
        }
    }

    /// The elements' bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes.as_slice()[self.range.clone()]
    }

    /// The values as f32: in place where they are f32 already, else converted.
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        convert(self.dtype, self.bytes())
    }

    /// One row as f32.
    ///
    /// Panics when there is no such row.
    pub fn row(&self, row: usize) -> Cow<'_, [f32]> {
        let length = self.cols() * self.dtype.bytes();
        convert(self.dtype, &self.bytes()[row * length..(row + 1) * length])
    }

    /// Row and column of the first value that is Inf or NaN.
    pub fn first_not_finite(&self) -> Option<(usize, usize)> {
        use rayon::prelude::*;
        let row = (0..self.rows())
            .into_par_iter()
            .with_min_len(256)
            .find_first(|r| self.row(*r).iter().any(|v| !v.is_finite()))?;
        self.row(row).iter().position(|v| !v.is_finite()).map(|col| (row, col))
    }

    /// The same tensor with row `i` taken from row `source(i)`.
    pub(crate) fn reorder_rows(&self, source: impl Fn(usize) -> usize) -> Tensor {
        let length = self.cols() * self.dtype.bytes();
        let from = self.bytes();
        let mut bytes = Vec::with_capacity(from.len());
        for row in 0..self.rows() {
            let s = source(row) * length;
            bytes.extend_from_slice(&from[s..s + length]);
        }
        Tensor::owned(self.dtype, self.rows(), self.cols(), bytes)
    }
}

fn convert(dtype: DType, bytes: &[u8]) -> Cow<'_, [f32]> {
    match dtype {
        DType::F32 => match bytemuck::try_cast_slice(bytes) {
            Ok(values) if cfg!(target_endian = "little") => Cow::Borrowed(values),
            _ => each(bytes, f32::from_le_bytes),
        },
        DType::F16 => match bytemuck::try_cast_slice::<u8, u16>(bytes) {
            Ok(bits) if cfg!(target_endian = "little") => {
                use half::slice::HalfBitsSliceExt;
                Cow::Owned(bits.reinterpret_cast::<f16>().to_f32_vec())
            }
            _ => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
        },
        DType::Bf16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        DType::U8 => each(bytes, |b: [u8; 1]| f32::from(b[0])),
    }
}

fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Cow<'_, [f32]> {
    let element = |b: &[u8]| value(b.try_into().expect("chunks of N bytes"));
    Cow::Owned(bytes.chunks_exact(N).map(element).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_the_same_values() {
        let values = [0.0, -1.5, 2.0, 1024.0];
        let bf: Vec<u8> = values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
        let tensors = [
            Tensor::from_f32(2, 2, &values),
            Tensor::to_f16(2, 2, &values),
            Tensor::owned(DType::Bf16, 2, 2, bf),
        ];
        for t in tensors {
            assert_eq!(*t.to_f32(), values, "{}", t.dtype().name());
            assert_eq!(*t.row(1), [2.0, 1024.0]);
            assert_eq!(*t.reorder_rows(|r| 1 - r).to_f32(), [2.0, 1024.0, 0.0, -1.5]);
            assert_eq!(t.first_not_finite(), None);
        }
    }

    #[test]
    fn views_stay_within_their_bytes_and_need_no_alignment() {
        let mut bytes = vec![7u8];
        bytes.extend([1.0f32, 2.0].iter().flat_map(|v| v.to_le_bytes()));
        let bytes = Bytes::Owned(Arc::new(bytes));
        let view = Tensor::view(&bytes, 1, DType::F32, 1, 2).unwrap();
        assert_eq!(*view.to_f32(), [1.0, 2.0]);
        assert!(Tensor::view(&bytes, 2, DType::F32, 1, 2).is_none());
        assert!(Tensor::view(&bytes, 1, DType::F32, usize::MAX, 2).is_none());
        assert!(Tensor::view(&bytes, usize::MAX, DType::U8, 1, 1).is_none());
    }

    #[test]
    fn values_that_are_not_finite_are_found() {
        let mut values = vec![1.0f32; 600];
        values[451] = f32::INFINITY;
        values[599] = f32::NAN;
        assert_eq!(Tensor::from_f32(300, 2, &values).first_not_finite(), Some((225, 1)));
        assert_eq!(Tensor::to_f16(300, 2, &values).first_not_finite(), Some((225, 1)));
    }
}
