//! Cells of the columns and of the baseline, 16 lanes, in the same Yosys.

mod common;

use common::{cells, design_of, shallow};
use skipopu_config::WideFormat;
use skipopu_hdl::Dut;
use skipopu_hw::pe_array::baseline::{MacChain, Subnormals};
use skipopu_hw::pe_array::product::{ColumnPair, ProductSum};

const LANES: u64 = 16;

/// LUT sites, logic and shift registers.
fn sites(block: Box<dyn Dut>, name: &str) -> u64 {
    let report = cells(&design_of(block, &format!("cost_{name}")).1);
    shallow(&report, 6);
    report.area.lut_sites()
}

/// A chain of 16 units, and the most a unit may cost to be a fair baseline.
fn chain(subnormals: Subnormals, most: u64) -> u64 {
    let chain = MacChain::new(subnormals, LANES as usize).unwrap();
    let sites = sites(Box::new(chain), subnormals.name());
    assert!(sites <= most * LANES, "{}: {sites} LUTs", subnormals.name());
    sites
}

/// The columns keep subnormals, and so does the chain that is like them; `bits15` and `dsp15` cost less
/// than 40 % even of the chain that flushes.
#[test]
fn columns_cost_less_than_two_fifths_of_the_baseline() {
    let (flush, keep) = (chain(Subnormals::Flush, 230), chain(Subnormals::Keep, 520));
    for (sum, most) in
        [(ProductSum::Bits22, keep), (ProductSum::Bits15, flush), (ProductSum::Dsp15, flush)]
    {
        let pair = ColumnPair::new(sum, WideFormat::Fp16, LANES as usize).unwrap();
        let column = sites(Box::new(pair), sum.name()) / 2;
        println!("{}: {column} LUTs a column; chains {flush}, {keep}", sum.name());
        assert!(column * 10 <= most * 4, "{}: {column} LUTs, the chain {most}", sum.name());
    }
}
