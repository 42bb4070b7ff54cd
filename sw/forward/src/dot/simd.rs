//! Eight f32 at a time.

/// Values of a vector.
pub const WIDTH: usize = 8;

/// A vector of [`WIDTH`] values.
pub trait Vector: Copy {
    /// All zero.
    fn zero() -> Self;
    /// The first [`WIDTH`] values.
    fn load(values: &[f32]) -> Self;
    /// `self * by + to`, value by value.
    fn mul_add(self, by: Self, to: Self) -> Self;
    /// Sum, value by value.
    fn add(self, other: Self) -> Self;
    /// Sum of the values: halves added to each other until one is left.
    fn sum(self) -> f32;
}

/// What every machine has; products are rounded before they are added.
#[derive(Clone, Copy)]
pub struct Plain([f32; WIDTH]);

impl Vector for Plain {
    #[inline(always)]
    fn zero() -> Plain {
        Plain([0.0; WIDTH])
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Plain {
        Plain(values[..WIDTH].try_into().expect("as many values as lanes"))
    }

    #[inline(always)]
    fn mul_add(self, by: Plain, to: Plain) -> Plain {
        Plain(std::array::from_fn(|i| self.0[i] * by.0[i] + to.0[i]))
    }

    #[inline(always)]
    fn add(self, other: Plain) -> Plain {
        Plain(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        let s = self.0;
        let four = [s[0] + s[4], s[1] + s[5], s[2] + s[6], s[3] + s[7]];
        (four[0] + four[2]) + (four[1] + four[3])
    }
}

/// AVX2 with fused multiply-add. Only functions that have checked for both may use it.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Avx2(std::arch::x86_64::__m256);

#[cfg(target_arch = "x86_64")]
impl Vector for Avx2 {
    #[inline(always)]
    fn zero() -> Avx2 {
        // SAFETY: see the type.
        Avx2(unsafe { std::arch::x86_64::_mm256_setzero_ps() })
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Avx2 {
        let values = &values[..WIDTH];
        // SAFETY: see the type; the slice holds as many values as are read.
        Avx2(unsafe { std::arch::x86_64::_mm256_loadu_ps(values.as_ptr()) })
    }

    #[inline(always)]
    fn mul_add(self, by: Avx2, to: Avx2) -> Avx2 {
        // SAFETY: see the type.
        Avx2(unsafe { std::arch::x86_64::_mm256_fmadd_ps(self.0, by.0, to.0) })
    }

    #[inline(always)]
    fn add(self, other: Avx2) -> Avx2 {
        // SAFETY: see the type.
        Avx2(unsafe { std::arch::x86_64::_mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        let mut values = [0.0; WIDTH];
        // SAFETY: see the type; the array takes as many values as are written.
        unsafe { std::arch::x86_64::_mm256_storeu_ps(values.as_mut_ptr(), self.0) };
        Plain(values).sum()
    }
}
