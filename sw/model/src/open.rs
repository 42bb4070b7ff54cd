//! Opening whatever a path holds.

use crate::{container, fetch, hf, llama2c, Model, ModelError, Tokenizer};
use std::path::{Path, PathBuf};

/// A model with what came along.
#[derive(Debug)]
pub struct Opened {
    /// The model.
    pub model: Model,
    /// Its tokenizer, when there is one beside or inside.
    pub tokenizer: Option<Tokenizer>,
    /// The format it was read from.
    pub format: &'static str,
    /// Where it was found.
    pub path: PathBuf,
}

/// Opens a model by path, or by the name of one that was fetched.
///
/// | path | read as |
/// |---|---|
/// | folder with `config.json` | Hugging Face |
/// | folder with `model.bin` | llama2.c, `tokenizer.bin` beside it |
/// | `*.bin` | llama2.c, `tokenizer.bin` beside it if there is one |
/// | any other file | our container |
///
/// # Errors
/// Nothing there, or whatever the format's loader finds wrong.
pub fn open(name_or_path: &str) -> Result<Opened, ModelError> {
    let path = Path::new(name_or_path);
    if !path.exists() {
        return match fetch::cached(name_or_path)? {
            Some(folder) => open_path(&folder),
            None => {
                let problem = "does not exist, and no fetched model has this name (`skipopu model fetch stories15m` gets one)";
                Err(ModelError::format(path, problem))
            }
        };
    }
    open_path(path)
}

fn open_path(path: &Path) -> Result<Opened, ModelError> {
    let opened = if path.is_dir() {
        if path.join("config.json").exists() {
            hugging_face(path)?
        } else if path.join("model.bin").exists() {
            llama2c(&path.join("model.bin"))?
        } else {
            let problem = "holds neither config.json nor model.bin";
            return Err(ModelError::format(path, problem));
        }
    } else if path.extension().is_some_and(|e| e == "bin") {
        llama2c(path)?
    } else {
        let (model, tokenizer) = container::read(path)?;
        Opened { model, tokenizer, format: "skipopu container", path: path.into() }
    };
    match &opened.tokenizer {
        Some(t) if t.vocab() > opened.model.spec.vocab => {
            let (tokens, rows) = (t.vocab(), opened.model.spec.vocab);
            let problem = format!("has a tokenizer of {tokens} tokens and an embedding of {rows}");
            Err(ModelError::format(path, problem))
        }
        _ => Ok(opened),
    }
}

fn llama2c(path: &Path) -> Result<Opened, ModelError> {
    let model = llama2c::load(path)?;
    let beside = path.with_file_name("tokenizer.bin");
    let tokenizer = beside.exists().then(|| Tokenizer::llama2c(&beside)).transpose()?;
    Ok(Opened { model, tokenizer, format: "llama2.c", path: path.into() })
}

fn hugging_face(folder: &Path) -> Result<Opened, ModelError> {
    let hf::Loaded { model, bos, eos } = hf::load(folder)?;
    let file = folder.join("tokenizer.json");
    let stops = eos.into_iter().chain(bos).collect();
    let tokenizer = file.exists().then(|| Tokenizer::json(&file, bos, stops)).transpose()?;
    Ok(Opened { model, tokenizer, format: "Hugging Face", path: folder.into() })
}
