//! The aligner: a magnitude shifted right to the common exponent, rounded, and signed.

/// How the bits shifted out are treated. The hardware uses [`Rounding::HalfAway`]; the others exist
/// for the comparison in `docs/pe-exploration.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To nearest, ties away from zero: the first bit shifted out is added to the magnitude.
    HalfAway,
    /// To nearest, ties to even.
    HalfEven,
    /// To nearest, ties towards plus infinity: what adding the first bit shifted out of a two's
    /// complement number does.
    HalfUp,
    /// Towards zero: the magnitude is cut.
    Truncate,
    /// Towards minus infinity: a two's complement number is cut.
    Floor,
}

/// `(-1)^negative * magnitude / 2^shift`, rounded to an integer.
///
/// `magnitude` is below 2^62; any `shift` from 0 is legal and a large one gives 0 (-1 under
/// [`Rounding::Floor`] for negative numbers).
#[inline]
pub fn align(negative: bool, magnitude: u64, shift: u32, rounding: Rounding) -> i64 {
    let (ones, carry) = align_ones(negative, magnitude, shift, rounding);
    ones + i64::from(carry)
}

/// The aligner's output as the hardware holds it: a one's complement integer and a carry of weight
/// one that some adder of the tree takes in.
///
/// With `t` the cut magnitude, `r` the first bit shifted out and `s` the sign: `(t ^ s, r ^ s)`. The
/// sum is `t + r` for a positive and `-(t + r) = ~t + ~r` for a negative number, so neither the
/// negation nor the rounding takes an adder.
#[inline]
pub fn align_ones(negative: bool, magnitude: u64, shift: u32, rounding: Rounding) -> (i64, bool) {
    // Bits beyond the 63rd place are worth nothing more than being there.
    let shift = shift.min(63);
    let cut = (magnitude >> shift) as i64;
    let rest = magnitude & ((1 << shift) - 1);
    let first = shift > 0 && magnitude >> (shift - 1) & 1 == 1;
    let tie = first && rest == 1 << (shift - 1);
    let up = match rounding {
        Rounding::HalfAway => first,
        Rounding::HalfEven => first && (!tie || cut & 1 == 1),
        Rounding::HalfUp => first && !(tie && negative),
        Rounding::Truncate => false,
        Rounding::Floor => negative && rest != 0,
    };
    (if negative { !cut } else { cut }, up != negative)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Rounding::*;

    #[test]
    fn each_rounding_against_its_definition() {
        let mut compared = 0;
        for magnitude in 0..300u64 {
            for shift in 0..12u32 {
                for negative in [false, true] {
                    let exact = magnitude as f64 / f64::from(shift).exp2()
                        * if negative { -1.0 } else { 1.0 };
                    let got = |rounding| align(negative, magnitude, shift, rounding) as f64;
                    assert_eq!(got(HalfAway), exact.round());
                    assert_eq!(got(HalfEven), exact.round_ties_even());
                    assert_eq!(got(HalfUp), (exact + 0.5).floor());
                    assert_eq!(got(Truncate), exact.trunc());
                    assert_eq!(got(Floor), exact.floor());
                    compared += 5;
                }
            }
        }
        assert_eq!(compared, 300 * 12 * 2 * 5);
    }

    #[test]
    fn shifts_past_the_top_bit_vanish() {
        for shift in [22, 23, 63, 64, 1000] {
            let expected = i64::from(shift == 22);
            assert_eq!(align(false, 0x3F_FFFF, shift, HalfAway), expected);
            assert_eq!(align(true, 0x3F_FFFF, shift, HalfAway), -expected);
            assert_eq!(align(true, 0x3F_FFFF, shift, Floor), -1);
        }
    }
}
