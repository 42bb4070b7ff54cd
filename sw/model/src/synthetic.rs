//! Small random models, for tests that must not need a real one.

use crate::{Layer, Matrix, Model, Placement, Projection, Rope, Routers, Scaling, Spec, Tensor};

/// Sizes of a model that runs in microseconds: grouped-query attention, ragged last groups.
pub fn spec() -> Spec {
    Spec {
        dim: 72,
        hidden: 160,
        layers: 3,
        heads: 6,
        kv_heads: 3,
        head_dim: 12,
        vocab: 300,
        context: 96,
        norm_eps: 1e-5,
        rope: Rope { base: 10_000.0, scaling: Scaling::None },
    }
}

/// A dense model with weights drawn from `seed`, the same on every machine.
pub fn model(spec: Spec, seed: u64, tied: bool) -> Model {
    let mut random = Random(seed);
    let vector = |r: &mut Random| (0..spec.dim).map(|_| 1.0 + 0.1 * r.normal()).collect();
    let layer = |r: &mut Random| Layer {
        attention_norm: vector(r),
        ffn_norm: vector(r),
        projections: Projection::ALL.map(|p| Matrix::Dense(r.tensor(p.shape(&spec)))),
    };
    let table = (spec.vocab, spec.dim);
    Model {
        spec,
        embedding: random.tensor(table),
        layers: (0..spec.layers).map(|_| layer(&mut random)).collect(),
        final_norm: vector(&mut random),
        classifier: (!tied).then(|| Matrix::Dense(random.tensor(table))),
        routers: None,
    }
}

/// Routers drawn from `seed` for a model of these sizes.
pub fn routers(spec: &Spec, seed: u64, placement: Placement) -> Routers {
    let mut random = Random(seed);
    let mut each = || (0..spec.layers).map(|_| random.tensor((2, spec.dim))).collect();
    Routers { placement, attention: each(), ffn: each() }
}

/// A splitmix64 sequence.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ z >> 31) >> 40) as f32 / (1 << 24) as f32
    }

    /// Near enough to N(0, 1): the sum of twelve uniform numbers.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.next()).sum::<f32>() - 6.0
    }

    /// Values of variance 1 / columns, so that products keep their size.
    fn tensor(&mut self, (rows, cols): (usize, usize)) -> Tensor {
        let scale = (cols as f32).sqrt().recip();
        let values: Vec<f32> = (0..rows * cols).map(|_| scale * self.normal()).collect();
        Tensor::from_f32(rows, cols, &values)
    }
}
