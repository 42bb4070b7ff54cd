//! The variant `aligned` in integers that the compiler vectorises; equal to the reference in every bit.

use skipopu_reference::pe::{aligned, AlignedWidths, Format};

/// A block-aligned vector, see [`aligned::Block`]; integers times `unit`.
pub struct Aligned {
    integers: Vec<i32>,
    /// Weight of the integers' last bit, a power of two; NaN when a value is Inf or NaN.
    unit: f32,
}

/// The one NaN of the array.
fn nan() -> f32 {
    f32::from_bits(Format::Fp32.nan())
}

/// 2^exponent, for exponents of FP32's normal numbers.
fn power(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}

impl Aligned {
    /// Aligns FP16 encodings to integers of `bits` magnitude bits (11 to 26).
    pub fn new(values: &[u16], bits: u32) -> Aligned {
        let mut integers = vec![0; values.len()];
        let unit = align(values, bits, &mut integers);
        Aligned { integers, unit }
    }

    /// A column's sum of both, rounded to FP32.
    pub fn dot(&self, other: &Aligned) -> f32 {
        let pairs = self.integers.iter().zip(&other.integers);
        let sum: i64 = pairs.map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
        scale(sum, self.unit * other.unit)
    }
}

/// An exact integer sum times a power of two, rounded once. The conversion rounds to nearest even; the
/// product with a power of two is exact, as FP32 neither overflows nor underflows here.
pub fn scale(sum: i64, unit: f32) -> f32 {
    if unit.is_nan() {
        nan()
    } else {
        sum as f32 * unit
    }
}

/// Writes the integers and returns their unit.
pub fn align<T: Narrow>(values: &[u16], bits: u32, out: &mut [T]) -> f32 {
    // Exponent field, at least 1; zeros do not count.
    let exponent = |v: u16| u32::from(v >> 10 & 31);
    let largest = values.iter().fold(0u32, |m, v| {
        let e = exponent(*v);
        let e = if v & 0x7FFF == 0 { 0 } else { e.max(1) };
        m.max(e)
    });
    if largest == 31 {
        return nan();
    }
    for (out, v) in out.iter_mut().zip(values) {
        let e = exponent(*v);
        let hidden = u32::from(e != 0) << 10;
        let significand = (u32::from(*v) & 0x3FF) | hidden;
        // One more bit than is kept, so that adding one rounds half away from zero.
        let shift = largest.wrapping_sub(e.max(1)).min(31);
        let magnitude = (((significand << (bits - 10)) >> shift) + 1) >> 1;
        let sign = -i32::from(*v >> 15);
        *out = T::narrow((magnitude as i32 ^ sign) - sign);
    }
    power(aligned::unit_exponent(largest as u8, bits))
}

/// Integers that alignments are kept in.
pub trait Narrow: Copy {
    /// The value, which fits.
    fn narrow(value: i32) -> Self;
}

impl Narrow for i32 {
    #[inline(always)]
    fn narrow(value: i32) -> i32 {
        value
    }
}

impl Narrow for i16 {
    #[inline(always)]
    fn narrow(value: i32) -> i16 {
        value as i16
    }
}

/// FP16xFP16 of one slice.
pub fn dot_fp16(widths: AlignedWidths, a: &[u16], b: &[u16]) -> f32 {
    Aligned::new(a, widths.a).dot(&Aligned::new(b, widths.b))
}

/// Defines the integer dot product for AVX2 and for every machine.
macro_rules! both {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*) $body:ident) => {
        $(#[$doc])*
        pub fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $ty),*) {
                    $body($($arg),*)
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the machine has the feature.
                    return unsafe { wide($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}

both!(
    /// Sums of a vector's slices with the same slices of weight rows: `sums[r][slice]`. `x` and each row
    /// of `weights` hold `slices * lanes` values.
    slice_sums(x: &[i16], weights: &[i8], lanes: usize, sums: &mut [i32]) slice_sums_body
);

#[inline(always)]
fn slice_sums_body(x: &[i16], weights: &[i8], lanes: usize, sums: &mut [i32]) {
    let slices = x.len() / lanes;
    for (row, sums) in weights.chunks_exact(x.len()).zip(sums.chunks_exact_mut(slices)) {
        for ((x, w), sum) in x.chunks_exact(lanes).zip(row.chunks_exact(lanes)).zip(sums) {
            let product = |(x, w): (&i16, &i8)| i32::from(*x) * i32::from(*w);
            *sum = x.iter().zip(w).map(product).sum();
        }
    }
}
