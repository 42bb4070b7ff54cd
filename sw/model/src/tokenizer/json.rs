//! Hugging Face's `tokenizer.json`, through the `tokenizers` crate.

use std::panic::{catch_unwind, AssertUnwindSafe};
use tokenizers::Tokenizer;

/// A tokenizer of the `tokenizers` crate.
pub struct Json(Tokenizer);

impl Json {
    /// Reads the file's bytes; the error is what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Json, String> {
        let refused = |e: &dyn std::fmt::Display| {
            format!("is no tokenizer: {}", e.to_string().replace('\n', " "))
        };
        // The crate takes valid JSON for granted, and panics on some contents.
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| refused(&e))?;
        drop(value);
        guarded(|| Tokenizer::from_bytes(bytes))?.map(Json).map_err(|e| refused(&e))
    }

    /// One more than the largest token.
    pub fn vocab(&self) -> usize {
        self.0.get_vocab(true).values().max().map_or(0, |id| *id as usize + 1)
    }

    /// Tokens of a text, with those that the file adds at its ends.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        match guarded(|| self.0.encode(text, true))? {
            Ok(encoding) => Ok(encoding.get_ids().to_vec()),
            Err(e) => Err(format!("cannot encode the text: {e}")),
        }
    }

    /// Text of a sequence of tokens, without special ones.
    pub fn decode(&self, tokens: &[u32]) -> String {
        guarded(|| self.0.decode(tokens, true)).ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// Turns a panic of the crate into an error.
fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| "is inconsistent in itself".to_string())
}
