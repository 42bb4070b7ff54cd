//! A text being computed: network, cache and counters.

use crate::{Arithmetic, ForwardError, KvCache, Network, Rows, Stats};
use skipopu_model::Spec;

/// A backend as commands see it, whatever its arithmetic.
pub trait Engine {
    /// The model's sizes.
    fn spec(&self) -> &Spec;
    /// Forgets the text, keeps the counters.
    fn reset(&mut self);
    /// Computes the next tokens; logits after the last one.
    ///
    /// # Errors
    /// A token outside the vocabulary, more tokens than the context.
    fn next(&mut self, tokens: &[u32]) -> Result<Vec<f32>, ForwardError>;
    /// Computes the next tokens; logits after each from number `first` of them on.
    ///
    /// # Errors
    /// As [`Engine::next`].
    fn all(&mut self, tokens: &[u32], first: usize) -> Result<Rows, ForwardError>;
    /// Counters of all tokens so far.
    fn stats(&self) -> &Stats;
    /// Tokens of the present text.
    fn position(&self) -> usize;
}

/// One text on one backend.
pub struct Session<A: Arithmetic> {
    network: Network<A>,
    kv: KvCache<A::Stored>,
    stats: Stats,
}

impl<A: Arithmetic> Session<A> {
    /// An empty text.
    pub fn new(network: Network<A>) -> Session<A> {
        let (kv, stats) = (network.cache(), network.stats());
        Session { network, kv, stats }
    }

    /// The cache.
    pub fn kv(&self) -> &KvCache<A::Stored> {
        &self.kv
    }
}

impl<A: Arithmetic> Engine for Session<A> {
    fn spec(&self) -> &Spec {
        self.network.spec()
    }

    fn reset(&mut self) {
        self.kv.clear();
    }

    fn next(&mut self, tokens: &[u32]) -> Result<Vec<f32>, ForwardError> {
        let last = tokens.len().saturating_sub(1);
        Ok(self.all(tokens, last)?.values().to_vec())
    }

    fn all(&mut self, tokens: &[u32], first: usize) -> Result<Rows, ForwardError> {
        let x = self.network.hidden(tokens, &mut self.kv, &mut self.stats)?;
        let wanted: Vec<usize> = (first..x.count()).collect();
        Ok(self.network.logits(&x.gather(&wanted)))
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn position(&self) -> usize {
        self.kv.len(0)
    }
}
