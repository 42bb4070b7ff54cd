//! Writing a container.

use super::{Checksum, Description, Packing, Tokens, FORMAT, VERSION};
use crate::tensor_file::store;
use crate::{DType, Matrix, Model, ModelError, Projection, Routers, Tensor, Tokenizer};
use std::collections::BTreeMap;
use std::path::Path;

/// Writes a model and its tokenizer; the file appears whole or not at all.
///
/// The checksum is SHA-256 over the model's JSON, then, for every tensor in order of names, its name, its
/// `TYPE ROWS COLUMNS` and its bytes; each part preceded by its length (u64, little-endian).
///
/// # Errors
/// A file that cannot be written.
pub fn write(path: &Path, model: &Model, tokenizer: Option<&Tokenizer>) -> Result<(), ModelError> {
    let tensors = collect(model, tokenizer);
    let description = serde_json::to_string(&describe(model, tokenizer)).expect("plain data");
    let mut checksum = Checksum::new(&description);
    tensors.iter().for_each(|(name, tensor)| checksum.tensor(name, tensor));
    let notes = BTreeMap::from([
        ("format".to_string(), FORMAT.to_string()),
        ("version".to_string(), VERSION.to_string()),
        ("model".to_string(), description),
        ("sha256".to_string(), checksum.hex()),
    ]);
    store(path, &tensors, &notes)
}

fn describe(model: &Model, tokenizer: Option<&Tokenizer>) -> Description {
    let packing = |(name, matrix)| match matrix {
        Matrix::Quantised(q) => Some((name, Packing { bits: q.bits(), group: q.group() })),
        Matrix::Dense(_) => None,
    };
    Description {
        spec: model.spec,
        tied: model.classifier.is_none(),
        quantised: model.matrices().filter_map(packing).collect(),
        routers: model.routers.as_ref().map(|r| r.placement),
        tokenizer: tokenizer.map(|t| Tokens {
            kind: t.kind().name().into(),
            bos: t.bos(),
            stops: t.stops().to_vec(),
        }),
    }
}

/// Every tensor by its name in the file.
fn collect(model: &Model, tokenizer: Option<&Tokenizer>) -> BTreeMap<String, Tensor> {
    let mut tensors = BTreeMap::new();
    let vector = |values: &[f32]| Tensor::from_f32(1, values.len(), values);
    tensors.insert("embedding".to_string(), model.embedding.clone());
    tensors.insert("final_norm".to_string(), vector(&model.final_norm));
    let mut matrix = |name: String, matrix: &Matrix| match matrix {
        Matrix::Dense(t) => drop(tensors.insert(name, t.clone())),
        Matrix::Quantised(q) => {
            tensors.insert(format!("{name}.codes"), q.codes().clone());
            tensors.insert(format!("{name}.scales"), q.scales().clone());
        }
    };
    for (i, layer) in model.layers.iter().enumerate() {
        for p in Projection::ALL {
            matrix(format!("layers.{i}.{}", p.name()), layer.get(p));
        }
    }
    if let Some(classifier) = &model.classifier {
        matrix("classifier".into(), classifier);
    }
    for (i, layer) in model.layers.iter().enumerate() {
        tensors.insert(format!("layers.{i}.attention_norm"), vector(&layer.attention_norm));
        tensors.insert(format!("layers.{i}.ffn_norm"), vector(&layer.ffn_norm));
    }
    let routers = model.routers.iter().flat_map(Routers::named);
    tensors.extend(routers.map(|(name, t)| (name, t.clone())));
    if let Some(t) = tokenizer {
        let bytes = t.source().to_vec();
        let length = bytes.len();
        tensors.insert("tokenizer".into(), Tensor::owned(DType::U8, 1, length, bytes));
    }
    tensors
}
