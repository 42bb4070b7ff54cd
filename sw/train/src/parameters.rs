//! What is trained.

use crate::TrainError;
use candle_core::{Device, Tensor, Var};
use skipopu_model::{Model, Projection};
use std::collections::BTreeMap;

/// Which learning rate a parameter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of a router.
    Router,
    /// Of a weight matrix or the gain of a norm.
    Weight,
}

/// Trained tensors by name.
pub struct Parameters {
    all: BTreeMap<String, (Kind, Var)>,
}

/// The bias that every router begins with: nearly everything runs.
const BEGINNING: f32 = 2.5;

/// A router's direction, D values.
pub fn direction(layer: usize, kind: &str) -> String {
    format!("layers.{layer}.{kind}_router.direction")
}

/// How the names of the routers' biases end.
const BIAS: &str = "_router.bias";

/// A router's bias.
pub fn bias(layer: usize, kind: &str) -> String {
    format!("layers.{layer}.{kind}{BIAS}")
}

/// A weight matrix, outputs x inputs.
pub fn matrix(layer: usize, projection: Projection) -> String {
    format!("layers.{layer}.{}", projection.name())
}

impl Parameters {
    /// As training begins: routers that run nearly everything, the model's weights.
    ///
    /// # Errors
    /// Of the tensor library.
    pub fn new(model: &Model) -> Result<Parameters, TrainError> {
        let spec = &model.spec;
        let mut all = BTreeMap::new();
        let mut add = |name: String, kind, values: Vec<f32>, shape: &[usize]| {
            let var = Var::from_vec(values, shape, &Device::Cpu)?;
            all.insert(name, (kind, var));
            Ok::<(), TrainError>(())
        };
        for (l, layer) in model.layers.iter().enumerate() {
            for kind in crate::student::SUB_MODULES {
                add(direction(l, kind), Kind::Router, vec![0.0; spec.dim], &[spec.dim])?;
                add(bias(l, kind), Kind::Router, vec![BEGINNING], &[1])?;
            }
            for p in Projection::ALL {
                let (rows, cols) = p.shape(spec);
                add(matrix(l, p), Kind::Weight, layer.get(p).to_f32(), &[rows, cols])?;
            }
            let norms = [("attention", &layer.attention_norm), ("ffn", &layer.ffn_norm)];
            for (name, gain) in norms {
                add(format!("layers.{l}.{name}_norm"), Kind::Weight, gain.clone(), &[spec.dim])?;
            }
        }
        add("final_norm".into(), Kind::Weight, model.final_norm.clone(), &[spec.dim])?;
        Ok(Parameters { all })
    }

    /// One by its name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &str) -> candle_core::Result<&Tensor> {
        let found = self.all.get(name).map(|(_, var)| var.as_tensor());
        found.ok_or_else(|| candle_core::Error::Msg(format!("no parameter {name}")))
    }

    /// The bias of every router.
    pub fn router_biases(&self) -> impl Iterator<Item = &Var> {
        let biases = self.all.iter().filter(|(name, _)| name.ends_with(BIAS));
        biases.map(|(_, (_, var))| var)
    }

    /// All of them, in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&String, Kind, &Var)> {
        self.all.iter().map(|(name, (kind, var))| (name, *kind, var))
    }
}
