//! What can be wrong with a configuration. Each error is one sentence.

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value outside what the hardware allows.
    #[error("{field} = {value}: {reason} ({range})")]
    Illegal {
        /// Dotted name, e.g. `array.lanes`.
        field: String,
        /// The value as TOML.
        value: String,
        /// What it must be and because of what.
        reason: String,
        /// The legal values.
        range: String,
    },
    /// A field that does not exist.
    #[error("{file}: unknown field `{field}`, the nearest legal name is `{nearest}`")]
    UnknownField {
        /// File, or `<text>`.
        file: String,
        /// Dotted name as written.
        field: String,
        /// The legal name most like it.
        nearest: String,
    },
    /// A plain value where a section is due.
    #[error("{file}: `{section}` is not a section, write it as `[{section}]`")]
    NotASection {
        /// File, or `<text>`.
        file: String,
        /// Name of the section.
        section: String,
    },
    /// A field that must be spelled out and is not.
    #[error("{file}: missing field `{field}`, add it with a value of the legal range ({range})")]
    MissingField {
        /// File, or `<text>`.
        file: String,
        /// Dotted name.
        field: String,
        /// The legal values.
        range: String,
    },
    /// Text that is not TOML.
    #[error("{file}, line {line}: not valid TOML: {message}")]
    Syntax {
        /// File, or `<text>`.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A file that cannot be read.
    #[error("cannot read the configuration file {file}: {message}")]
    Read {
        /// File.
        file: String,
        /// What the operating system says.
        message: String,
    },
    /// Neither a preset nor a file.
    #[error("no configuration `{name}`: give a TOML file or one of the presets {presets}, the nearest is `{nearest}`")]
    UnknownPreset {
        /// Name as given.
        name: String,
        /// Names of the presets.
        presets: String,
        /// The preset most like it.
        nearest: String,
    },
}
