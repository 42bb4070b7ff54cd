//! The exact backend: products bit for bit as the PE array gives them, everything else as the NPE does.
//!
//! A vector is cut into slices of as many values as a column has lanes. A column's sum of one slice is
//! rounded to FP32 ([`skipopu_reference::pe`]); the slices' sums are added in FP32, in order. With
//! weights, each slice's sum is first multiplied by the scale of its group: `y = y + scale * s`, every
//! operation rounded to FP32. With routers' weights every fourth slice goes to one of four sums, which are added two by two.
//!
//! For the variant `aligned` both kinds of sum are computed by integers of our own ([`fast`]), which
//! tests hold against the reference; other variants call the reference itself.

pub mod fast;
pub mod record;
mod weights;

use crate::arithmetic::in_order;
use crate::{Arithmetic, ForwardError, KvView, Rows, Seen};
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use skipopu_isa::set::ROUTER_SUMS;
use skipopu_kv::KvOrder;
use skipopu_model::{Matrix, Tensor};
use skipopu_reference::npe::{residual, rope_row, swiglu, RmsNorm, Softmax, Turn};
use skipopu_reference::pe::{self, Format, PeError, Variant};
use weights::Int4;

/// The PE array's arithmetic.
#[derive(Clone, Copy, Debug)]
pub struct Exact {
    variant: Variant,
    lanes: usize,
    ways: usize,
    order: Option<KvOrder>,
}

/// Values that the NPE of `u280` takes in a cycle.
const WAYS: usize = 64;

/// Weights of the exact backend.
pub enum Weights {
    /// A projection.
    Int4(Int4),
    /// A router: FP16 rows.
    Fp16 {
        /// Values of a row.
        cols: usize,
        /// The rows' encodings.
        bits: Vec<u16>,
    },
}

impl Exact {
    /// Columns of `lanes` lanes that sum as `variant` does.
    ///
    /// # Errors
    /// More lanes than a column has, widths that the DSP does not hold.
    pub fn new(variant: Variant, lanes: usize) -> Result<Exact, ForwardError> {
        if !(1..=pe::MAX_LANES).contains(&lanes) {
            return Err(PeError::TooManyLanes { lanes }.into());
        }
        if let Variant::Aligned(widths) = variant {
            widths.check(lanes)?;
        }
        Ok(Exact { variant, lanes, ways: WAYS, order: None })
    }

    /// The same with an NPE of `ways` values a cycle (64 unless said), which decides where its sums are cut.
    #[must_use]
    pub fn with_ways(self, ways: usize) -> Exact {
        Exact { ways: ways.max(1), ..self }
    }

    /// The same with attention reading tokens in the rounds of a machine, whose slices have as many slots as the columns lanes
    /// (in the order of the text unless said).
    #[must_use]
    pub fn with_order(self, order: KvOrder) -> Exact {
        Exact { order: Some(order), ..self }
    }

    /// Attention over slots: all of them take part in the alignment of their slice; a slot without a token is zero, and one that the row
    /// does not see has no probability.
    fn attend_slots(
        &self,
        query: &[f32],
        kv: &KvView<u16>,
        (slots, tokens): (&[Option<usize>], usize),
        scale: f64,
        out: &mut [f32],
    ) {
        let query = to_fp16(query);
        let score = |slot: &Option<usize>| match slot {
            Some(token) if *token < tokens => self.dot_fp16(&query, kv.key(*token)),
            _ => f32::NEG_INFINITY,
        };
        let scores: Vec<u32> = slots.iter().map(|s| score(s).to_bits()).collect();
        let p = Softmax::new(self.ways, scale).row(&scores, scores.len());
        for (d, out) in out.iter_mut().enumerate() {
            let value = |slot: &Option<usize>| slot.map_or(0, |token| kv.value(token)[d]);
            let column: Vec<u16> = slots.iter().map(value).collect();
            *out = self.dot_fp16(&p, &column);
        }
    }

    /// FP16xFP16 over any length: slices summed in FP32.
    fn dot_fp16(&self, a: &[u16], b: &[u16]) -> f32 {
        sum(self.slices(a, b))
    }

    /// FP16xFP16 slice by slice.
    fn slices<'a>(&'a self, a: &'a [u16], b: &'a [u16]) -> impl Iterator<Item = f32> + 'a {
        let slice = move |(a, b): (&[u16], &[u16])| match self.variant {
            Variant::Aligned(widths) => fast::dot_fp16(widths, a, b),
            // Lanes are equal and legal by construction.
            variant => f32::from_bits(
                pe::dot_fp16(variant, a, b, Format::Fp32).unwrap_or(Format::Fp32.nan()),
            ),
        };
        a.chunks(self.lanes).zip(b.chunks(self.lanes)).map(slice)
    }

    /// A router's logit: every fourth slice is of one sum, -0 if there is none; the four are added two by two.
    fn logit(&self, x: &[u16], weights: &[u16]) -> f32 {
        let products: Vec<f32> = self.slices(x, weights).collect();
        let part = |c| products.iter().skip(c).step_by(ROUTER_SUMS).fold(-0.0, |a: f32, b| a + b);
        (part(0) + part(1)) + (part(2) + part(3))
    }
}

/// FP32 sum in order, from the first on.
fn sum(mut values: impl Iterator<Item = f32>) -> f32 {
    let first = values.next().unwrap_or(0.0);
    values.fold(first, |a, b| a + b)
}

/// FP16 encodings of values, rounded to nearest even.
pub(crate) fn to_fp16(values: &[f32]) -> Vec<u16> {
    use half::vec::HalfFloatVecExt;
    let mut halves = vec![f16::ZERO; values.len()];
    halves.convert_from_f32_slice(values);
    halves.reinterpret_into()
}

impl Arithmetic for Exact {
    type Weights = Weights;
    type Stored = u16;

    fn prepare(&self, name: &str, matrix: &Matrix) -> Result<Weights, ForwardError> {
        match matrix {
            Matrix::Quantised(q) if q.bits() <= 4 => {
                Int4::new(name, q, self.variant, self.lanes).map(Weights::Int4)
            }
            _ => Err(ForwardError::NotInt4 { matrix: name.into(), format: matrix.format() }),
        }
    }

    fn prepare_router(&self, router: &Tensor) -> Weights {
        Weights::Fp16 { cols: router.cols(), bits: to_fp16(&router.to_f32()) }
    }

    fn project(&self, weights: &Weights, x: &Rows) -> Rows {
        match weights {
            Weights::Int4(w) => w.project(x),
            Weights::Fp16 { cols, bits } => {
                let mut y = Rows::zeros(x.count(), bits.len() / cols);
                for t in 0..x.count() {
                    let x = to_fp16(x.row(t));
                    for (y, w) in y.row_mut(t).iter_mut().zip(bits.chunks_exact(*cols)) {
                        *y = self.logit(&x, w);
                    }
                }
                y
            }
        }
    }

    fn round(&self, values: &mut [f32]) {
        const BLOCK: usize = 256;
        let mut halves = [f16::ZERO; BLOCK];
        for block in values.chunks_mut(BLOCK) {
            let halves = &mut halves[..block.len()];
            halves.convert_from_f32_slice(block);
            halves.convert_to_f32_slice(block);
        }
    }

    fn store(&self, value: f32) -> u16 {
        f16::from_f32(value).to_bits()
    }

    fn order(&self) -> Option<KvOrder> {
        self.order
    }

    fn attend(&self, query: &[f32], kv: &KvView<u16>, seen: Seen, scale: f64, out: &mut [f32]) {
        match seen.slots {
            Some(slots) => self.attend_slots(query, kv, (slots, seen.tokens), scale, out),
            None => in_order(self, query, kv, seen.tokens, scale, out),
        }
    }

    fn scores(&self, query: &[f32], kv: &KvView<u16>, scores: &mut [f32]) {
        let query = to_fp16(query);
        if let (Variant::Aligned(widths), true) = (self.variant, query.len() <= self.lanes) {
            let query = fast::Aligned::new(&query, widths.a);
            for (t, score) in scores.iter_mut().enumerate() {
                *score = query.dot(&fast::Aligned::new(kv.key(t), widths.b));
            }
            return;
        }
        for (t, score) in scores.iter_mut().enumerate() {
            *score = self.dot_fp16(&query, kv.key(t));
        }
    }

    fn mix(&self, probabilities: &[f32], kv: &KvView<u16>, out: &mut [f32]) {
        let probabilities = to_fp16(probabilities);
        // One column per element of the head; the lanes are tokens.
        for (slice, p) in probabilities.chunks(self.lanes).enumerate() {
            let first = slice * self.lanes;
            let aligned = match self.variant {
                Variant::Aligned(widths) => Some((fast::Aligned::new(p, widths.a), widths.b)),
                _ => None,
            };
            let mut column = vec![0u16; p.len()];
            for (d, out) in out.iter_mut().enumerate() {
                for (t, lane) in column.iter_mut().enumerate() {
                    *lane = kv.value(first + t)[d];
                }
                let sum = match &aligned {
                    Some((p, bits)) => p.dot(&fast::Aligned::new(&column, *bits)),
                    None => self.dot_fp16(p, &column),
                };
                *out = if slice == 0 { sum } else { *out + sum };
            }
        }
    }

    fn norm(&self, x: &[f32], gain: &[f32], eps: f32, out: &mut [f32]) {
        let norm = RmsNorm::new(self.ways, x.len(), eps);
        write(out, norm.row(&to_fp16(x), &to_fp16(gain)));
    }

    fn rotate(&self, frequencies: &[f64], position: usize, heads: &mut [f32]) {
        let turns: Vec<Turn> = frequencies.iter().map(|f| Turn::of(f * position as f64)).collect();
        for head in heads.chunks_exact_mut(2 * turns.len()) {
            let turned = rope_row(&bits(head), &turns);
            write(head, turned);
        }
    }

    fn softmax(&self, scores: &mut [f32], scale: f64) {
        let softmax = Softmax::new(self.ways, scale);
        write(scores, softmax.row(&bits(scores), scores.len()));
    }

    fn swiglu(&self, gate: &mut [f32], up: &[f32]) {
        for (g, u) in gate.iter_mut().zip(up) {
            *g = value(swiglu(g.to_bits(), u.to_bits()));
        }
    }

    fn residual(&self, x: &mut [f32], y: &[f32]) {
        for (x, y) in x.iter_mut().zip(y) {
            *x = value(residual(y.to_bits(), f16::from_f32(*x).to_bits()));
        }
    }
}

/// FP32 encodings.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// The value of an FP16 encoding.
fn value(encoding: u16) -> f32 {
    f16::from_bits(encoding).to_f32()
}

/// Puts FP16 values in place of others.
fn write(out: &mut [f32], encodings: Vec<u16>) {
    out.iter_mut().zip(encodings).for_each(|(o, e)| *o = value(e));
}

impl Int4 {
    /// Products of each of `x`'s rows with every row of weights.
    fn project(&self, x: &Rows) -> Rows {
        let mut y = Rows::zeros(x.count(), self.rows());
        let vectors: Vec<_> = (0..x.count()).map(|t| self.operand(&to_fp16(x.row(t)))).collect();
        let work = self.rows() * x.width() * x.count();
        let rows = self.rows();
        if work < PARALLEL {
            for (y, x) in y.values_mut().chunks_mut(rows).zip(&vectors) {
                self.products(x, 0, y);
            }
        } else if vectors.len() == 1 {
            let chunk = rows.div_ceil(2 * rayon::current_num_threads());
            let parts = y.values_mut().par_chunks_mut(chunk).enumerate();
            parts.for_each(|(i, y)| self.products(&vectors[0], i * chunk, y));
        } else {
            let parts = y.values_mut().par_chunks_mut(rows).zip(&vectors);
            parts.for_each(|(y, x)| self.products(x, 0, y));
        }
        y
    }
}

/// Multiplications below which threads cost more than they save.
const PARALLEL: usize = 1 << 17;
