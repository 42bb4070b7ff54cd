//! Writes the random blocks that `tests/agree.rs` includes.

use std::env::var;
use std::path::Path;

fn number(name: &str, default: u64) -> u64 {
    println!("cargo:rerun-if-env-changed={name}");
    let text = var(name).unwrap_or_default();
    match text.is_empty() {
        true => default,
        false => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not `{text}`")),
    }
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let (seed, blocks) = (number("SKIPOPU_FUZZ_SEED", 0), number("SKIPOPU_FUZZ_SOURCES", 100));
    let folder = var("OUT_DIR").expect("cargo names the folder of a build script");
    let text = skipopu_fuzz::source(seed, blocks);
    let write = |name: &str, text: &str| std::fs::write(Path::new(&folder).join(name), text);
    write("blocks.rs", &text).expect("the folder of a build script is writable");
    write("seed", &seed.to_string()).expect("the folder of a build script is writable");
}
