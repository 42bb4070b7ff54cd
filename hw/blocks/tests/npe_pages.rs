//! The waveforms in docs/npe.md are what the blocks do.

mod common;

use common::npe::waveform;
use skipopu_hw::npe::float::{Add, Compare, Multiply, Narrow, Widen};
use skipopu_hw::npe::function::{
    Ceiling, Exp2, Fp16Function, Function, LogProduct, Reciprocal, Rsqrt, Sigmoid, Silu,
    UnsignedFixed,
};

const PAGE: &str = include_str!("../../../docs/npe.md");

/// Holds the text against the section of the page; what is missing is gathered.
fn documented(missing: &mut String, heading: &str, text: &str) {
    let section = PAGE.split("\n### ").find(|s| s.starts_with(heading));
    if !section.is_some_and(|s| s.contains(text)) {
        *missing += &format!("### {heading}\n{text}");
    }
}

const ONE: u64 = 0x3F80_0000;
const TWO: u64 = 0x4000_0000;
const THREE: u64 = 0x4040_0000;

#[test]
fn waveforms_are_what_the_blocks_do() {
    let mut missing = String::new();
    let fp16 = [[0x3C00], [0x4000], [0x4200]];
    let fp32 = [[ONE], [TWO], [THREE]];
    let pairs = [[ONE, TWO >> 7], [TWO, TWO >> 7], [THREE, TWO >> 7]];
    documented(&mut missing, "Widen", &waveform(|| Box::new(Widen::new()), &fp16));
    documented(&mut missing, "Narrow", &waveform(|| Box::new(Narrow::new(23).unwrap()), &fp32));
    documented(
        &mut missing,
        "Multiply",
        &waveform(|| Box::new(Multiply::new(23, 16, 23).unwrap()), &pairs),
    );
    let sums = [[ONE, TWO, 0], [TWO, TWO, 0], [THREE, TWO, 1]];
    documented(&mut missing, "Add", &waveform(|| Box::new(Add::new()), &sums));
    let order = [[ONE, TWO], [0x7FC0_0000, TWO], [THREE, TWO]];
    documented(&mut missing, "Compare", &waveform(|| Box::new(Compare::e8m(23).unwrap()), &order));
    documented(
        &mut missing,
        "LogProduct",
        &waveform(|| Box::new(LogProduct::new(23).unwrap()), &pairs),
    );
    documented(
        &mut missing,
        "Exp2",
        &waveform(|| Box::new(Exp2::new()), &[[1 << 14, 0], [2 << 14, 0], [3 << 14, 0]]),
    );
    let fractions = [[0x3F00_0000 >> 7], [0x3E80_0000 >> 7], [ONE >> 7]];
    let block = || UnsignedFixed::new(24, Ceiling::One).unwrap();
    documented(&mut missing, "UnsignedFixed", &waveform(|| Box::new(block()), &fractions));
    documented(
        &mut missing,
        "Reciprocal",
        &waveform(|| Box::new(Reciprocal::new(23).unwrap()), &fp32),
    );
    documented(&mut missing, "Rsqrt", &waveform(|| Box::new(Rsqrt::new(23).unwrap()), &fp32));
    let exponentials = [[0x3F00_0000 >> 7, 0], [0x3F00_0000 >> 7, 1], [0x3E80_0000 >> 7, 0]];
    documented(
        &mut missing,
        "Sigmoid",
        &waveform(|| Box::new(Sigmoid::new().unwrap()), &exponentials),
    );
    documented(&mut missing, "Silu", &waveform(|| Box::new(Silu::new(23).unwrap()), &fp32));
    let block = || Fp16Function::new(Function::Exp).unwrap();
    documented(&mut missing, "Fp16Function", &waveform(|| Box::new(block()), &fp16));
    assert!(missing.is_empty(), "docs/npe.md should hold:\n{missing}");
}
