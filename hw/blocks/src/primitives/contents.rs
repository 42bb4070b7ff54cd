//! [`Contents`]: the words of a memory model.

use skipopu_hdl::Word;
use std::collections::HashMap;

/// Words by address, all 0 at first. Only words that were written take room.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    width: usize,
    words: HashMap<usize, Word>,
}

impl Contents {
    /// Words of `width` bits.
    pub fn new(width: usize) -> Contents {
        Contents { width, words: HashMap::new() }
    }

    /// The word at `address`.
    pub fn read(&self, address: &Word) -> Word {
        self.words.get(&address.index()).cloned().unwrap_or_else(|| Word::zero(self.width))
    }

    /// Replaces the word at `address`.
    pub fn write(&mut self, address: &Word, word: Word) {
        self.words.insert(address.index(), word);
    }
}

/// Verilog of an array `memory` of words that start at 0.
///
/// Yosys unrolls the loop into one initialiser a word, in time quadratic in the depth; devices clear
/// their memories by themselves, so it need not see it.
pub(super) fn array(width: usize, depth: usize, attribute: &str) -> String {
    let (top, last) = (width - 1, depth - 1);
    format!(
        "{attribute}reg [{top}:0] memory [0:{last}];
`ifndef YOSYS
integer i;
initial for (i = 0; i <= {last}; i = i + 1) memory[i] = {width}'d0;
`endif"
    )
}
