//! How far FP16 results are from exact values.

use crate::pe::round::Format;

/// A function of one FP16 value and the exact function.
#[derive(Clone, Copy)]
pub struct Unary {
    /// Short name.
    pub name: &'static str,
    /// The reference.
    pub function: fn(u16) -> u16,
    /// The exact function.
    pub exact: fn(f64) -> f64,
}

/// The engine's functions of one FP16 value.
pub const UNARIES: [Unary; 4] = [
    Unary { name: "exp", function: super::exp16, exact: f64::exp },
    Unary { name: "reciprocal", function: super::reciprocal16, exact: |x| 1.0 / x },
    Unary { name: "rsqrt", function: super::rsqrt16, exact: exact_rsqrt },
    Unary { name: "silu", function: super::silu16, exact: exact_silu },
];

/// 1 / sqrt(x), of -0 minus infinity.
fn exact_rsqrt(x: f64) -> f64 {
    match x {
        0.0 => 1.0 / x,
        _ => 1.0 / x.sqrt(),
    }
}

/// x / (1 + e^-x), with its limit at minus infinity.
fn exact_silu(x: f64) -> f64 {
    if x == f64::NEG_INFINITY {
        return -0.0;
    }
    x / (1.0 + (-x).exp())
}

/// Distance of a finite encoding from the exact value, in units in the last place of FP16 at the exact
/// value; above the largest number the unit is that of the largest number, and Inf counts as 65536.
///
/// `None` where one is NaN, or infinite, and the other is not, or their infinities differ.
pub fn distance(got: u16, exact: f64) -> Option<f64> {
    let value = Format::Fp16.decode(u32::from(got));
    if value.is_nan() || exact.is_nan() {
        return (value.is_nan() && exact.is_nan()).then_some(0.0);
    }
    if exact.is_infinite() {
        return (value == exact).then_some(0.0);
    }
    if value.is_infinite() {
        // An overflow: right where the exact value rounds to Inf.
        let right = exact.abs() >= 65520.0 && (exact > 0.0) == (value > 0.0);
        return right.then_some(0.0);
    }
    let exponent = exact.abs().log2().floor().clamp(-14.0, 15.0);
    Some((value - exact).abs() / (exponent - 10.0).exp2())
}

/// The greatest distance over all 65,536 operands and an operand where it is reached.
///
/// # Errors
/// An operand for which result and exact value are not both NaN, Inf of one sign, or finite.
pub fn worst(unary: &Unary) -> Result<(f64, u16), u16> {
    let mut worst = (0.0, 0);
    for x in 0..=u16::MAX {
        let exact = (unary.exact)(Format::Fp16.decode(u32::from(x)));
        let distance = distance((unary.function)(x), exact).ok_or(x)?;
        if distance > worst.0 {
            worst = (distance, x);
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_within_one_unit() {
        for unary in &UNARIES {
            let (distance, x) = worst(unary).unwrap_or_else(|x| {
                panic!("{} of {x:#06x} is {:#06x}", unary.name, (unary.function)(x))
            });
            println!("{}: {distance:.4} units at {x:#06x}", unary.name);
            assert!(distance <= 1.0, "{}: {distance} at {x:#06x}", unary.name);
        }
    }

    #[test]
    fn specials() {
        let (inf, nan, minus) = (0x7C00, 0x7E00, 0x8000);
        let table: [(&str, [u16; 6]); 4] = [
            // Of +0, -0, +Inf, -Inf, NaN, 1.
            ("exp", [0x3C00, 0x3C00, inf, 0, nan, 0x4170]),
            ("reciprocal", [inf, minus | inf, 0, minus, nan, 0x3C00]),
            ("rsqrt", [inf, minus | inf, 0, nan, nan, 0x3C00]),
            ("silu", [0, minus, inf, minus, nan, 0x39D9]),
        ];
        for ((name, results), unary) in table.into_iter().zip(UNARIES) {
            assert_eq!(name, unary.name);
            let operands = [0, minus, inf, minus | inf, 0xFE01, 0x3C00];
            for (x, result) in operands.into_iter().zip(results) {
                assert_eq!((unary.function)(x), result, "{name} of {x:#06x}");
            }
        }
        assert_eq!(super::super::rsqrt16(0xBC00), nan);
        // Powers of two are exact.
        for field in 1..=29u16 {
            assert_eq!(super::super::reciprocal16(field << 10), (30 - field) << 10);
        }
        assert_eq!(super::super::rsqrt16(0x4400), 0x3800);
    }

    #[test]
    fn distances() {
        assert_eq!(distance(0x3C01, 1.0), Some(1.0));
        assert_eq!(distance(0x0001, 0.0), Some(1.0));
        assert_eq!(distance(0x7C00, 65519.0), None);
        assert_eq!(distance(0x7C00, 1e9), Some(0.0));
        assert_eq!(distance(0x7BFF, 65536.0), Some(1.0));
        assert_eq!(distance(0xFC00, f64::INFINITY), None);
        assert_eq!(distance(0x7E00, 1.0), None);
    }
}
