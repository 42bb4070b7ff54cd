//! The functions that are not products, in f32.

/// Each value times its gain, over the root of the mean square.
pub fn rms_norm(x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
    let mean = x.iter().map(|v| v * v).sum::<f32>() / x.len() as f32;
    let scale = (mean + eps).sqrt().recip();
    for ((o, v), g) in out.iter_mut().zip(x).zip(gain) {
        *o = v * scale * g;
    }
}

/// Scores, times `scale`, to probabilities.
pub fn softmax(scores: &mut [f32], scale: f32) {
    let largest = scores.iter().fold(f32::NEG_INFINITY, |m, s| m.max(*s));
    let mut sum = 0.0;
    for s in scores.iter_mut() {
        *s = ((*s - largest) * scale).exp();
        sum += *s;
    }
    let norm = sum.recip();
    scores.iter_mut().for_each(|s| *s *= norm);
}

/// `gate * sigmoid(gate) * up`, in place of `gate`.
pub fn swiglu(gate: &mut [f32], up: &[f32]) {
    for (g, u) in gate.iter_mut().zip(up) {
        *g = *g / (1.0 + (-*g).exp()) * u;
    }
}

/// Cosines and sines of a position, pair by pair.
pub struct Rotation {
    turns: Vec<(f32, f32)>,
}

impl Rotation {
    /// For one position.
    pub fn new(frequencies: &[f64], position: usize) -> Rotation {
        let turn = |f: &f64| {
            let (sin, cos) = (f * position as f64).sin_cos();
            (cos as f32, sin as f32)
        };
        Rotation { turns: frequencies.iter().map(turn).collect() }
    }

    /// Turns every pair of every head.
    pub fn apply(&self, heads: &mut [f32]) {
        for head in heads.chunks_exact_mut(2 * self.turns.len()) {
            for (pair, (cos, sin)) in head.chunks_exact_mut(2).zip(&self.turns) {
                let (a, b) = (pair[0], pair[1]);
                pair[0] = a * cos - b * sin;
                pair[1] = a * sin + b * cos;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norm_softmax_and_swiglu_follow_their_definitions() {
        let mut out = [0.0; 2];
        rms_norm(&[3.0, -4.0], &[1.0, 2.0], 0.0, &mut out);
        let root = 12.5f32.sqrt();
        assert!((out[0] - 3.0 / root).abs() < 1e-6 && (out[1] + 8.0 / root).abs() < 1e-6);
        let mut p = [0.0, 2f32.ln(), f32::NEG_INFINITY];
        softmax(&mut p, 1.0);
        assert!((p[0] - 1.0 / 3.0).abs() < 1e-6 && (p[1] - 2.0 / 3.0).abs() < 1e-6 && p[2] == 0.0);
        let mut g = [0.0, 1.0];
        swiglu(&mut g, &[5.0, 2.0]);
        assert!(g[0] == 0.0 && (g[1] - 2.0 / (1.0 + (-1f32).exp())).abs() < 1e-6);
    }

    #[test]
    fn rotations_keep_lengths_and_depend_on_distance_alone() {
        let frequencies = [1.0, 0.01];
        let rotated = |position: usize, values: [f32; 4]| {
            let mut v = values;
            Rotation::new(&frequencies, position).apply(&mut v);
            v
        };
        let (q, k) = ([1.0, 2.0, -3.0, 0.5], [0.25, -1.0, 2.0, 1.5]);
        assert_eq!(rotated(0, q), q);
        let dot = |a: [f32; 4], b: [f32; 4]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let near = dot(rotated(7, q), rotated(4, k));
        let far = dot(rotated(107, q), rotated(104, k));
        assert!((near - far).abs() < 1e-4, "{near} {far}");
        assert!((dot(rotated(9, q), rotated(9, q)) - dot(q, q)).abs() < 1e-5);
    }
}
