//! Reading a container.

use super::{Checksum, Description, Packing, Tokens, FORMAT, VERSION};
use crate::tensor_file::TensorFile;
use crate::tokenizer::{Kind, Tokenizer};
use crate::{Layer, Matrix, Model, ModelError, Projection, Quantised, Routers, Spec, Tensor};
use std::path::Path;

/// Maps a container and verifies its checksum.
///
/// # Errors
/// A file that is no container of this version, is damaged, or whose parts do not fit together.
pub fn read(path: &Path) -> Result<(Model, Option<Tokenizer>), ModelError> {
    let file = TensorFile::open(path)?;
    let description = verify(path, &file)?;
    let spec = description.spec;
    let reader = Reader { path, file: &file, description: &description };
    let layers = (0..spec.layers).map(|i| reader.layer(&spec, i)).collect::<Result<_, _>>()?;
    let model = Model {
        spec,
        embedding: file.numbers("embedding")?,
        layers,
        final_norm: file.vector("final_norm")?,
        classifier: match description.tied {
            true => None,
            false => Some(reader.matrix("classifier", spec.dim)?),
        },
        routers: reader.routers(&spec)?,
    };
    model.check(path)?;
    let tokenizer =
        description.tokenizer.as_ref().map(|t| tokenizer(path, &file, t)).transpose()?;
    Ok((model, tokenizer))
}

/// Checks format, version and checksum.
fn verify(path: &Path, file: &TensorFile) -> Result<Description, ModelError> {
    let fail = |problem: String| ModelError::format(path, problem);
    let notes = file.notes();
    let note = |key: &str| notes.get(key).map(String::as_str);
    if note("format") != Some(FORMAT) {
        return Err(fail("is a safetensors file but no skipopu container".into()));
    }
    let version = note("version").unwrap_or("none");
    if version != VERSION.to_string() {
        return Err(fail(format!(
            "is a container of version {version} and this program reads {VERSION}: quantise the model again"
        )));
    }
    let text = note("model").unwrap_or_default();
    let mut checksum = Checksum::new(text);
    for name in file.names() {
        checksum.tensor(&name, &file.tensor(&name)?);
    }
    if note("sha256") != Some(&checksum.hex()) {
        return Err(fail("is damaged: its checksum does not match its content".into()));
    }
    let description: Description = serde_json::from_str(text)
        .map_err(|e| fail(format!("describes its model in a way not understood: {e}")))?;
    // Before the sizes are used; `Model::check` comes after them.
    match description.spec.problem() {
        None => Ok(description),
        Some(problem) => Err(fail(problem)),
    }
}

fn tokenizer(path: &Path, file: &TensorFile, t: &Tokens) -> Result<Tokenizer, ModelError> {
    let kinds = [Kind::Llama2c, Kind::Json];
    let Some(kind) = kinds.into_iter().find(|k| k.name() == t.kind) else {
        return Err(ModelError::format(
            path,
            format!("has a tokenizer of unknown kind `{}`", t.kind),
        ));
    };
    let bytes = file.tensor("tokenizer")?.bytes().to_vec();
    Tokenizer::from_bytes(kind, bytes, t.bos, t.stops.clone())
        .map_err(|problem| ModelError::tensor(path, "tokenizer", problem))
}

struct Reader<'a> {
    path: &'a Path,
    file: &'a TensorFile,
    description: &'a Description,
}

impl Reader<'_> {
    fn layer(&self, spec: &Spec, i: usize) -> Result<Layer, ModelError> {
        let matrix =
            |p: Projection| self.matrix(&format!("layers.{i}.{}", p.name()), p.shape(spec).1);
        let all: Vec<Matrix> = Projection::ALL.into_iter().map(matrix).collect::<Result<_, _>>()?;
        Ok(Layer {
            attention_norm: self.file.vector(&format!("layers.{i}.attention_norm"))?,
            ffn_norm: self.file.vector(&format!("layers.{i}.ffn_norm"))?,
            projections: all.try_into().expect("one matrix a projection"),
        })
    }

    fn matrix(&self, name: &str, cols: usize) -> Result<Matrix, ModelError> {
        let Some(Packing { bits, group }) = self.description.quantised.get(name).copied() else {
            return Ok(Matrix::Dense(self.file.numbers(name)?));
        };
        let codes = self.file.tensor(&format!("{name}.codes"))?;
        let scales = self.file.tensor(&format!("{name}.scales"))?;
        Quantised::from_tensors(bits, cols, group, codes, scales).map(Matrix::Quantised).ok_or_else(
            || {
                let problem = format!("does not hold {bits}-bit codes in groups of {group}");
                ModelError::tensor(self.path, name, problem)
            },
        )
    }

    fn routers(&self, spec: &Spec) -> Result<Option<Routers>, ModelError> {
        let Some(placement) = self.description.routers else { return Ok(None) };
        let all = |kind: &str| -> Result<Vec<Tensor>, ModelError> {
            let name = |i| format!("layers.{i}.{kind}_router");
            (0..spec.layers).map(|i| self.file.numbers(&name(i))).collect()
        };
        Ok(Some(Routers { placement, attention: all("attention")?, ffn: all("ffn")? }))
    }
}
