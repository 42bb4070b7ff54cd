//! What can go wrong. Each error is one sentence.

/// Why the ledger or a page was refused.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A key that is not dotted lower-case words.
    #[error("figure key `{key}` is not at least two dotted words of a-z, 0-9 and `_`, such as `emit.seconds`")]
    BadKey {
        /// The key.
        key: String,
    },
    /// An infinite value or not a number.
    #[error("figure `{key}` = {value} is not a finite number, so nothing was recorded")]
    NotFinite {
        /// Its key.
        key: String,
        /// The value.
        value: f64,
    },
    /// A figure nobody can reproduce.
    #[error("figure `{key}` names no command that reproduces it, so nothing was recorded")]
    NoCommand {
        /// Its key.
        key: String,
    },
    /// Two entries with one key.
    #[error("{file}: figure `{key}` occurs twice, remove one")]
    Duplicate {
        /// The ledger.
        file: String,
        /// The key.
        key: String,
    },
    /// Not the JSON of a ledger.
    #[error("{file}: not a ledger of figures: {message}")]
    Format {
        /// The ledger.
        file: String,
        /// What the parser says.
        message: String,
    },
    /// A file that cannot be read, locked or written.
    #[error("cannot {action} {file}: {source}")]
    Io {
        /// `read`, `lock` or `write`.
        action: &'static str,
        /// The file.
        file: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A page asks for a figure that the ledger lacks.
    #[error("{file}, line {line}: no figure matches `{selector}`{hint}")]
    NoSuchFigure {
        /// The page.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Key or prefix as written.
        selector: String,
        /// `, the nearest is ...`, or empty.
        hint: String,
    },
    /// A marker without its partner.
    #[error("{file}, line {line}: `{marker}` has no matching {partner}")]
    Unbalanced {
        /// The page.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The marker as written.
        marker: String,
        /// What is missing.
        partner: &'static str,
    },
    /// A generated region that differs from the ledger.
    #[error("{file}, line {line}: the figures are out of date, run `skipopu figures tables`")]
    Stale {
        /// The page.
        file: String,
        /// First line that differs, from 1.
        line: usize,
    },
}

impl LedgerError {
    /// An [`LedgerError::Io`] for a path.
    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { action, file: path.display().to_string(), source }
    }
}
