//! The regular design behind the emitter's figures is what it claims to be: simulated alike by
//! rust-hdl, Verilator and Icarus Verilog, and emitted as one module a distinct block.

use rust_hdl::prelude::*;
use skipopu_hdl::{emit, EmitOptions};
use skipopu_sim::{icarus, lockstep, random_stimulus, RustSim, Toolchain, Verilate};
use skipopu_system::systolic::Array;

type Small = Array<4, 44, 64>;

fn small() -> Box<Small> {
    let mut block = Box::new(Small::new(true));
    block.connect_all();
    block
}

#[test]
fn three_simulators_agree() {
    let design = emit(&*small(), "systolic", &EmitOptions::default()).unwrap();
    let stimulus = random_stimulus(&design.top().ports, 500, 0);
    let icarus = icarus::run(&Toolchain::system(), &design, "systolic", &stimulus).unwrap();
    let mut rust = RustSim::new(small()).unwrap();
    let mut verilated = Verilate::new(&design).build().unwrap().model().unwrap();
    let report = lockstep(&mut [&mut rust, &mut verilated], &[&icarus], &stimulus).unwrap();
    assert_eq!(report.cycles, 500);
    assert!(report.comparisons >= 2 * 500 * 2, "{report:?}");
}

#[test]
fn every_distinct_block_is_one_module() {
    let design = emit(&*small(), "systolic", &EmitOptions::default()).unwrap();
    let census: Vec<(&str, usize)> =
        design.modules.iter().map(|m| (m.name.as_str(), m.instances)).collect();
    assert_eq!(census, [("Dsp", 8), ("Multiplier", 8), ("Column_lanes4", 2), ("systolic", 1)]);
    assert!(design.module("Column_lanes4").unwrap().text.contains("verilator no_inline_module"));
}
