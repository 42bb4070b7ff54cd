//! The overpacked multiplier: two exact 11 x 11-bit products from one DSP48E2.
//!
//! `P = (D - A) * B + C` with `D = u0[10:1]`, `A = u1[9:0] << 16`, `B = v`. The two products overlap
//! in five bits of P; the C port subtracts the overlap, adds what the operands' missing bits are worth
//! and inverts the upper product, all in the one addition. Only a 5 x 5-bit product stays in LUTs.

/// Least significant five bits of `u1 * v`: the only product outside the DSP.
#[inline]
pub const fn low5(u1: u32, v: u32) -> u32 {
    ((u1 & 31) * (v & 31)) & 31
}

/// The 48-bit C port: `{~{11'b0, v & {11{u1[10]}}}, 5'b11111, low5, 6'b0, v[10:1] & {10{u0[0]}}}`.
#[inline]
pub const fn correction(u0: u32, u1: u32, v: u32) -> u64 {
    let top = !((v * (u1 >> 10)) as u64) & 0x3F_FFFF;
    let bottom = (v >> 1) * (u0 & 1);
    top << 26 | 31 << 21 | (low5(u1, v) as u64) << 16 | bottom as u64
}

/// The DSP's P output, modulo 2^48.
#[inline]
pub const fn dsp(u0: u32, u1: u32, v: u32) -> u64 {
    let pre_adder = (u0 >> 1) as i64 - (((u1 & 0x3FF) as i64) << 16);
    ((pre_adder * v as i64) as u64).wrapping_add(correction(u0, u1, v)) & 0xFFFF_FFFF_FFFF
}

/// `(u0 * v, u1 * v)` for 11-bit `u0`, `u1` and `v`, zeros included, as wired from P:
/// `{P[20:0], u0[0] & v[0]}` and `{~P[37:21], low5}`.
#[inline]
pub const fn multiply(u0: u32, u1: u32, v: u32) -> (u32, u32) {
    let p = dsp(u0, u1, v);
    let first = ((p & 0x1F_FFFF) as u32) << 1 | u0 & v & 1;
    let second = (!(p >> 21) & 0x1_FFFF) as u32;
    (first, second << 5 | low5(u1, v))
}

/// Number of `(u0, u1, v)` triples for which `multiplier` is wrong, over all `u1` and `v` for one
/// `u0`.
///
/// The whole proof is the sum over `u0` in `0..2048` for [`multiply`]: 2^33 triples, no symmetry
/// assumed.
pub fn mismatches_for(u0: u32, multiplier: impl Fn(u32, u32, u32) -> (u32, u32)) -> u64 {
    let mut wrong = 0;
    for u1 in 0..2048 {
        let row: u32 =
            (0..2048).map(|v| u32::from(multiplier(u0, u1, v) != (u0 * v, u1 * v))).sum();
        wrong += u64::from(row);
    }
    wrong
}

/// Plain packing of two INT4 weights beside one significand: `P = (w1 * 2^15 + w0) * v`.
///
/// Returns `(w0 * v, w1 * v)`, two's complement products of 15 bits, for `v` of 11 bits: the low
/// field is read signed, and the borrow it took from the high field is given back, `P[29:15] + P[14]`.
#[inline]
pub const fn multiply_int4(w0: i8, w1: i8, v: u32) -> (i32, i32) {
    let p = (((w1 as i64) << 15) + w0 as i64) * v as i64;
    let low = ((p << 49) >> 49) as i32;
    let high = (p >> 15) as i32 + (p >> 14 & 1) as i32;
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_widths_hold() {
        for u1 in 0..2048u32 {
            for u0 in [0, 1, 2, 1023, 1024, 2046, 2047] {
                let pre_adder = (u0 >> 1) as i64 - (((u1 & 0x3FF) as i64) << 16);
                assert!((-(1 << 26)..1 << 26).contains(&pre_adder), "27-bit pre-adder");
            }
        }
    }

    #[test]
    fn exact_on_edges_and_on_a_slice() {
        assert_eq!(
            (multiply(0, 0, 0), multiply(2047, 2047, 2047)),
            ((0, 0), (4_190_209, 4_190_209))
        );
        assert_eq!((multiply(0, 2047, 1), multiply(2047, 0, 1)), ((0, 2047), (2047, 0)));
        // All 2^33 triples are tried by `make prove`.
        for u0 in [0, 1, 1023, 1024, 1365, 2047] {
            assert_eq!(mismatches_for(u0, multiply), 0, "u0 = {u0}");
        }
    }

    #[test]
    fn a_wrong_correction_is_counted() {
        // Without the 5 x 5-bit product the upper product is wrong whenever that product is not zero.
        let broken = |u0, u1, v| {
            let (first, second) = multiply(u0, u1, v);
            (first, second & !31)
        };
        let nonzero =
            (0..32).flat_map(|u| (0..32).map(move |v| low5(u, v))).filter(|low| *low != 0).count()
                as u64;
        assert_eq!(mismatches_for(1365, broken), nonzero * 64 * 64);
    }

    #[test]
    fn int4_packing_is_exact_for_all_inputs() {
        let mut compared = 0;
        for v in 0..2048u32 {
            for w0 in -8..=7i8 {
                for w1 in -8..=7i8 {
                    let exact = (i32::from(w0) * v as i32, i32::from(w1) * v as i32);
                    assert_eq!(multiply_int4(w0, w1, v), exact, "{w0} {w1} {v}");
                    // The route the array takes: magnitudes through the FP16 multiplier.
                    let (u0, u1) =
                        (u32::from(w0.unsigned_abs()) << 7, u32::from(w1.unsigned_abs()) << 7);
                    let (p0, p1) = multiply(u0, u1, v);
                    assert_eq!(
                        (p0 >> 7, p1 >> 7),
                        (exact.0.unsigned_abs(), exact.1.unsigned_abs())
                    );
                    assert_eq!((p0 & 127, p1 & 127), (0, 0));
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, 2048 * 256);
    }
}
