//! Scaling and addition: dequantisation, sums over scale groups, residual.

use super::float::{add, multiply, narrow, widen, E8M23, ONE, SIGN};

/// `x * factor + addend`, all FP32 encodings, the factor at most 17 significant bits: the product is
/// rounded to FP32, then the sum.
pub fn linear(x: u32, factor: u32, addend: u32) -> u32 {
    add(multiply(x, factor, E8M23), addend, false)
}

/// The same with an FP16 result: the sum of the FP32 product and the addend is rounded once.
pub fn linear16(x: u32, factor: u32, addend: u32) -> u16 {
    narrow(add(multiply(x, factor, E8M23), addend, true))
}

/// Dequantisation: an FP32 sum times its FP16 scale.
pub fn scale(sum: u32, scale: u16) -> u32 {
    linear(sum, widen(scale), SIGN)
}

/// Residual: FP32 result plus FP16 stream, rounded once.
pub fn residual(result: u32, stream: u16) -> u16 {
    linear16(result, ONE, widen(stream))
}
