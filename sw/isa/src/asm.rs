//! The assembler's text, read and written.
//!
//! One instruction a line: `mnemonic field=value ... wait=unit,unit signal=unit`. Fields may stand in any order and all must
//! stand; numbers are decimal or, with `0x`, hexadecimal. `name:` at the beginning of a line names the next instruction, and
//! `target=@name` branches there. `#` begins a comment.
//!
//! ```text
//! layer0: route address=0 stride=18 slices=18 routers=both statistics=yes weights=36 wait=load signal=control
//!         branch rows=attention target=@forward wait=compute
//!         # ...
//! forward:
//! ```

use crate::set::{by_mnemonic, Instruction, Operation, INSTRUCTIONS};
use crate::spec::{mask, FieldSpec, InstructionSpec};
use crate::unit::{Unit, Units};
use std::collections::HashMap;
use std::fmt::Write as _;

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct AsmError {
    /// Line, from 1 on.
    pub line: usize,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// A text's instructions.
///
/// # Errors
/// The first line that is wrong.
pub fn assemble(text: &str) -> Result<Vec<Instruction>, AsmError> {
    let mut labels = HashMap::new();
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let error = |problem: String| AsmError { line: number + 1, problem };
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace().peekable();
        while let Some(label) = words.peek().and_then(|w| w.strip_suffix(':')) {
            if label.is_empty() || !label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(error(format!("`{label}:` is no label: use letters, digits and _")));
            }
            if labels.insert(label, lines.len() as u64).is_some() {
                return Err(error(format!("label `{label}` stands twice: rename one")));
            }
            words.next();
        }
        let words: Vec<&str> = words.collect();
        if !words.is_empty() {
            lines.push((number + 1, words));
        }
    }
    lines
        .iter()
        .map(|(line, words)| {
            instruction(words, &labels).map_err(|problem| AsmError { line: *line, problem })
        })
        .collect()
}

fn instruction(words: &[&str], labels: &HashMap<&str, u64>) -> Result<Instruction, String> {
    let names = INSTRUCTIONS.iter().map(|s| s.mnemonic);
    let spec = by_mnemonic(words[0])
        .ok_or_else(|| format!("no instruction `{}`{}", words[0], nearest(words[0], names)))?;
    let mut values = vec![None; spec.fields.len()];
    let (mut wait, mut signal) = (None, None);
    for word in &words[1..] {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| format!("`{word}` is no field: write name=value without blanks"))?;
        let again = || format!("field `{name}` stands twice: leave one out");
        let units = |slot: &mut Option<Units>| match slot.replace(units(spec, value)?) {
            None => Ok(()),
            Some(_) => Err(again()),
        };
        match name {
            "wait" => units(&mut wait)?,
            "signal" => units(&mut signal)?,
            _ => {
                let at = spec.fields.iter().position(|f| f.name == name).ok_or_else(|| {
                    let names = spec.fields.iter().map(|f| f.name).chain(["wait", "signal"]);
                    format!("{} has no field `{name}`{}", spec.mnemonic, nearest(name, names))
                })?;
                if values[at].replace(field(&spec.fields[at], value, labels)?).is_some() {
                    return Err(again());
                }
            }
        }
    }
    let value = |(f, v): (&FieldSpec, Option<u64>)| {
        v.ok_or_else(|| format!("{} lacks {}: {}", spec.mnemonic, f.name, f.doc.trim()))
    };
    let values: Vec<u64> = spec.fields.iter().zip(values).map(value).collect::<Result<_, _>>()?;
    Ok(Instruction {
        wait: wait.unwrap_or_default(),
        signal: signal.unwrap_or_default(),
        operation: Operation::from_values(spec, &values).map_err(|e| e.to_string())?,
    })
}

fn units(spec: &InstructionSpec, text: &str) -> Result<Units, String> {
    text.split(',')
        .map(|name| match Unit::ALL.into_iter().find(|u| u.name() == name) {
            Some(unit) if unit == spec.unit => Err(format!(
                "{} runs on the {name} unit, which cannot wait for or signal itself",
                spec.mnemonic
            )),
            Some(unit) => Ok(unit),
            None => Err(format!("no unit `{name}`{}", nearest(name, Unit::ALL.map(Unit::name)))),
        })
        .collect()
}

fn field(spec: &FieldSpec, text: &str, labels: &HashMap<&str, u64>) -> Result<u64, String> {
    if let Some(label) = text.strip_prefix('@') {
        let known = labels.get(label).copied();
        return known
            .ok_or_else(|| format!("no label `{label}`: write `{label}:` before an instruction"));
    }
    if !spec.names.is_empty() {
        let at = spec.names.iter().position(|n| *n == text);
        return at
            .map(|i| i as u64)
            .ok_or_else(|| format!("{} = `{text}`: must be {}", spec.name, spec.names.join(", ")));
    }
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    let most = mask(spec.bits);
    match parsed {
        Ok(v) if v <= most => Ok(v),
        _ => Err(format!("{} = {text}: must be a number from 0 to {most}", spec.name)),
    }
}

fn nearest(word: &str, names: impl IntoIterator<Item = &'static str>) -> String {
    let best = names
        .into_iter()
        .max_by(|a, b| strsim::jaro_winkler(word, a).total_cmp(&strsim::jaro_winkler(word, b)));
    best.map_or_else(String::new, |name| format!(": did you mean `{name}`?"))
}

/// The text of instructions, labels where branches go.
pub fn disassemble(instructions: &[Instruction]) -> String {
    let mut targets: Vec<usize> = instructions
        .iter()
        .filter_map(|i| match i.operation {
            Operation::Branch { target, .. } => Some(usize::from(target)),
            _ => None,
        })
        .filter(|t| *t <= instructions.len())
        .collect();
    targets.sort_unstable();
    targets.dedup();
    let mut text = String::new();
    for (i, instruction) in instructions.iter().enumerate() {
        if targets.binary_search(&i).is_ok() {
            let _ = writeln!(text, "L{i}:");
        }
        let _ = writeln!(text, "        {}", line(instruction, instructions.len()));
    }
    if targets.last() == Some(&instructions.len()) {
        let _ = writeln!(text, "L{}:", instructions.len());
    }
    text
}

/// One instruction's text; branches within a program of `length` instructions go to labels.
pub fn line(instruction: &Instruction, length: usize) -> String {
    let spec = instruction.operation.spec();
    let mut text = spec.mnemonic.to_string();
    for (f, v) in spec.fields.iter().zip(instruction.operation.values()) {
        let value = match (f.names.get(v as usize), instruction.operation) {
            (Some(name), _) => (*name).to_string(),
            (None, Operation::Branch { .. }) if v as usize <= length => format!("@L{v}"),
            (None, _) => v.to_string(),
        };
        let _ = write!(text, " {}={value}", f.name);
    }
    for (name, units) in [("wait", instruction.wait), ("signal", instruction.signal)] {
        if units != Units::NONE {
            let names: Vec<&str> = units.iter().map(Unit::name).collect();
            let _ = write!(text, " {name}={}", names.join(","));
        }
    }
    text
}
