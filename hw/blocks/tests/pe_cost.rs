//! Cells of the columns and of the baseline, in the same Yosys.

mod common;

use common::{cells, design_of, shallow};
use skipopu_config::WideFormat;
use skipopu_hw::pe_array::baseline::{MacChain, Subnormals};
use skipopu_hw::pe_array::product::{ColumnPair, ProductSum};

#[test]
fn columns() {
    for sum in ProductSum::ALL {
        let pair = ColumnPair::new(sum, WideFormat::Fp16, 64).unwrap();
        let design = design_of(Box::new(pair), &format!("cost_{}", sum.name())).1;
        let report = cells(&design);
        shallow(&report, 6);
    }
}

#[test]
fn baseline() {
    for subnormals in [Subnormals::Flush, Subnormals::Keep] {
        let chain = MacChain::new(subnormals, 64).unwrap();
        let design = design_of(Box::new(chain), &format!("cost_{}", subnormals.name())).1;
        let report = cells(&design);
        shallow(&report, 6);
    }
}
