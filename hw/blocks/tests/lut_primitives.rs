//! Blocks made of LUT6_2 and CARRY8: every engine, the primitives, and their cost.

mod common;

use common::{cells, design_of, seeds, shallow, Case};
use skipopu_hw::primitives::{Exchange, ShiftStage, TernaryAdder};

#[test]
fn ternary_adders_add() {
    for width in [2, 8, 9, 18] {
        let case = Case::new("ternary_adder", move || TernaryAdder::new(width).unwrap());
        for seed in seeds() {
            let stimulus = case.random(300, seed, |_| ());
            case.agree(&stimulus);
            case.primitives_agree(&stimulus);
        }
        let report = cells(&design_of(Box::new(TernaryAdder::new(width).unwrap()), "adder").1);
        assert_eq!(report.area.luts, width as u64);
        // A LUT for the majorities, one for the parities, the chain.
        shallow(&report, 3);
    }
}

#[test]
fn shift_stages_shift() {
    for (width, step) in [(2, 1), (16, 1), (16, 2), (23, 4), (5, 4)] {
        let case = Case::new("shift_stage", move || ShiftStage::new(width, step).unwrap());
        for seed in seeds() {
            let stimulus = case.random(300, seed, |_| ());
            case.agree(&stimulus);
            case.primitives_agree(&stimulus);
        }
        let block = ShiftStage::new(width, step).unwrap();
        let luts = block.luts() as u64;
        assert_eq!(cells(&design_of(Box::new(block), "stage").1).area.luts, luts);
    }
    assert!(TernaryAdder::new(1).is_err());
    assert!(ShiftStage::new(8, 8).is_err() && ShiftStage::new(8, 0).is_err());
}

#[test]
fn exchanges_cross() {
    for width in [2, 16, 31] {
        let case = Case::new("exchange", move || Exchange::new(width).unwrap());
        for seed in seeds() {
            let stimulus = case.random(300, seed, |_| ());
            case.agree(&stimulus);
            case.primitives_agree(&stimulus);
        }
        let report = cells(&design_of(Box::new(Exchange::new(width).unwrap()), "exchange").1);
        assert_eq!(report.area.luts, width as u64);
        shallow(&report, 1);
    }
    assert!(Exchange::new(1).is_err());
}
