//! What kind of model: sizes, RoPE, the norm's epsilon.

use crate::Rope;
use serde::{Deserialize, Serialize};

/// Sizes and constants of a Llama-architecture model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Values of the residual stream, D.
    pub dim: usize,
    /// Values between the feed-forward projections.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads` (grouped-query attention when fewer).
    pub kv_heads: usize,
    /// Values of one head; even, for RoPE.
    pub head_dim: usize,
    /// Tokens of the vocabulary.
    pub vocab: usize,
    /// Most tokens of a text.
    pub context: usize,
    /// Added to the mean square in RMSNorm.
    pub norm_eps: f32,
    /// Rotary position embedding.
    pub rope: Rope,
}

impl Spec {
    /// Values of all query heads.
    pub fn query_dim(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Values of one token's keys (or values) in one layer.
    pub fn kv_dim(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Query heads that share a key and value head.
    pub fn heads_per_kv(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Weights of all matrices, the embedding once, a classifier of its own not counted.
    pub fn parameters(&self) -> u64 {
        let (d, q, kv) = (self.dim as u64, self.query_dim() as u64, self.kv_dim() as u64);
        let attention = 2 * d * q + 2 * d * kv;
        let layer = attention + 3 * d * self.hidden as u64 + 2 * d;
        self.layers as u64 * layer + self.vocab as u64 * d + d
    }

    /// What is wrong with the sizes, if anything. Legal sizes cannot overflow any product of them
    /// that a loader forms.
    pub(crate) fn problem(&self) -> Option<String> {
        let ranges = [
            ("embedding size", self.dim, 1 << 16),
            ("feed-forward size", self.hidden, 1 << 18),
            ("number of layers", self.layers, 1 << 10),
            ("number of heads", self.heads, 1 << 10),
            ("number of key-value heads", self.kv_heads, 1 << 10),
            ("head size", self.head_dim, 1 << 10),
            ("vocabulary size", self.vocab, 1 << 22),
            ("context length", self.context, 1 << 24),
        ];
        if let Some((name, value, high)) = ranges.iter().find(|(_, v, h)| *v == 0 || v > h) {
            return Some(format!("states a {name} of {value}: use 1 to {high}"));
        }
        if self.heads % self.kv_heads != 0 {
            let (heads, kv) = (self.heads, self.kv_heads);
            return Some(format!(
                "states {heads} heads and {kv} key-value heads, which must divide"
            ));
        }
        if self.head_dim % 2 != 0 {
            return Some(format!("states a head size of {}: RoPE needs pairs", self.head_dim));
        }
        if !(self.norm_eps > 0.0 && self.norm_eps < 1.0) {
            return Some(format!("states a norm epsilon of {}: use 0 to 1", self.norm_eps));
        }
        self.rope.problem().map(|p| format!("states {p}"))
    }
}
