//! SwiGLU: `silu(gate) * up`.

use super::exp::exp2;
use super::fixed::{log_product, LOG2_E};
use super::float::{multiply, narrow, E8M23, SIGN};
use super::silu::sigmoid;

/// Bits of an FP32 encoding below its E8M16 part.
const CUT: u32 = (1 << 7) - 1;

/// `up * gate * sigmoid(gate)` in FP16, from FP32. `up` meets the gate cut to E8M16 and then its
/// sigmoid; both products are rounded to FP32. An infinite gate gives NaN where IEEE's
/// product of infinity and zero would.
pub fn swiglu(gate: u32, up: u32) -> u16 {
    let exponential = exp2(log_product(gate | SIGN, LOG2_E));
    let sigmoid = sigmoid(exponential, gate & SIGN != 0);
    narrow(multiply(multiply(up, gate & !CUT, E8M23), sigmoid, E8M23))
}

/// A row of interleaved pairs, gate first.
pub fn swiglu_row(pairs: &[u32]) -> Vec<u16> {
    pairs.chunks_exact(2).map(|p| swiglu(p[0], p[1])).collect()
}
