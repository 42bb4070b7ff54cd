//! What lies in the memory: words that tell where they come from.

use skipopu_kv::{place_of, KvLayout, Routing};
use std::collections::HashMap;

/// The word `word` of pass `pass` of a token's K and V at a layer, as eight limbs.
pub fn word(layer: usize, token: usize, pass: usize, word: usize) -> [u64; 8] {
    let mut state = (layer as u64) << 48 | (token as u64) << 24 | (pass as u64) << 8 | word as u64;
    std::array::from_fn(|_| {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// The KV region of all pseudo-channels, written token by token as the placement says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    words: HashMap<(usize, u64), [u64; 8]>,
}

impl Content {
    /// Writes what the last token of `routing` has of its own.
    pub fn append(&mut self, layout: &KvLayout, routing: &Routing, ports: usize) {
        let token = routing.tokens() - 1;
        for layer in (0..routing.layers()).filter(|l| routing.executes(*l, token)) {
            let at = place_of(routing, layer, token + 1, ports)[token].1;
            for pass in 0..layout.passes {
                for w in 0..layout.words {
                    let address = layout.address(layer, pass, at.slot) + 64 * w as u64;
                    let old = self.words.insert((at.port, address), word(layer, token, pass, w));
                    assert!(old.is_none(), "two tokens at {at:?}");
                }
            }
        }
    }

    /// The word at a byte address of a pseudo-channel, if one was written there.
    pub fn read(&self, port: usize, address: u64) -> Option<[u64; 8]> {
        self.words.get(&(port, address)).copied()
    }
}
