//! [`Values`]: what memories hold before a program runs.

use rand::rngs::SmallRng;
use rand::Rng;

/// Which FP16 values a text's data have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Around 1: nothing overflows.
    Tame,
    /// Any finite value, zeros and subnormals among them.
    Finite,
    /// Any bits: infinities and NaN as well.
    Any,
}

impl Values {
    /// Mostly tame ones: extremes turn everything that they meet into infinities and NaN.
    pub fn draw(rng: &mut SmallRng) -> Values {
        match rng.random_range(0..10) {
            0 => Values::Any,
            1 | 2 => Values::Finite,
            _ => Values::Tame,
        }
    }

    /// One value.
    pub fn value(self, rng: &mut SmallRng) -> u16 {
        let bits: u16 = rng.random();
        let fraction_and_sign = bits & 0x83FF;
        match self {
            Values::Any => bits,
            Values::Finite if bits & 0x7C00 == 0x7C00 => fraction_and_sign,
            Values::Finite => bits,
            Values::Tame => match rng.random_range(0..24) {
                0 => bits & 0x8000,
                1 => fraction_and_sign,
                _ => fraction_and_sign | rng.random_range(8..17) << 10,
            },
        }
    }

    /// Fills bytes with values.
    pub fn fill(self, rng: &mut SmallRng, bytes: &mut [u8]) {
        for pair in bytes.chunks_exact_mut(2) {
            pair.copy_from_slice(&self.value(rng).to_le_bytes());
        }
    }
}
