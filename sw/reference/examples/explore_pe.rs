//! The tables of `docs/pe-exploration.md`: error against width, rounding and outliers.
//!
//! `cargo run --release -p skipopu-reference --example explore_pe [dots per seed]`

use rayon::prelude::*;
use skipopu_reference::pe::align::Rounding;
use skipopu_reference::pe::aligned::{align_block_with, SIGNIFICAND_BITS};
use skipopu_reference::pe::fp16::Operand;
use skipopu_reference::pe::mac::Subnormals;
use skipopu_reference::pe::product::{self, Cut};
use skipopu_reference::pe::round::from_f64;
use skipopu_reference::pe::special::Flags;
use skipopu_reference::pe::study::{Errors, Trial, Values, Weights};
use skipopu_reference::pe::{align_block, Format, Sum, Unit, Variant};

const LANES: usize = 64;
const SEEDS: u64 = 8;
const ROUNDINGS: [(&str, Rounding); 4] = [
    ("half away", Rounding::HalfAway),
    ("half even", Rounding::HalfEven),
    ("truncate", Rounding::Truncate),
    ("floor", Rounding::Floor),
];
const NORMAL: (Values, Values) = (Values::Normal, Values::Normal);
const POSITIVE: (Values, Values) = (Values::Positive, Values::Positive);

/// What the widths of aligned operands are compared with.
const REFERENCES: [Unit; 4] = [
    Unit::Exact,
    Unit::Column(Variant::Bits22),
    Unit::Column(Variant::Bits15),
    Unit::Chain(Subnormals::Keep),
];

/// What a table runs: dots per seed.
#[derive(Clone, Copy)]
struct Study {
    dots: usize,
}

impl Study {
    fn trials(self, format: Format) -> impl ParallelIterator<Item = Trial> {
        let dots = self.dots;
        (0..SEEDS).into_par_iter().map(move |seed| Trial { lanes: LANES, dots, seed, format })
    }

    fn fp16(
        self,
        format: Format,
        of: (Values, Values),
        unit: impl Fn(&[u16], &[u16]) -> u32 + Sync,
    ) -> Errors {
        self.trials(format)
            .map(|t| t.fp16(of.0, of.1, &unit))
            .reduce(Errors::default, Errors::merge)
    }

    fn int4(
        self,
        format: Format,
        of: (Values, Weights),
        unit: impl Fn(&[u16], &[i8]) -> u32 + Sync,
    ) -> Errors {
        self.trials(format)
            .map(|t| t.int4(of.0, of.1, &unit))
            .reduce(Errors::default, Errors::merge)
    }

    /// The published metric seed by seed: median, least and greatest.
    fn spread(self, unit: impl Fn(&[u16], &[u16]) -> u32 + Sync) -> String {
        let mean = |t: Trial| t.fp16(Values::Normal, Values::Normal, &unit).mean_percent();
        let mut means: Vec<f64> =
            self.trials(Format::Fp16).map(|t| mean(t).expect("compared")).collect();
        means.sort_by(f64::total_cmp);
        let (low, high) = (means[0], means[means.len() - 1]);
        format!("{:.3} ({low:.3} to {high:.3})", means[means.len() / 2])
    }
}

fn mean(errors: Errors) -> String {
    format!("{:.4}", errors.mean_percent().expect("a table compares something"))
}

fn percent(errors: Errors) -> String {
    format!("{:.4}", errors.sum_percent().expect("a table compares something"))
}

fn row(name: impl std::fmt::Display, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    println!("| {name} | {} |", cells.join(" | "));
}

fn header(title: &str, first: &str, columns: &[&str]) {
    println!("\n### {title}\n");
    row(first, columns.iter().map(|c| c.to_string()));
    println!("|---|{}", "---|".repeat(columns.len()));
}

fn product_unit(cut: Cut, format: Format) -> impl Fn(&[u16], &[u16]) -> u32 {
    move |a, b| {
        let lanes = a.iter().zip(b).map(|(a, b)| (Operand::from_fp16(*a), Operand::from_fp16(*b)));
        product::sum(cut, lanes).reconstruct(format)
    }
}

/// Aligned operands of any widths, also such as no DSP holds.
fn aligned_unit(
    a: u32,
    b: u32,
    rounding: Rounding,
    format: Format,
) -> impl Fn(&[u16], &[u16]) -> u32 {
    move |x, y| {
        let (x, y) = (align_block_with(x, a, rounding), align_block_with(y, b, rounding));
        let integer =
            x.integers.iter().zip(&y.integers).map(|(x, y)| i64::from(*x) * i64::from(*y)).sum();
        let exponent = x.unit_exponent() + y.unit_exponent();
        Sum { flags: Flags::default(), integer, exponent }.reconstruct(format)
    }
}

fn aligned_int4_unit(bits: u32, format: Format) -> impl Fn(&[u16], &[i8]) -> u32 {
    move |x, w| {
        let x = align_block(x, bits);
        let integer = x.integers.iter().zip(w).map(|(x, w)| i64::from(*x) * i64::from(*w)).sum();
        Sum { flags: Flags::default(), integer, exponent: x.unit_exponent() }.reconstruct(format)
    }
}

/// Aligned activations of fewer bits than a significand has, as three weights in a DSP would leave them.
fn narrow_int4_unit(bits: i32, format: Format) -> impl Fn(&[u16], &[i8]) -> u32 {
    move |x, w| {
        let exponent = align_block(x, SIGNIFICAND_BITS).unit_exponent();
        let unit = f64::from(exponent + SIGNIFICAND_BITS as i32 - bits).exp2();
        // Every step is exact in f64 but the rounding that is meant, half away from zero.
        let integer = |x: &u16| (Format::Fp16.decode((*x).into()) / unit).round();
        let sum: f64 = x.iter().zip(w).map(|(x, w)| integer(x) * f64::from(*w)).sum();
        from_f64(format, sum * unit)
    }
}

fn fp16_of(unit: Unit, format: Format) -> impl Fn(&[u16], &[u16]) -> u32 {
    move |a, b| unit.fp16(a, b, format).expect("legal operands")
}

fn int4_of(unit: Unit, format: Format) -> impl Fn(&[u16], &[i8]) -> u32 {
    move |a, w| unit.int4(a, w, format).expect("legal operands")
}

fn summary(study: Study) {
    let columns = ["FP16 result, sum", "mean", "mean, median of seeds (range)", "FP32 result, sum"];
    header("FP16xFP16, N(0, 1), percent", "unit", &columns);
    for unit in Unit::all() {
        let narrow = study.fp16(Format::Fp16, NORMAL, fp16_of(unit, Format::Fp16));
        let wide = study.fp16(Format::Fp32, NORMAL, fp16_of(unit, Format::Fp32));
        let spread = study.spread(fp16_of(unit, Format::Fp16));
        row(unit.name(), [percent(narrow), mean(narrow), spread, percent(wide)]);
    }
    let columns = ["uniform weights, sum", "mean", "normal weights, sum", "mean"];
    header("FP16xINT4, N(0, 1), FP16 result, percent", "unit", &columns);
    for unit in Unit::all() {
        let of = |w| study.int4(Format::Fp16, (Values::Normal, w), int4_of(unit, Format::Fp16));
        let (uniform, normal) = (of(Weights::Uniform), of(Weights::Normal));
        row(unit.name(), [percent(uniform), mean(uniform), percent(normal), mean(normal)]);
    }
}

fn product_widths(study: Study) {
    for (title, of) in [("N(0, 1)", NORMAL), ("|N(0, 1)|, all products positive", POSITIVE)] {
        for (name, format) in [("FP16", Format::Fp16), ("FP32", Format::Fp32)] {
            let title = format!("Aligned products, {title}, {name} result, sum metric, percent");
            header(&title, "bits", &ROUNDINGS.map(|r| r.0));
            for bits in [11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 24] {
                let cell = |(_, rounding)| {
                    percent(study.fp16(format, of, product_unit(Cut { bits, rounding }, format)))
                };
                row(bits, ROUNDINGS.map(cell));
            }
        }
    }
}

fn aligned_widths(study: Study) {
    for (title, of) in [("N(0, 1)", NORMAL), ("|N(0, 1)|", POSITIVE)] {
        for (name, format) in [("FP16", Format::Fp16), ("FP32", Format::Fp32)] {
            let title = format!("Aligned operands, {title}, {name} result, sum metric, percent");
            header(&title, "bits", &ROUNDINGS.map(|r| r.0));
            for bits in [11, 12, 13, 14, 15, 16, 17, 18, 20] {
                let cell = |(_, rounding)| {
                    percent(study.fp16(format, of, aligned_unit(bits, bits, rounding, format)))
                };
                row(bits, ROUNDINGS.map(cell));
            }
        }
    }
}

const FACTORS: [(f64, &str); 3] = [(30.0, "x30"), (200.0, "x200"), (1000.0, "x1000")];

fn outliers(study: Study) {
    type Placement = fn(f64) -> (Values, Values);
    let places: [(&str, Placement); 4] = [
        ("in a", |f| (Values::Outlier(f), Values::Normal)),
        ("in b", |f| (Values::Normal, Values::Outlier(f))),
        ("in both, same lane", |f| (Values::OutlierAt(5, f), Values::OutlierAt(5, f))),
        ("in both, different lanes", |f| (Values::OutlierAt(5, f), Values::OutlierAt(40, f))),
    ];
    for (format_name, format) in [("FP16", Format::Fp16), ("FP32", Format::Fp32)] {
        for (place, of) in places {
            let title = format!("Outlier {place}, {format_name} result, sum metric, percent");
            header(&title, "unit", &FACTORS.map(|f| f.1));
            outlier_rows(format, |unit| {
                FACTORS.map(|(f, _)| percent(study.fp16(format, of(f), unit))).to_vec()
            });
        }
    }
}

type Fp16Unit<'a> = &'a (dyn Fn(&[u16], &[u16]) -> u32 + Sync);

fn outlier_rows(format: Format, cells: impl Fn(Fp16Unit) -> Vec<String>) {
    for unit in REFERENCES {
        row(unit.name(), cells(&fp16_of(unit, format)));
    }
    let symmetric = (11..=18).chain([20, 22]).map(|bits| (bits, bits));
    for (a, b) in symmetric.chain([(17, 15), (17, 20), (17, 24)]) {
        row(format!("aligned {a} x {b}"), cells(&aligned_unit(a, b, Rounding::HalfAway, format)));
    }
}

fn int4_widths(study: Study) {
    let values =
        [Values::Normal, Values::Outlier(30.0), Values::Outlier(200.0), Values::Outlier(1000.0)];
    let columns =
        ["uniform, N(0, 1)", "x30", "x200", "x1000", "normal, N(0, 1)", "x30", "x200", "x1000"];
    for (name, format) in [("FP16", Format::Fp16), ("FP32", Format::Fp32)] {
        header(&format!("FP16xINT4, {name} result, sum metric, percent"), "unit", &columns);
        let cells = |unit: &(dyn Fn(&[u16], &[i8]) -> u32 + Sync)| -> Vec<String> {
            let each = [Weights::Uniform, Weights::Normal].into_iter();
            each.flat_map(|w| values.map(|v| percent(study.int4(format, (v, w), unit)))).collect()
        };
        for unit in REFERENCES {
            row(unit.name(), cells(&int4_of(unit, format)));
        }
        for bits in 11..=17 {
            row(format!("aligned {bits}"), cells(&aligned_int4_unit(bits, format)));
        }
    }
}

fn three_weights(study: Study) {
    let columns = ["uniform, N(0, 1)", "x30", "normal, N(0, 1)", "x30"];
    header("FP16xINT4, FP16 result, sum metric, percent", "unit", &columns);
    for bits in 5..=10 {
        let unit = narrow_int4_unit(bits, Format::Fp16);
        let cells = [Weights::Uniform, Weights::Normal].into_iter().flat_map(|w| {
            [Values::Normal, Values::Outlier(30.0)]
                .map(|v| percent(study.int4(Format::Fp16, (v, w), &unit)))
        });
        row(format!("aligned {bits}"), cells);
    }
}

fn main() {
    let dots =
        std::env::args().nth(1).map_or(10_000, |n| n.parse().expect("dots per seed, a number"));
    let study = Study { dots };
    println!("{SEEDS} seeds from 0, {dots} dots of {LANES} lanes from each (first table: 4 times as many)");
    summary(Study { dots: 4 * dots });
    product_widths(study);
    aligned_widths(study);
    outliers(study);
    int4_widths(study);
    three_weights(study);
}
