//! The error study: operands drawn or read, a unit under test, figures against the exact result.

use super::oracle;
use super::round::{from_f64, Format};
use rand::{rngs::SmallRng, Rng, SeedableRng};
use std::path::{Path, PathBuf};

/// Distribution of an FP16 vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// N(0, 1), rounded to FP16.
    Normal,
    /// |N(0, 1)|: no cancellation, every bias shows.
    Positive,
    /// N(0, 1) with one lane, drawn anew for every vector, scaled by the factor.
    Outlier(f64),
    /// N(0, 1) with this fixed lane scaled by the factor.
    OutlierAt(usize, f64),
}

/// Distribution of INT4 weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// -8 to 7, all alike.
    Uniform,
    /// Rounded N(0, 2.7), cut at -8 and 7: a group of about 128 normal weights quantised by its
    /// largest.
    Normal,
}

/// Draws operands. The same seed gives the same operands on every machine.
pub struct Sampler {
    rng: SmallRng,
}

impl Sampler {
    /// A sampler from a seed.
    pub fn new(seed: u64) -> Sampler {
        Sampler { rng: SmallRng::seed_from_u64(seed) }
    }

    /// One draw of N(0, 1), by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.rng.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.rng.random::<f64>()).cos()
    }

    /// Fills an FP16 vector of at least one lane.
    pub fn values(&mut self, values: Values, out: &mut [u16]) {
        let outlier = match values {
            Values::Outlier(factor) => Some((self.rng.random_range(0..out.len()), factor)),
            Values::OutlierAt(lane, factor) => Some((lane, factor)),
            _ => None,
        };
        for (lane, slot) in out.iter_mut().enumerate() {
            let x = self.normal();
            let drawn = match outlier {
                Some((at, factor)) if at == lane => x * factor,
                _ if values == Values::Positive => x.abs(),
                _ => x,
            };
            *slot = from_f64(Format::Fp16, drawn) as u16;
        }
    }

    /// Fills an INT4 vector.
    pub fn weights(&mut self, weights: Weights, out: &mut [i8]) {
        for slot in out {
            *slot = match weights {
                Weights::Uniform => self.rng.random_range(-8..=7),
                Weights::Normal => (self.normal() * 2.7).round().clamp(-8.0, 7.0) as i8,
            };
        }
    }
}

/// Error figures, gathered dot by dot. Dots whose exact result is zero are counted and left out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// Dots compared.
    pub compared: u64,
    /// Dots left out: exact result zero, or an operand or result not finite.
    pub skipped: u64,
    /// Sum of |error|.
    pub error: f64,
    /// Sum of |exact|.
    pub exact: f64,
    /// Sum of |error| / |exact|.
    pub ratios: f64,
}

impl Errors {
    /// Takes in one result.
    pub fn record(&mut self, result: f64, exact: f64) {
        if exact == 0.0 || !exact.is_finite() || !result.is_finite() {
            self.skipped += 1;
            return;
        }
        let error = (result - exact).abs();
        self.compared += 1;
        self.error += error;
        self.exact += exact.abs();
        self.ratios += error / exact.abs();
    }

    /// Both runs together.
    pub fn merge(self, other: Errors) -> Errors {
        Errors {
            compared: self.compared + other.compared,
            skipped: self.skipped + other.skipped,
            error: self.error + other.error,
            exact: self.exact + other.exact,
            ratios: self.ratios + other.ratios,
        }
    }

    /// `sum |e| / sum |exact|` in percent: steady, the figure the bars are set in. `None` when
    /// nothing was compared.
    pub fn sum_percent(&self) -> Option<f64> {
        (self.compared > 0).then(|| 100.0 * self.error / self.exact)
    }

    /// `mean(|e| / |exact|)` in percent: the published figure, heavy-tailed, up to 1.5 times between
    /// seeds. `None` when nothing was compared.
    pub fn mean_percent(&self) -> Option<f64> {
        (self.compared > 0).then(|| 100.0 * self.ratios / self.compared as f64)
    }
}

/// One experiment: how many dots of how many lanes, from which seed, rounded to which format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Lanes of each dot, at least 1.
    pub lanes: usize,
    /// Dots drawn.
    pub dots: usize,
    /// Seed of the operands; the same seed feeds every unit the same operands.
    pub seed: u64,
    /// Format of the unit's results.
    pub format: Format,
}

impl Trial {
    /// Figures of a unit on pairs of FP16 vectors.
    pub fn fp16(&self, a: Values, b: Values, unit: impl Fn(&[u16], &[u16]) -> u32) -> Errors {
        let mut sampler = Sampler::new(self.seed);
        let (mut x, mut y) = (vec![0; self.lanes], vec![0; self.lanes]);
        let mut errors = Errors::default();
        for _ in 0..self.dots {
            sampler.values(a, &mut x);
            sampler.values(b, &mut y);
            self.compare_fp16(&x, &y, &unit, &mut errors);
        }
        errors
    }

    /// Figures of a unit on FP16 vectors and INT4 weights.
    pub fn int4(&self, a: Values, b: Weights, unit: impl Fn(&[u16], &[i8]) -> u32) -> Errors {
        let mut sampler = Sampler::new(self.seed);
        let (mut x, mut w) = (vec![0; self.lanes], vec![0; self.lanes]);
        let mut errors = Errors::default();
        for _ in 0..self.dots {
            sampler.values(a, &mut x);
            sampler.weights(b, &mut w);
            self.compare_int4(&x, &w, &unit, &mut errors);
        }
        errors
    }

    /// Figures on given FP16 operands: consecutive lanes of both, `dots` ignored, a rest shorter than
    /// one dot left out.
    pub fn fp16_from(&self, a: &[u16], b: &[u16], unit: impl Fn(&[u16], &[u16]) -> u32) -> Errors {
        let mut errors = Errors::default();
        for (x, y) in a.chunks_exact(self.lanes).zip(b.chunks_exact(self.lanes)) {
            self.compare_fp16(x, y, &unit, &mut errors);
        }
        errors
    }

    /// Figures on given operands and weights, as [`Trial::fp16_from`].
    pub fn int4_from(&self, a: &[u16], b: &[i8], unit: impl Fn(&[u16], &[i8]) -> u32) -> Errors {
        let mut errors = Errors::default();
        for (x, w) in a.chunks_exact(self.lanes).zip(b.chunks_exact(self.lanes)) {
            self.compare_int4(x, w, &unit, &mut errors);
        }
        errors
    }

    fn compare_fp16(
        &self,
        x: &[u16],
        y: &[u16],
        unit: impl Fn(&[u16], &[u16]) -> u32,
        errors: &mut Errors,
    ) {
        let exact = oracle::dot_fp16(x, y).map_or(f64::NAN, oracle::Exact::to_f64);
        errors.record(self.format.decode(unit(x, y)), exact);
    }

    fn compare_int4(
        &self,
        x: &[u16],
        w: &[i8],
        unit: impl Fn(&[u16], &[i8]) -> u32,
        errors: &mut Errors,
    ) {
        let exact = oracle::dot_int4(x, w).map_or(f64::NAN, oracle::Exact::to_f64);
        errors.record(self.format.decode(unit(x, w)), exact);
    }
}

/// An operand file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OperandFileError {
    /// The file cannot be read.
    #[error("cannot read operands from {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds half a value.
    #[error("{} holds {bytes} bytes: FP16 operands take two bytes each, little-endian, nothing else", path.display())]
    OddLength {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// The file holds a byte that is no INT4 weight.
    #[error("byte {offset} of {} is {value}: INT4 weights take one signed byte each, -8 to 7", path.display())]
    NotInt4 {
        /// The file.
        path: PathBuf,
        /// Position of the first such byte.
        offset: usize,
        /// Its value.
        value: i8,
    },
}

/// FP16 operands from a file: little-endian 16-bit encodings, no header.
pub fn read_fp16(path: &Path) -> Result<Vec<u16>, OperandFileError> {
    let bytes = read(path)?;
    if bytes.len() % 2 != 0 {
        return Err(OperandFileError::OddLength { path: path.into(), bytes: bytes.len() });
    }
    Ok(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
}

/// INT4 weights from a file: one signed byte per weight, -8 to 7, no header.
pub fn read_int4(path: &Path) -> Result<Vec<i8>, OperandFileError> {
    let weights: Vec<i8> = read(path)?.into_iter().map(|b| b as i8).collect();
    match weights.iter().position(|w| !(-8..=7).contains(w)) {
        Some(offset) => {
            Err(OperandFileError::NotInt4 { path: path.into(), offset, value: weights[offset] })
        }
        None => Ok(weights),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, OperandFileError> {
    std::fs::read(path).map_err(|source| OperandFileError::Read { path: path.into(), source })
}
