//! The overpacked multiplier's equation for all operands.

use crate::record::Recorder;
use anyhow::{ensure, Result};
use indicatif::{ParallelProgressIterator, ProgressBar};
use rayon::prelude::*;
use skipopu_ledger::Kind;
use skipopu_reference::pe::overpack::{mismatches_for, multiply};

/// Tries all 2^33 operand triples on all cores.
///
/// # Errors
/// A triple whose products are wrong.
pub fn measure(out: &mut Recorder) -> Result<()> {
    let rows = 2048u32;
    let bar = ProgressBar::new(rows.into());
    let (tried, mismatches) = (0..rows)
        .into_par_iter()
        .progress_with(bar)
        .map(|u0| (1u64 << 22, mismatches_for(u0, multiply)))
        .reduce(|| (0, 0), |x, y| (x.0 + y.0, x.1 + y.1));
    ensure!(tried == 1 << 33, "only {tried} triples were tried");
    let note = "operand triples u0, u1, v of 11 bits each, all 2^33 tried in the Rust model";
    let key = "pe.mul.exhaustive_mismatches";
    out.add(key, mismatches as f64, "triples", Kind::Simulated, "multiplier", note);
    ensure!(mismatches == 0, "{mismatches} triples are multiplied wrongly");
    Ok(())
}
