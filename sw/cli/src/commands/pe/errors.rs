//! Errors of every dot-product unit, from the bit-exact reference.

use crate::exit::{Done, Failure};
use crate::progress::Progress;
use rayon::prelude::*;
use serde::Serialize;
use skipopu_config::Array;
use skipopu_reference::pe::study::{self, Errors, Trial, Values, Weights};
use skipopu_reference::pe::{Format, Unit, Variant};
use std::path::{Path, PathBuf};

/// Which operands a mode multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// FP16 times FP16.
    Fp16,
    /// FP16 times INT4.
    Int4,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Mode; 2] = [Mode::Fp16, Mode::Int4];

    /// As in reports.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Fp16 => "FP16xFP16",
            Mode::Int4 => "FP16xINT4",
        }
    }
}

/// Where operands come from.
pub enum Operands {
    /// N(0, 1) activations and values; INT4 weights uniform over -8 to 7.
    Random {
        /// Dots per seed.
        dots: usize,
        /// Seeds, from 0.
        seeds: u64,
    },
    /// Both operands of one mode from files.
    Files {
        /// How reports call them.
        name: &'static str,
        /// The mode they are for.
        mode: Mode,
        /// FP16 operands, shared by the columns.
        first: Vec<u16>,
        /// FP16 operands of the columns.
        fp16: Vec<u16>,
        /// INT4 operands of the columns.
        int4: Vec<i8>,
    },
}

impl Operands {
    /// Reads a pair of operand files; `name` is for reports.
    ///
    /// # Errors
    /// Files that cannot be read, or hold something else.
    pub fn read(name: &'static str, mode: Mode, files: &[PathBuf]) -> Done<Operands> {
        let [first, second] = files else {
            return Err(Failure::usage("operands come as two files: activations, then the other"));
        };
        let fail = |e: study::OperandFileError| Failure::environment(e);
        let first = study::read_fp16(first).map_err(fail)?;
        let fp16 = |p: &Path| study::read_fp16(p).map_err(fail);
        let int4 = |p: &Path| study::read_int4(p).map_err(fail);
        let (fp16, int4) = match mode {
            Mode::Fp16 => (fp16(second)?, Vec::new()),
            Mode::Int4 => (Vec::new(), int4(second)?),
        };
        Ok(Operands::Files { name, mode, first, fp16, int4 })
    }

    /// These and others of the same mode, all from files; `name` is for reports.
    pub fn and(&self, others: &Operands, name: &'static str) -> Operands {
        let parts = |o: &Operands| match o {
            Operands::Files { mode, first, fp16, int4, .. } => {
                (*mode, first.clone(), fp16.clone(), int4.clone())
            }
            Operands::Random { .. } => (Mode::Fp16, Vec::new(), Vec::new(), Vec::new()),
        };
        let ((mode, a, b, w), (_, a2, b2, w2)) = (parts(self), parts(others));
        Operands::Files {
            name,
            mode,
            first: [a, a2].concat(),
            fp16: [b, b2].concat(),
            int4: [w, w2].concat(),
        }
    }

    /// How reports call them.
    pub fn name(&self) -> &'static str {
        match self {
            Operands::Random { .. } => "random",
            Operands::Files { name, .. } => name,
        }
    }
}

/// Error of one unit in one mode.
#[derive(Clone, Debug, Serialize)]
pub struct UnitError {
    /// The unit.
    pub unit: &'static str,
    /// The mode.
    pub mode: Mode,
    /// Where the operands come from.
    pub operands: &'static str,
    /// FP16 result, sum |e| / sum |exact| in percent.
    pub sum_percent: f64,
    /// FP16 result, mean(|e| / |exact|) in percent, the published metric: median over the seeds.
    pub mean_percent: f64,
    /// Least and greatest of the same over the seeds.
    pub mean_range: [f64; 2],
    /// FP32 result, sum metric.
    pub fp32_sum_percent: f64,
    /// Dots compared, FP16 result.
    pub dots: u64,
}

/// Errors of every unit on each of these operands, at the lanes and aligned widths of `array`.
///
/// # Errors
/// Operands that hold not one dot to compare.
pub fn study(operands: &[Operands], array: &Array) -> Done<Vec<UnitError>> {
    let lanes = array.lanes as usize;
    let units = Unit::all().into_iter().map(|u| at_widths(u, array));
    let cases: Vec<(Unit, Mode, &Operands)> = units
        .flat_map(|u| {
            Mode::ALL.into_iter().flat_map(move |m| operands.iter().map(move |o| (u, m, o)))
        })
        .filter(|(_, m, o)| !matches!(o, Operands::Files { mode, .. } if mode != m))
        .collect();
    let mut progress = Progress::new("measuring errors of", cases.len());
    let mut rows = Vec::new();
    for (unit, mode, operands) in cases {
        let (unit_name, mode_name) = (unit.name(), mode.name());
        progress.step(&format!("{unit_name} in {mode_name}, {} operands", operands.name()));
        let fp16 = runs(operands, unit, mode, lanes, Format::Fp16);
        let fp32 = runs(operands, unit, mode, lanes, Format::Fp32);
        rows.push(row(operands, unit, mode, &fp16, &fp32)?);
    }
    Ok(rows)
}

/// The unit with the configuration's widths, where it has any.
fn at_widths(unit: Unit, array: &Array) -> Unit {
    match unit {
        Unit::Column(Variant::Aligned(_)) => {
            Unit::Column(Variant::Aligned(crate::commands::engine::widths(array)))
        }
        other => other,
    }
}

/// One figure per seed; one in all for files.
fn runs(operands: &Operands, unit: Unit, mode: Mode, lanes: usize, format: Format) -> Vec<Errors> {
    // Lanes and weights are legal by construction, so a unit never refuses.
    let nan = format.nan();
    let fp16 = |a: &[u16], b: &[u16]| unit.fp16(a, b, format).unwrap_or(nan);
    let int4 = |a: &[u16], b: &[i8]| unit.int4(a, b, format).unwrap_or(nan);
    match operands {
        Operands::Random { dots, seeds } => (0..*seeds)
            .into_par_iter()
            .map(|seed| {
                let trial = Trial { lanes, dots: *dots, seed, format };
                match mode {
                    Mode::Fp16 => trial.fp16(Values::Normal, Values::Normal, fp16),
                    Mode::Int4 => trial.int4(Values::Normal, Weights::Uniform, int4),
                }
            })
            .collect(),
        Operands::Files { first, fp16: second, int4: weights, .. } => {
            let trial = Trial { lanes, dots: 0, seed: 0, format };
            vec![match mode {
                Mode::Fp16 => trial.fp16_from(first, second, fp16),
                Mode::Int4 => trial.int4_from(first, weights, int4),
            }]
        }
    }
}

fn row(
    operands: &Operands,
    unit: Unit,
    mode: Mode,
    fp16: &[Errors],
    fp32: &[Errors],
) -> Done<UnitError> {
    let all = |runs: &[Errors]| runs.iter().copied().fold(Errors::default(), Errors::merge);
    let nothing = || {
        Failure::check(format!(
            "{}: the operands hold no dot product to compare; give more of them",
            unit.name()
        ))
    };
    let mut means: Vec<f64> = fp16.iter().filter_map(Errors::mean_percent).collect();
    means.sort_by(f64::total_cmp);
    let (Some(least), Some(greatest)) = (means.first(), means.last()) else {
        return Err(nothing());
    };
    Ok(UnitError {
        unit: unit.name(),
        mode,
        operands: operands.name(),
        sum_percent: all(fp16).sum_percent().ok_or_else(nothing)?,
        mean_percent: means[means.len() / 2],
        mean_range: [*least, *greatest],
        fp32_sum_percent: all(fp32).sum_percent().ok_or_else(nothing)?,
        dots: all(fp16).compared,
    })
}
