//! RoPE: adjacent pairs turned by their angle.

use super::float::{add, multiply, narrow, widen, E8M23, SIGN};

/// Factors of one pair: cosine and sine, FP16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Cosine.
    pub cos: u16,
    /// Sine.
    pub sin: u16,
}

impl Turn {
    /// Of an angle, to nearest.
    pub fn of(angle: f64) -> Turn {
        let encode = |x: f64| narrow((x as f32).to_bits());
        Turn { cos: encode(angle.cos()), sin: encode(angle.sin()) }
    }
}

/// `(a cos - b sin, b cos + a sin)`: products rounded to FP32, their sum rounded once to FP16.
pub fn turn(a: u32, b: u32, turn: Turn) -> (u16, u16) {
    let (cos, sin) = (widen(turn.cos), widen(turn.sin));
    let product = |x: u32, y: u32| multiply(x, y, E8M23);
    let even = add(product(b, sin ^ SIGN), product(a, cos), true);
    let odd = add(product(a, sin), product(b, cos), true);
    (narrow(even), narrow(odd))
}

/// A head of FP32 values, a turn a pair.
pub fn rope_row(head: &[u32], turns: &[Turn]) -> Vec<u16> {
    let pairs = head.chunks_exact(2).zip(turns);
    pairs.flat_map(|(p, t)| <[u16; 2]>::from(turn(p[0], p[1], *t))).collect()
}
