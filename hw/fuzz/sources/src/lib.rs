//! Random blocks as Rust source: the build script writes them, `tests/agree.rs` runs them.
//!
//! `SKIPOPU_FUZZ_SEED` chooses others (0 without it), `SKIPOPU_FUZZ_SOURCES` how many (100 without it).
