//! The waveforms in docs/npe.md are what the blocks do.

mod common;

use common::npe::waveform;
use skipopu_hw::npe::float::{Add, Compare, Multiply, Narrow, Widen};
use skipopu_hw::npe::function::{
    Ceiling, Exp2, Fp16Function, Function, LogProduct, Reciprocal, Rsqrt, Sigmoid, Silu,
    UnsignedFixed,
};

const PAGE: &str = include_str!("../../../docs/npe.md");

/// Holds the text against the section of the page.
fn documented(heading: &str, text: &str) {
    let section = PAGE.split("\n### ").find(|s| s.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("docs/npe.md has no section {heading}"));
    assert!(section.contains(text), "{heading} should hold:\n{text}");
}

const ONE: u64 = 0x3F80_0000;
const TWO: u64 = 0x4000_0000;
const THREE: u64 = 0x4040_0000;

#[test]
fn waveforms_are_what_the_blocks_do() {
    let fp16 = [[0x3C00], [0x4000], [0x4200]];
    let fp32 = [[ONE], [TWO], [THREE]];
    let pairs = [[ONE, TWO >> 7], [TWO, TWO >> 7], [THREE, TWO >> 7]];
    documented("Widen", &waveform(|| Box::new(Widen::new()), &fp16));
    documented("Narrow", &waveform(|| Box::new(Narrow::new(23).unwrap()), &fp32));
    documented("Multiply", &waveform(|| Box::new(Multiply::new(23, 16, 23).unwrap()), &pairs));
    let sums = [[ONE, TWO, 0], [TWO, TWO, 0], [THREE, TWO, 1]];
    documented("Add", &waveform(|| Box::new(Add::new()), &sums));
    let order = [[ONE, TWO], [0x7FC0_0000, TWO], [THREE, TWO]];
    documented("Compare", &waveform(|| Box::new(Compare::e8m(23).unwrap()), &order));
    documented("LogProduct", &waveform(|| Box::new(LogProduct::new(23).unwrap()), &pairs));
    documented(
        "Exp2",
        &waveform(|| Box::new(Exp2::new()), &[[1 << 14, 0], [2 << 14, 0], [3 << 14, 0]]),
    );
    let fractions = [[0x3F00_0000 >> 7], [0x3E80_0000 >> 7], [ONE >> 7]];
    let block = || UnsignedFixed::new(24, Ceiling::One).unwrap();
    documented("UnsignedFixed", &waveform(|| Box::new(block()), &fractions));
    documented("Reciprocal", &waveform(|| Box::new(Reciprocal::new(23).unwrap()), &fp32));
    documented("Rsqrt", &waveform(|| Box::new(Rsqrt::new(23).unwrap()), &fp32));
    let exponentials = [[0x3F00_0000 >> 7, 0], [0x3F00_0000 >> 7, 1], [0x3E80_0000 >> 7, 0]];
    documented("Sigmoid", &waveform(|| Box::new(Sigmoid::new().unwrap()), &exponentials));
    documented("Silu", &waveform(|| Box::new(Silu::new(23).unwrap()), &fp32));
    let block = || Fp16Function::new(Function::Exp).unwrap();
    documented("Fp16Function", &waveform(|| Box::new(block()), &fp16));
}
