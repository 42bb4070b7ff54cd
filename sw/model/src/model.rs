//! A loaded model.

use crate::container::Checksum;
use crate::{ModelError, Quantised, Routers, Spec, Tensor};
use std::path::Path;

/// One of a layer's seven matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Projection {
    /// Residual stream to queries.
    Query,
    /// Residual stream to keys.
    Key,
    /// Residual stream to values.
    Value,
    /// Attention back to the residual stream.
    Output,
    /// Feed-forward, the factor that passes SiLU.
    Gate,
    /// Feed-forward, the other factor.
    Up,
    /// Feed-forward back to the residual stream.
    Down,
}

impl Projection {
    /// All seven, in the order of the forward pass.
    pub const ALL: [Projection; 7] = [
        Projection::Query,
        Projection::Key,
        Projection::Value,
        Projection::Output,
        Projection::Gate,
        Projection::Up,
        Projection::Down,
    ];

    /// Name in the container and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Projection::Query => "query",
            Projection::Key => "key",
            Projection::Value => "value",
            Projection::Output => "output",
            Projection::Gate => "gate",
            Projection::Up => "up",
            Projection::Down => "down",
        }
    }

    /// Outputs and inputs: rows and columns of the matrix.
    pub fn shape(self, spec: &Spec) -> (usize, usize) {
        match self {
            Projection::Query => (spec.query_dim(), spec.dim),
            Projection::Key | Projection::Value => (spec.kv_dim(), spec.dim),
            Projection::Output => (spec.dim, spec.query_dim()),
            Projection::Gate | Projection::Up => (spec.hidden, spec.dim),
            Projection::Down => (spec.dim, spec.hidden),
        }
    }
}

/// A weight matrix, one row per output.
#[derive(Clone, Debug)]
pub enum Matrix {
    /// As trained.
    Dense(Tensor),
    /// Integers with scales.
    Quantised(Quantised),
}

impl Matrix {
    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Matrix::Dense(t) => (t.rows(), t.cols()),
            Matrix::Quantised(q) => (q.rows(), q.cols()),
        }
    }

    /// The values, row-major.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Matrix::Dense(t) => t.to_f32().into_owned(),
            Matrix::Quantised(q) => q.to_f32(),
        }
    }

    /// Bytes in memory or file.
    pub fn bytes(&self) -> usize {
        match self {
            Matrix::Dense(t) => t.bytes().len(),
            Matrix::Quantised(q) => q.codes().bytes().len() + q.scales().bytes().len(),
        }
    }

    /// As reports write it: `F32`, `INT4/64`, `INT4/channel`.
    pub fn format(&self) -> String {
        match self {
            Matrix::Dense(t) => t.dtype().name().into(),
            Matrix::Quantised(q) if q.group() == 0 => format!("INT{}/channel", q.bits()),
            Matrix::Quantised(q) => format!("INT{}/{}", q.bits(), q.group()),
        }
    }
}

/// The weights of one layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Gain of the norm before attention, D values.
    pub attention_norm: Vec<f32>,
    /// Gain of the norm before the feed-forward part, D values.
    pub ffn_norm: Vec<f32>,
    /// The matrices, in the order of [`Projection::ALL`].
    pub projections: [Matrix; 7],
}

impl Layer {
    /// One of the matrices.
    pub fn get(&self, projection: Projection) -> &Matrix {
        &self.projections[projection as usize]
    }
}

/// A Llama-architecture model. Whoever makes one calls [`Model::check`].
#[derive(Clone, Debug)]
pub struct Model {
    /// Sizes and constants.
    pub spec: Spec,
    /// Token embedding, vocabulary x D.
    pub embedding: Tensor,
    /// The layers.
    pub layers: Vec<Layer>,
    /// Gain of the norm before the classifier, D values.
    pub final_norm: Vec<f32>,
    /// Vocabulary x D; none: the embedding serves.
    pub classifier: Option<Matrix>,
    /// Routers, if the model has any.
    pub routers: Option<Routers>,
}

impl Model {
    /// Checks the sizes against each other and every value for Inf and NaN. Reads every dense
    /// tensor once. `file` is named in errors.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, file: &Path) -> Result<(), ModelError> {
        if let Some(problem) = self.spec.problem() {
            return Err(ModelError::format(file, problem));
        }
        let spec = &self.spec;
        if self.layers.len() != spec.layers {
            let problem = format!("has {} layers and states {}", self.layers.len(), spec.layers);
            return Err(ModelError::format(file, problem));
        }
        let vector = |name: &str, values: &[f32]| {
            check_shape(file, name, (1, values.len()), (1, spec.dim))?;
            check_finite(file, name, values.iter().position(|v| !v.is_finite()).map(|c| (0, c)))
        };
        let tensor = |name: &str, t: &Tensor, shape| {
            check_shape(file, name, (t.rows(), t.cols()), shape)?;
            check_finite(file, name, t.first_not_finite())
        };
        let matrix = |name: &str, m: &Matrix, shape| match m {
            Matrix::Dense(t) => tensor(name, t, shape),
            Matrix::Quantised(q) => {
                check_shape(file, name, (q.rows(), q.cols()), shape)?;
                check_finite(file, name, q.scales().first_not_finite())
            }
        };
        tensor("embedding", &self.embedding, (spec.vocab, spec.dim))?;
        for (i, layer) in self.layers.iter().enumerate() {
            vector(&format!("layers.{i}.attention_norm"), &layer.attention_norm)?;
            vector(&format!("layers.{i}.ffn_norm"), &layer.ffn_norm)?;
            for p in Projection::ALL {
                matrix(&format!("layers.{i}.{}", p.name()), layer.get(p), p.shape(spec))?;
            }
        }
        vector("final_norm", &self.final_norm)?;
        if let Some(classifier) = &self.classifier {
            matrix("classifier", classifier, (spec.vocab, spec.dim))?;
        }
        for (name, t) in self.routers.iter().flat_map(Routers::named) {
            tensor(&name, t, (2, spec.dim))?;
        }
        Ok(())
    }

    /// The classifier's matrix, its own or the embedding.
    pub fn classifier(&self) -> Matrix {
        self.classifier.clone().unwrap_or_else(|| Matrix::Dense(self.embedding.clone()))
    }

    /// SHA-256 over the sizes and all weights, without routers: hex digits that tell models apart.
    pub fn fingerprint(&self) -> String {
        let sizes = serde_json::to_string(&self.spec).expect("plain data");
        let mut sum = Checksum::new(&sizes);
        let vector = |v: &[f32]| Tensor::from_f32(1, v.len(), v);
        sum.tensor("embedding", &self.embedding);
        for (i, layer) in self.layers.iter().enumerate() {
            sum.tensor(&format!("layers.{i}.attention_norm"), &vector(&layer.attention_norm));
            sum.tensor(&format!("layers.{i}.ffn_norm"), &vector(&layer.ffn_norm));
        }
        sum.tensor("final_norm", &vector(&self.final_norm));
        for (name, matrix) in self.matrices() {
            match &matrix {
                Matrix::Dense(t) => sum.tensor(&name, t),
                Matrix::Quantised(q) => {
                    sum.tensor(&format!("{name}.codes"), q.codes());
                    sum.tensor(&format!("{name}.scales"), q.scales());
                }
            }
        }
        sum.hex()
    }

    /// Every matrix that takes part in products, by name.
    pub fn matrices(&self) -> impl Iterator<Item = (String, Matrix)> + '_ {
        let layers = self.layers.iter().enumerate().flat_map(|(i, layer)| {
            Projection::ALL
                .map(|p| (format!("layers.{i}.{}", p.name()), layer.get(p).clone()))
                .into_iter()
        });
        layers.chain(std::iter::once(("classifier".to_string(), self.classifier())))
    }
}

fn check_shape(
    file: &Path,
    name: &str,
    (rows, cols): (usize, usize),
    (r, c): (usize, usize),
) -> Result<(), ModelError> {
    match (rows, cols) == (r, c) {
        true => Ok(()),
        false => {
            let problem = format!("is {rows} x {cols} and the model's sizes need {r} x {c}");
            Err(ModelError::tensor(file, name, problem))
        }
    }
}

fn check_finite(file: &Path, name: &str, found: Option<(usize, usize)>) -> Result<(), ModelError> {
    match found {
        None => Ok(()),
        Some((r, c)) => {
            let problem = format!("holds an Inf or a NaN in row {r}, column {c}");
            Err(ModelError::tensor(file, name, problem))
        }
    }
}
