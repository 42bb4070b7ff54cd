//! The product-aligned array against the reference.

mod common;

use common::{agree, design_of, seeds, verilated_array};
use skipopu_config::WideFormat;
use skipopu_hw::pe_array::layout::ArrayLayout;
use skipopu_hw::pe_array::product::{KerEdge, ProductArray, ProductSum};
use skipopu_reference::pe::Variant;
use skipopu_system::array::Subject;

fn subject(
    sum: ProductSum,
    format: WideFormat,
    lanes: usize,
    columns: usize,
) -> (Subject, ProductArray) {
    let layout = ArrayLayout { lanes, columns };
    let array = ProductArray::new(sum, format, layout).unwrap();
    let variant = match sum {
        ProductSum::Bits22 => Variant::Bits22,
        ProductSum::Bits15 => Variant::Bits15,
        ProductSum::Dsp15 => Variant::Dsp15,
    };
    let latency = array.latency();
    let subject =
        Subject { layout, variant, format, latency, doubled: false, ahead: ProductArray::AHEAD };
    (subject, array)
}

#[test]
fn arrays_equal_the_reference() {
    for sum in ProductSum::ALL {
        let (subject, array) = subject(sum, WideFormat::Fp32, 16, 8);
        let (_, design) = design_of(Box::new(array), &format!("array_{}", sum.name()));
        assert_eq!(design.top().latency, Some(subject.latency));
        for seed in seeds() {
            let outcome = subject.run(&mut verilated_array(&design), 40_000, seed, false);
            println!("{}, seed {seed}: {outcome:?}", sum.name());
            assert!(outcome.compared.iter().all(|n| *n >= 100_000), "{outcome:?}");
            assert!(outcome.swaps > 1_000, "{outcome:?}");
        }
    }
}

#[test]
fn arrays_of_every_size_equal_the_reference() {
    use WideFormat::{Fp16, Fp32};
    for (sum, format, lanes, columns) in [
        (ProductSum::Bits15, Fp32, 2, 1),
        (ProductSum::Bits22, Fp16, 4, 2),
        (ProductSum::Dsp15, Fp32, 8, 6),
        (ProductSum::Bits15, Fp16, 4, 19),
    ] {
        let (subject, array) = subject(sum, format, lanes, columns);
        let name = format!("array_{}_{lanes}_{columns}", sum.name());
        let (_, design) = design_of(Box::new(array), &name);
        for seed in seeds() {
            let outcome = subject.run(&mut verilated_array(&design), 1_500, seed, true);
            println!("{name}, seed {seed}: {outcome:?}");
            assert!(outcome.compared.iter().all(|n| *n > 100), "{name}: {outcome:?}");
        }
    }
}

#[test]
fn every_engine_agrees() {
    let small = ArrayLayout { lanes: 2, columns: 3 };
    let make = move || ProductArray::new(ProductSum::Bits15, WideFormat::Fp16, small).unwrap();
    agree(move || Box::new(make()), "array_small", 150);
    agree(|| Box::new(KerEdge::new(4).unwrap()), "ker_edge", 300);
}
