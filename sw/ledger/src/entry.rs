//! One claimed figure.

use crate::LedgerError;
use serde::{Deserialize, Serialize, Serializer};

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Obtained by running the thing itself: a tool's count, a wall-clock time.
    Measured,
    /// Obtained from a bit-exact simulation.
    Simulated,
    /// Computed by a model of the machine.
    Modelled,
    /// Taken from a publication.
    Published,
}

impl Kind {
    /// The word used in the ledger and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Simulated => "simulated",
            Self::Modelled => "modelled",
            Self::Published => "published",
        }
    }
}

/// One claimed figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Dotted name of lower-case words, e.g. `emit.fuzz.blocks`.
    pub key: String,
    /// The figure; finite.
    #[serde(serialize_with = "number")]
    pub value: f64,
    /// Unit, e.g. `s`, `LUT`, `%`; empty for a plain count or ratio.
    pub unit: String,
    /// Where it comes from.
    pub kind: Kind,
    /// The command that reproduces it; for a published figure, its source.
    pub command: String,
    /// Conditions a reader needs, or empty.
    pub note: String,
}

impl Entry {
    /// Checks key, value and command.
    ///
    /// # Errors
    /// [`LedgerError::BadKey`], [`LedgerError::NotFinite`] or [`LedgerError::NoCommand`].
    pub fn validate(&self) -> Result<(), LedgerError> {
        if !valid_key(&self.key) {
            return Err(LedgerError::BadKey { key: self.key.clone() });
        }
        if !self.value.is_finite() {
            return Err(LedgerError::NotFinite { key: self.key.clone(), value: self.value });
        }
        if self.command.trim().is_empty() {
            return Err(LedgerError::NoCommand { key: self.key.clone() });
        }
        Ok(())
    }
}

/// Is it at least two dotted parts of `a-z`, `0-9` and `_`, each starting with a letter or digit?
pub(crate) fn valid_key(key: &str) -> bool {
    let part = |p: &str| {
        p.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && p.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    key.contains('.') && key.split('.').all(part)
}

/// Whole numbers are written without a fraction.
fn number<S: Serializer>(value: &f64, s: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: every smaller integer is exact
    if value.fract() == 0.0 && value.abs() < EXACT {
        s.serialize_i64(*value as i64)
    } else {
        s.serialize_f64(*value)
    }
}
