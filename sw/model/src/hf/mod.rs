//! A Hugging Face folder: `config.json`, safetensors files, `tokenizer.json`.

mod config;

use crate::tensor_file::TensorFile;
use crate::{files, Layer, Matrix, Model, ModelError, Projection, Spec, Tensor};
use config::Config;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Largest `config.json` and list of shards that is read.
const CONFIG_BYTES: u64 = 1 << 20;
const INDEX_BYTES: u64 = 16 << 20;

/// A model and the tokens that its configuration names.
#[derive(Debug)]
pub struct Loaded {
    /// The model.
    pub model: Model,
    /// Begins a text.
    pub bos: Option<u32>,
    /// Each of them ends a text.
    pub eos: Vec<u32>,
}

/// Loads the model of a folder, its safetensors files mapped.
///
/// # Errors
/// Files that are missing or malformed, an architecture that is not Llama's, tensors that do not fit
/// the configuration, an Inf or a NaN.
pub fn load(folder: &Path) -> Result<Loaded, ModelError> {
    let path = folder.join("config.json");
    let config: Config = files::json(&path, CONFIG_BYTES)?;
    let spec = config.spec().map_err(|problem| ModelError::format(&path, problem))?;
    let tensors = Shards::open(folder)?;
    let layers = (0..spec.layers).map(|i| layer(&tensors, &spec, i)).collect::<Result<_, _>>()?;
    let head = "lm_head.weight";
    let classifier = match config.tied() {
        true => None,
        false => Some(Matrix::Dense(tensors.of(head)?.numbers(head)?)),
    };
    let embedding = "model.embed_tokens.weight";
    let norm = "model.norm.weight";
    let model = Model {
        spec,
        embedding: tensors.of(embedding)?.numbers(embedding)?,
        layers,
        final_norm: tensors.of(norm)?.vector(norm)?,
        classifier,
        routers: None,
    };
    model.check(folder)?;
    Ok(Loaded { model, bos: config.bos(), eos: config.eos() })
}

fn layer(tensors: &Shards, spec: &Spec, i: usize) -> Result<Layer, ModelError> {
    let name = |part: &str| format!("model.layers.{i}.{part}.weight");
    let vector = |part| tensors.of(&name(part))?.vector(&name(part));
    let matrix = |p: Projection| {
        let name = name(part(p));
        let tensor = tensors.of(&name)?.numbers(&name)?;
        Ok(Matrix::Dense(match p {
            Projection::Query | Projection::Key => adjacent_pairs(&tensor, spec.head_dim),
            _ => tensor,
        }))
    };
    let projections: Vec<Matrix> =
        Projection::ALL.into_iter().map(matrix).collect::<Result<_, ModelError>>()?;
    Ok(Layer {
        attention_norm: vector("input_layernorm")?,
        ffn_norm: vector("post_attention_layernorm")?,
        projections: projections.try_into().expect("one matrix a projection"),
    })
}

fn part(projection: Projection) -> &'static str {
    match projection {
        Projection::Query => "self_attn.q_proj",
        Projection::Key => "self_attn.k_proj",
        Projection::Value => "self_attn.v_proj",
        Projection::Output => "self_attn.o_proj",
        Projection::Gate => "mlp.gate_proj",
        Projection::Up => "mlp.up_proj",
        Projection::Down => "mlp.down_proj",
    }
}

/// Hugging Face keeps the first values of all pairs of a head before the second ones; we keep
/// pairs together. Rows that are no whole heads are left to the check of shapes.
fn adjacent_pairs(tensor: &Tensor, head: usize) -> Tensor {
    if tensor.rows() % head != 0 {
        return tensor.clone();
    }
    tensor.reorder_rows(|row| {
        let (start, i) = (row - row % head, row % head);
        start + i / 2 + (i % 2) * (head / 2)
    })
}

/// The safetensors files of a folder.
struct Shards {
    files: Vec<TensorFile>,
    /// File of each tensor, when there are several.
    index: Option<HashMap<String, usize>>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Shards {
    fn open(folder: &Path) -> Result<Shards, ModelError> {
        let list = folder.join("model.safetensors.index.json");
        if !list.exists() {
            let file = TensorFile::open(&folder.join("model.safetensors"))?;
            return Ok(Shards { files: vec![file], index: None });
        }
        let map = files::json::<Index>(&list, INDEX_BYTES)?.weight_map;
        let mut names: Vec<&String> = map.values().collect();
        names.sort();
        names.dedup();
        if let Some(name) = names.iter().find(|n| Path::new(n).components().count() != 1) {
            return Err(ModelError::format(&list, format!("names a file elsewhere: `{name}`")));
        }
        let open = |name: &&String| TensorFile::open(&folder.join(name));
        let files = names.iter().map(open).collect::<Result<_, _>>()?;
        let place = |file: &String| names.binary_search(&file).expect("made from the same map");
        let index = map.iter().map(|(t, f)| (t.clone(), place(f))).collect();
        Ok(Shards { files, index: Some(index) })
    }

    /// The file that holds a tensor; of one file, that file, which reports what is missing.
    fn of(&self, tensor: &str) -> Result<&TensorFile, ModelError> {
        match &self.index {
            None => Ok(&self.files[0]),
            Some(index) => match index.get(tensor) {
                Some(i) => Ok(&self.files[*i]),
                None => {
                    let folder = self.files[0].path().parent().unwrap_or(Path::new("."));
                    Err(ModelError::tensor(folder, tensor, "is in no file of the index"))
                }
            },
        }
    }
}
