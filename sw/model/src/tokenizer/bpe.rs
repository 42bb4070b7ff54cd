//! llama2.c's `tokenizer.bin`: byte-pair encoding by scores.
//!
//! File: i32 longest token in bytes; then, per token, f32 score, i32 length, the bytes.

use std::collections::{BinaryHeap, HashMap};

/// Tokens 3 to 258 are the bytes 0 to 255, whatever text the file gives them: exports differ. They
/// stand for characters that have no token and never merge.
const FIRST_BYTE: u32 = 3;
/// The first token that is text.
const FIRST_TEXT: u32 = FIRST_BYTE + 256;

/// A vocabulary with scores.
pub struct Bpe {
    tokens: Vec<Vec<u8>>,
    scores: Vec<f32>,
    ids: HashMap<Vec<u8>, u32>,
}

impl Bpe {
    /// Reads the file's bytes; the error is what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Bpe, String> {
        let mut rest = bytes;
        let mut take = |n: usize, what: &str| {
            let (head, tail) = rest.split_at_checked(n).ok_or_else(|| {
                format!("is truncated as a llama2.c tokenizer: it ends within {what}")
            })?;
            rest = tail;
            Ok::<_, String>((head, rest.is_empty()))
        };
        let word = |b: &[u8]| <[u8; 4]>::try_from(b).expect("4 bytes");
        let longest = i32::from_le_bytes(word(take(4, "its header")?.0));
        let (mut tokens, mut scores) = (Vec::new(), Vec::new());
        let mut ids = HashMap::new();
        loop {
            let id = tokens.len();
            let what = format!("token {id}");
            let score = f32::from_le_bytes(word(take(4, &what)?.0));
            let length = i32::from_le_bytes(word(take(4, &what)?.0));
            if length < 0 || length > longest {
                return Err(format!(
                    "is no llama2.c tokenizer: {what} has {length} bytes and the longest is stated as {longest}"
                ));
            }
            if !score.is_finite() {
                return Err(format!("is no llama2.c tokenizer: {what} has a score of {score}"));
            }
            let (text, last) = take(length as usize, &what)?;
            if id >= FIRST_TEXT as usize {
                ids.entry(text.to_vec()).or_insert(id as u32);
            }
            tokens.push(text.to_vec());
            scores.push(score);
            if last {
                return Ok(Bpe { tokens, scores, ids });
            }
        }
    }

    pub fn vocab(&self) -> usize {
        self.tokens.len()
    }

    /// The bytes that a token stands for. The first one of a text loses its leading blank, which
    /// encoding put there.
    pub fn piece(&self, token: u32, first: bool) -> Vec<u8> {
        let Some(text) = self.tokens.get(token as usize) else { return Vec::new() };
        if (FIRST_BYTE..FIRST_TEXT).contains(&token) {
            return vec![(token - FIRST_BYTE) as u8];
        }
        let skip = usize::from(first && text.first() == Some(&b' '));
        text[skip..].to_vec()
    }

    /// Tokens of a text: a blank in front, characters (or their bytes), then the best pair merged
    /// again and again; of equally good pairs the leftmost.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let mut symbols = Vec::with_capacity(text.len() + 1);
        symbols.extend(self.ids.get(&b" "[..]));
        let mut buffer = [0; 4];
        for c in text.chars() {
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            match self.ids.get(bytes) {
                Some(id) => symbols.push(*id),
                None => symbols.extend(bytes.iter().map(|b| u32::from(*b) + FIRST_BYTE)),
            }
        }
        match symbols.iter().find(|s| **s as usize >= self.tokens.len()) {
            Some(_) => Err("has no tokens for single bytes".into()),
            None => Ok(self.merge(symbols)),
        }
    }

    fn merge(&self, symbols: Vec<u32>) -> Vec<u32> {
        let mut chain = Chain::new(symbols);
        let mut queue = BinaryHeap::new();
        let offer = |queue: &mut BinaryHeap<Candidate>, chain: &Chain, left: usize| {
            let Some(right) = chain.after(left) else { return };
            let pair = (chain.id[left], chain.id[right]);
            if pair.0 < FIRST_TEXT || pair.1 < FIRST_TEXT {
                return;
            }
            let joined =
                [&self.tokens[pair.0 as usize][..], &self.tokens[pair.1 as usize]].concat();
            if let Some(id) = self.ids.get(&joined) {
                queue.push(Candidate {
                    score: self.scores[*id as usize],
                    left,
                    right,
                    pair,
                    id: *id,
                });
            }
        };
        (0..chain.id.len()).for_each(|i| offer(&mut queue, &chain, i));
        while let Some(best) = queue.pop() {
            if !chain.still(&best) {
                continue;
            }
            chain.join(&best);
            if let Some(before) = chain.before(best.left) {
                offer(&mut queue, &chain, before);
            }
            offer(&mut queue, &chain, best.left);
        }
        chain.into_ids()
    }
}

/// A pair that could be merged.
struct Candidate {
    score: f32,
    left: usize,
    right: usize,
    pair: (u32, u32),
    id: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

/// Symbols as a doubly linked list over their first places.
struct Chain {
    id: Vec<u32>,
    previous: Vec<usize>,
    next: Vec<usize>,
}

/// No place, and the id of a symbol that was merged away.
const NONE: usize = usize::MAX;
const GONE: u32 = u32::MAX;

impl Chain {
    fn new(id: Vec<u32>) -> Chain {
        let n = id.len();
        let previous = (0..n).map(|i| if i == 0 { NONE } else { i - 1 }).collect();
        let next = (0..n).map(|i| if i + 1 == n { NONE } else { i + 1 }).collect();
        Chain { id, previous, next }
    }

    fn after(&self, i: usize) -> Option<usize> {
        Some(self.next[i]).filter(|n| *n != NONE)
    }

    fn before(&self, i: usize) -> Option<usize> {
        Some(self.previous[i]).filter(|p| *p != NONE)
    }

    fn still(&self, c: &Candidate) -> bool {
        (self.id[c.left], self.id[c.right]) == c.pair && self.next[c.left] == c.right
    }

    fn join(&mut self, c: &Candidate) {
        self.id[c.left] = c.id;
        self.id[c.right] = GONE;
        self.next[c.left] = self.next[c.right];
        if let Some(after) = self.after(c.left) {
            self.previous[after] = c.left;
        }
    }

    fn into_ids(self) -> Vec<u32> {
        self.id.into_iter().filter(|id| *id != GONE).collect()
    }
}

#[cfg(test)]
mod tests;
