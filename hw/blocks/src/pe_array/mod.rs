//! The PE array: multipliers, block-floating-point accumulation, column and array.

mod adder_tree;
pub mod aligned;
pub mod baseline;
pub mod error;
pub mod ker_buffer;
pub mod layout;
pub mod operand;
pub mod product;
pub mod reconstruct;

use crate::entry::Entry;
use aligned::{AlignedArray, AlignedShape};
use layout::ArrayLayout;
use product::{product_sum, ProductArray};
use skipopu_config::{Accumulation, Config};
use skipopu_hdl::Dut;

/// Rows of the catalogue, by part, the array last.
pub const ENTRIES: [&[Entry]; 5] =
    [operand::ENTRIES, product::ENTRIES, aligned::ENTRIES, baseline::ENTRIES, ARRAY];

const ARRAY: &[Entry] = &[Entry {
    name: "pe-array",
    summary: "the array: edges, weights held twice, all columns",
    latency: |c| {
        Some(match c.array.accumulation {
            Accumulation::Aligned => aligned_array(c).latency(),
            _ => product_array(c).latency(),
        })
    },
    interval: |_| Some(1),
    test: "skipopu-hw::aligned",
    build: |c| -> Box<dyn Dut> {
        match c.array.accumulation {
            Accumulation::Aligned => Box::new(aligned_array(c)),
            _ => Box::new(product_array(c)),
        }
    },
}];

const LEGAL: &str = "a valid configuration describes an array";

fn aligned_array(config: &Config) -> AlignedArray {
    AlignedArray::new(AlignedShape::of(config), ArrayLayout::of(config)).expect(LEGAL)
}

fn product_array(config: &Config) -> ProductArray {
    let format = config.formats.accumulate_out;
    ProductArray::new(product_sum(config), format, ArrayLayout::of(config)).expect(LEGAL)
}
