//! Perplexity on a text.

use crate::record::Recorder;
use anyhow::{ensure, Result};
use skipopu_forward::evaluate::{documents, evaluate, Evaluation, Window};
use skipopu_forward::Engine;
use skipopu_ledger::Kind;
use skipopu_model::{Model, Tokenizer};

/// A text cut into tokens.
pub struct Text {
    documents: Vec<Vec<u32>>,
    window: Window,
}

impl Text {
    /// For models of one size.
    ///
    /// # Errors
    /// A tokenizer that cannot cut it.
    pub fn new(text: &str, tokenizer: &Tokenizer, model: &Model) -> Result<Text> {
        let documents = documents(text).into_iter().map(|t| tokenizer.encode(t));
        let documents = documents.collect::<Result<_, _>>()?;
        Ok(Text { documents, window: Window::new(model.spec.context, None, None) })
    }

    /// Tokens that are predicted.
    fn predicted(&self) -> usize {
        self.documents.iter().map(|t| t.len() - 1).sum()
    }

    /// Predicts every token and records the perplexity as `model.ppl.KEY`.
    ///
    /// # Errors
    /// A token that is not predicted.
    pub fn ppl(
        &self,
        out: &mut Recorder,
        key: &str,
        engine: &mut dyn Engine,
        what: &str,
    ) -> Result<Evaluation> {
        let found = self.evaluate(engine)?;
        let note = format!(
            "{what}; stories15M, {} tokens of the TinyStories sample, story by story, windows of {} that go on by {}",
            found.tokens(),
            self.window.size,
            self.window.stride
        );
        let key = format!("model.ppl.{key}");
        out.add(&key, found.perplexity(), "", Kind::Measured, "model", note);
        Ok(found)
    }

    /// Predicts every token.
    ///
    /// # Errors
    /// A token that is not predicted.
    pub fn evaluate(&self, engine: &mut dyn Engine) -> Result<Evaluation> {
        let found = evaluate(engine, &self.documents, self.window, |_| ())?;
        let all = found.tokens() == self.predicted() && found.failed == 0;
        ensure!(all, "every token is predicted");
        Ok(found)
    }
}
