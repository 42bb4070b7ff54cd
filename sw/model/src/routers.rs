//! Routers: the products whose results decide whether a sub-module runs for a token.

use crate::Tensor;
use serde::{Deserialize, Serialize};

/// What the feed-forward router of a layer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// The residual stream before the layer's attention: both decisions are known early.
    PreAttention,
    /// The residual stream before the feed-forward part itself.
    OwnInput,
}

impl Placement {
    /// As in the container and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Placement::PreAttention => "pre-attention",
            Placement::OwnInput => "own-input",
        }
    }
}

/// The routers of a model: 2 x D for each sub-module. Row 0 is the logit of skipping, row 1 of
/// running; a tie skips.
#[derive(Clone, Debug)]
pub struct Routers {
    /// What the feed-forward routers read.
    pub placement: Placement,
    /// Attention's, by layer.
    pub attention: Vec<Tensor>,
    /// The feed-forward parts', by layer.
    pub ffn: Vec<Tensor>,
}

impl Routers {
    /// All tensors with their names in the container.
    pub fn named(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let name = |kind| move |(i, t)| (format!("layers.{i}.{kind}_router"), t);
        let attention = self.attention.iter().enumerate().map(name("attention"));
        attention.chain(self.ffn.iter().enumerate().map(name("ffn")))
    }
}
