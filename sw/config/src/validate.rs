//! Checks: each value against its field, then the rules between fields.

use crate::fields::{self, lookup, Field, Kind, Rule, FIELDS};
use crate::{Accumulation, Config, ConfigError};
use toml::{Table, Value};

/// Bits of the DSP48E2 accumulator.
const DSP_SUM_BITS: u32 = 48;

/// Checks names, presence and single values of a parsed file.
pub(crate) fn check_table(file: &str, table: &Table) -> Result<(), ConfigError> {
    check_names(file, table, "")?;
    for field in FIELDS {
        let value = lookup(table, field.path).ok_or_else(|| ConfigError::MissingField {
            file: file.into(),
            field: field.path.into(),
            range: field.range(),
        })?;
        check_value(field, value)?;
    }
    Ok(())
}

/// Checks the rules between fields; single values have been checked.
pub(crate) fn check_rules(c: &Config) -> Result<(), ConfigError> {
    let lanes = c.array.lanes;
    if c.formats.group != 0 && c.formats.group < lanes {
        return Err(illegal(
            "formats.group",
            c.formats.group,
            format!("must be at least array.lanes = {lanes} because a slice of the reduction takes one scale"),
            format!("0, or {lanes} to 1024"),
        ));
    }
    check_kv_buffer(c)?;
    if c.npe.ways > c.array.columns {
        let columns = c.array.columns;
        return Err(illegal(
            "npe.ways",
            c.npe.ways,
            format!("must be at most array.columns = {columns} because a tile is made of the results of different columns"),
            format!("4 to {columns}"),
        ));
    }
    if c.array.accumulation == Accumulation::Aligned {
        check_aligned(c)?;
    }
    Ok(())
}

/// One bank of whole words per HBM port, and a read port for at least one bank each.
fn check_kv_buffer(c: &Config) -> Result<(), ConfigError> {
    let hbm = c.memory.hbm_ports;
    if c.kv_buffer.ports > hbm {
        return Err(illegal(
            "kv_buffer.ports",
            c.kv_buffer.ports,
            format!(
                "must be at most memory.hbm_ports = {hbm} because there is one bank per HBM port"
            ),
            format!("powers of two up to {hbm}"),
        ));
    }
    let bank = 8 * hbm;
    if c.kv_buffer.urams % bank != 0 || !(c.kv_buffer.urams / bank).is_power_of_two() {
        let legal: Vec<String> =
            (0..7).map(|n| bank << n).filter(|n| *n <= 960).map(|n| n.to_string()).collect();
        return Err(illegal(
            "kv_buffer.urams",
            c.kv_buffer.urams,
            format!("must be 8 times a power of two per HBM port, of which there are {hbm}, because a bank is 8 blocks wide and its depth a power of two"),
            legal.join(", "),
        ));
    }
    Ok(())
}

/// The widths of the operand-aligned variant against the sum of a DSP (docs/numerics.md, 8.2).
fn check_aligned(c: &Config) -> Result<(), ConfigError> {
    let (act, kv) = (c.array.aligned_act_bits, c.array.aligned_kv_bits);
    let most = DSP_SUM_BITS - 1 - c.array.lanes.ilog2() - act;
    if kv > most {
        return Err(illegal(
            "array.aligned_kv_bits",
            kv,
            format!(
                "must be at most {most} while array.aligned_act_bits = {act} because the sum of {} products and its sign have to fit the {DSP_SUM_BITS}-bit accumulator of the DSP",
                c.array.lanes
            ),
            format!("11 to {}", most.min(26)),
        ));
    }
    Ok(())
}

fn illegal(field: &str, value: u32, reason: String, range: String) -> ConfigError {
    ConfigError::Illegal { field: field.into(), value: value.to_string(), reason, range }
}

fn check_names(file: &str, table: &Table, prefix: &str) -> Result<(), ConfigError> {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let section = FIELDS.iter().any(|f| f.path.starts_with(&format!("{path}.")));
        match value {
            Value::Table(inner) if section => check_names(file, inner, &path)?,
            _ if section => {
                return Err(ConfigError::NotASection { file: file.into(), section: path })
            }
            _ if fields::find(&path).is_some() => {}
            _ => {
                return Err(ConfigError::UnknownField {
                    file: file.into(),
                    nearest: match value {
                        Value::Table(_) if prefix.is_empty() => nearest_section(&path),
                        _ => nearest_field(&path),
                    },
                    field: path,
                })
            }
        }
    }
    Ok(())
}

/// The legal name most like `path`: by whole name, or by last part where a section is misspelt.
fn nearest_field(path: &str) -> String {
    let last = |s: &str| s.rsplit('.').next().unwrap_or_default().to_string();
    let score = |f: &Field| {
        strsim::jaro_winkler(path, f.path)
            .max(0.99 * strsim::jaro_winkler(&last(path), &last(f.path)))
    };
    let best = FIELDS.iter().max_by(|a, b| score(a).total_cmp(&score(b)));
    best.map(|f| f.path.to_string()).unwrap_or_default()
}

fn nearest_section(name: &str) -> String {
    let sections = FIELDS.iter().filter_map(|f| f.path.split_once('.')).map(|(s, _)| s);
    let score = |s: &str| strsim::jaro_winkler(name, s);
    sections.max_by(|a, b| score(a).total_cmp(&score(b))).unwrap_or_default().into()
}

fn check_value(field: &Field, value: &Value) -> Result<(), ConfigError> {
    let refuse = |reason: String| {
        Err(ConfigError::Illegal {
            field: field.path.into(),
            value: value.to_string(),
            reason,
            range: field.range(),
        })
    };
    let rule = || format!("must be {} because {}", field.rule(), field.because);
    match (field.kind, value) {
        (Kind::Name(longest), Value::String(s)) => {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
            match !s.is_empty() && s.len() <= longest && s.chars().all(plain) {
                true => Ok(()),
                false => refuse(rule()),
            }
        }
        (Kind::Word(words), Value::String(s)) => match words.contains(&s.as_str()) {
            true => Ok(()),
            false => refuse(rule()),
        },
        (Kind::Name(_) | Kind::Word(_), _) => refuse("must be a quoted word".into()),
        (Kind::Int(low, high, r), Value::Integer(v)) => {
            let power = |v: i64| v > 0 && v & (v - 1) == 0;
            let kept = match r {
                Rule::Any => true,
                Rule::PowerOfTwo => power(*v),
                Rule::ZeroOrPowerOfTwo(low) => *v == 0 || (*v >= low && power(*v)),
                Rule::OneOf(values) => values.contains(v),
            };
            match (low..=high).contains(v) {
                false => refuse(format!("out of range because {}", field.limit)),
                true if !kept => refuse(rule()),
                true => Ok(()),
            }
        }
        (Kind::Int(..), _) => refuse("must be a whole number".into()),
    }
}
