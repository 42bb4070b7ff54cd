//! A model's weights as tensors that are not trained.

use crate::ops::{values, Frozen, Rope};
use candle_core::{Device, Result, Tensor};
use skipopu_model::{Model, Projection, Spec};

/// The weights of one layer.
pub struct LayerWeights {
    /// In the order of [`Projection::ALL`].
    pub projections: Vec<Frozen>,
    /// Gain of the norm before attention.
    pub attention_norm: Tensor,
    /// Gain of the norm before the feed-forward part.
    pub ffn_norm: Tensor,
}

/// The weights of a model.
pub struct Weights {
    /// Sizes.
    pub spec: Spec,
    /// One row a token.
    pub embedding: Vec<f32>,
    /// The layers.
    pub layers: Vec<LayerWeights>,
    /// Gain of the last norm.
    pub final_norm: Tensor,
    /// All rows of the classifier.
    pub classifier: Frozen,
    /// Angles for the whole context.
    pub rope: Rope,
}

impl Weights {
    /// Of a model, its quantised weights read back as f32.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn new(model: &Model) -> Result<Weights> {
        let spec = model.spec;
        let vector = |v: &[f32]| Tensor::new(v, &Device::Cpu);
        let layer = |layer: &skipopu_model::Layer| {
            let frozen = |p: Projection| {
                let shape = p.shape(&spec);
                Ok(Frozen::new(Tensor::from_vec(layer.get(p).to_f32(), shape, &Device::Cpu)?))
            };
            Ok(LayerWeights {
                projections: Projection::ALL.into_iter().map(frozen).collect::<Result<_>>()?,
                attention_norm: vector(&layer.attention_norm)?,
                ffn_norm: vector(&layer.ffn_norm)?,
            })
        };
        let table = (spec.vocab, spec.dim);
        Ok(Weights {
            spec,
            embedding: model.embedding.to_f32().into_owned(),
            layers: model.layers.iter().map(layer).collect::<Result<_>>()?,
            final_norm: vector(&model.final_norm)?,
            classifier: Frozen::new(Tensor::from_vec(
                model.classifier().to_f32(),
                table,
                &Device::Cpu,
            )?),
            rope: Rope::new(&spec.rope.frequencies(spec.head_dim), spec.context),
        })
    }

    /// The residual stream before the first layer, one row a token.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn embed(&self, tokens: &[u32]) -> Result<Tensor> {
        let dim = self.spec.dim;
        let row = |t: &u32| &self.embedding[*t as usize * dim..(*t as usize + 1) * dim];
        let rows: Vec<f32> = tokens.iter().flat_map(row).copied().collect();
        Tensor::from_vec(rows, (tokens.len(), dim), &Device::Cpu)
    }

    /// Some rows of the classifier.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn classifier_of(&self, words: &[u32]) -> Result<Frozen> {
        let (all, dim) = (values(self.classifier.weights())?, self.spec.dim);
        let row = |t: &u32| &all[*t as usize * dim..(*t as usize + 1) * dim];
        let rows: Vec<f32> = words.iter().flat_map(row).copied().collect();
        Ok(Frozen::new(Tensor::from_vec(rows, (words.len(), dim), &Device::Cpu)?))
    }
}
