//! Random programs: the Rust simulation, Verilator and Icarus agree on every output in every cycle.
//!
//! `measure fuzz` runs as many as wanted.

use skipopu_fuzz::{Campaign, Fault};

#[test]
fn two_thousand_random_programs_agree() {
    let outcome = Campaign { first: 0, blocks: 2_000, cycles: 24, fault: None }.run();
    assert!(outcome.failures.is_empty(), "{}", outcome.report());
    assert_eq!(outcome.blocks, 2_000);
    // Two engines beside Rust, two outputs, before and after each edge.
    assert_eq!(outcome.comparisons, 2_000 * 24 * 2 * 2 * 2);
}

/// Each wrong rule must be found, or the agreement above says nothing.
#[test]
fn wrong_rules_are_found_and_shrunk() {
    for fault in Fault::ALL {
        let outcome = Campaign { first: 0, blocks: 60, cycles: 24, fault: Some(fault) }.run();
        assert!(!outcome.failures.is_empty(), "{fault:?} was not found");
        let f = &outcome.failures[0];
        let sizes = (f.statements, f.shrunk_statements);
        assert!(sizes.1 <= sizes.0 && sizes.1 <= 12, "{fault:?}: {sizes:?}\n{}", outcome.report());
    }
}
