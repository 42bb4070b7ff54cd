//! How well a model predicts a text.

use crate::{greedy, log_probability, Engine, ForwardError};

/// Marks the end of a document in a text.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// Where a long document is cut: every token is predicted from at least `window - stride` tokens
/// before it, except within the first window of its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Tokens of a window; at most the context.
    pub size: usize,
    /// Tokens by which a window goes on; 1 to `size - 1`.
    pub stride: usize,
}

impl Window {
    /// A window of at most `size` tokens that a context can hold, and half of it as the stride unless
    /// told otherwise.
    pub fn new(context: usize, size: Option<usize>, stride: Option<usize>) -> Window {
        let size = size.unwrap_or(context).min(context).max(2);
        Window { size, stride: stride.unwrap_or(size / 2).clamp(1, size - 1) }
    }
}

/// What predictions were worth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Sum of -ln(probability) over the predicted tokens.
    pub nats: f64,
    /// The most probable token at each prediction.
    pub greedy: Vec<u32>,
    /// Predictions whose logits were no numbers; each makes the perplexity infinite.
    pub failed: usize,
}

impl Evaluation {
    /// Predicted tokens.
    pub fn tokens(&self) -> usize {
        self.greedy.len()
    }

    /// exp of the mean of -ln(probability).
    pub fn perplexity(&self) -> f64 {
        match self.failed {
            0 => (self.nats / self.tokens().max(1) as f64).exp(),
            _ => f64::INFINITY,
        }
    }

    /// Part of the predictions whose most probable token is that of `other`, on the same text.
    pub fn agreement(&self, other: &Evaluation) -> f64 {
        let same = self.greedy.iter().zip(&other.greedy).filter(|(a, b)| a == b).count();
        same as f64 / self.tokens().max(1) as f64
    }
}

/// Predicts every token of each document but its first, which begins every window.
///
/// # Errors
/// A token outside the vocabulary.
pub fn evaluate(
    engine: &mut dyn Engine,
    documents: &[Vec<u32>],
    window: Window,
    mut progress: impl FnMut(usize),
) -> Result<Evaluation, ForwardError> {
    let mut result = Evaluation::default();
    for (i, document) in documents.iter().enumerate() {
        progress(i);
        let Some((first, body)) = document.split_first() else { continue };
        let (mut start, mut predicted) = (0, 0);
        while predicted < body.len() {
            let end = body.len().min(start + window.size - 1);
            let tokens = [&[*first], &body[start..end]].concat();
            engine.reset();
            // Logits after token n predict token n + 1; the last one has no next.
            let from = predicted - start;
            let logits = engine.all(&tokens[..tokens.len() - 1], from)?;
            for (n, token) in tokens[from + 1..].iter().enumerate() {
                let logits = logits.row(n);
                match log_probability(logits, *token) {
                    Some(p) => result.nats -= p,
                    None => result.failed += 1,
                }
                result.greedy.push(greedy(logits));
            }
            predicted = end;
            start += window.stride;
        }
    }
    Ok(result)
}

/// The documents of a text: parts between [`END_OF_TEXT`], blanks around them removed, empty ones left
/// out.
pub fn documents(text: &str) -> Vec<&str> {
    text.split(END_OF_TEXT).map(str::trim).filter(|d| !d.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Network, Session, Skipping, F32};
    use skipopu_model::synthetic;

    #[test]
    fn windows_fit_the_context() {
        let window = |size, stride| Window::new(256, size, stride);
        assert_eq!(window(None, None), Window { size: 256, stride: 128 });
        assert_eq!(window(Some(1000), Some(1000)), Window { size: 256, stride: 255 });
        assert_eq!(window(Some(0), Some(0)), Window { size: 2, stride: 1 });
    }

    #[test]
    fn every_token_is_predicted_once_from_its_window() {
        let model = synthetic::model(synthetic::spec(), 0, true);
        let mut engine = Session::new(Network::new(F32, &model, Skipping::Dense).unwrap());
        let document: Vec<u32> = (0..50).map(|i| 1 + i * 31 % 290).collect();
        let documents = [document.clone(), vec![1, 7], vec![1], Vec::new()];
        let window = Window { size: 20, stride: 8 };
        let found = evaluate(&mut engine, &documents, window, |_| ()).unwrap();
        // The definition, token by token.
        let (mut nats, mut best) = (0.0, Vec::new());
        for document in &documents[..2] {
            for n in 1..document.len() {
                let body = &document[1..];
                let place = n - 1;
                // The first window that reaches this token.
                let k = (place + 1).saturating_sub(window.size - 1).div_ceil(window.stride);
                let start = k * window.stride;
                engine.reset();
                let tokens = [&document[..1], &body[start..place]].concat();
                let logits = engine.next(&tokens).unwrap();
                nats -= log_probability(&logits, document[n]).unwrap();
                best.push(greedy(&logits));
            }
        }
        assert_eq!((found.tokens(), found.failed), (50, 0));
        assert_eq!(found.greedy, best);
        assert!((found.nats - nats).abs() < 1e-9 * nats, "{} {nats}", found.nats);
        assert!((found.perplexity().ln() - nats / 50.0).abs() < 1e-9);
        assert_eq!(found.agreement(&found), 1.0);
        let other = Evaluation { greedy: vec![999; 50], failed: 1, ..found.clone() };
        assert_eq!((other.agreement(&found), other.perplexity()), (0.0, f64::INFINITY));
    }

    #[test]
    fn documents_are_told_apart() {
        assert_eq!(documents("a\n<|endoftext|>\n\nb c\n<|endoftext|>\n"), ["a", "b c"]);
    }
}
