//! Choosing the next token.

/// The most probable token; of equals the first.
pub fn greedy(logits: &[f32]) -> u32 {
    let best = |best: usize, i: usize| if logits[i] > logits[best] { i } else { best };
    (0..logits.len()).fold(0, best) as u32
}

/// Natural logarithm of a token's probability; `None` when a logit is NaN or the token does not exist.
pub fn log_probability(logits: &[f32], token: u32) -> Option<f64> {
    let own = f64::from(*logits.get(token as usize)?);
    let largest = logits.iter().fold(f32::NEG_INFINITY, |m, l| m.max(*l));
    let largest = f64::from(largest);
    let sum: f64 = logits.iter().map(|l| (f64::from(*l) - largest).exp()).sum();
    Some(own - largest - sum.ln()).filter(|p| !p.is_nan())
}

/// Draws tokens with temperature and top-p from a seed, the same on every machine for the same logits.
#[derive(Clone, Debug)]
pub struct Sampler {
    temperature: f32,
    top_p: f32,
    state: u64,
}

impl Sampler {
    /// `temperature` 0 is greedy; `top_p` keeps the most probable tokens up to this sum, 1 keeps all.
    pub fn new(temperature: f32, top_p: f32, seed: u64) -> Sampler {
        // The generator must not start at 0.
        Sampler { temperature, top_p, state: seed.wrapping_add(0x9E37_79B9_7F4A_7C15).max(1) }
    }

    /// The next token.
    pub fn pick(&mut self, logits: &[f32]) -> u32 {
        if self.temperature <= 0.0 || logits.iter().any(|l| l.is_nan()) {
            return greedy(logits);
        }
        let largest = logits.iter().fold(f32::NEG_INFINITY, |m, l| m.max(*l));
        let weight = |(i, l): (usize, &f32)| (((l - largest) / self.temperature).exp(), i as u32);
        let mut tokens: Vec<(f32, u32)> = logits.iter().enumerate().map(weight).collect();
        let mut kept: f32 = tokens.iter().map(|t| t.0).sum();
        if self.top_p < 1.0 {
            kept = keep_top(&mut tokens, self.top_p * kept);
        }
        let mut rest = self.uniform() * kept;
        for (weight, token) in &tokens {
            rest -= weight;
            if rest < 0.0 {
                return *token;
            }
        }
        // Rounding can leave a rest: the last token that has any weight.
        tokens.iter().rev().find(|t| t.0 > 0.0).map_or(0, |t| t.1)
    }

    /// xorshift64*, 24 bits of it: 0 to 1.
    fn uniform(&mut self) -> f32 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let bits = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40;
        bits as f32 / (1 << 24) as f32
    }
}

/// Keeps the heaviest tokens whose weights first exceed `limit`; returns their sum.
fn keep_top(tokens: &mut Vec<(f32, u32)>, limit: f32) -> f32 {
    // Lighter tokens than this cannot be among them: all of them together weigh less than the rest.
    let total: f32 = tokens.iter().map(|t| t.0).sum();
    let floor = (total - limit) / tokens.len() as f32;
    tokens.retain(|t| t.0 >= floor);
    tokens.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut sum = 0.0;
    let needed = tokens.iter().position(|t| {
        sum += t.0;
        sum > limit
    });
    tokens.truncate(needed.map_or(tokens.len(), |n| n + 1));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_and_probabilities() {
        assert_eq!(greedy(&[1.0, 3.0, 3.0, -1.0]), 1);
        let p = log_probability(&[0.0, 3f32.ln()], 1).unwrap();
        assert!((p.exp() - 0.75).abs() < 1e-6);
        assert_eq!(log_probability(&[0.0], 1), None);
        assert_eq!(log_probability(&[f32::NAN, 0.0], 1), None);
        assert_eq!(Sampler::new(0.0, 1.0, 0).pick(&[0.0, 2.0]), 1);
    }

    #[test]
    fn frequencies_follow_the_probabilities() {
        println!("seed 0");
        let logits = [0.5f32, 0.25, 0.125, 0.125].map(f32::ln);
        let draw = |temperature, top_p| {
            let mut sampler = Sampler::new(temperature, top_p, 0);
            let mut counts = [0; 4];
            (0..20_000).for_each(|_| counts[sampler.pick(&logits) as usize] += 1);
            counts.map(|c| f64::from(c) / 20_000.0)
        };
        let near = |got: [f64; 4], expected: [f64; 4]| {
            assert!(got.iter().zip(&expected).all(|(g, e)| (g - e).abs() < 0.015), "{got:?}");
        };
        near(draw(1.0, 1.0), [0.5, 0.25, 0.125, 0.125]);
        near(draw(1.0, 0.6), [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0]);
        near(draw(0.5, 1.0), [16.0 / 22.0, 4.0 / 22.0, 1.0 / 22.0, 1.0 / 22.0]);
        near(draw(1.0, 0.0), [1.0, 0.0, 0.0, 0.0]);
    }
}
