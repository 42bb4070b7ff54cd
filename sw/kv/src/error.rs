//! [`KvError`].

/// What cannot be placed, scheduled or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// A size outside what is legal.
    #[error("{what} is {value}: use {legal}")]
    Size {
        /// The size.
        what: &'static str,
        /// Its value.
        value: usize,
        /// What is legal.
        legal: String,
    },
    /// A trace that does not parse.
    #[error("trace line {line}: {problem}")]
    Trace {
        /// Line, from 1.
        line: usize,
        /// What is wrong and what would be right.
        problem: String,
    },
}

pub(crate) fn require(
    ok: bool,
    what: &'static str,
    value: usize,
    legal: impl Into<String>,
) -> Result<(), KvError> {
    match ok {
        true => Ok(()),
        false => Err(KvError::Size { what, value, legal: legal.into() }),
    }
}
