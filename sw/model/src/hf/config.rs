//! `config.json` of a Llama model.

use crate::{Rope, Scaling, Spec};
use serde::Deserialize;

/// The fields that matter here; all others are ignored.
#[derive(Deserialize)]
pub struct Config {
    model_type: String,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    rope_scaling: Option<RopeParameters>,
    rope_parameters: Option<RopeParameters>,
    tie_word_embeddings: Option<bool>,
    hidden_act: Option<String>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    bos_token_id: Option<u32>,
    eos_token_id: Option<OneOrMany>,
}

/// `rope_scaling`, or the newer `rope_parameters` that holds the base as well.
#[derive(Clone, Deserialize)]
struct RopeParameters {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(u32),
    Many(Vec<u32>),
}

impl Config {
    /// The sizes, or what is wrong.
    pub fn spec(&self) -> Result<Spec, String> {
        if self.model_type != "llama" {
            return Err(format!(
                "describes a `{}` model: only `llama` is supported",
                self.model_type
            ));
        }
        if let Some(act) = self.hidden_act.as_deref().filter(|a| *a != "silu") {
            return Err(format!("states the activation `{act}`: only `silu` is supported"));
        }
        if self.attention_bias == Some(true) || self.mlp_bias == Some(true) {
            return Err("states biases in its projections, which are not supported".into());
        }
        let (heads, dim) = (self.num_attention_heads, self.hidden_size);
        let head_dim = match self.head_dim {
            Some(size) => size,
            None if heads > 0 && dim % heads == 0 => dim / heads,
            None => return Err(format!("states {heads} heads, which do not divide {dim}")),
        };
        let spec = Spec {
            dim,
            hidden: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads,
            kv_heads: self.num_key_value_heads.unwrap_or(heads),
            head_dim,
            vocab: self.vocab_size,
            context: self.max_position_embeddings,
            norm_eps: self.rms_norm_eps as f32,
            rope: self.rope()?,
        };
        spec.problem().map_or(Ok(spec), Err)
    }

    fn rope(&self) -> Result<Rope, String> {
        let parameters = self.rope_parameters.as_ref().or(self.rope_scaling.as_ref());
        let own = parameters.and_then(|p| p.rope_theta);
        let base = own.or(self.rope_theta).unwrap_or(10_000.0);
        Ok(Rope { base, scaling: parameters.map_or(Ok(Scaling::None), RopeParameters::scaling)? })
    }

    /// Does the embedding serve as the classifier?
    pub fn tied(&self) -> bool {
        self.tie_word_embeddings.unwrap_or(false)
    }

    /// The token that begins a text.
    pub fn bos(&self) -> Option<u32> {
        self.bos_token_id
    }

    /// The tokens that end one.
    pub fn eos(&self) -> Vec<u32> {
        match self.eos_token_id.clone() {
            None => Vec::new(),
            Some(OneOrMany::One(id)) => vec![id],
            Some(OneOrMany::Many(ids)) => ids,
        }
    }
}

impl RopeParameters {
    fn scaling(&self) -> Result<Scaling, String> {
        let kind = self.rope_type.as_deref().unwrap_or("default");
        let need = |field: Option<f64>, name: &str| {
            field.ok_or_else(|| format!("states `{kind}` RoPE scaling without `{name}`"))
        };
        Ok(match kind {
            "default" => Scaling::None,
            "linear" => Scaling::Linear { factor: need(self.factor, "factor")? },
            "llama3" => Scaling::Llama3 {
                factor: need(self.factor, "factor")?,
                low: need(self.low_freq_factor, "low_freq_factor")?,
                high: need(self.high_freq_factor, "high_freq_factor")?,
                original: need(
                    self.original_max_position_embeddings,
                    "original_max_position_embeddings",
                )?,
            },
            other => {
                return Err(format!(
                    "states `{other}` RoPE scaling: default, linear and llama3 are supported"
                ))
            }
        })
    }
}
