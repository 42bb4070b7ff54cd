//! Text to tokens and back.

mod bpe;
mod json;

use crate::ModelError;
use bpe::Bpe;
use json::Json;
use std::path::Path;
use std::sync::Arc;

/// Largest tokenizer file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// Which format a tokenizer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// llama2.c's `tokenizer.bin`.
    Llama2c,
    /// Hugging Face's `tokenizer.json`.
    Json,
}

impl Kind {
    /// As in the container.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Llama2c => "llama2c",
            Kind::Json => "json",
        }
    }
}

/// A tokenizer.
#[derive(Clone)]
pub struct Tokenizer {
    engine: Engine,
    source: Arc<Vec<u8>>,
    bos: Option<u32>,
    stops: Vec<u32>,
}

#[derive(Clone)]
enum Engine {
    Bpe(Arc<Bpe>),
    Json(Arc<Json>),
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokenizer of {} tokens", self.kind().name(), self.vocab())
    }
}

impl Tokenizer {
    /// Reads `tokenizer.bin`. Token 1 begins a text; it and token 2 end one.
    ///
    /// # Errors
    /// A file that cannot be read or is malformed.
    pub fn llama2c(path: &Path) -> Result<Tokenizer, ModelError> {
        let bytes = crate::files::read(path, MOST_BYTES)?;
        let fail = |problem: String| ModelError::format(path, problem);
        Tokenizer::from_bytes(Kind::Llama2c, bytes, Some(1), vec![1, 2]).map_err(fail)
    }

    /// Reads `tokenizer.json`; `bos` and `stops` come from the model's configuration.
    ///
    /// # Errors
    /// A file that cannot be read or is malformed.
    pub fn json(path: &Path, bos: Option<u32>, stops: Vec<u32>) -> Result<Tokenizer, ModelError> {
        let bytes = crate::files::read(path, MOST_BYTES)?;
        let fail = |problem: String| ModelError::format(path, problem);
        Tokenizer::from_bytes(Kind::Json, bytes, bos, stops).map_err(fail)
    }

    /// From a file's bytes; the error is what is wrong with them.
    pub(crate) fn from_bytes(
        kind: Kind,
        bytes: Vec<u8>,
        bos: Option<u32>,
        stops: Vec<u32>,
    ) -> Result<Tokenizer, String> {
        let engine = match kind {
            Kind::Llama2c => Engine::Bpe(Arc::new(Bpe::parse(&bytes)?)),
            Kind::Json => Engine::Json(Arc::new(Json::parse(&bytes)?)),
        };
        Ok(Tokenizer { engine, source: Arc::new(bytes), bos, stops })
    }

    /// Its format.
    pub fn kind(&self) -> Kind {
        match self.engine {
            Engine::Bpe(_) => Kind::Llama2c,
            Engine::Json(_) => Kind::Json,
        }
    }

    /// The bytes it was made from.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// Tokens it knows: one more than the largest.
    pub fn vocab(&self) -> usize {
        match &self.engine {
            Engine::Bpe(b) => b.vocab(),
            Engine::Json(j) => j.vocab(),
        }
    }

    /// The token that begins a text.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// The tokens that end one.
    pub fn stops(&self) -> &[u32] {
        &self.stops
    }

    /// The tokens of a text, the one that begins a text first.
    ///
    /// # Errors
    /// Text that the tokenizer has no tokens for.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let tokens = match &self.engine {
            Engine::Bpe(b) => b.encode(text),
            Engine::Json(j) => j.encode(text),
        };
        let mut tokens = tokens.map_err(ModelError::tokenizer)?;
        if let Some(bos) = self.bos.filter(|b| tokens.first() != Some(b)) {
            tokens.insert(0, bos);
        }
        Ok(tokens)
    }

    /// A decoder that takes one token after another.
    pub fn decoder(&self) -> Decoder<'_> {
        Decoder { tokenizer: self, tokens: Vec::new(), pending: Vec::new(), shown: 0 }
    }

    /// The text of a sequence of tokens; bytes that are no UTF-8 become U+FFFD.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let mut decoder = self.decoder();
        let mut text: String = tokens.iter().map(|t| decoder.push(*t)).collect();
        text.push_str(&decoder.finish());
        text
    }
}

/// Turns tokens into text as they come, characters whole.
pub struct Decoder<'a> {
    tokenizer: &'a Tokenizer,
    tokens: Vec<u32>,
    pending: Vec<u8>,
    shown: usize,
}

impl Decoder<'_> {
    /// The text that this token completes; empty within a character. A token out of range is
    /// nothing.
    pub fn push(&mut self, token: u32) -> String {
        let previous = self.tokens.last().copied();
        self.tokens.push(token);
        match &self.tokenizer.engine {
            Engine::Bpe(b) => {
                if Some(token) == self.tokenizer.bos || self.tokenizer.stops.contains(&token) {
                    return String::new();
                }
                let first = previous.is_none() || previous == self.tokenizer.bos;
                self.pending.extend_from_slice(&b.piece(token, first));
                self.take_whole()
            }
            Engine::Json(j) => {
                let text = j.decode(&self.tokens);
                // A character still missing bytes shows as U+FFFD at the end.
                if text.ends_with('\u{FFFD}') {
                    return String::new();
                }
                self.rest_of(&text)
            }
        }
    }

    /// What remains when no token follows.
    pub fn finish(&mut self) -> String {
        match &self.tokenizer.engine {
            Engine::Bpe(_) => {
                String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
            }
            Engine::Json(j) => {
                let text = j.decode(&self.tokens);
                self.rest_of(&text)
            }
        }
    }

    fn rest_of(&mut self, text: &str) -> String {
        let new = text.get(self.shown..).unwrap_or_default().to_string();
        self.shown = self.shown.max(text.len());
        new
    }

    /// The pending bytes up to the last whole character; bytes that can never be one are replaced.
    fn take_whole(&mut self) -> String {
        let incomplete = match std::str::from_utf8(&self.pending) {
            Ok(_) => 0,
            Err(e) if e.error_len().is_none() => self.pending.len() - e.valid_up_to(),
            // Something malformed: show all but a tail that may still become a character.
            Err(_) => trailing_start(&self.pending),
        };
        let rest = self.pending.split_off(self.pending.len() - incomplete);
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending = rest;
        text
    }
}

/// Bytes at the end that start a character without completing it.
fn trailing_start(bytes: &[u8]) -> usize {
    (1..=3.min(bytes.len()))
        .find(|n| {
            let tail = &bytes[bytes.len() - n..];
            let error = std::str::from_utf8(tail).err();
            error.is_some_and(|e| e.valid_up_to() == 0 && e.error_len().is_none())
        })
        .unwrap_or(0)
}
