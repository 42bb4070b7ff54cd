//! Accepted warnings: data, each with its reason.

use super::Finding;
use crate::tool::Tool;
use crate::EdaError;
use serde::{Deserialize, Serialize};

/// An accepted Verilator warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Module name; `*` stands for any run of characters.
    pub module: String,
    /// Code, e.g. `UNUSEDSIGNAL`; no wildcards.
    pub warning: String,
    /// Signal name; `*` stands for any run of characters.
    pub signal: String,
    /// Why the warning is no defect.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    waiver: Vec<Waiver>,
}

impl Waiver {
    /// The waivers of the project, `hw/eda/waivers.toml`.
    ///
    /// # Errors
    /// [`EdaError::Waivers`].
    pub fn project() -> Result<Vec<Waiver>, EdaError> {
        Waiver::parse(include_str!("../../waivers.toml"))
    }

    /// Reads a waiver file.
    ///
    /// # Errors
    /// [`EdaError::Waivers`]: not TOML, no reason, or a warning that may not be waived.
    pub fn parse(text: &str) -> Result<Vec<Waiver>, EdaError> {
        let bad = |message: String| Err(EdaError::Waivers { message });
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(e) => return bad(e.message().replace('\n', ", ")),
        };
        for w in &file.waiver {
            let name = format!("the waiver of {} in `{}`", w.warning, w.module);
            if !w.warning.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) {
                return bad(format!("{name} must name one warning code"));
            }
            if NEVER.contains(&w.warning.as_str()) {
                return bad(format!("{name} is refused because that warning is always a defect"));
            }
            if w.reason.split_whitespace().count() < 4 {
                return bad(format!("{name} needs a reason in words"));
            }
        }
        Ok(file.waiver)
    }

    /// Does it cover this finding? Only Verilator's warnings can be waived.
    pub fn covers(&self, finding: &Finding) -> bool {
        finding.tool == Tool::Verilator
            && finding.warning == self.warning
            && glob(&self.module, &finding.module)
            && glob(&self.signal, finding.signal.as_deref().unwrap_or(""))
    }
}

/// Warnings that mean wrong hardware.
const NEVER: &[&str] =
    &["ERROR", "LATCH", "UNDRIVEN", "MULTIDRIVEN", "IMPLICIT", "WIDTH", "UNOPTFLAT"];

/// Does `text` match `pattern`, in which `*` stands for any run of characters?
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            rest.char_indices().map(|(i, _)| i).chain([rest.len()]).any(|i| glob(tail, &rest[i..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text) in [("*", ""), ("*", "x"), ("a*c", "abbc"), ("a*", "a"), ("*b*", "abc")]
        {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*c", "abd"), ("", "x"), ("*b", "bc")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn the_project_file_is_usable() {
        assert!(!Waiver::project().unwrap().is_empty());
    }

    #[test]
    fn careless_waivers_are_refused() {
        let refuse = |warning: &str, reason: &str| {
            let text = format!("[[waiver]]\nmodule = \"m\"\nwarning = \"{warning}\"\nsignal = \"*\"\nreason = \"{reason}\"\n");
            Waiver::parse(&text).unwrap_err().to_string()
        };
        insta::assert_snapshot!(refuse("UNUSEDSIGNAL", "noise"), @"the waiver file is not usable: the waiver of UNUSEDSIGNAL in `m` needs a reason in words");
        insta::assert_snapshot!(refuse("LATCH", "we want this latch here"), @"the waiver file is not usable: the waiver of LATCH in `m` is refused because that warning is always a defect");
        insta::assert_snapshot!(refuse("*", "we want all of them gone"), @"the waiver file is not usable: the waiver of * in `m` must name one warning code");
    }
}
