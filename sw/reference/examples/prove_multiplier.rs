//! Proves the overpacked multiplier exact for all 2^33 operand triples, on all cores.
//!
//! `cargo run --release -p skipopu-reference --example prove_multiplier`

use rayon::prelude::*;
use skipopu_reference::pe::overpack::{mismatches_for, multiply};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let start = Instant::now();
    let (rows, mismatches) = (0..2048u32)
        .into_par_iter()
        .map(|u0| (1u64, mismatches_for(u0, multiply)))
        .reduce(|| (0, 0), |x, y| (x.0 + y.0, x.1 + y.1));
    let triples = rows << 22;
    println!("triples {triples}");
    println!("mismatches {mismatches}");
    println!("seconds {:.1}", start.elapsed().as_secs_f64());
    if triples == 1 << 33 && mismatches == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
