//! A sample of English short stories: what tests and users measure on when they bring no text.
//!
//! TinyStories (Eldan and Li, 2023), licensed CDLA-Sharing-1.0; see `data/README.md`.

/// The sample: a paragraph a line, `<|endoftext|>` between stories.
pub const TINYSTORIES: &str = include_str!("../data/tinystories.txt");
