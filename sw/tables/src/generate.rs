//! The tables from the functions' definitions.

use crate::{Segments, OFFSET_BITS, OFFSET_FRACTION};

/// Offsets and slopes of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// As [`Segments::offset`].
    pub offset: Vec<u32>,
    /// As [`Segments::slope`].
    pub slope: Vec<u32>,
}

/// The function's exact result, in units of the result, at `r` in segment `i`.
///
/// # Panics
/// At a table that is none of [`crate::ALL`].
pub fn target(table: &Segments, i: u32, r: u32) -> f64 {
    let x = f64::from((i << table.rest_bits) + r);
    match table.name {
        "exp2" => 65_536.0 * (x / 16_384.0).exp2(),
        "reciprocal" => 131_072.0 / (1.0 + x / 8_388_608.0),
        "rsqrt" => {
            let half = f64::from(1u32 << (table.index_bits - 1 + table.rest_bits));
            let (scale, x) = if x < half { (1.0, x) } else { (2.0, x - half) };
            131_072.0 / (scale * (1.0 + x / half)).sqrt()
        }
        other => panic!("no function is called {other}"),
    }
}

/// The line `offset`, `slope` at `r`, before it is rounded, in units of the result.
fn line(table: &Segments, offset: u32, slope: u32, r: u32) -> f64 {
    let change = f64::from(slope) * f64::from(r) / f64::from(1u32 << table.shift);
    let start = f64::from(offset) / f64::from(1u32 << OFFSET_FRACTION);
    if table.falling {
        start - change
    } else {
        start + change
    }
}

/// Least and greatest of `line - target` over a segment: at its ends and where the two are parallel.
fn spread(table: &Segments, i: u32, offset: u32, slope: u32) -> (f64, f64) {
    let error = |r: u32| line(table, offset, slope, r) - target(table, i, r);
    let last = (1 << table.rest_bits) - 1;
    // The functions are convex, the difference has one maximum.
    let (mut low, mut high) = (0, last);
    while high - low > 2 {
        let third = (high - low) / 3;
        let (left, right) = (low + third, high - third);
        if error(left) < error(right) {
            low = left;
        } else {
            high = right;
        }
    }
    let points = [0, low, low + 1, high, last].map(error);
    (points.iter().copied().fold(f64::MAX, f64::min), points.into_iter().fold(f64::MIN, f64::max))
}

/// For each segment the line of least greatest error among all lines of the tables' precision.
///
/// The first segment's line also meets the function exactly, once rounded, at the start, where the result
/// is a power of two.
pub fn lines(table: &Segments) -> Lines {
    let step = f64::from(1u32 << OFFSET_FRACTION);
    let (least, greatest) = (1u32 << (OFFSET_BITS - 1), (1u32 << OFFSET_BITS) - 1);
    let last = (1 << table.rest_bits) - 1;
    let mut lines = Lines { offset: Vec::new(), slope: Vec::new() };
    for i in 0..1u32 << table.index_bits {
        let chord = (target(table, i, last) - target(table, i, 0)).abs() / f64::from(last);
        let slope = (chord * f64::from(1u32 << table.shift)).round() as i64;
        let reach = if i == 0 { slope / 64 } else { 2 };
        let mut best: Option<(f64, u32, u32)> = None;
        for slope in (slope - reach..=slope + reach).map(|s| s as u32) {
            let start = (target(table, i, 0) * step).round().min(f64::from(greatest)) as u32;
            let (low, high) = spread(table, i, start, slope);
            let middle = i64::from(start) - ((low + high) / 2.0 * step).round() as i64;
            for offset in (middle - 6..=middle + 6).map(|o| (o as u32).clamp(least, greatest)) {
                if i == 0 {
                    let first = (line(table, offset, slope, 0) + 0.5).floor();
                    if first != target(table, 0, 0) {
                        continue;
                    }
                }
                let (low, high) = spread(table, i, offset, slope);
                let worst = high.max(-low);
                if best.is_none_or(|b| worst < b.0 - 1e-9) {
                    best = Some((worst, offset, slope));
                }
            }
        }
        let (_, offset, slope) = best.expect("a line was tried");
        lines.offset.push(offset);
        lines.slope.push(slope);
    }
    lines
}

/// Rust text of a table's file.
pub fn text(table: &Segments) -> String {
    let Lines { offset, slope } = lines(table);
    let row = |values: &[u32]| values.iter().map(|v| format!("{v}, ")).collect::<String>();
    let n = offset.len();
    format!(
        "//! Generated: `cargo run -p skipopu-tables --example write`.\n\n\
         pub(super) const OFFSET: [u32; {n}] = [{}];\n\n\
         pub(super) const SLOPE: [u32; {n}] = [{}];\n",
        row(&offset),
        row(&slope)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ALL, SLOPE_BITS};

    #[test]
    fn the_tables_in_the_tree_are_the_generated_ones() {
        for table in ALL {
            let generated = lines(&table);
            assert_eq!(table.offset, generated.offset, "{}", table.name);
            assert_eq!(table.slope, generated.slope, "{}", table.name);
        }
    }

    #[test]
    fn entries_fit_and_lines_are_close() {
        for table in ALL {
            let mut worst: f64 = 0.0;
            for i in 0..1u32 << table.index_bits {
                let (offset, slope) = (table.offset[i as usize], table.slope[i as usize]);
                assert!(offset >> (OFFSET_BITS - 1) == 1 && slope >> SLOPE_BITS == 0);
                let (low, high) = spread(&table, i, offset, slope);
                worst = worst.max(high).max(-low);
            }
            println!("{}: {worst:.3} units before rounding", table.name);
            assert!(worst < 2.2, "{}: {worst}", table.name);
        }
    }
}
