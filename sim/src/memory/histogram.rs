//! [`Histogram`]: exact counts of small numbers, and their percentiles.

use serde::Serialize;

/// How often each value came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    /// Values too large to count one by one.
    large: Vec<u64>,
    total: u64,
    sum: u128,
}

/// Percentiles of a histogram; all 0 when it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Least value.
    pub min: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Half of the values are at most this.
    pub p50: u64,
    /// 90 percent of them.
    pub p90: u64,
    /// 99 percent of them.
    pub p99: u64,
    /// 99.9 percent of them.
    pub p999: u64,
    /// Greatest value.
    pub max: u64,
}

impl Histogram {
    const SMALL: u64 = 1 << 16;

    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        self.total += 1;
        self.sum += u128::from(value);
        if value >= Histogram::SMALL {
            self.large.push(value);
            return;
        }
        let at = value as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
    }

    /// Adds the counts of another one.
    pub fn merge(&mut self, other: &Histogram) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.large.extend(&other.large);
        self.total += other.total;
        self.sum += other.sum;
    }

    /// Values counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The percentiles: the least value that so many values do not exceed.
    pub fn percentiles(&self) -> Percentiles {
        if self.total == 0 {
            return Percentiles::default();
        }
        let mut large = self.large.clone();
        large.sort_unstable();
        let rank = |part: f64| ((self.total as f64 * part).ceil() as u64).clamp(1, self.total);
        let at = |part: f64| {
            let mut left = rank(part);
            for (value, count) in self.counts.iter().enumerate() {
                if left <= *count {
                    return value as u64;
                }
                left -= count;
            }
            large[left as usize - 1]
        };
        Percentiles {
            min: at(0.0),
            mean: self.sum as f64 / self.total as f64,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact() {
        let mut h = Histogram::default();
        assert_eq!(h.percentiles(), Percentiles::default());
        (1..=100).for_each(|v| h.add(v));
        let mut other = Histogram::default();
        other.add(1 << 20);
        h.merge(&other);
        let p = h.percentiles();
        assert_eq!((p.min, p.p50, p.p90, p.p99, p.max), (1, 51, 91, 100, 1 << 20));
        assert_eq!((h.count(), p.p999), (101, 1 << 20));
        assert!((p.mean - (5050.0 + 1048576.0) / 101.0).abs() < 1e-9);
    }
}
