//! Rotary position embedding: the angles, with the scalings that Llama models use.
//!
//! Everywhere in this project a head's values 2i and 2i + 1 form pair i, as in llama2.c. Loaders of
//! other layouts reorder the rows of the query and key projections.

use serde::{Deserialize, Serialize};

/// Base and scaling of the angles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rope {
    /// Pair i of n turns by `position * base^(-i / n)`; 10000 in Llama 2, 500000 in Llama 3.
    pub base: f64,
    /// How the angles are stretched for longer contexts than trained.
    #[serde(default)]
    pub scaling: Scaling,
}

/// Stretching of the angles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Scaling {
    /// None.
    #[default]
    None,
    /// All angles divided by `factor`.
    Linear {
        /// At least 1.
        factor: f64,
    },
    /// Llama 3.1: slow pairs divided by `factor`, fast ones left, those between blended.
    Llama3 {
        /// Divisor of the slow pairs.
        factor: f64,
        /// Turns within the original context below which a pair is slow.
        low: f64,
        /// Turns above which it is fast; greater than `low`.
        high: f64,
        /// Context the model was first trained for, tokens.
        original: f64,
    },
}

impl Rope {
    /// Angle per position of each of a head's `head / 2` pairs, in radians.
    pub fn frequencies(&self, head: usize) -> Vec<f64> {
        (0..head / 2)
            .map(|i| self.base.powf(-2.0 * i as f64 / head as f64))
            .map(|f| self.scaling.apply(f))
            .collect()
    }

    /// What is wrong with the parameters, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        let within = |x: f64, low: f64, high: f64| x >= low && x <= high;
        if !within(self.base, 1.0, 1e12) {
            return Some(format!("a RoPE base of {}: use 1 to 1e12", self.base));
        }
        match self.scaling {
            Scaling::None => None,
            Scaling::Linear { factor } | Scaling::Llama3 { factor, .. }
                if !within(factor, 1.0, 1e6) =>
            {
                Some(format!("a RoPE scaling factor of {factor}: use 1 to 1e6"))
            }
            Scaling::Linear { .. } => None,
            Scaling::Llama3 { low, high, original, .. } => {
                let legal = within(low, 1e-6, 1e6) && within(high, low, 1e6) && high > low;
                (!legal || !within(original, 1.0, 1e9)).then(|| {
                    format!(
                        "RoPE scaling between {low} and {high} turns of {original} tokens: low must be above 0 and below high"
                    )
                })
            }
        }
    }
}

impl Scaling {
    fn apply(self, frequency: f64) -> f64 {
        match self {
            Scaling::None => frequency,
            Scaling::Linear { factor } => frequency / factor,
            Scaling::Llama3 { factor, low, high, original } => {
                let turns = original * frequency / std::f64::consts::TAU;
                let fast = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (fast + (1.0 - fast) / factor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_turn_slower_along_the_head() {
        let plain = Rope { base: 10_000.0, scaling: Scaling::None }.frequencies(48);
        assert_eq!((plain.len(), plain[0]), (24, 1.0));
        assert!((plain[12] - 0.01).abs() < 1e-12, "half way along: the root of the base");
        assert!(plain.windows(2).all(|w| w[1] < w[0]));
    }

    #[test]
    fn scalings_follow_their_definitions() {
        let base = 500_000.0;
        let plain = Rope { base, scaling: Scaling::None }.frequencies(128);
        let linear = Rope { base, scaling: Scaling::Linear { factor: 4.0 } }.frequencies(128);
        assert!(plain.iter().zip(&linear).all(|(p, l)| (p / l - 4.0).abs() < 1e-12));
        // The parameters of Llama 3.1.
        let scaling = Scaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 8192.0 };
        let llama3 = Rope { base, scaling }.frequencies(128);
        let mut kinds = [0; 3];
        for (p, l) in plain.iter().zip(&llama3) {
            let wavelength = std::f64::consts::TAU / p;
            let ratio = p / l;
            if wavelength < 8192.0 / 4.0 {
                assert!((ratio - 1.0).abs() < 1e-12);
                kinds[0] += 1;
            } else if wavelength > 8192.0 {
                assert!((ratio - 8.0).abs() < 1e-12);
                kinds[1] += 1;
            } else {
                let smooth = (8192.0 / wavelength - 1.0) / 3.0;
                assert!((l - ((1.0 - smooth) * p / 8.0 + smooth * p)).abs() < 1e-12);
                kinds[2] += 1;
            }
        }
        assert!(kinds.iter().all(|k| *k > 0), "{kinds:?}");
    }

    #[test]
    fn illegal_parameters_are_named() {
        let bad = |base, scaling| Rope { base, scaling }.problem();
        assert!(bad(10_000.0, Scaling::None).is_none());
        assert!(bad(f64::NAN, Scaling::None).unwrap().contains("base"));
        assert!(bad(1e4, Scaling::Linear { factor: 0.0 }).unwrap().contains("factor"));
        let scaling = Scaling::Llama3 { factor: 8.0, low: 4.0, high: 1.0, original: 8192.0 };
        assert!(bad(1e4, scaling).unwrap().contains("turns"));
    }
}
