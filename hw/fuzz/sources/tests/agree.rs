//! Blocks that went through the macros: the Rust simulation, Verilator and Icarus agree on every output
//! in every cycle.

use skipopu_fuzz::Suite;
use skipopu_hdl::Word;
use skipopu_sim::Stimulus;

#[allow(warnings, clippy::all)]
mod blocks {
    include!(concat!(env!("OUT_DIR"), "/blocks.rs"));
}

const CYCLES: usize = 48;

/// Keeps signed inputs off their most negative value and beyond half of it: rust-hdl's simulation of
/// `signed_bit_cast` recurses without end there.
fn tamed(stimulus: &mut Stimulus) {
    for (i, port) in stimulus.inputs.iter().enumerate().filter(|(_, p)| p.signed) {
        for row in &mut stimulus.rows {
            let v = row.inputs[i].sra(1);
            let least = v == Word::from_i128(port.width, -(1 << (port.width - 2)));
            row.inputs[i] = if least { Word::zero(port.width) } else { v };
        }
    }
}

#[test]
fn generated_sources_agree_in_three_simulators() {
    println!(
        "seed {}, {}/blocks.rs",
        include_str!(concat!(env!("OUT_DIR"), "/seed")),
        env!("OUT_DIR")
    );
    let cases = blocks::cases();
    let suite = Suite::new("sources", &cases);
    let comparisons = suite.agree(CYCLES, 0, tamed);
    // Two engines beside Rust, before and after each edge, one output at least.
    assert!(!cases.is_empty() && comparisons >= (cases.len() * CYCLES * 4) as u64, "{comparisons}");
}
