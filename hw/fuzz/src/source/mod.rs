//! Rust source of random blocks, so that the macros are tested along with the emitter.
//!
//! Three kinds: rust-hdl's own types (twice, under `hdl_gen` and under `#[hdl]`; some only under
//! `#[hdl]`, which accepts more), interfaces between siblings (twice), words (under `#[hdl]`).

mod expressions;
mod interfaces;
mod signals;
mod words;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::fmt::Write as _;

/// The attribute that reads a kernel.
#[derive(Clone, Copy, PartialEq)]
enum Macro {
    /// rust-hdl's.
    Stock,
    /// Ours.
    Own,
}

impl Macro {
    fn module(self) -> &'static str {
        match self {
            Macro::Stock => "stock",
            Macro::Own => "own",
        }
    }

    fn attribute(self) -> &'static str {
        match self {
            Macro::Stock => "#[hdl_gen]",
            Macro::Own => "#[hdl]",
        }
    }
}

/// A module of blocks, and the blocks in it to run.
struct Block {
    items: String,
    /// Paths of the types, and how to make one.
    tops: Vec<(String, &'static str)>,
}

fn pick<T: Clone>(rng: &mut SmallRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())].clone()
}

/// The source of `blocks` random blocks: a module `b<n>` each, and `cases()` that lists every block as
/// a [`Case`](crate::Case), named after its module and its macro.
pub fn source(seed: u64, blocks: u64) -> String {
    let (mut modules, mut cases) = (String::new(), String::new());
    for i in 0..blocks {
        let mut rng = SmallRng::seed_from_u64(seed ^ (i << 32));
        let block = match i % 5 {
            0 | 1 => signals::block(&mut rng, &[Macro::Stock, Macro::Own]),
            2 => signals::block(&mut rng, &[Macro::Own]),
            3 => interfaces::block(&mut rng),
            _ => words::block(rng.random()),
        };
        let _ = write!(modules, "mod b{i} {{\nuse super::*;\n{}}}\n", block.items);
        for (path, make) in block.tops {
            let name = format!("b{i}_{}", path.split("::").next().unwrap_or_default());
            let _ = writeln!(cases, "case(\"{name}\", b{i}::{path}::{make}),");
        }
    }
    format!(
        "use skipopu_fuzz::{{case, Case}};\nuse skipopu_hdl::prelude::*;\n{modules}\
         pub fn cases() -> Vec<Case> {{\nvec![\n{cases}]\n}}\n"
    )
}
