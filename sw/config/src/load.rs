//! Reading: from text, from a file, by preset name.

use crate::{presets, validate, Config, ConfigError};
use std::path::Path;

impl Config {
    /// Reads a configuration from TOML text.
    ///
    /// # Errors
    /// Whatever [`ConfigError`] names: syntax, unknown or missing fields, illegal values.
    pub fn from_toml_str(text: &str) -> Result<Config, ConfigError> {
        parse("<text>", text)
    }

    /// Reads a configuration from a file.
    ///
    /// # Errors
    /// As [`Config::from_toml_str`], and a file that cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Config, ConfigError> {
        let file = path.as_ref().display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|e| ConfigError::Read { file: file.clone(), message: e.to_string() })?;
        parse(&file, &text)
    }

    /// A configuration that comes with the generator: `tiny`, `cosim`, `u280` or `u280-paper`.
    ///
    /// # Errors
    /// [`ConfigError::UnknownPreset`] for any other name.
    pub fn preset(name: &str) -> Result<Config, ConfigError> {
        match presets::PRESETS.iter().find(|(n, _)| *n == name) {
            Some((n, text)) => parse(&format!("{n}.toml"), text),
            None => Err(unknown_preset(name)),
        }
    }

    /// A configuration by preset name or by file: a preset's name wins; anything with a path
    /// separator, a `.toml` ending or an existing file is read.
    ///
    /// # Errors
    /// As [`Config::load`] and [`Config::preset`].
    pub fn resolve(name_or_path: &str) -> Result<Config, ConfigError> {
        let preset = presets::names().contains(&name_or_path);
        let path = Path::new(name_or_path);
        let looks_like_file = name_or_path.contains(['/', '\\'])
            || path.extension().is_some_and(|e| e == "toml")
            || path.is_file();
        match !preset && looks_like_file {
            true => Config::load(path),
            false => Config::preset(name_or_path),
        }
    }

    /// Checks every value and the rules between them, as if read from a file.
    ///
    /// # Errors
    /// [`ConfigError::Illegal`] naming the first field that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        parse("<configuration>", &self.to_toml()).map(|_| ())
    }
}

fn parse(file: &str, text: &str) -> Result<Config, ConfigError> {
    let syntax = |e: toml::de::Error| {
        let at = e.span().map_or(0, |s| s.start).min(text.len());
        ConfigError::Syntax {
            file: file.into(),
            line: text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1,
            message: e.message().trim().replace('\n', ", "),
        }
    };
    let table: toml::Table = text.parse().map_err(syntax)?;
    validate::check_table(file, &table)?;
    let config: Config = toml::from_str(text).map_err(syntax)?;
    validate::check_rules(&config)?;
    Ok(config)
}

fn unknown_preset(name: &str) -> ConfigError {
    let names = presets::names();
    let score = |n: &str| strsim::jaro_winkler(name, n);
    let nearest = names.iter().max_by(|a, b| score(a).total_cmp(&score(b)));
    ConfigError::UnknownPreset {
        name: name.into(),
        presets: names.join(", "),
        nearest: nearest.map(|n| n.to_string()).unwrap_or_default(),
    }
}
