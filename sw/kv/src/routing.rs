//! [`Routing`]: which token executes the attention of which layer.

use crate::error::{require, KvError};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::fmt::Write as _;

/// How random masks hang together. The share of skipped tokens is the same in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Masks {
    /// Every decision by itself.
    Independent,
    /// A token repeats its decision of the layer below half of the time.
    Layers,
    /// A token repeats the decision of the token before it three times of four.
    Tokens,
}

impl Masks {
    /// All kinds.
    pub const ALL: [Masks; 3] = [Masks::Independent, Masks::Layers, Masks::Tokens];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Masks::Independent => "independent",
            Masks::Layers => "layers",
            Masks::Tokens => "tokens",
        }
    }
}

/// The attention bits of all tokens, in the order of the text: bit `l` of a row is 1 where the token
/// executes layer `l`. Layer 0 is executed by every token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    layers: usize,
    rows: Vec<u128>,
}

impl Routing {
    /// No token yet.
    ///
    /// # Errors
    /// Unless there are 1 to 128 layers.
    pub fn new(layers: usize) -> Result<Routing, KvError> {
        require((1..=128).contains(&layers), "layers", layers, "1 to 128")?;
        Ok(Routing { layers, rows: Vec::new() })
    }

    /// Random masks: a token skips a layer above the first with probability `skip`.
    ///
    /// # Errors
    /// As [`Routing::new`].
    pub fn random(
        layers: usize,
        tokens: usize,
        skip: f64,
        masks: Masks,
        seed: u64,
    ) -> Result<Routing, KvError> {
        let mut routing = Routing::new(layers)?;
        let mut rng = SmallRng::seed_from_u64(seed);
        for token in 0..tokens {
            let mut row = 1u128;
            let mut below = !rng.random_bool(skip);
            for layer in 1..layers {
                let fresh = !rng.random_bool(skip);
                let executes = match masks {
                    Masks::Independent => fresh,
                    Masks::Layers => match rng.random_bool(0.5) {
                        true => below,
                        false => fresh,
                    },
                    Masks::Tokens => match token > 0 && rng.random_bool(0.75) {
                        true => routing.executes(layer, token - 1),
                        false => fresh,
                    },
                };
                below = executes;
                row |= u128::from(executes) << layer;
            }
            routing.push(row);
        }
        Ok(routing)
    }

    /// Reads a trace: a line per token, a `0` or `1` per layer, layer 0 first, 1 where attention executes.
    /// Empty lines and what follows `#` count for nothing.
    ///
    /// # Errors
    /// Another character, lines of different lengths, no line at all, a token that skips layer 0.
    pub fn parse(text: &str) -> Result<Routing, KvError> {
        let mut routing: Option<Routing> = None;
        for (at, full) in text.lines().enumerate() {
            let bits = full.split('#').next().unwrap_or_default().trim();
            if bits.is_empty() {
                continue;
            }
            let fail = |problem: String| KvError::Trace { line: at + 1, problem };
            let mut row = 0u128;
            for (layer, c) in bits.chars().enumerate().take(128) {
                match c {
                    '0' if layer == 0 => {
                        return Err(fail("layer 0 is skipped; every token executes it".into()))
                    }
                    '0' => {}
                    '1' => row |= 1 << layer,
                    c => return Err(fail(format!("`{c}` where 0 or 1 is expected"))),
                }
            }
            let layers = bits.chars().count();
            let routing = match &mut routing {
                Some(r) => r,
                none => none.insert(Routing::new(layers).map_err(|e| fail(e.to_string()))?),
            };
            if routing.layers != layers {
                let first = routing.layers;
                return Err(fail(format!("{layers} bits, but the first token has {first}")));
            }
            routing.push(row);
        }
        routing.ok_or(KvError::Trace { line: 1, problem: "there is no token".into() })
    }

    /// The trace of these masks; [`Routing::parse`] reads it back.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            for layer in 0..self.layers {
                out.push(if row >> layer & 1 == 1 { '1' } else { '0' });
            }
            let _ = writeln!(out);
        }
        out
    }

    /// Appends a token; bit 0 and bits beyond the last layer are of no consequence.
    pub fn push(&mut self, row: u128) {
        let mask = if self.layers == 128 { u128::MAX } else { (1 << self.layers) - 1 };
        self.rows.push(row & mask | 1);
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Layers.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Tokens.
    pub fn tokens(&self) -> usize {
        self.rows.len()
    }

    /// A token's bits.
    pub fn row(&self, token: usize) -> u128 {
        self.rows[token]
    }

    /// Does the token execute the layer?
    pub fn executes(&self, layer: usize, token: usize) -> bool {
        layer < self.layers && self.rows[token] >> layer & 1 == 1
    }

    /// The owner layer of a token as `layer` sees it: the highest one, from `layer` down, that it executes.
    pub fn owner(&self, layer: usize, token: usize) -> usize {
        (0..=layer).rev().find(|l| self.executes(*l, token)).unwrap_or(0)
    }

    /// Share of (token, layer) pairs above the first layer that are skipped, of the first `tokens` tokens.
    pub fn skipped(&self, tokens: usize) -> f64 {
        let executed: u32 = self.rows[..tokens].iter().map(|r| (r >> 1).count_ones()).sum();
        1.0 - f64::from(executed) / (tokens * (self.layers - 1)).max(1) as f64
    }
}
