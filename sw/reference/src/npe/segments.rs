//! A function as straight lines, one multiplication each.

use skipopu_tables::{Segments, OFFSET_FRACTION};

/// The result for an argument of `index_bits + rest_bits` bits.
pub fn evaluate(table: &Segments, argument: u32) -> u32 {
    let i = (argument >> table.rest_bits) as usize;
    let r = i64::from(argument & ((1 << table.rest_bits) - 1));
    let change = i64::from(table.slope[i]) * r;
    let start = i64::from(table.offset[i]) << (table.shift - OFFSET_FRACTION);
    let sum = if table.falling { start - change } else { start + change };
    ((sum + (1 << (table.shift - 1))) >> table.shift) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use skipopu_tables::{generate::target, ALL};

    #[test]
    fn results_are_within_two_and_a_half_units() {
        for table in ALL {
            let step = 1 << (table.rest_bits - 8);
            for x in (0..1u32 << (table.index_bits + table.rest_bits)).step_by(step) {
                let i = x >> table.rest_bits;
                let exact = target(&table, i, x & ((1 << table.rest_bits) - 1));
                let error = f64::from(evaluate(&table, x)) - exact;
                assert!(error.abs() < 2.4, "{} at {x}: {error}", table.name);
            }
        }
    }
}
