//! What can be wrong with a model's files, one sentence each.

use std::path::Path;

/// A model that cannot be loaded, written or fetched.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file that cannot be opened or read.
    #[error("cannot read {file}: {message}")]
    Read {
        /// The file.
        file: String,
        /// The system's reason.
        message: String,
    },
    /// A file that cannot be written.
    #[error("cannot write {file}: {message}")]
    Write {
        /// The file.
        file: String,
        /// The system's reason.
        message: String,
    },
    /// A file whose content is not what it has to be.
    #[error("{file} {problem}")]
    Format {
        /// The file.
        file: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A tensor that is absent, of the wrong shape or type, or not finite.
    #[error("{file}: tensor `{tensor}` {problem}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// What is wrong.
        problem: String,
    },
    /// A tokenizer that cannot do what was asked.
    #[error("the tokenizer {problem}")]
    Tokenizer {
        /// What is wrong.
        problem: String,
    },
    /// A model that could not be fetched.
    #[error("cannot fetch {model}: {problem}")]
    Fetch {
        /// The model.
        model: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

impl ModelError {
    pub(crate) fn read(file: &Path, e: impl std::fmt::Display) -> ModelError {
        ModelError::Read { file: file.display().to_string(), message: e.to_string() }
    }

    /// A file that cannot be written.
    pub fn write(file: &Path, e: impl std::fmt::Display) -> ModelError {
        ModelError::Write { file: file.display().to_string(), message: e.to_string() }
    }

    pub(crate) fn format(file: &Path, problem: impl Into<String>) -> ModelError {
        ModelError::Format { file: file.display().to_string(), problem: problem.into() }
    }

    pub(crate) fn tensor(file: &Path, tensor: &str, problem: impl Into<String>) -> ModelError {
        ModelError::Tensor {
            file: file.display().to_string(),
            tensor: tensor.into(),
            problem: problem.into(),
        }
    }

    pub(crate) fn tokenizer(problem: impl Into<String>) -> ModelError {
        ModelError::Tokenizer { problem: problem.into() }
    }
}
